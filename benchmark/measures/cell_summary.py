"""From the measures of episodes to those of a task in a variant: a rate or a mean, with its interval."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy.special import stdtrit

from ...envs.perturbations.core.variant import CLEAN
from ...envs.specs import CONTROL_HZ
from ..scoring.panel_limits import SceneChoice, scene_choices
from ..scoring.run_episodes import Run
from ..statistics.over_tasks import Value
from ..statistics.rates import LEVEL, Interval, clopper_pearson
from .episode_measures import EpisodeMeasures
from .measures_file import Cell, Measured
from .progress import MILESTONES
from .unsafe_events import FORCE_LIMIT


class Shown(NamedTuple):
    """A measure as it is shown of a cell: a share of the episodes, or the mean of those with an answer."""

    name: str
    """Field of `EpisodeMeasures`; of a count the share of episodes with any."""
    title: str
    """Heading."""
    meaning: str
    """What it says, in a sentence."""
    unit: str = "%"
    """`%` for a share, else the unit of the mean; "" for a pure number."""


SHOWN = (
    Shown("success", "success", "The goal was held."),
    Shown("success_ever", "ever", "The goal was reached at any step."),
    Shown("success_final", "at end", "The goal was reached at the last step."),
    Shown("progress", "progress", f"Share of the milestones passed: {', '.join(MILESTONES)}.", ""),
    Shown("committed", "commits", "A mode was realised, whether or not it then succeeded."),
    Shown("averaging", "averages", "It failed between two modes."),
    Shown("switches", "switches", "The hand went over from one mode's side to another's."),
    Shown("time_to_commit_s", "commits after", "When the hand came to the side that it did not leave.", "s"),
    Shown("time_to_success_s", "at goal after", "When successes first reached the goal.", "s"),
    Shown("unsafe", "unsafe", "Any of the unsafe events that follow."),
    Shown("unsafe_recovered", "went on", "An unsafe event after which the episode went on."),
    Shown("unsafe_success", "and succeeded", "An unsafe event in an episode that succeeded."),
    Shown("force_events", "force", f"The net contact force on an arm was above {FORCE_LIMIT:g} N."),
    Shown("table_events", "table", "A robot pressed on the table."),
    Shown("itself_events", "itself", "A hand reached into its own forearm, or one arm into the other."),
    Shown("joint_events", "joint limit", "An arm joint was at its limit."),
    Shown("drop_events", "drop", "What was held fell."),
    Shown("workspace_events", "workspace", "The tool left the workspace of the safety filter."),
    Shown("peak_force_n", "peak force", "Largest net contact force on an arm.", "N"),
    Shown("sparc", "SPARC", "Spectral arc length of the tool's speed: the nearer to 0, the smoother.", ""),
    Shown("jerk", "jerk", "Mean squared jerk of the tool.", "m²/s⁶"),
    Shown("energy_j", "energy", "Work of the motors, either way.", "J"),
    Shown("interventions", "filtered", "Decisions that the safety filter changed.", "decisions"),
    Shown(
        "budget",
        "p99 of budget",
        "Time of all but the slowest 1 % of decisions for one episode, of that which their actions last.",
    ),
)
"""What is shown of a cell, in this order."""


@dataclass(frozen=True)
class CellSummary:
    """What was measured of one task in one variant."""

    task: str
    """Task id."""
    variant: str
    """Variant; `clean` for none."""
    episodes: int
    """Episodes."""
    values: Mapping[str, Value]
    """Each of `SHOWN` by name; None where no episode has an answer."""
    counted: Mapping[str, int]
    """Episodes that have an answer, by name."""
    choice: SceneChoice | None = None
    """Which modes are taken in one and the same scene; None where no scene is repeated."""

    def plain(self) -> dict:
        """Return it as plain data for programs; a number without an interval has null for its ends."""
        cell = {name: getattr(self, name) for name in ("task", "variant", "episodes")}
        if self.choice:
            within = self.choice.within
            cell["scene_choice"] = {**self.choice._asdict(), "within": within and within._asdict()}
        measures = {}
        for name, value in self.values.items():
            ends = (value.low, value.high) if isinstance(value, Interval) else (None, None)
            number = value.estimate if isinstance(value, Interval) else value
            measures[name] = {"estimate": number, "low": ends[0], "high": ends[1], "n": self.counted[name]}
        return {**cell, "measures": measures}


def summarise(run: Run, cells: Measured) -> list[CellSummary]:
    """Return what was measured of every task and variant of a run, in the suite's order."""
    choices = {(row.task, CLEAN): row for row in scene_choices(run)}
    return [_summary(run, cell, measures, choices.get(cell)) for cell, measures in cells.items()]


def _summary(
    run: Run, cell: Cell, measures: EpisodeMeasures, choice: SceneChoice | None = None
) -> CellSummary:
    values: dict[str, Value] = {}
    counted: dict[str, int] = {}
    for shown in SHOWN:
        if shown.name == "budget":
            values["budget"] = _budget(run, cell[0])
            counted["budget"] = len(measures.seed)
            continue
        found = getattr(measures, shown.name)
        if shown.unit == "%":
            values[shown.name] = rate(found > 0)
            counted[shown.name] = len(found)
        else:
            known = found[np.isfinite(found) & ((shown.name != "interventions") | (found >= 0))]
            values[shown.name] = mean(known)
            counted[shown.name] = len(known)
    return CellSummary(*cell, len(measures.seed), values, counted, choice)


def rate(hits: np.ndarray) -> Value:
    """Return the share of hits (N,) bool with the exact interval; None of nothing."""
    count = int(hits.sum())
    return Interval(count / len(hits), *clopper_pearson(count, len(hits))) if len(hits) else None


def mean(values: np.ndarray) -> Value:
    """Return the mean of values (N,) with Student's interval; None of no value.

    mean +- t s / sqrt(N) with t the quantile at N - 1 degrees of freedom, and not below 0 where no value is.
    A single value, or equal ones, say nothing of how others scatter: their mean comes without an interval.
    """
    if not len(values):
        return None
    middle = float(values.mean())
    if len(values) == 1 or values.min() == values.max():
        return middle
    quantile = float(stdtrit(len(values) - 1, (1 + LEVEL) / 2))
    half = quantile * float(values.std(ddof=1)) / float(np.sqrt(len(values)))
    low = middle - half
    return Interval(middle, max(low, 0.0) if (values >= 0).all() else low, middle + half)


def _budget(run: Run, task: str) -> float | None:
    """Return the 99th percentile of single-episode decisions over the time that a decision's actions last."""
    timed = run.record.latency_ms.get(task)
    if timed is None:
        return None
    return timed.p99 * CONTROL_HZ / (1000 * run.record.policy.execute)
