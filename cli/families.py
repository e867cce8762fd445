"""`bimodal results --families`: measures, shows, and writes docs/families.md; called by results.py."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from rich.table import Table

from ..benchmark.number_text import points, short_name, signed_bounds, success_and_rarest
from ..benchmark.provenance import cores, versions
from ..benchmark.report.pages.markdown import markdown_page
from ..benchmark.rich_table import number_table
from ..benchmark.statistics.paired import paired_difference
from ..benchmark.studies.families import (
    CONTENDERS,
    EPISODES,
    FAMILIES,
    Contender,
    FamilyCell,
    measure_families,
)
from ..envs.storage.atomic_write import write_text
from ..tasks import load_task
from ..tasks.core.fingerprint import fingerprint
from .console import console, progress_bar

Cells = Mapping[str, Mapping[str, FamilyCell]]
"""By task and policy."""


def study_families(page: Path | None, fresh: bool, workers: int | None) -> int:
    """Measure what methods reach on families of tasks, show it and write the page."""
    processes = cores() if workers is None else workers
    with progress_bar("families", "cells") as update:
        found = measure_families(
            workers=processes, fresh=fresh, progress=lambda text, n, total: update(n, total, text)
        )
    for table in families_tables(found):
        console.print(table)
    if page:
        write_text(page, families_page(found))
    return 0


def family_names(found: Cells) -> tuple[str, ...]:
    """Return the names of the tasks' columns."""
    return tuple(f"{short_name(task)}: {FAMILIES[task]}" for task in found)


def success_rows(found: Cells) -> list[tuple[str, ...]]:
    """Return a row for each policy: success and rarest mode, task by task."""
    return [(one.name, *(_success(cells.get(one.name)) for cells in found.values())) for one in CONTENDERS]


def gain_rows(found: Cells) -> list[tuple[str, ...]]:
    """Return a row for each policy that stands for another: by how much it is better, task by task."""
    compared = [one for one in CONTENDERS if one.instead]
    return [(one.name, one.instead, *(_gain(one, cells) for cells in found.values())) for one in compared]


def families_tables(found: Cells) -> list[Table]:
    """Return the tables for the terminal."""
    names = family_names(found)
    return [
        number_table("Success [%], rarest mode [%]", ("policy", *names), success_rows(found)),
        number_table("Gain [points]", ("policy", "instead of", *names), gain_rows(found)),
    ]


def families_page(found: Cells) -> str:
    """Return the page docs/families.md."""
    names = family_names(found)
    return markdown_page(
        "families",
        episodes=len(EPISODES),
        success_header=("policy", *names),
        success=success_rows(found),
        gain_header=("policy", "instead of", *names),
        gains=gain_rows(found),
        prints=", ".join(f"{task} `{fingerprint(load_task(task))[:16]}`" for task in found),
        versions=", ".join(f"{name} {version}" for name, version in versions().items()),
    )


def _success(cell: FamilyCell | None) -> str:
    return "–" if cell is None else success_and_rarest(float(np.mean(cell.won)), len(cell.won), cell.rarest)


def _gain(one: Contender, cells: Mapping[str, FamilyCell]) -> str:
    """Return the paired difference to what it stands for, with its interval."""
    if one.name not in cells or one.instead not in cells:
        return "–"
    found = paired_difference(cells[one.name].won, cells[one.instead].won)
    return f"{points(found.estimate)} {signed_bounds(found)}"
