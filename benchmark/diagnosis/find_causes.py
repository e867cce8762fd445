"""Finds the causes of the failed episodes of one task in one variant, by controlled re-runs.

1. Every episode runs again as it was, once with its own noise and n times with new noise: the baseline.
2. It runs again with one interface restored at a time, where the variant disturbs one. What nothing has saved
   so far runs from a demonstrated start; is judged otherwise; has its mode chosen; has the expert as policy.
   A repair that can no longer be shown to save an episode is not run to its end.
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
from .attribution import adjusted, fisher, hopeless
from .causes import Finding, Tried
from .interfaces import REPLACED, RESTORED, Interface, disturbed, without
from .one_mode import OneMode
from .rerun import Arm, Reruns, rerun

NOTHING = "nothing"
EVERYTHING = "everything"
LOOK = 3
"""Re-runs of a repair with new noise after which those that it cannot save beyond doubt are left alone."""


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
    runs.add(NOTHING, np.arange(len(seeds)))
    repeated = runs.rows("none", "cause")  # a cause so far: the other predicate, which takes no re-runs
    here = disturbed(subject.variant)
    for name in RESTORED:
        if name in here:
            runs.add(name, repeated)
    for name in ("data coverage", *REPLACED, EVERYTHING):
        runs.add(name, runs.rows("none"))
    return runs.found()


class _Runs:
    """The re-runs of some episodes, arm by arm."""

    def __init__(
        self, subject: Subject, seeds: np.ndarray, labels: np.ndarray, reruns: int, threads: int
    ) -> None:
        self._subject = subject
        self._seeds = seeds
        self._labels = labels
        self._reruns = reruns
        self._threads = threads
        self._arms = _arms(subject)
        self._tests = len({*self._arms, "evaluation"} - {NOTHING})
        self._results: list[dict[str, _Row]] = [{} for _ in seeds]

    def add(self, name: str, which: np.ndarray) -> None:
        """Run some episodes (rows) again in the arm of a name, if it changes anything of them.

        After a few re-runs, those that the repair cannot be shown to save any more go no further.
        """
        arm = self._arms.get(name)
        if arm is None:
            return  # nothing to repair
        which = which[[name not in self._results[row] for row in which]]
        look = self._reruns if name == NOTHING else min(LOOK, self._reruns)
        for numbers in (range(1 + look), range(1 + look, 1 + self._reruns)):
            if not len(which) or not len(numbers):
                return
            subject = self._subject
            result = rerun(
                subject.task, arm, self._seeds[which], subject.suite_version, numbers, self._threads
            )
            self._keep(name, which, result.by_the_end() if name == "evaluation" else result)
            if name == NOTHING and "evaluation" not in self._arms:
                self._keep("evaluation", which, result.by_the_end())
            which = which[[self._is_open(name, row) for row in which]]

    def rows(self, *findings: Finding) -> np.ndarray:
        """Return the episodes (rows) of which the re-runs so far say one of these."""
        return np.array([i for i, one in enumerate(self.found()) if one.finding in findings], int)

    def found(self) -> list[Found]:
        """Return what the re-runs say so far."""
        return [
            _judge(rows, str(label), self._reruns, self._tests)
            for rows, label in zip(self._results, self._labels, strict=True)
        ]

    def _keep(self, name: str, which: np.ndarray, result: Reruns) -> None:
        """Add what was run: to nothing, or to the first re-runs of the same arm."""
        for place, row in enumerate(which):
            known = self._results[row].get(name)
            own = 0 if known else 1
            first = known or _Row(str(result.labels[place, 0]), bool(result.success[place, 0]), 0, 0)
            again = result.success[place, own:]
            self._results[row][name] = first._replace(
                successes=first.successes + int(again.sum()), n=first.n + len(again)
            )

    def _is_open(self, name: str, row: int) -> bool:
        """Whether an arm can still be shown to save an episode."""
        one = self._results[row][name]
        base = self._results[row][NOTHING].successes
        return not hopeless(one.successes, self._reruns - one.n, self._reruns, base, self._tests)


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


def _judge(rows: dict[str, _Row], label: str, n: int, tests: int) -> Found:
    """Return what an episode's re-runs say, n of an arm, with `tests` repairs that could be tried.

    The re-runs that an arm was spared count as failures, so that stopping early makes no causes.
    """
    baseline = rows[NOTHING]
    raw = {
        name: fisher(row.successes, n, baseline.successes, n) for name, row in rows.items() if name != NOTHING
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
    if baseline.successes * 2 >= n or hopeless(0, n, n, baseline.successes, tests):
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
