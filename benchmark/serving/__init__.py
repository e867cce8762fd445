"""Offers a policy to clients over a WebSocket; `bimodal serve`."""
