"""`bimodal results --latent`: measures, shows, and writes docs/latent.md; called by results.py."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from rich.table import Table

from ..benchmark.number_text import percent, short_name
from ..benchmark.provenance import cores, versions
from ..benchmark.report.pages.markdown import markdown_page
from ..benchmark.rich_table import number_table
from ..benchmark.studies.latent import EPISODES, SEEDS, SHOWN, WEIGHTS, LatentCell, Played, measure_latent
from ..envs.storage.atomic_write import write_text
from ..tasks import load_task
from ..tasks.core.fingerprint import fingerprint
from .console import console, progress_bar

Cells = Mapping[float, LatentCell]
"""By weight."""
HEADER = ("weight", "nats in z", "z = 0", "z drawn", "z = 0, ensembled")


def study_latent(page: Path | None, fresh: bool, workers: int | None) -> int:
    """Measure what a latent variable does between two modes, show it and write the page."""
    processes = cores() if workers is None else workers
    with progress_bar("latent variables", "cells") as update:
        found = measure_latent(
            workers=processes, fresh=fresh, progress=lambda text, n, total: update(n, total, text)
        )
    for task, cells in found.items():
        console.print(latent_table(task, cells))
    if page:
        write_text(page, latent_page(found))
    return 0


def latent_rows(cells: Cells) -> list[tuple[str, ...]]:
    """Return a row for each weight, the largest first: nats, then success by way to act."""
    return [
        (
            f"{weight:g}",
            _span([f"{nats:.1f}" for nats in cell.nats]),
            *(_played(way) for way in (cell.mean, cell.drawn, cell.ensemble)),
        )
        for weight, cell in sorted(cells.items(), reverse=True)
    ]


def latent_table(task: str, cells: Cells) -> Table:
    """Return the table of a task for the terminal."""
    return number_table(f"{short_name(task)}: success [%], rarest mode [%]", HEADER, latent_rows(cells))


def latent_page(found: Mapping[str, Cells]) -> str:
    """Return the page docs/latent.md."""
    as_in_the_paper = [cells[WEIGHTS[0]].ensemble for cells in found.values() if WEIGHTS[0] in cells]
    paper = [played.success for trainings in as_in_the_paper for played in trainings]
    return markdown_page(
        "latent",
        paper=percent(max(paper, default=None)),
        episodes=len(EPISODES),
        seeds=SEEDS,
        shown=SHOWN,
        header=HEADER,
        tables=[(short_name(task), latent_rows(cells)) for task, cells in found.items()],
        prints=", ".join(f"{task} `{fingerprint(load_task(task))[:16]}`" for task in found),
        versions=", ".join(f"{name} {version}" for name, version in versions().items()),
    )


def _played(way: Sequence[Played]) -> str:
    """Return success from the worst training to the best, then the best one's rarest mode."""
    ordered = sorted(way)
    return f"{_span([percent(one.success) for one in ordered])}, {percent(ordered[-1].rarest)}"


def _span(values: Sequence[str]) -> str:
    """Return numbers that ascend as their first and last."""
    ordered = sorted(values, key=float)
    return ordered[0] if ordered[0] == ordered[-1] else f"{ordered[0]} to {ordered[-1]}"
