"""Scores a policy on a whole suite, with worker processes; `evaluate.py` is the place to start."""
