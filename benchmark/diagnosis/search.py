"""Finds the smallest magnitude of a perturbation that breaks a policy; `bimodal diagnose --search`."""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import numpy as np

from ...envs.errors import WrongUse, unknown_name
from ...envs.images import IMAGES
from ...envs.perturbations.core.perturbation import LEVELS, overrides
from ...envs.perturbations.core.registry import HOOKS, perturbations
from ...envs.perturbations.core.variant import CLEAN, COMBO, Variant
from ...policies import Policy, load_policy
from ...tasks import load_task
from ...tasks.core.task import Task
from ..isolation.builder import Builder
from ..isolation.choice import hidden_from_policies
from ..isolation.shapes import NOT_SHUT_IN
from ..processes import run_in_processes
from ..scoring.feasible_cells import expert_fails, known_cells
from ..statistics.paired import discordant, mcnemar_mid_p, tango
from ..statistics.rates import ALPHA, Interval, rate
from .rerun import Arm, rerun
from .searched import Searched

HALVINGS = 3
"""Magnitudes between two levels that are tried at most."""
LEVEL_OF_A_TEST = ALPHA / (2 + HALVINGS)
"""p-value below which a magnitude breaks the policy: 5 % over all steps (Bonferroni)."""


class Step(NamedTuple):
    """The same seeds at one magnitude."""

    magnitude: float
    """Of a combination, its level."""
    level: int
    """The level that has this magnitude; 0 for one between two levels."""
    success: Interval
    """Share of the episodes."""
    change: Interval
    """Success less that of the clean twins, paired (Tango)."""
    p: float
    """McNemar's mid-p against the clean twins."""
    breaks: bool
    """Whether the policy is worse than clean, beyond doubt."""
    expert: float | None = None
    """Success of the scripted expert where that is too low to blame a policy; None where it is not."""


class Search(NamedTuple):
    """What came out on one task."""

    searched: Searched
    unit: str
    """Of the magnitudes."""
    clean: Interval
    """Success of the clean twins."""
    steps: tuple[Step, ...]
    """The weakest first; none where too few clean twins succeed to lose any."""
    first: Step | None
    """The smallest that breaks the policy."""
    last: Step | None
    """The largest below it, or at all, that was tried and does not; None for none."""


def search(
    searched: list[Searched], workers: int = 1, progress: Callable[[int, int], None] | None = None
) -> list[Search]:
    """Search every task that can be perturbed so, in processes; returns what came out, in the order given.

    Raises:
        WrongUse: the axis is unknown, cannot be on any of the tasks or cannot reach the policy.
    """
    apart = any(one.isolation not in NOT_SHUT_IN for one in searched)
    if all(one.axis in (COMBO, *perturbations()) for one in searched):
        searched = _looked_at(searched, workers, apart)
        searched = [one for one in searched if _levels(one)] or searched
    for one in searched:
        check_reach(one)
    found = {}
    calls = {one.task: partial(search_task, one) for one in searched}
    for task, result in run_in_processes(calls, workers, apart):
        found[task] = result
        if progress:
            progress(len(found), len(searched))
    return [found[one.task] for one in searched]


def check_reach(one: Searched) -> None:
    """Refuse an axis that cannot change what the policy sees or does.

    Raises:
        WrongUse: it is unknown, impossible on the task at every level, or does not reach the policy.
    """
    if one.axis not in (COMBO, *perturbations()):
        raise unknown_name("axis", one.axis, [COMBO, *perturbations()])
    task = load_task(one.task)
    strongest = Variant(f"{one.axis}:{LEVELS[-1]}")
    if why := strongest.unseen(one.pictures):
        blind = "" if one.pictures else f": {one.policy} reads no pictures"
        raise WrongUse(f"{one.axis} cannot reach a policy of {one.task}: {why}{blind}")
    if not _levels(one):
        raise WrongUse(f"{one.task} cannot be perturbed so: {strongest.impossible(task, one.pictures)}")
    seen_only = all(
        [hook for hook in HOOKS if overrides(part, hook)] == ["perturb_observation"]
        for part in strongest.parts
    )
    here = one.isolation in NOT_SHUT_IN  # what is shut in never reads the simulator
    if seen_only and here and load_policy(one.policy, task, one.checkpoints).needs().privileged:
        raise WrongUse(
            f"{one.axis} cannot reach {one.policy}, which reads the simulator, not what is observed; "
            "search an axis of what happens, such as contact.knock"
        )


def _looked_at(searched: list[Searched], workers: int, apart: bool) -> list[Searched]:
    """Return what is searched, with whether the policy reads pictures where the axis is of pictures."""
    calls = {
        one: partial(_reads_pictures, one)
        for one in searched
        if Variant(f"{one.axis}:{LEVELS[-1]}").unseen(pictures=False)
    }
    reads = dict(run_in_processes(calls, workers, apart))
    return [one._replace(pictures=reads.get(one, False)) for one in searched]


def _reads_pictures(one: Searched) -> bool:
    with _builder(one) as builder:
        names = builder.build(one.policy, load_task(one.task)).needs().observations
    return any(name in IMAGES for name in names)


def _builder(one: Searched) -> Builder:
    return Builder(one.checkpoints, one.isolation, hidden_from_policies(None))


def search_task(one: Searched) -> Search:
    """Search one task: bisect the levels, then the magnitudes between the last two, where there are any."""
    with _builder(one) as builder:
        found = _Bisection(one, builder)
        if found.can_lose():
            found.levels()
            found.between()
    kind = perturbations().get(one.axis)
    clean = rate(int(found.clean.sum()), len(found.clean))
    origin = kind.levels[0] if kind else 0.0
    steps = sorted(found.steps, key=lambda step: abs(step.magnitude - origin))
    return Search(one, kind.unit if kind else "level", clean, tuple(steps), found.first, found.last)


class _Bisection:
    """The steps of a search."""

    def __init__(self, one: Searched, builder: Builder) -> None:
        self._one = one
        self._builder = builder
        self._task = load_task(one.task)
        self._experts = known_cells([one.task])
        self.clean = self._play(Arm(CLEAN, self._build))
        self.steps: list[Step] = []
        self.first: Step | None = None
        self.last: Step | None = None

    def can_lose(self) -> bool:
        """Whether so many clean twins succeed that losing all of them would be beyond doubt."""
        return mcnemar_mid_p(0, int(self.clean.sum())) < LEVEL_OF_A_TEST

    def levels(self) -> None:
        """Bisect the levels that the task can have."""
        candidates = _levels(self._one)
        while candidates:
            middle = len(candidates) // 2
            broke = self._breaks(candidates[middle])
            candidates = candidates[:middle] if broke else candidates[middle + 1 :]

    def between(self) -> None:
        """Bisect between the first level that breaks the policy and the one before.

        Scenes have levels alone: they are drawn and kept by level. Whole numbers stay whole.
        """
        kind = perturbations().get(self._one.axis)
        if self.first is None or kind is None or overrides(kind, "perturb_scene"):
            return
        level = self.first.level
        holds = kind.levels[self.last.level if self.last else 0]
        breaks = kind.levels[level]
        whole = all(isinstance(one, int) for one in kind.levels)
        for _ in range(HALVINGS):
            middle = (holds + breaks) // 2 if whole else (holds + breaks) / 2
            if middle in (holds, breaks):
                return
            if self._breaks(level, middle):
                breaks = middle
            else:
                holds = middle

    def _breaks(self, level: int, between: float | None = None) -> bool:
        """Run the seeds at a level, or with a magnitude of one's own and the draws of that level."""
        variant = f"{self._one.axis}:{level}"
        now = self._play(Arm(variant, self._build, magnitude=between))
        kind = perturbations().get(self._one.axis)
        if between is None:
            step = _step(self.clean, now, kind.levels[level] if kind else level, level)
            step = step._replace(expert=expert_fails(self._experts, self._one.task, variant))
        else:
            step = _step(self.clean, now, between, 0)
        self.steps.append(step)
        if step.breaks:
            self.first = step
        else:
            self.last = step
        return step.breaks

    def _build(self, task: Task) -> Policy:
        return self._builder.build(self._one.policy, task)

    def _play(self, arm: Arm) -> np.ndarray:
        """Return which episodes succeed with their own noise, (N,) bool."""
        seeds = np.array(self._one.seeds)
        return rerun(self._task, arm, seeds, self._one.suite_version, range(1)).success[:, 0]


def _step(clean: np.ndarray, now: np.ndarray, magnitude: float, level: int) -> Step:
    """Compare one magnitude with the clean twins."""
    only_now, only_clean = discordant(now, clean)
    p = mcnemar_mid_p(only_now, only_clean)
    worse = only_clean > only_now and p < LEVEL_OF_A_TEST
    return Step(
        magnitude, level, rate(int(now.sum()), len(now)), tango(only_now, only_clean, len(now)), p, worse
    )


def _levels(one: Searched) -> list[int]:
    """Return the levels that the task can have for the policy."""
    task = load_task(one.task)
    ladder = {level: Variant(f"{one.axis}:{level}") for level in LEVELS[1:]}
    return [level for level, variant in ladder.items() if not variant.impossible(task, one.pictures)]
