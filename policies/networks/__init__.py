"""The networks of the learned policies."""
