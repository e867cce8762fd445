"""Finds the causes of the failed episodes of one task in one variant, by controlled re-runs.

1. Every episode runs again as it was, once with its own noise and n times with new noise: the baseline.
2. It runs again with one interface restored at a time, where the variant disturbs one. What nothing has saved
   so far runs from a demonstrated start; is judged otherwise; has its mode chosen; has the expert as policy.
   A repair that can no longer be shown to save an episode is not run to its end.
3. A repair is a cause where it saves the episode more often than the baseline does, beyond doubt.
"""

from itertools import pairwise
from typing import NamedTuple

import numpy as np

from ..statistics.rates import ALPHA, clopper_pearson
from .arms import EVERYTHING, NOTHING, Subject, arms_of
from .attribution import adjusted, fisher, hopeless
from .causes import Finding, Tried
from .interfaces import REPLACED, RESTORED, Interface, disturbed
from .rerun import Reruns, rerun

LOOK = 3
"""Re-runs of a repair with new noise after which those that it cannot save beyond doubt are left alone."""


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
    here = disturbed(subject.variant)
    for name in RESTORED:
        if name in here:
            runs.add(name, runs.rows("none", "chance", "cause", "several"))
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
        self._n = np.full(len(seeds), reruns)
        self._threads = threads
        self._arms = arms_of(subject, seeds)
        self._tests = len({*self._arms, "evaluation"} - {NOTHING})
        self._results: list[dict[str, _Row]] = [{} for _ in seeds]

    def add(self, name: str, which: np.ndarray) -> None:
        """Run some episodes (rows) again in the arm of a name, if it changes anything of them.

        After a few re-runs, those that the repair cannot be shown to save any more go no further. An episode
        that succeeds so often by itself that no repair could be shown is run twice as often, in every arm.
        """
        arm = self._arms.get(name)
        if arm is None:
            return  # nothing to repair
        first = self._reruns if name == NOTHING else LOOK
        looks = sorted({0, 1 + first, 1 + self._reruns, 1 + 2 * self._reruns})
        which = np.array([row for row in which if self._wants(name, row)], int)
        for begin, end in pairwise(looks):
            if not len(which):
                return
            result = rerun(
                self._subject.task,
                arm,
                self._seeds[which],
                self._subject.suite_version,
                range(begin, end),
                self._threads,
            )
            self._keep(name, which, result.by_the_end() if name == "evaluation" else result)
            if name == NOTHING and "evaluation" not in self._arms:
                self._keep("evaluation", which, result.by_the_end())
            which = np.array([row for row in which if self._goes_on(name, row)], int)

    def _wants(self, name: str, row: int) -> bool:
        """Whether an episode is run in an arm at all: not again, and not where no repair could be shown."""
        done = self._results[row]
        return not done or (name not in done and not self._hopeless(row, 0, 0))

    def _goes_on(self, name: str, row: int) -> bool:
        """Whether more re-runs of an arm could tell more; decides how many an episode needs."""
        one = self._results[row][name]
        if name == NOTHING:
            if one.label == self._labels[row] and one.n == self._reruns and self._hopeless(row, 0, 0):
                self._n[row] = 2 * self._reruns
            return one.n < self._n[row] and one.label == self._labels[row]
        return one.n < self._n[row] and not self._hopeless(row, one.successes, one.n)

    def _hopeless(self, row: int, successes: int, made: int) -> bool:
        n = int(self._n[row])
        return hopeless(successes, n - made, n, self._results[row][NOTHING].successes, self._tests)

    def rows(self, *findings: Finding) -> np.ndarray:
        """Return the episodes (rows) of which the re-runs so far say one of these."""
        return np.array([i for i, one in enumerate(self.found()) if one.finding in findings], int)

    def found(self) -> list[Found]:
        """Return what the re-runs say so far."""
        return [
            _judge(rows, str(label), int(n), self._tests)
            for rows, label, n in zip(self._results, self._labels, self._n, strict=True)
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
    if baseline.successes * 2 >= n:
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
