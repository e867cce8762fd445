"""What tasks are made of: base class, registry, referee, hand paths and validation."""
