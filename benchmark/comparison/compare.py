"""Compares a candidate with a baseline on the same seeds: success, variants, modes and time, with a verdict.

`bimodal compare` prints it. Every difference is candidate minus baseline.
"""

from enum import Enum
from typing import NamedTuple

import numpy as np

from ..scoring.panel_limits import repeats_scenes
from ..statistics.power import ALPHA, detectable_shift, episodes_to_decide
from ..statistics.rates import Interval
from ..statistics.resampling import stratified_mean
from .arm import Arm, clean_only
from .differences import (
    ModeDifference,
    TaskDifference,
    VariantDifference,
    by_scene,
    mode_differences,
    success_difference,
    task_differences,
    times_to_success,
    variant_differences,
)
from .gate import check_comparable


class Verdict(Enum):
    """What the panel says of the candidate; the value is the exit code."""

    BETTER = 0
    WORSE = 1
    UNDECIDED = 2


class Comparison(NamedTuple):
    """A candidate beside a baseline."""

    baseline: Arm
    candidate: Arm
    verdict: Verdict
    difference: Interval
    """Macro success of the candidate minus that of the baseline, every task weighing the same."""
    p_value: float
    """Of no difference, over all tasks; see `success_difference`."""
    variant: str
    """The variant whose episodes are compared: clean, where the suite has it."""
    tasks: tuple[TaskDifference, ...]
    variants: tuple[VariantDifference, ...]
    modes: tuple[ModeDifference, ...]
    time: Interval
    """Restricted mean time to success [s], candidate minus baseline; a failure counts as the whole time."""
    pairs: int
    """Paired clean episodes."""
    scenes: int | None
    """Scenes of a panel that plays some several times, over all tasks; None for other panels."""
    detectable: float | None
    """Smallest difference that this panel shows four times in five, at the discordance it has."""
    episodes_needed: int | None
    """Pairs that would decide a difference like the one seen; None where none is seen or too many."""

    @property
    def success(self) -> tuple[float, float]:
        """Macro success of baseline and candidate."""
        both = [(row.baseline.estimate, row.candidate.estimate) for row in self.tasks]
        baseline, candidate = np.mean(both, axis=0)
        return float(baseline), float(candidate)


def compare_two(baseline: Arm, candidate: Arm) -> Comparison:
    """Compare a candidate with a baseline.

    Raises:
        NotComparable: they are not of the same experiment.
    """
    check_comparable([baseline, candidate])
    clean = list(clean_only(baseline.cells))
    tasks = task_differences(baseline, candidate, clean)
    only_candidate = sum(row.only_candidate for row in tasks)
    only_baseline = sum(row.only_baseline for row in tasks)
    pairs = sum(len(baseline.cells[cell].seeds) for cell in clean)
    difference, p_value = success_difference(baseline, candidate, clean)
    repeated = any(repeats_scenes(baseline.cells[cell]) for cell in clean)
    return Comparison(
        baseline=baseline,
        candidate=candidate,
        verdict=_verdict(p_value, difference),
        difference=difference,
        p_value=p_value,
        variant=clean[0][1],
        tasks=tasks,
        variants=variant_differences(baseline, candidate),
        modes=mode_differences(baseline, candidate, clean),
        time=stratified_mean(
            [
                by_scene(
                    times_to_success(candidate, cell) - times_to_success(baseline, cell), baseline.cells[cell]
                )
                for cell in clean
            ]
        ),
        pairs=pairs,
        scenes=sum(len(np.unique(baseline.cells[cell].scenes)) for cell in clean) if repeated else None,
        detectable=detectable_shift(pairs, (only_candidate + only_baseline) / pairs),
        episodes_needed=episodes_to_decide(only_candidate / pairs, only_baseline / pairs),
    )


def _verdict(p_value: float, difference: Interval) -> Verdict:
    """Return the verdict; only a rejected test decides, and only in a direction that the interval shares."""
    if p_value > ALPHA:
        return Verdict.UNDECIDED
    if difference.low > 0:
        return Verdict.BETTER
    return Verdict.WORSE if difference.high < 0 else Verdict.UNDECIDED
