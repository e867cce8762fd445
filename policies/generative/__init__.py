"""The mathematics of generative models: noise schedules, losses and samplers."""
