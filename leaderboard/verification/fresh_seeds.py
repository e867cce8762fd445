"""Success on seeds that nobody could know: an entry's policy again, on scenes drawn from a salt.

Whoever reproduces entries publishes the sha256 of a salt (`commitment`) before the entry is proposed: then
neither side can choose the scenes, for the submitter does not know the salt, and the other is bound by it. A
hash that is younger than the entry binds nobody. The seeds lie outside every panel; a policy that learned the
public panel by heart falls behind its claim here.
"""

import secrets
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

from ...benchmark.comparison.arm import clean_only
from ...benchmark.number_text import short_name
from ...benchmark.scoring.run_episodes import EpisodeColumns, read_run
from ...benchmark.statistics.rates import LEVEL, Interval, independent_difference, mean_interval, rate
from ...benchmark.suites import Suite
from ...envs.errors import WrongUse
from ...envs.perturbations.core.variant import CLEAN
from ...envs.seed_ranges import PANELS, TEST
from ..entry_model import Entry

FRESH = range(PANELS.stop, TEST.stop)
"""Seeds for this, of which no suite has any."""
COUNT = 100
"""Seeds of a task."""
_SHORTEST = 8
"""Characters of a salt; a shorter one could be guessed."""


class FreshScore(NamedTuple):
    """How a policy does on fresh seeds, beside what its entry claims."""

    holds: bool
    """Whether the claim holds: no difference is beyond chance."""
    reason: str
    """Why, in one sentence."""
    lines: tuple[str, ...]
    """One line for each task."""


def new_salt() -> str:
    """Return a salt that nobody can guess, 32 hex digits."""
    return secrets.token_hex(16)


def commitment(salt: str) -> str:
    """Return what is published before the salt is used: its sha256."""
    return sha256(salt.encode()).hexdigest()


def fresh_suite(suite: Suite, salt: str, count: int = COUNT) -> Suite:
    """Return the clean world of a suite on consecutive seeds that the salt decides.

    Raises:
        WrongUse: the salt is too short.
    """
    if len(salt) < _SHORTEST:
        raise WrongUse(f"the salt {salt!r} is too short; bimodal reproduce ENTRY --commit makes one")
    drawn = int.from_bytes(sha256(f"fresh seeds {salt}".encode()).digest(), "big")
    start = FRESH.start + drawn % (len(FRESH) - count)
    name = f"{suite.name.rstrip('*')}*"
    return suite._replace(name=name, seeds=range(start, start + count), variants=(CLEAN,), shifted=None)


def judge_fresh(entry: Entry, run_dir: Path) -> FreshScore:
    """Compare an entry's clean successes with those of a run on fresh seeds; no scene is in both."""
    run = read_run(run_dir)
    claimed = {task: cell for (task, _), cell in clean_only(entry.cells).items()}
    found = {task: cell for (task, _), cell in run.cells.items()}
    tasks = [task for task in entry.suite.tasks if task in found]
    level = 1 - (1 - LEVEL) / (len(tasks) + 1)
    overall = _difference([claimed[task] for task in tasks], [found[task] for task in tasks], level)
    lines = []
    doubts = [] if _has_zero(overall) else [f"over all tasks {_points(overall)}"]
    for task in tasks:
        one = _difference([claimed[task]], [found[task]], level)
        told = f"{_counts(claimed[task])} claimed, {_counts(found[task])} on fresh seeds: {_points(one)}"
        lines.append(f"{short_name(task)}: {told}")
        if not _has_zero(one):
            doubts.append(f"on {short_name(task)} {_points(one)}")
    seeds = run.record.suite.seeds
    where = f"on {seeds.count} fresh seeds a task from {seeds.start}"
    if doubts:
        return FreshScore(False, f"success {where} is not what is claimed: {doubts[0]}", tuple(lines))
    return FreshScore(
        True, f"success {where} is what is claimed within chance: {_points(overall)}", tuple(lines)
    )


def _difference(claimed: Sequence[EpisodeColumns], found: Sequence[EpisodeColumns], level: float) -> Interval:
    """Return found minus claimed mean success of some tasks, of independent episodes."""
    old, new = (
        mean_interval([rate(int(one.succeeded.sum()), len(one.seeds), level) for one in cells])
        for cells in (claimed, found)
    )
    return independent_difference(new, old)


def _has_zero(difference: Interval) -> bool:
    return difference.low <= 0 <= difference.high


def _counts(cell: EpisodeColumns) -> str:
    return f"{cell.succeeded.sum()}/{len(cell.seeds)}"


def _points(difference: Interval) -> str:
    estimate, low, high = (f"{100 * value:+.1f}" for value in difference)
    return f"{estimate} points, interval {low} to {high}"
