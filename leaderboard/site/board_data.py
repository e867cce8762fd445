"""What the board's page shows of one variant at a time: every policy's numbers beside its clean arm."""

from collections.abc import Sequence
from typing import Any

from ...benchmark.number_text import DECIMALS, short_name
from ...benchmark.report.run_report import meaning
from ...benchmark.scoring.perturbation_effects import MeanEffect, PerturbationEffect
from ..board import Board
from .profiles import Profile


def board_data(board: Board, some: Sequence[Profile]) -> dict[str, Any]:
    """Return the variants of a board as JSON values, with a list of cells for each row.

    The first cell is the mean over the tasks, the others follow the suite's tasks; null where a task cannot
    have the variant.
    """
    keys = dict.fromkeys(key for profile in some for key in profile.overall)
    return {
        "suite": board.suite.hash,
        "tasks": [short_name(task) for task in board.suite.tasks],
        "variants": [
            {
                "name": f"{variant} {scenes}".strip(),
                "words": meaning(variant),
                "rows": [_cells(profile, variant, scenes) for profile in some],
            }
            for variant, scenes in keys
        ],
    }


def _cells(profile: Profile, variant: str, scenes: str) -> list[list[float] | None]:
    """Return one row of a variant: the mean, then task by task."""
    mine = {one.task: one for one in profile.row.shifts if (one.variant, one.scenes) == (variant, scenes)}
    mean = profile.overall.get((variant, scenes))
    return [_cell(one) for one in (mean, *map(mine.get, profile.board.suite.tasks))]


def _cell(one: MeanEffect | PerturbationEffect | None) -> list[float] | None:
    """Return clean, perturbed, difference, its bounds, broken, fixed, infeasible tasks, and if unchanged."""
    if one is None:
        return None
    infeasible = len(one.infeasible) if isinstance(one, MeanEffect) else int(one.expert is not None)
    shares = (one.clean, one.success, *one.difference)
    return [*(round(x, DECIMALS) for x in shares), one.broken, one.fixed, infeasible, int(one.unchanged)]
