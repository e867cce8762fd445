"""Diffusion in its smallest form: two right grasps on a line (`bimodal probe`)."""
