"""What the pages say of one entry besides its numbers: its files, its neighbours, its run."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from ...benchmark.report.run_origin import CardRow, card_rows, facts, reproduce
from ...benchmark.report.run_tables import Arms, arm_rates
from ...benchmark.scoring.perturbation_effects import MeanEffect, mean_effects
from ...benchmark.statistics.paired import tango
from ...benchmark.statistics.rates import ALPHA, Interval
from ..board import Board, PolicyRow
from ..entry_model import Entry
from .axes import Axis, AxisEffect, axes, axis_effect
from .site_folder import Shown


@dataclass(frozen=True)
class Rival:
    """Another ranked policy of the same suite, on the same seeds."""

    policy: str
    stem: str
    """Name of its page and its entry."""
    difference: Interval
    """Success of this policy minus that of the other, over all tasks."""
    only_this: int
    """Episodes in which only this policy succeeds."""
    only_other: int
    adjusted: float
    """McNemar's mid-p, adjusted by Holm over all pairs of the board."""

    @property
    def verdict(self) -> str:
        """Return what the board says: `better`, `worse` or `not told apart`."""
        if self.adjusted > ALPHA:
            return "not told apart"
        return "better" if self.only_this > self.only_other else "worse"


@dataclass(frozen=True)
class Profile:
    """One row of a board as the pages show it."""

    row: PolicyRow
    board: Board
    stem: str
    """Name of its page and its entry, without ending."""
    rivals: tuple[Rival, ...]
    """The other ranked policies, in the order of the board; none for who is not ranked."""
    run: Shown | None
    """Its run, where it was given."""
    earlier: tuple[str, ...]
    """Names of the entries that it supersedes, the last one first."""

    @property
    def page(self) -> str:
        """Its page in the site."""
        return f"policies/{self.stem}.html"

    @property
    def file(self) -> str:
        """Its entry in the site."""
        return f"entries/{self.stem}.json"

    @property
    def rerun(self) -> str:
        """The command that runs the policy on the suite again."""
        return reproduce(self.row.entry.run_record())

    @property
    def facts(self) -> dict[str, str]:
        """Where it comes from, in words."""
        entry = self.row.entry
        trace = entry.trace
        where = (
            f"{trace.bytes:,} bytes {trace.url or 'beside the entry'}, {trace.sha256}" if trace else "none"
        )
        return {
            "Authors": ", ".join(entry.authors) or "nobody has submitted it",
            "Licence": entry.licence or "none stated",
            "Shut in by": entry.isolation,
            **facts(entry.run_record()),
            "Recorded actions": where,
            "Attempt": str(entry.attempt),
            "Entry": entry.entry_id,
        }

    @property
    def card(self) -> list[CardRow]:
        """Its contract card, row by row."""
        return card_rows(self.row.entry.card)

    @cached_property
    def overall(self) -> dict[tuple[str, str], MeanEffect]:
        """What every variant costs it over the tasks, by variant and scenes."""
        return {(one.variant, one.scenes): one for one in mean_effects(self.row.shifts)}

    @cached_property
    def arms(self) -> dict[tuple[str, str, str], Arms]:
        """Both arms of every variant with their intervals; see `arm_rates`."""
        return arm_rates(self.row.shifts)

    @cached_property
    def axes(self) -> dict[str, AxisEffect | None]:
        """What every perturbation costs it, over its levels."""
        return {axis.name: axis_effect(axis, self.row) for axis in self.suite_axes}

    @property
    def suite_axes(self) -> list[Axis]:
        """The perturbations of its suite."""
        return axes(tuple(self.board.suite.variants))


def profiles(
    board: Board, stems: Mapping[str, str], runs: Sequence[Shown], entries: Sequence[Entry]
) -> list[Profile]:
    """Return the profiles of a board, best first.

    Args:
        board: rows of one suite.
        stems: names of pages, by the ids of entries.
        runs: the runs that were given.
        entries: all entries, also those that have no row any more.
    """
    before = {entry.entry_id: entry.supersedes for entry in entries if entry.supersedes in stems}
    mine = {run.policy: run for run in reversed(runs) if run.suite == board.suite.hash}
    return [
        Profile(
            row=row,
            board=board,
            stem=stems[row.entry.entry_id],
            rivals=_rivals(row, board, stems),
            run=mine.get(row.policy),
            earlier=tuple(stems[one] for one in _chain(row.entry.entry_id, before)),
        )
        for row in board.rows
    ]


def _chain(entry_id: str, before: Mapping[str, str | None]) -> Iterator[str]:
    """Yield the ids of the entries before one, the last one first; an entry's id is never in its own past."""
    while entry_id := before.get(entry_id) or "":
        yield entry_id


def _rivals(row: PolicyRow, board: Board, stems: Mapping[str, str]) -> tuple[Rival, ...]:
    """Return the tests of one row against every other ranked one."""
    me = row.entry.entry_id
    episodes = sum(cell.episodes for cell in row.cells)
    tests = {(one.a, one.b): (one.only_a, one.only_b, one.adjusted) for one in board.pairs}
    tests |= {(b, a): (only_b, only_a, p) for (a, b), (only_a, only_b, p) in tests.items()}
    found = []
    for other in board.rows:
        if (me, other.entry.entry_id) not in tests:
            continue
        won, lost, p = tests[me, other.entry.entry_id]
        difference = tango(won, lost, episodes)
        found.append(Rival(other.policy, stems[other.entry.entry_id], difference, won, lost, p))
    return tuple(found)


def lanes(board: Board) -> list[int]:
    """Return the place of each bar of a group, from 0: bars that overlap or touch stand side by side."""
    places = [
        [i for i, row in enumerate(board.rows) if number in row.groups] for number in range(board.groups)
    ]
    ends: list[int] = []
    found = []
    for rows in places:
        lane = next((lane for lane, end in enumerate(ends) if end < rows[0] - 1), len(ends))
        ends[lane : lane + 1] = [rows[-1]]
        found.append(lane)
    return found
