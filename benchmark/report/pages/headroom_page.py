"""The page docs/headroom.md and the terminal tables of `bimodal certify --headroom`."""

from collections.abc import Sequence

from rich.table import Table

from ....tasks import load_task
from ...certificate.learning_checks import HEADROOM_CEILING, ORACLE_FLOOR
from ...certificate.learning_gates import CONTENDERS, TRIAL_SEEDS
from ...number_text import percent
from ...rich_table import number_table
from ...statistics.modes import mode_shares
from ...studies.headroom import EXPERT, LENGTHS, HeadroomResult, HeadroomRow
from ...studies.rare_modes import SEEDS, RareResult
from ...suite_lists import HARD_1, HARD_2
from ...suites import SUITES
from .markdown import markdown_page, markdown_table

_RARE_HEADER = ("task", "policy", "shown", "success", "modes of the successes", "distance", "by chance")
_HEADER = ("policy", *(f"executing {n}" for n in LENGTHS))


def headroom_tables(found: Sequence[HeadroomResult]) -> list[Table]:
    """Return a table of each task for the terminal."""
    return [number_table(f"Success [%] on {one.task}", _HEADER, headroom_rows(one)) for one in found]


def headroom_rows(found: HeadroomResult) -> list[tuple[str, ...]]:
    """Return a row for each policy; that of the experts, who plan once, has one figure."""
    return [(_called(row, found), *_cells(row)) for row in found.rows]


def rare_rows(found: Sequence[RareResult]) -> list[tuple[str, ...]]:
    """Return a row for each method on each task of which rare modes were measured."""
    return [
        (
            *(one.task, one.method, " / ".join(map(percent, one.shown)), percent(one.success)),
            *(" / ".join(map(percent, mode_shares(one.counts))), percent(one.distance, 1)),
            percent(one.by_chance, 1),
        )
        for one in found
    ]


def rare_table(found: Sequence[RareResult]) -> Table:
    """Return the same for the terminal."""
    return number_table("Rare modes [%]", _RARE_HEADER, rare_rows(found))


def headroom_page(
    found: Sequence[HeadroomResult], missing: Sequence[str] = (), rare: Sequence[RareResult] = ()
) -> str:
    """Return the page docs/headroom.md.

    Args:
        found: what was measured.
        missing: tasks that claim headroom and were not measured.
        rare: what was measured of rare modes.
    """
    return markdown_page(
        "headroom",
        n=len(TRIAL_SEEDS),
        ceiling=percent(HEADROOM_CEILING),
        floor=percent(ORACLE_FLOOR),
        contenders=CONTENDERS,
        tasks=[(load_task(one.task), one, markdown_table(_HEADER, headroom_rows(one))) for one in found],
        missing=missing,
        suite=SUITES["hard"],
        left=[task for task in HARD_1 if task not in HARD_2],
        rare=markdown_table(_RARE_HEADER, rare_rows(rare)) if rare else "",
        rare_seeds=len(SEEDS),
        percent=percent,
        lengths=LENGTHS,
    )


def _called(row: HeadroomRow, found: HeadroomResult) -> str:
    return f"{row.method} (informed control)" if row.method == found.control else row.method


def _cells(row: HeadroomRow) -> tuple[str, ...]:
    if row.method == EXPERT:
        return percent(row.success[0]), *[""] * (len(LENGTHS) - 1)
    return tuple(map(percent, row.success))
