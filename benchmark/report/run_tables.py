"""Rows of the report's tables that no other page has: choices of modes, arms of a variant, causes."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..diagnosis.interfaces import REPAIRS
from ..records.run_record import RunRecord
from ..scoring.panel_limits import scene_choices, unseen
from ..scoring.perturbation_effects import PerturbationEffect
from ..scoring.requests import requests
from ..scoring.review_record import EpisodeKey
from ..scoring.run_episodes import Run, clipping
from ..scoring.task_scores import TaskScore
from ..statistics.rates import Interval, mean_interval, rate
from .run_origin import demonstrated_shares

_WITHOUT_CAUSE = {
    "chance": "without any repair it succeeds in half of the re-runs with new noise, or more",
    "none found": "nothing that was tried saves it beyond doubt",
    "the policy broke down": "an error, a missed deadline or a wrong action; not run again",
    "not repeated": "run again without a repair it did not end as recorded",
}
"""What the words say that stand where no interface is the cause."""


@dataclass(frozen=True)
class ModeChoice:
    """How often the successes of a task took one of its modes."""

    task: str
    mode: str
    count: int
    successes: int
    """Of all modes."""
    share: Interval
    """Its share of the successes; without one the whole range is possible."""
    demonstrated: float
    """Its share in the demonstrations."""


@dataclass(frozen=True)
class CauseRow:
    """How often one cause was found."""

    cause: str
    meaning: str
    share: Interval
    """Of the diagnosed episodes."""
    count: int
    cells: dict[tuple[str, str], int]
    """Episodes by task and variant."""


Arms = tuple[Interval, Interval]
"""Success clean and in the variant, on the same seeds."""


def panel_limits(run: Run) -> dict[str, Any]:
    """Return what the page says below its table: what it cannot show, choices in a scene, clipped actions,
    what becomes of instructions.
    """
    found = {"unseen": unseen(run), "scene_choices": scene_choices(run), "clipped": clipping(run)}
    return found | {"requests": requests(run.cells)}


def mode_choices(cell: TaskScore, record: RunRecord) -> list[ModeChoice]:
    """Return a row for every mode of a task."""
    demonstrated = demonstrated_shares(cell.task, record.training)
    total = sum(cell.modes.values())
    return [
        ModeChoice(cell.task, mode, count, total, rate(count, total), float(shown))
        for (mode, count), shown in zip(cell.modes.items(), demonstrated, strict=True)
    ]


def arm_rates(effects: Sequence[PerturbationEffect]) -> dict[tuple[str, str, str], Arms]:
    """Return both arms of every effect by task, variant and scenes; task "" is the mean over the tasks."""
    found: dict[tuple[str, str, str], Arms] = {}
    groups: dict[tuple[str, str], list[Arms]] = {}
    for one in effects:
        clean, perturbed = (rate(round(share * one.pairs), one.pairs) for share in (one.clean, one.success))
        found[one.task, one.variant, one.scenes] = clean, perturbed
        groups.setdefault((one.variant, one.scenes), []).append((clean, perturbed))
    for (variant, scenes), arms in groups.items():
        clean, perturbed = (mean_interval(side) for side in zip(*arms, strict=True))
        found["", variant, scenes] = clean, perturbed
    return found


def cause_rows(causes: Mapping[EpisodeKey, str]) -> list[CauseRow]:
    """Return how often each cause was found, the most frequent first."""
    rows = []
    for cause, count in Counter(causes.values()).most_common():
        cells = Counter(key[:2] for key, found in causes.items() if found == cause)
        repaired: dict[str, str] = {name: f"repaired: {text}" for name, text in REPAIRS.items()}
        words = (repaired | _WITHOUT_CAUSE).get(cause, "saved by each of these, or by all of them together")
        rows.append(CauseRow(cause, words, rate(count, len(causes)), count, dict(cells)))
    return rows
