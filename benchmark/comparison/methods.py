"""A method is more than one training: several runs of it, each of another training seed, compared as one.

`bimodal compare flow=RUN0,RUN1,RUN2 mse=...` prints it, and `bimodal evaluate flow@seed0..2` its own summary.
"""

from typing import NamedTuple

import numpy as np

from ...envs.errors import WrongUse
from ..statistics.paired import tango
from ..statistics.rates import Interval, mean_interval, rate
from ..statistics.resampling import seed_and_scene_difference, seed_and_scene_mean
from .arm import Arm, clean_only
from .compare import Verdict
from .differences import by_scene
from .gate import check_comparable


class Method(NamedTuple):
    """Runs of one method."""

    name: str
    """How it is called."""
    arms: tuple[Arm, ...]
    """A run or entry a training seed."""

    @property
    def training_seeds(self) -> frozenset[int]:
        """Seeds of the trainings behind it, empty where nothing was trained."""
        return frozenset().union(*(arm.training_seeds for arm in self.arms))

    @property
    def source(self) -> str:
        """The folders or files that were named."""
        return ",".join(arm.source for arm in self.arms)

    def outcomes(self) -> list[np.ndarray]:
        """Return of each task the clean success of every training seed in every scene, (S, N_t)."""
        cells = clean_only(self.arms[0].cells)
        return [
            np.stack([by_scene(arm.cells[c].succeeded.astype(float), arm.cells[c]) for arm in self.arms])
            for c in cells
        ]


class SeedSpread(NamedTuple):
    """How much the training seeds of a method differ, over all tasks."""

    name: str
    seeds: tuple[str, ...]
    """The training seed of each run, as it is called; "-" where nothing was trained."""
    shares: tuple[float, ...]
    """Success of each."""
    mean: Interval
    """Of the method, by drawing training seeds and scenes."""

    @property
    def deviation(self) -> float | None:
        """Standard deviation between training seeds; None with one."""
        return float(np.std(self.shares, ddof=1)) if len(self.shares) > 1 else None

    @property
    def worst(self) -> tuple[str, float]:
        """The training seed that succeeds least, and its success."""
        place = int(np.argmin(self.shares))
        return self.seeds[place], self.shares[place]


class MethodTask(NamedTuple):
    """Two methods on one task."""

    task: str
    baseline: float
    candidate: float
    difference: Interval
    """Candidate minus baseline, by drawing training seeds and scenes."""


class MethodComparison(NamedTuple):
    """A method beside a baseline."""

    baseline: Method
    candidate: Method
    verdict: Verdict
    difference: Interval
    """Macro success of the candidate minus that of the baseline."""
    spreads: tuple[SeedSpread, SeedSpread]
    """Of baseline and candidate."""
    tasks: tuple[MethodTask, ...]


def seed_spread(method: Method) -> SeedSpread:
    """Return how much the training seeds of a method differ.

    Raises:
        NotComparable: its runs are not of the same experiment.
        WrongUse: two of them are of one training.
    """
    check_comparable(method.arms)
    seeds = [" and ".join(map(str, sorted(arm.training_seeds))) or "-" for arm in method.arms]
    if twice := next((seed for seed in seeds if seeds.count(seed) > 1), ""):
        raise WrongUse(
            f"{method.name} has two runs of training seed {twice}: name one run a training, "
            "e.g. those of bimodal evaluate flow@seed0..2"
        )
    values = method.outcomes()
    shares = np.mean([one.mean(1) for one in values], axis=0)
    drawn = seed_and_scene_mean(values)
    # Nothing scatters where all succeed; the exact interval still knows how few scenes they are.
    exact = mean_interval([rate(round(one.mean(0).sum()), one.shape[1]) for one in values])
    mean = Interval(
        drawn.estimate, max(min(drawn.low, exact.low), 0.0), min(max(drawn.high, exact.high), 1.0)
    )
    return SeedSpread(method.name, tuple(seeds), tuple(shares.tolist()), mean)


def compare_methods(baseline: Method, candidate: Method) -> MethodComparison:
    """Compare a method with a baseline over their training seeds.

    Raises:
        NotComparable: the runs are not of the same experiment.
        WrongUse: two runs of a side are of one training.
    """
    check_comparable([*baseline.arms, *candidate.arms])
    spreads = (seed_spread(baseline), seed_spread(candidate))
    before = baseline.outcomes()
    after = candidate.outcomes()
    difference = _difference(before, after)
    tasks = [task for task, _ in clean_only(baseline.arms[0].cells)]
    return MethodComparison(
        baseline=baseline,
        candidate=candidate,
        verdict=_verdict(difference),
        difference=difference,
        spreads=spreads,
        tasks=tuple(
            MethodTask(task, float(a.mean()), float(b.mean()), _difference([a], [b]))
            for task, a, b in zip(tasks, before, after, strict=True)
        ),
    )


def _difference(before: list[np.ndarray], after: list[np.ndarray]) -> Interval:
    """Return the difference in success with its interval, within -1 and 1, which the draws may leave."""
    found = seed_and_scene_difference(before, after)
    if found.low == found.high:  # nothing scatters, and so few scenes still leave room
        scenes = sum(one.shape[1] for one in before)
        won = round(abs(found.estimate) * scenes)
        found = tango(won, 0, scenes) if found.estimate >= 0 else tango(0, won, scenes)
    return Interval(found.estimate, max(found.low, -1.0), min(found.high, 1.0))


def _verdict(difference: Interval) -> Verdict:
    """Return the verdict: only an interval on one side of no difference decides."""
    if difference.low > 0:
        return Verdict.BETTER
    return Verdict.WORSE if difference.high < 0 else Verdict.UNDECIDED
