"""Finds the causes of the failed episodes of one task in one variant, by controlled re-runs.

1. Every episode runs again as it was, once with its own noise and n times with new noise: the baseline.
2. It runs again with one interface restored at a time, where the variant disturbs one. What nothing has saved
   so far runs from a demonstrated start; is judged otherwise; has its mode chosen; has the expert as policy.
3. A repair is a cause where it saves the episode more often than the baseline does, beyond doubt.
"""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ...envs.errors import BimodalError, WrongUse
from ...envs.perturbations.core.variant import CLEAN
from ...policies import Policy, load_policy
from ...policies.core.registry import policy_class, with_inner
from ...policies.experts import Tracking
from ...tasks.core.task import Task
from ..statistics.rates import ALPHA, clopper_pearson
from .attribution import adjusted, fisher
from .causes import Finding, Tried
from .interfaces import REPLACED, RESTORED, Interface, disturbed, without
from .one_mode import OneMode
from .rerun import Arm, Reruns, rerun

NOTHING = "nothing"
EVERYTHING = "everything"


class Subject(NamedTuple):
    """What is diagnosed: the failed episodes of one policy on one task in one variant."""

    task: Task
    policy: str | type[Policy]
    """URI or class of the policy."""
    variant: str
    """Name of the variant."""
    suite_version: str
    """Part of the policy's noise keys."""
    checkpoints: Path | None = None
    """Folder of trained weights; None for the shipped ones."""

    def build(self, task: Task) -> Policy:
        """Return the policy for the task."""
        return load_policy(self.policy, task, self.checkpoints)


class Found(NamedTuple):
    """What came of one episode's re-runs."""

    finding: Finding
    causes: tuple[Interface, ...]
    tried: tuple[Tried, ...]


def find_causes(
    subject: Subject, seeds: np.ndarray, labels: np.ndarray, reruns: int, threads: int = 1
) -> list[Found]:
    """Return what saves each failed episode.

    Args:
        subject: policy, task and variant.
        seeds: of the failed episodes, (N,).
        labels: how they ended, (N,) str.
        reruns: re-runs with new noise in every arm.
        threads: simulation threads.
    """
    runs = _Runs(subject, seeds, labels, reruns, threads)
    everyone = np.arange(len(seeds))
    runs.add(NOTHING, everyone)
    here = disturbed(subject.variant)
    for name in RESTORED:
        if name in here:
            runs.add(name, everyone)
    for name in ("data coverage", *REPLACED, EVERYTHING):
        runs.add(name, np.array([i for i, one in enumerate(runs.found()) if one.finding == "none"], int))
    return runs.found()


class _Runs:
    """The re-runs of some episodes, arm by arm."""

    def __init__(
        self, subject: Subject, seeds: np.ndarray, labels: np.ndarray, reruns: int, threads: int
    ) -> None:
        self._subject = subject
        self._seeds = seeds
        self._labels = labels
        self._how = (subject.suite_version, reruns, threads)
        self._arms = _arms(subject)
        self._results: list[dict[str, _Row]] = [{} for _ in seeds]

    def add(self, name: str, which: np.ndarray) -> None:
        """Run some episodes (rows) again in the arm of a name, if it changes anything of them."""
        arm = self._arms.get(name)
        if arm is None or not len(which):
            return  # nothing to repair, or nobody in need of it
        result = rerun(self._subject.task, arm, self._seeds[which], *self._how)
        self._keep(name, which, result.by_the_end() if name == "evaluation" else result)
        if name == NOTHING and "evaluation" not in self._arms:
            self._keep("evaluation", which, result.by_the_end())

    def _keep(self, name: str, which: np.ndarray, result: Reruns) -> None:
        for place, row in enumerate(which):
            successes = int(result.success[place, 1:].sum())
            self._results[row][name] = _Row(
                str(result.labels[place, 0]), bool(result.success[place, 0]), successes, self._how[1]
            )

    def found(self) -> list[Found]:
        """Return what the re-runs say so far."""
        tests = len({*self._arms, "evaluation"} - {NOTHING})
        return [
            _judge(rows, str(label), tests) for rows, label in zip(self._results, self._labels, strict=True)
        ]


class _Row(NamedTuple):
    """How one episode ended in one arm."""

    label: str
    """Outcome with its own noise."""
    same: bool
    """Whether that was a success."""
    successes: int
    """Successes with new noise."""
    n: int
    """Re-runs with new noise."""


def _arms(subject: Subject) -> dict[str, Arm]:
    """Return the ways to run these episodes again that change anything of them, by name."""
    variant = subject.variant
    where = disturbed(variant)
    arms = {NOTHING: Arm(variant, subject.build)}
    for name in (*RESTORED, "evaluation"):
        if name in where or name == "data coverage":
            arms[name] = Arm(without(variant, {name}), subject.build, name == "data coverage")
    if (told := _told_mode(subject)) is not None:
        arms["representation"] = Arm(variant, told)
    arms["planning"] = Arm(variant, Tracking)
    if len(where) > 1:
        arms[EVERYTHING] = Arm(CLEAN, subject.build)
    return arms


def _told_mode(subject: Subject) -> Callable[[Task], Policy] | None:
    """Return what builds the policy with its choice of a mode made for it; None where that cannot be.

    A policy `NAME` has a labelled sibling if `NAME_labelled` is a policy with weights, or if its class names
    one as `labelled_sibling`. Else the mode is chosen among samples of the policy's own.
    """
    sibling = getattr(subject.policy, "labelled_sibling", None)
    try:
        if isinstance(subject.policy, str):
            sibling = getattr(policy_class(subject.policy), "labelled_sibling", None) or with_inner(
                subject.policy, lambda uri: f"{uri}_labelled"
            )
        if sibling is not None:
            load_policy(sibling, subject.task, subject.checkpoints)
            return lambda task: load_policy(sibling, task, subject.checkpoints)
    except (BimodalError, WrongUse):
        pass  # there is none of that name, or it has no weights
    try:
        OneMode(subject.build(subject.task))
    except BimodalError:
        return None
    return lambda task: OneMode(subject.build(task))


def _judge(rows: dict[str, _Row], label: str, tests: int) -> Found:
    """Return what an episode's re-runs say, with `tests` repairs that were or could have been tried."""
    baseline = rows[NOTHING]
    raw = {
        name: fisher(row.successes, row.n, baseline.successes, baseline.n)
        for name, row in rows.items()
        if name != NOTHING
    }
    p_values = adjusted(raw, tests) | {NOTHING: 1.0}
    tried = tuple(_tried(name, row, p_values[name]) for name, row in rows.items())
    saving = {name for name, p in p_values.items() if p < ALPHA}
    restored: tuple[Interface, ...] = tuple(name for name in RESTORED if name in saving)
    if baseline.label != label:
        return Found("not repeated", (), tried)
    if restored:
        return Found("cause" if len(restored) == 1 else "several", restored, tried)
    for name in REPLACED:
        if name in saving:
            return Found("cause", (name,), tried)
    if baseline.successes * 2 >= baseline.n:
        return Found("chance", (), tried)
    if EVERYTHING in saving:
        return Found("together", tuple(name for name in RESTORED if name in rows), tried)
    return Found("none", (), tried)


def _tried(name: str, row: _Row, p: float) -> Tried:
    low, high = clopper_pearson(row.successes, row.n)
    return Tried(
        repair=name,  # type: ignore[arg-type]
        same_noise=row.same,
        successes=row.successes,
        n=row.n,
        low=low,
        high=high,
        p=p,
    )
