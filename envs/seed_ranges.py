"""Which episode seeds are for what: the one place that says it, so that no seed ever has two purposes.

A seed fixes an episode's scene (with the task) wherever it is used, so what a policy learned from and what it
is scored on must not share any. `tests/envs/test_seed_ranges.py` shows that they do not.
"""

TEST = range(500_000)
"""Evaluation: the panels of the suites, and the seeds that somebody names instead."""
PANELS = range(100_000)
"""The part of `TEST` that suites may use; what a Gymnasium environment draws by itself lies outside."""
VALIDATION = range(TEST.stop, 1_000_000)
"""Trials of certificates and studies; none of them counts on the board."""
TRAIN = range(VALIDATION.stop, 2**31)
"""Demonstrations."""
TRAIN_SET = 1_000_000
"""How many seeds a set of demonstrations has for itself; set 0 begins where `TRAIN` does."""
UNNAMED = range(PANELS.stop, TRAIN.start)
"""What a Gymnasium environment draws from when nobody names a seed: neither panels nor demonstrations."""
