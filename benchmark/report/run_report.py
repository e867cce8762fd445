"""The report of a run: one page that opens from disk and loads nothing but the videos beside it."""

import json
import math
import shlex
from collections.abc import Mapping
from itertools import combinations
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from markupsafe import Markup

from ...envs.errors import WrongUse
from ...envs.perturbations.core.variant import CLEAN
from ...envs.storage.atomic_write import write_text
from ...tasks import Task, load_task
from ...tasks.core.outcomes import OUTCOMES
from ..measures.cell_summary import SHOWN, summarise
from ..measures.measures_file import stored_measures
from ..records.contract_card import read_card, title
from ..records.run_record import RunRecord
from ..scoring.perturbation_effects import mean_effects, measure_effects
from ..scoring.review_record import ReviewedEpisode, read_review
from ..scoring.run_episodes import Run, mode_names, read_run
from ..scoring.task_scores import score_run, score_suite
from ..suites import ladder
from .html_page import render
from .measures_table import heading, shown_value
from .mixture_plot import Act, mixture_plot
from .video_gallery import clips


class Plot(NamedTuple):
    """The picture of where the hand acted in one task."""

    task: str
    variant: str
    picture: Markup
    episodes: int
    unseen: int
    """Episodes without a mark, because the hand never acted."""


class CardRow(NamedTuple):
    """A field of the contract card."""

    title: str
    known: str
    """What the records say, "" for nothing."""
    stated: str
    """What the submitter says, "" for nothing."""


class ReviewedRow(NamedTuple):
    """An episode of which a reviewer said something."""

    said: ReviewedEpisode
    label: str
    """How it ended."""


def write_report(run_dir: Path | str) -> Path:
    """Write `report.html` into a run folder and return its path.

    Raises:
        BimodalError: not a finished run.
    """
    run = read_run(run_dir)
    path = run.folder / "report.html"
    write_text(path, report_page(run))
    return path


def report_page(run: Run) -> str:
    """Return the page of a run; its videos are expected in `videos/` beside it."""
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
        episodes=sum(cell.episodes for cell in cells),
        averaged=sum(cell.averaging_failures for cell in cells),
        plots=plots(run),
        shifts=shifts,
        overall=mean_effects(shifts),
        ladder={variant: meaning(variant) for variant in record.suite.variants if variant != CLEAN},
        measured=summarise(run, stored_measures(run) or {}),
        measures=SHOWN,
        measure_words={one.title: one.meaning for one in SHOWN},
        heading=heading,
        shown_value=shown_value,
        clips=clips(run),
        reviewed=_reviewed(run),
        command=reproduce(record),
        facts=facts(record),
        card=card_rows(run.folder),
        verdicts={name: OUTCOMES[name].meaning for name in OUTCOMES if any(name in c.labels for c in cells)},
        version=record.versions.get("bimodal", ""),
    )


def plots(run: Run) -> list[Plot]:
    """Return the picture of every clean cell, in the suite's order."""
    drawn = []
    for (task, variant), cell in run.cells.items():
        if variant != CLEAN:
            continue
        found = load_task(task)
        columns = zip(cell.seeds, cell.labels, mode_names(task, cell.modes), cell.alphas, strict=True)
        acts = [Act(*row) for row in columns]
        unseen = sum(not math.isfinite(act.alpha) for act in acts)
        picture = mixture_plot(acts, found.modes, certified_zone(found))
        drawn.append(Plot(task, variant, picture, len(acts), unseen))
    return drawn


def _reviewed(run: Run) -> list[ReviewedRow] | str:
    """Return what a reviewer said, in the suite's order; why not, if the review is not this run's."""
    try:
        said = {one.key: one for one in read_review(run).episodes}
    except WrongUse as error:
        return str(error)
    return [
        ReviewedRow(said[task, variant, seed], str(label))
        for (task, variant), cell in run.cells.items()
        for seed, label in zip(cell.seeds.tolist(), cell.labels, strict=True)
        if (task, variant, seed) in said
    ]


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


def reproduce(record: RunRecord) -> str:
    """Return the command that runs the same policy on the same suite again."""
    suite = record.suite
    words = ["bimodal", "evaluate", record.policy.uri, "--suite", suite.name.rstrip("*")]
    if suite.name.endswith("*"):
        words += [word for task in suite.tasks for word in ("--task", task)]
        words += ["--seeds", f"{suite.seeds.start}..{suite.seeds.start + suite.seeds.count - 1}"]
        words += [word for variant in suite.variants for word in ("--variant", variant)]
    if checkpoints := record.options.checkpoints:
        words += ["--checkpoints", checkpoints]
    return shlex.join(words)


def facts(record: RunRecord) -> dict[str, str]:
    """Return what a reader wants to know of a run's origin, in words."""
    policy = record.policy
    learned = policy.parameters
    return {
        "Policy": f"{policy.uri} ({policy.class_})",
        "Parameters": f"{learned:,}" if learned else "none learned",
        "Reads": ", ".join(policy.observations) or "every component of the track",
        "Emits": f"{policy.action}, {policy.execute} actions a decision",
        "Training": _lines(record.training),
        "Files": "\n".join(f"{name} {digest[:12]}…" for name, digest in policy.artifacts.items()) or "none",
        "Suite": f"{record.suite.name} {record.suite.version}, {record.suite.hash}",
        "Versions": _lines(record.versions),
        "Machine": _lines(record.machine.plain()),
        "Options": _lines(record.options.plain()),
        "Made": f"{record.created} in {record.wall_s:.0f} s",
    }


def card_rows(folder: Path) -> list[CardRow]:
    """Return the rows of a run's contract card, none for a run from before there were cards."""
    card = read_card(folder)
    if card is None:
        return []
    stated = card.stated.plain()
    return [CardRow(title(name), known, stated[name]) for name, known in card.known.plain().items()]


def _lines(values: Mapping[str, Any] | None) -> str:
    """Return one line a name if a value has names of its own, else all in one line."""
    if not values:
        return "none"
    if any(isinstance(value, Mapping) for value in values.values()):
        return "\n".join(f"{name}: {_words(value, 2)}" for name, value in values.items())
    return _words(values, 1)


def _words(value: object, depth: int) -> str:
    """Return a value of `run.json` in words; what lies deeper than `depth` is left out."""
    if isinstance(value, Mapping | list) and not depth:
        return "…"
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_inner(part, depth)}" for name, part in value.items())
    if isinstance(value, list):
        return ", ".join(_inner(part, depth) for part in value)
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, str):
        return value[:12] + "…" if len(value) == 64 else value
    return json.dumps(value)


def _inner(part: object, depth: int) -> str:
    text = _words(part, depth - 1)
    return f"({text})" if isinstance(part, Mapping | list) else text
