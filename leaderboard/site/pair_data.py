"""What the comparison page computes with: the outcome of every episode of every entry, a character each.

Any two entries are compared in the browser, because the number of pairs grows with the square of that of
entries. Its script computes what `bimodal compare` does, with the same formulas; a test holds them together.
"""

from collections.abc import Sequence
from statistics import NormalDist
from typing import Any

import numpy as np

from ...benchmark.comparison.arm import VERSIONS, Arm, clean_only
from ...benchmark.comparison.sentences import subject
from ...benchmark.number_text import bounds, percent, short_name
from ...benchmark.scoring.panel_limits import repeats_scenes
from ...benchmark.scoring.run_episodes import EpisodeColumns
from ...benchmark.statistics.rates import ALPHA, LEVEL, Interval, rate
from ...envs.perturbations.core.variant import CLEAN
from ...tasks import load_task
from ..entry import arm_of_entry
from .profiles import Profile

_FIRST = ord("0")


def pair_data(boards: Sequence[Sequence[Profile]]) -> dict[str, Any]:
    """Return everything that the comparison page's script reads, as JSON values."""
    filled = [some for some in boards if some]
    return {
        "z": NormalDist().inv_cdf((1 + LEVEL) / 2),
        "alpha": ALPHA,
        "suites": [_suite(some) for some in filled],
        "entries": [_entry(number, one) for number, some in enumerate(filled) for one in some],
    }


def _suite(some: Sequence[Profile]) -> dict[str, Any]:
    """Return what the entries of a suite share: their cells, in the order of each one's outcomes."""
    suite = some[0].board.suite
    cells = arm_of_entry(some[0].row.entry).cells
    return {
        "name": f"{suite.name} {suite.version}",
        "tasks": [{"name": short_name(task), "modes": load_task(task).modes} for task in suite.tasks],
        "cells": [
            [suite.tasks.index(task), variant, len(held.seeds)] for (task, variant), held in cells.items()
        ],
        "repeats": any(map(repeats_scenes, cells.values())),
    }


def _entry(suite: int, profile: Profile) -> dict[str, Any]:
    """Return one side of a comparison."""
    arm = arm_of_entry(profile.row.entry)
    return {
        "suite": suite,
        "key": profile.stem,
        "name": profile.row.policy,
        "subject": subject(arm),
        "page": profile.page,
        "file": profile.file,
        "versions": [f"{name} {arm.versions.get(name, 'unknown')}" for name in VERSIONS],
        "success": _text(profile.row.score.success),
        "rates": [_text(rate(int(c.succeeded.sum()), len(c.seeds))) for c in clean_only(arm.cells).values()],
        "outcomes": [outcomes(columns) for columns in arm.cells.values()],
        "twins": [_twins(arm, *cell) for cell in arm.cells],
    }


def outcomes(columns: EpisodeColumns) -> str:
    """Return a character for each episode, by seed: 0 and on, 2 (mode + 1), 1 more for a success."""
    codes = _FIRST + 2 * (columns.modes + 1) + columns.succeeded
    return "".join(map(chr, codes[np.argsort(columns.seeds)].tolist()))


def _twins(arm: Arm, task: str, variant: str) -> int:
    """Return how many of a cell's episodes succeed clean."""
    clean = arm.cells.get((task, CLEAN))
    return clean.successes_on(arm.cells[task, variant].seeds) if clean is not None else 0


def _text(value: Interval) -> list[str]:
    return [percent(value.estimate, 1), bounds(value)]
