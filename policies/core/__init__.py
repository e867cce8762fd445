"""What policies are made of: the interface, the registry, checkpoints, data sets and the chunk policy."""
