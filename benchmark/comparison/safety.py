"""Unsafe recoveries of a candidate against its baseline: an unsafe event in an episode that went on."""

import numpy as np

from ..measures.measures_file import Measured
from ..statistics.paired import discordant, tango
from ..statistics.rates import Interval
from .arm import clean_only

ONE_SIDED = 0.90
"""Level of the interval: each of its ends is a bound at 95 %."""


def unsafe_difference(baseline: Measured, candidate: Measured) -> Interval:
    """Return the share of clean episodes with an unsafe recovery, candidate minus baseline, paired by seed.

    Args:
        baseline: what was measured of one side's episodes.
        candidate: the same of the other's, on the same seeds.

    Returns:
        The difference with a bound at 95 % on each side.
    """
    before = _unsafe_recoveries(baseline)
    after = _unsafe_recoveries(candidate)
    return tango(*discordant(after, before), len(after), ONE_SIDED)


def _unsafe_recoveries(cells: Measured) -> np.ndarray:
    """Return which clean episodes had an unsafe event and went on, one task after another, (N,) bool."""
    return np.concatenate([found.unsafe_recovered for found in clean_only(cells).values()]).astype(bool)
