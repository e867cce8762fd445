"""Where tasks, policies and perturbations come from, the same three ways from outside for all."""
