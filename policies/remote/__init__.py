"""Policies behind a server, `openpi://host:port` and `vla-eval://host:port`; loaded when one is named."""
