"""What arXiv 2606.04233 asks of a benchmark, answered from entries and runs; called by `bimodal audit`.

How far shortcuts get, which policies the panel tells apart, and whether scores hold on fresh seeds.
Everything is about the clean world of one suite.
"""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

from ...policies.core.wrapping import unwrapped
from ..statistics.many_policies import better_pairs, pair_tests
from ..statistics.paired import paired_difference
from ..statistics.power import detectable_difference
from ..statistics.rates import Interval, independent_difference, mean_interval, rate
from .arm import VERSIONS, Arm, clean_only
from .ranking import clean_successes

BLIND = ("mean_action", "time_only", "proprioception_only")
"""Shortcuts that see no object."""
SHORTCUTS = (*BLIND, "nearest")
"""Policies that understand nothing: what they reach, nobody has earned."""


class Audited(NamedTuple):
    """One policy's episodes, from an entry or a run."""

    arm: Arm
    uri: str
    """How the policy is called."""
    artifacts: Mapping[str, str]
    """sha256 of its files; equal ones are the same policy."""
    ranked: bool = False
    """Whether it stands among the ranked policies of the board."""

    @property
    def cells(self) -> tuple[Interval, ...]:
        """Success on each task."""
        clean = clean_only(self.arm.cells).values()
        return tuple(rate(int(one.succeeded.sum()), len(one.seeds)) for one in clean)

    @property
    def success(self) -> Interval:
        """Mean success over the tasks."""
        return mean_interval(self.cells)


class AdjacentPair(NamedTuple):
    """Two neighbours of the board."""

    better: Audited
    worse: Audited
    difference: Interval
    """Of success, on the same seeds."""
    told_apart: bool
    """Whether the panel shows which is better, every two policies of the board considered."""


class FreshSeeds(NamedTuple):
    """One policy on the public panel and on other seeds."""

    public: Audited
    fresh: Audited
    difference: Interval
    """Success on fresh seeds minus that on the panel; the two are independent."""


class Audit(NamedTuple):
    """All answers about one suite."""

    tasks: tuple[str, ...]
    best: Audited
    """The ranked policy of highest success that is no shortcut."""
    shortcuts: tuple[Audited, ...]
    """Those with results, best first."""
    missing: tuple[str, ...]
    """Shortcuts without."""
    pairs: tuple[AdjacentPair, ...]
    """Neighbours of the board, best first."""
    all_pairs: int
    all_told_apart: int
    """Every two policies of the board, and those of them that the panel tells apart."""
    detectable: float | None
    """Fall of the best one's success that the panel shows four times in five."""
    fresh: tuple[FreshSeeds, ...]
    without_fresh: tuple[str, ...]
    """Policies of the board that have no run on other seeds."""
    left_out: tuple[str, ...]
    """What was given and answers nothing, each with a reason."""


def audit(entries: Sequence[Audited], runs: Sequence[Audited]) -> Audit | None:
    """Return the answers for the entries of one suite, of the board or not, and some runs.

    None where no policy is ranked that is no shortcut.
    """
    ranked = sorted((one for one in entries if one.ranked), key=lambda one: -one.success.estimate)
    best = next((one for one in ranked if unwrapped(one.uri) not in SHORTCUTS), None)
    if best is None:
        return None
    shortcuts: dict[str, Audited] = {one.uri: one for one in entries if one.uri in SHORTCUTS}
    fresh = []
    left_out = []
    for run in runs:
        public = next((one for one in entries if one.uri == run.uri), None)
        if problem := _other_world(run, best):
            left_out.append(f"{run.arm.source} answers nothing: {problem}")
        elif _panel(run) == _panel(best) and run.uri in SHORTCUTS:
            shortcuts.setdefault(run.uri, run)
        elif problem := _not_fresh(run, public, best):
            left_out.append(f"{run.arm.source} answers nothing: {problem}")
        elif public:
            fresh.append(FreshSeeds(public, run, independent_difference(run.success, public.success)))
    outcomes = {one.arm.source: clean_successes(one.arm.cells) for one in ranked}
    better = better_pairs(pair_tests(outcomes))
    n = len(outcomes[best.arm.source])
    with_fresh = {one.public.uri for one in fresh}
    return Audit(
        tasks=tuple(task for task, _ in clean_only(best.arm.cells)),
        best=best,
        shortcuts=tuple(sorted(shortcuts.values(), key=lambda one: -one.success.estimate)),
        missing=tuple(name for name in SHORTCUTS if name not in shortcuts),
        pairs=tuple(_pair(a, b, better) for a, b in pairwise(ranked)),
        all_pairs=len(ranked) * (len(ranked) - 1) // 2,
        all_told_apart=len(better),
        detectable=detectable_difference(n, best.success.estimate),
        fresh=tuple(fresh),
        without_fresh=tuple(one.arm.name for one in ranked if one.uri not in with_fresh),
        left_out=tuple(left_out),
    )


def _pair(a: Audited, b: Audited, better: set[tuple[str, str]]) -> AdjacentPair:
    difference = paired_difference(clean_successes(a.arm.cells), clean_successes(b.arm.cells))
    return AdjacentPair(a, b, difference, (a.arm.source, b.arm.source) in better)


def _panel(one: Audited) -> dict[str, tuple[int, ...]]:
    """Return the seeds of each task in the clean world."""
    return {task: tuple(cell.seeds.tolist()) for (task, _), cell in clean_only(one.arm.cells).items()}


def _other_world(run: Audited, best: Audited) -> str:
    """Return which package made a run's episodes in another version than the entries', "" for none."""
    for name in VERSIONS:
        ours = best.arm.versions.get(name)
        if (theirs := run.arm.versions.get(name)) != ours:
            return f"made with {name} {theirs}, the entries with {ours}"
    return ""


def _not_fresh(run: Audited, public: Audited | None, best: Audited) -> str:
    """Return why a run is not its entry's policy on other seeds, "" if it is."""
    panel = _panel(best)
    if public is None:
        return f"no entry of this suite is of {run.arm.name}, and it is no shortcut on the entries' seeds"
    if public.artifacts != run.artifacts:
        return f"{run.arm.name} has other files there than in its entry"
    if _panel(run).keys() != panel.keys():
        return "its tasks are not those of the suite"
    if any(set(seeds) & set(panel[task]) for task, seeds in _panel(run).items()):
        return "its seeds are those of the public panel, or some of them"
    return ""
