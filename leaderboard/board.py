"""The leaderboard's rows: every metric of every entry, and the ranks.

Entries are compared only when their whole suite is the same: name, version, hash, tasks, seeds, variants.
A rank is 1 + the number of ranked policies that are better beyond doubt: McNemar's test on the same seeds,
over all tasks, adjusted by Holm for every two policies, as in `bimodal compare A B C`. Ties share a rank.
Policies that share a group cannot be told apart. Ranked are the policies of the track `state`, in a suite
that asks for modes those that read the instruction, and on pictures those that read them and no pose.
Oracles, which are told the mode, and policies that read the simulator show what is possible; they stand apart
and have no rank; nor has anybody on a panel that plays scenes several times, which are no pairs of their own.
"""

from collections.abc import Sequence
from statistics import fmean
from typing import NamedTuple

from ..benchmark.comparison.ranking import clean_successes
from ..benchmark.records.run_record import SuiteRecord
from ..benchmark.rollout.track import INSTRUCTED, OBJECTS, PICTURES, SIMULATOR, shown_track
from ..benchmark.scoring.feasible_cells import Feasibility, known_cells
from ..benchmark.scoring.panel_limits import repeats_scenes
from ..benchmark.scoring.perturbation_effects import PerturbationEffect, measure_effects
from ..benchmark.scoring.task_scores import SuiteScore, TaskScore, score_suite, score_task
from ..benchmark.statistics.many_policies import (
    PairTest,
    Ranks,
    better_pairs,
    groups_alike,
    pair_tests,
    rank_intervals,
)
from ..envs.perturbations.core.variant import CLEAN
from ..policies.core.registry import ORACLES
from ..policies.core.wrapping import unwrapped
from .entry_model import Entry
from .files import canonical
from .marks import Level, Mark, known_marks

RANKED = (OBJECTS, INSTRUCTED, PICTURES)
"""The tracks whose policies are ranked, each on boards of its own; see `_ranked_track`."""
TRACKS = (INSTRUCTED, OBJECTS, PICTURES, "oracle", SIMULATOR)
"""Groups of rows, in the order of the table: the tracks of entries, oracles by themselves."""


class PolicyRow(NamedTuple):
    """One policy."""

    ranks: Ranks | None
    """The ranks that it may have; None for who is not ranked."""
    groups: tuple[int, ...]
    """Numbers of the groups of policies that cannot be told apart in which it is, from 0."""
    policy: str
    track: str
    """One of `TRACKS`."""
    score: SuiteScore
    """Its metrics over all tasks, in the clean world."""
    cells: tuple[TaskScore, ...]
    """Its metrics on each task, in the suite's order."""
    shifts: tuple[PerturbationEffect, ...]
    """Its tasks in every variant, each beside the clean arm."""
    mark: Mark | None
    """How far others have checked it; None for not at all."""
    entry: Entry
    """The entry itself."""

    @property
    def level(self) -> Level:
        """How far it is to be trusted."""
        return self.mark.level if self.mark else "reported"

    @property
    def progress(self) -> float | None:
        """Its mean progress over all tasks, in the clean world; None where no replay has measured it."""
        found = (self.mark and self.mark.progress) or {}
        tasks = self.entry.suite.tasks
        return fmean(found[task] for task in tasks) if found.keys() >= set(tasks) else None

    @property
    def rank(self) -> int | None:
        """1 + the number of ranked policies that are better beyond doubt; None for who is not ranked."""
        return self.ranks.best if self.ranks else None


class Board(NamedTuple):
    """The rows of one suite, best first."""

    suite: SuiteRecord
    rows: tuple[PolicyRow, ...]
    pairs: tuple[PairTest, ...]
    """The tests of every two ranked policies, named by the ids of their entries, the better one first."""
    groups: int
    """How many groups of policies there are that cannot be told apart."""


def board_rows(entries: Sequence[Entry]) -> list[Board]:
    """Return one board for each suite among checked entries, by name and version.

    Entries that a later one supersedes, and those that were withdrawn, have no row.
    """
    suites: dict[bytes, list[Entry]] = {}
    for entry in standing(entries):
        suites.setdefault(canonical(entry.suite.plain()), []).append(entry)
    perturbed = [group[0].suite for group in suites.values() if set(group[0].suite.variants) != {CLEAN}]
    feasibility = known_cells(sorted({task for suite in perturbed for task in suite.tasks}))
    boards = [_board(group, feasibility) for group in suites.values()]
    return sorted(boards, key=lambda board: (board.suite.name, board.suite.version, board.suite.hash))


def standing(entries: Sequence[Entry]) -> list[Entry]:
    """Return the entries that no other one supersedes and nobody withdrew."""
    old = {entry.supersedes for entry in entries}
    withdrawn = {name for name, mark in known_marks().items() if mark.withdrawn}
    return [entry for entry in entries if entry.entry_id not in old | withdrawn]


def _board(entries: Sequence[Entry], feasibility: Feasibility) -> Board:
    """Return the board of the entries of one suite."""
    repeats = any(map(repeats_scenes, entries[0].cells.values()))
    track = _ranked_track(entries[0].suite)
    ranked = [entry for entry in entries if _track(entry) == track and not repeats]
    ranked.sort(key=lambda entry: (-entry.aggregate.success_macro, entry.policy.name))
    names = [entry.entry_id for entry in ranked]
    tests = pair_tests({entry.entry_id: clean_successes(entry.cells) for entry in ranked})
    better = better_pairs(tests)
    ranks = rank_intervals(names, better)
    groups = groups_alike(names, better)
    rows = []
    for entry in entries:
        own = tuple(number for number, group in enumerate(groups) if entry.entry_id in group)
        rows.append(_row(entry, ranks.get(entry.entry_id), own, feasibility))
    return Board(entries[0].suite, tuple(sorted(rows, key=_place)), tuple(tests), len(groups))


def _ranked_track(suite: SuiteRecord) -> str:
    """Return the track that is ranked on a suite's board: what the suite is about."""
    if suite.instructed:
        return INSTRUCTED
    return PICTURES if suite.pictures else OBJECTS


def _track(entry: Entry) -> str:
    """Return the group of rows in which an entry stands."""
    policy = entry.policy
    if unwrapped(policy.uri) in ORACLES:
        return "oracle"
    return shown_track(policy.track, policy.observations, entry.suite.instructed)


def _place(row: PolicyRow) -> tuple:
    return TRACKS.index(row.track), row.rank or 0, -row.score.success.estimate, row.policy


def _row(entry: Entry, ranks: Ranks | None, groups: tuple[int, ...], feasibility: Feasibility) -> PolicyRow:
    cells = _cells(entry)
    return PolicyRow(
        ranks=ranks,
        groups=groups,
        policy=entry.policy.name,
        track=_track(entry),
        score=score_suite(cells),
        cells=cells,
        shifts=tuple(measure_effects(entry.cells, feasibility)),
        mark=known_marks().get(entry.entry_id),
        entry=entry,
    )


def _cells(entry: Entry) -> tuple[TaskScore, ...]:
    """Compute every metric of the clean world from the episodes, task by task in the suite's order."""
    timed = {row.task: row.latency_ms for row in entry.results if row.variant == CLEAN}
    return tuple(
        score_task(task, CLEAN, columns, timed[task])
        for task in entry.suite.tasks
        if (columns := entry.cells.get((task, CLEAN)))
    )
