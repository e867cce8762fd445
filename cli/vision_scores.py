"""`bimodal results --vision`: measures, shows and writes the tables in docs/vision.md; see results.py."""

from collections.abc import Callable, Mapping
from pathlib import Path

from rich.table import Table

from ..benchmark.number_text import percent, short_name, success_and_rarest
from ..benchmark.provenance import cores, versions
from ..benchmark.report.pages.markdown import markdown_section, write_section
from ..benchmark.rich_table import number_table
from ..benchmark.scoring.feasible_cells import FLOORS
from ..benchmark.studies.in_view import COLOURING, MOVING, PIXELS, SHARE, InView, measure_in_view
from ..benchmark.studies.in_view import EPISODES as EPISODES_SEEN
from ..benchmark.studies.vision import (
    CHECKPOINTS,
    EPISODES,
    METHODS,
    VisionScore,
    measure_vision,
    weights_digest,
)
from ..envs.perturbations.core.variant import CLEAN
from .console import console, progress_bar

Scores = Mapping[str, Mapping[str, VisionScore]]
"""By task and policy."""
Seen = Mapping[str, Mapping[str, InView]]
"""By task and variant."""


def study_vision(page: Path | None, fresh: bool, workers: int | None) -> int:
    """Measure the vision policies and what cameras see, show both and write their parts of the page."""
    processes = cores() if workers is None else workers
    with progress_bar("vision", "cells") as update:
        found = measure_vision(
            workers=processes, fresh=fresh, progress=lambda text, n, total: update(n, total, text)
        )
    with progress_bar("in view", "cells") as update:
        seen = measure_in_view(
            workers=processes, fresh=fresh, progress=lambda text, n, total: update(n, total, text)
        )
    console.print(vision_table(found))
    console.print(number_table("Objects in view [%]", in_view_header(), in_view_rows(seen, str)))
    if page:
        write_section(page, "vision-scores", vision_section(found))
        write_section(page, "in-view", in_view_section(seen))
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
    weights = {short_name(task): weights_digest(task) | weights_digest(task, CHECKPOINTS) for task in scores}
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


def in_view_header() -> tuple[str, ...]:
    """Return the names of the columns of what cameras see."""
    return "task", CLEAN, *MOVING


def in_view_rows(seen: Seen, low: Callable[[str], str]) -> list[tuple[str, ...]]:
    """Return a row for each task: clean, and the levels of what moves something; `low` marks figures."""
    return [
        (
            task,
            _view(cells.get(CLEAN), 1, low),
            *(
                " ".join(_view(cells.get(f"{name}:{level}"), level, low) for level in FLOORS)
                for name in MOVING
            ),
        )
        for task, cells in seen.items()
    ]


def in_view_section(seen: Seen) -> str:
    """Return what docs/vision.md says of what cameras see."""
    return markdown_section(
        "in_view",
        episodes=EPISODES_SEEN,
        pixels=PIXELS,
        share=percent(SHARE),
        floors=", ".join(f"{percent(floor)}" for floor in FLOORS.values()),
        header=in_view_header(),
        rows=in_view_rows(seen, "**{}**".format),
        colouring=[f"`{name}`" for name in COLOURING],
    )


def _view(cell: InView | None, level: int, low: Callable[[str], str]) -> str:
    if cell is None:
        return "–"
    text = f"{percent(cell.all_seen)} ({percent(cell.least)})"
    return text if cell.all_seen >= FLOORS[level] else low(text)


def _digests(weights: Mapping[str, str]) -> str:
    return ", ".join(f"{name} `{digest}`" for name, digest in weights.items())


def _shown(cell: VisionScore | None) -> str:
    return "–" if cell is None else success_and_rarest(cell.success, cell.n, cell.rarest)
