"""Which episode seeds are for what: the one place that says it, so that no seed ever has two purposes.

A seed fixes an episode's scene (with the task) wherever it is used, so what a policy learned from and what it
is scored on must not share any. `tests/envs/test_seed_ranges.py` shows that they do not.
"""

import operator
from typing import SupportsIndex

from .errors import WrongUse

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
REPEATED = range(3_000_000_000, 3_000_010_000)
"""Seeds of which `REPEATS` in a row share a scene (0, 1, ... of `TEST`), each with its own policy noise."""
REPEATS = 25
"""Episodes of a scene in `REPEATED`."""
UNNAMED = range(PANELS.stop, TRAIN.start)
"""What a Gymnasium environment draws from when nobody names a seed: neither panels nor demonstrations."""


def scene_seed(seed: int) -> int:
    """Return the seed of an episode's scene, which is its own but for those of `REPEATED`."""
    return (seed - REPEATED.start) // REPEATS if seed in REPEATED else seed


def checked_seed(seed: SupportsIndex, bits: int = 63) -> int:
    """Return a seed as a plain integer; called wherever one comes in, before anything begins.

    Args:
        seed: a whole number of Python or of NumPy.
        bits: what draws from it has room for so many.

    Raises:
        WrongUse: not a whole number, negative, or 2^bits and more, which would be another seed's twin.
    """
    try:
        number = int(operator.index(seed))
    except TypeError:
        number = -1
    if not 0 <= number < 2**bits:
        raise WrongUse(f"a seed is a whole number from 0 to 2^{bits} - 1, not {seed!r:.40}")
    return number
