"""`bimodal results --replanning`: measures, shows, and writes docs/replanning.md; called by results.py."""

from collections.abc import Sequence
from pathlib import Path

from rich.table import Table

from ..benchmark.number_text import short_name, success_and_rarest
from ..benchmark.provenance import cores, versions
from ..benchmark.report.pages.markdown import markdown_page
from ..benchmark.rich_table import number_table
from ..benchmark.studies.replanning import (
    EPISODES,
    LENGTHS,
    SAMPLERS,
    SETTINGS,
    UNTOLD,
    Cell,
    Replanned,
    ReplanningStudy,
    Setting,
    measure_replanning,
)
from ..envs.storage.atomic_write import write_text
from ..tasks import load_task
from ..tasks.core.fingerprint import fingerprint
from .console import console, progress_bar

_WHAT = {
    SETTINGS[0].name: "Every observation is of the present control step.",
    SETTINGS[1].name: (
        "Every observation is two control steps old (`sensing.latency:2`), so the first two actions of the\n"
        "chunk that answers it are in the past. With `delay=2` they are left out."
    ),
    UNTOLD.name: (
        "The same with `delay=0`: what is in the past is executed, and at every step the hand is sent back\n"
        "towards where it was. Who keeps to the last choice best hardly moves at all."
    ),
}


def study_replanning(page: Path | None, fresh: bool, workers: int | None) -> int:
    """Measure samplers that re-plan, show them and write the page."""
    processes = cores() if workers is None else workers
    with progress_bar("samplers", "cells") as update:
        found = measure_replanning(
            workers=processes, fresh=fresh, progress=lambda text, n, total: update(n, total, text)
        )
    for table in replanning_tables(found):
        console.print(table)
    if page:
        write_text(page, replanning_page(found))
    return 0


def lengths_of(setting: Setting) -> tuple[int, ...]:
    """Return the executed lengths that are shown of a setting."""
    return LENGTHS[:1] if setting == UNTOLD else LENGTHS


def replanning_header(studies: Sequence[ReplanningStudy], setting: Setting) -> tuple[str, ...]:
    """Return the names of the columns."""
    lengths = lengths_of(setting)
    return "sampler", *(f"{short_name(study.task)}, {n}" for study in studies for n in lengths)


def replanning_rows(studies: Sequence[ReplanningStudy], setting: Setting) -> list[tuple[str, ...]]:
    """Return a row for each sampler: success and rarest mode, task by task and length by length."""
    lengths = lengths_of(setting)
    return [
        (name, *(_shown(study.cells.get(Cell(name, setting, n))) for study in studies for n in lengths))
        for name in SAMPLERS
    ]


def replanning_tables(studies: Sequence[ReplanningStudy]) -> list[Table]:
    """Return the tables for the terminal."""
    return [
        number_table(
            f"Success [%], rarest mode [%]: {one.name}",
            replanning_header(studies, one),
            replanning_rows(studies, one),
        )
        for one in SETTINGS
    ]


def replanning_page(studies: Sequence[ReplanningStudy]) -> str:
    """Return the page docs/replanning.md."""
    return markdown_page(
        "replanning",
        many=EPISODES[0],
        few=EPISODES[1],
        settings=[
            (
                one.name,
                _WHAT[one.name],
                replanning_header(studies, one),
                replanning_rows(studies, one),
            )
            for one in SETTINGS
        ],
        prints=", ".join(f"{one.task} `{fingerprint(load_task(one.task))[:16]}`" for one in studies),
        versions=", ".join(f"{name} {version}" for name, version in versions().items()),
    )


def _shown(cell: Replanned | None) -> str:
    return "–" if cell is None else success_and_rarest(cell.success, cell.n, cell.rarest)
