"""`bimodal results --vision`: measures, shows and writes the scores in docs/vision.md; see results.py."""

from collections.abc import Mapping
from pathlib import Path

from rich.table import Table

from ..benchmark.number_text import short_name, success_and_rarest
from ..benchmark.provenance import cores, versions
from ..benchmark.report.pages.markdown import markdown_section, write_section
from ..benchmark.rich_table import number_table
from ..benchmark.studies.vision import (
    EPISODES,
    METHODS,
    VisionScore,
    measure_vision,
    weights_digest,
)
from .console import console, progress_bar

Scores = Mapping[str, Mapping[str, VisionScore]]
"""By task and policy."""


def study_vision(page: Path | None, fresh: bool, workers: int | None) -> int:
    """Measure the vision policies, show them and write their part of the page."""
    processes = cores() if workers is None else workers
    with progress_bar("vision", "cells") as update:
        found = measure_vision(
            workers=processes, fresh=fresh, progress=lambda text, n, total: update(n, total, text)
        )
    console.print(vision_table(found))
    if page:
        write_section(page, "vision-scores", vision_section(found))
    return 0


def vision_header(scores: Scores) -> tuple[str, ...]:
    """Return the names of the columns."""
    return "policy", *map(short_name, scores)


def vision_rows(scores: Scores) -> list[tuple[str, ...]]:
    """Return a row for each policy: success and rarest mode, task by task."""
    return [(name, *(_shown(cells.get(name)) for cells in scores.values())) for name in METHODS]


def pose_rows(scores: Scores) -> list[tuple[str, ...]]:
    """Return a row for each policy that was told poses in training: how far off it sees objects [mm]."""
    rows = []
    for name in METHODS:
        errors = [cells[name].pose_error if name in cells else None for cells in scores.values()]
        if any(error is not None for error in errors):
            rows.append((name, *("–" if error is None else f"{1000 * error:.1f}" for error in errors)))
    return rows


def vision_table(scores: Scores) -> Table:
    """Return the table for the terminal."""
    return number_table("Success [%], rarest mode [%]", vision_header(scores), vision_rows(scores))


def vision_section(scores: Scores) -> str:
    """Return what docs/vision.md says of the scores."""
    weights = {short_name(task): weights_digest(task) for task in scores}
    digests = [f"{task} {_digests(files)}" for task, files in weights.items() if files]
    return markdown_section(
        "vision_scores",
        episodes=EPISODES,
        header=vision_header(scores),
        scores=vision_rows(scores),
        poses=pose_rows(scores),
        digests="; ".join(digests),
        versions=", ".join(f"{name} {version}" for name, version in versions().items()),
    )


def _digests(weights: Mapping[str, str]) -> str:
    return ", ".join(f"{name} `{digest}`" for name, digest in weights.items())


def _shown(cell: VisionScore | None) -> str:
    return "–" if cell is None else success_and_rarest(cell.success, cell.n, cell.rarest)
