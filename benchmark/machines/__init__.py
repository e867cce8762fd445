"""Runs on many machines: what is sent to them, what they play, and who shares the shards out."""
