"""Training of a method: optimiser loop, batches, presets and resuming."""
