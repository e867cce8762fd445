"""Parts of model-predictive control: cost, simulator as model, proposals and updates."""
