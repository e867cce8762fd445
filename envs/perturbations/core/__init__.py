"""What perturbations are made of: their base class, their registry, and variants that combine them."""
