"""The report of a run: one page that opens from disk and loads nothing but the videos beside it."""

import math
from functools import partial
from itertools import combinations
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from markupsafe import Markup

from ...envs.perturbations.core.variant import CLEAN
from ...envs.specs import CONTROL_HZ
from ...envs.storage.atomic_write import write_text
from ...tasks import Task, load_task
from ...tasks.core.outcomes import OUTCOMES
from ..measures.cell_summary import SHOWN, summarise
from ..measures.unsafe_events import KINDS
from ..records.checksums import add_to_seal
from ..records.contract_card import read_card
from ..scoring.perturbation_effects import mean_effects, measure_effects
from ..scoring.run_episodes import Run, mode_names, read_run
from ..scoring.task_scores import score_run, score_suite
from ..suites import ladder
from .episode_rows import (
    FILES,
    Additions,
    Rows,
    as_records,
    episode_rows,
    episodes_link,
    page_data,
    read_additions,
    write_rows,
)
from .html_page import render
from .measures_table import heading, shown_value
from .mixture_plot import Act, mixture_plot
from .run_origin import card_rows, ending, facts, reproduce
from .run_tables import arm_rates, cause_rows, mode_choices, panel_limits
from .survival_plot import time_plots

NAME = "report.html"
"""The page's name in a run's folder."""


class Plot(NamedTuple):
    """The picture of where the hand acted in one task."""

    task: str
    variant: str
    picture: Markup
    episodes: int
    unseen: int
    """Episodes without a mark, because the hand never acted."""


def write_report(run_dir: Path | str) -> Path:
    """Write `report.html` into a run folder, the episodes as CSV and JSON beside it; returns the page's path.

    Raises:
        BimodalError: not a finished run.
    """
    run = read_run(run_dir)
    return write_pages(run, run.folder)


def renew_report(folder: Path) -> None:
    """Write a finished run's report anew if it has one; called after something was added to the run."""
    if (folder / NAME).is_file():
        write_report(folder)
        add_to_seal(folder, (NAME, *FILES))


def write_pages(run: Run, folder: Path) -> Path:
    """Write a run's report and its episodes into any folder; called for the copies in a site, too."""
    added = read_additions(run)
    rows = episode_rows(run, added)
    write_rows(rows, folder)
    path = folder / NAME
    write_text(path, _page(run, added, rows))
    return path


def _page(run: Run, added: Additions, rows: Rows) -> str:
    cells = [cell for cell in score_run(run) if cell.variant == CLEAN]
    shifts = measure_effects(run.cells)
    record = run.record
    return render(
        Path(__file__).parent / "run_report.html",
        policy=record.policy,
        suite=record.suite,
        created=record.created[:10],
        total=score_suite(cells),
        cells=cells,
        link=episodes_link,
        succeeded=sum(cell.successes for cell in cells),
        episodes=sum(cell.episodes for cell in cells),
        averaged=sum(cell.averaging_failures for cell in cells),
        plots=plots(run, linked=True),
        choices=[one for cell in cells for one in mode_choices(cell, record)],
        shifts=shifts,
        overall=mean_effects(shifts),
        arms=arm_rates(shifts),
        ladder={variant: meaning(variant) for variant in record.suite.variants if variant != CLEAN},
        times=time_plots(run),
        latency=record.latency_ms,
        budget_ms=1000 * record.policy.execute / CONTROL_HZ,
        causes=cause_rows(added.causes),
        diagnosed=len(added.causes),
        measured=summarise(run, added.measured),
        measures=SHOWN,
        unsafe_kinds=("any", *KINDS),
        measure_words={one.title: one.meaning for one in SHOWN},
        heading=heading,
        shown_value=shown_value,
        clips=added.films,
        refused=added.refused,
        reviewed=[row for row in as_records(rows) if row["tag"] or row["note"]],
        data=page_data(rows),
        **panel_limits(run),
        **_origin(run),
        verdicts={name: OUTCOMES[name].meaning for name in OUTCOMES if any(name in c.labels for c in cells)},
    )


def _origin(run: Run) -> dict[str, Any]:
    """Return what the page says of where the run comes from."""
    return {
        "command": reproduce(run.record),
        "facts": facts(run.record) | ending(run),
        "card": card_rows(read_card(run.folder)),
        "version": run.record.versions.get("bimodal", ""),
    }


def plots(run: Run, linked: bool = False) -> list[Plot]:
    """Return the picture of every clean cell, in the suite's order; `linked` marks lead to their episodes."""
    drawn = []
    for (task, variant), cell in run.cells.items():
        if variant != CLEAN:
            continue
        found = load_task(task)
        columns = zip(cell.seeds, cell.labels, mode_names(task, cell.modes), cell.alphas, strict=True)
        acts = [Act(*row) for row in columns]
        unseen = sum(not math.isfinite(act.alpha) for act in acts)
        link = partial(episodes_link, task=task, variant=CLEAN) if linked else None
        picture = mixture_plot(acts, found.modes, certified_zone(found), link)
        drawn.append(Plot(task, variant, picture, len(acts), unseen))
    return drawn


def certified_zone(task: Task) -> tuple[float, float]:
    """Return the stretch of alpha in which the certificate tried every grasp.

    It tries mixtures of two modes, and the average of all: with more than two modes what lies farther from
    the nearest than these was never tried.
    """
    low, high = task.dead_zone
    if len(task.modes) == 2:
        return low, high
    middles = [task.grasps[list(pair)].mean(0) for pair in combinations(range(len(task.modes)), 2)]
    return low, float(task.mixture(np.array([*middles, task.grasps.mean(0)])).max())


def meaning(variant: str) -> str:
    """Return a variant's magnitude in words: `0.5 x`; those of several perturbations with their names."""
    parts = [(name, f"{magnitude:g} {unit}") for name, _, magnitude, unit in ladder(variant)]
    return parts[0][1] if len(parts) == 1 else "; ".join(f"{name} {what}" for name, what in parts)
