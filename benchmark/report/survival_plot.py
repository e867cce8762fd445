"""The picture of how soon a policy succeeds: the share of episodes that have succeeded, over time."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from markupsafe import Markup

from ...envs.perturbations.core.variant import CLEAN, Variant
from ...envs.specs import CONTROL_HZ
from ...tasks import load_task
from ..measures.cell_summary import Shown, mean
from ..number_text import bounds, percent
from ..scoring.run_episodes import Run
from ..statistics.rates import Interval, rate
from ..statistics.survival import SuccessCurve, success_curve
from .measures_table import shown_value

# Of the picture [pixels].
_WIDTH = 480
_LEFT = 42
_RIGHT = 10
_TOP = 10
_FLOOR = 176
_MEAN = Shown("", "", "", "s")


class TimePlot(NamedTuple):
    """The picture of one task, and what it says in numbers."""

    task: str
    picture: Markup
    successes: int
    share: Interval
    """Clean successes by the horizon."""
    horizon_s: float
    """The time that an episode may take [s]."""
    mean_s: str
    """Restricted mean time to success with its interval: a failure counts as the whole time."""
    half_s: float | None
    """When half of all clean episodes had succeeded [s]; None for never."""


class _Line(NamedTuple):
    """The curve of one variant."""

    name: str
    curve: SuccessCurve
    n: int
    horizon: float


def time_plots(run: Run) -> list[TimePlot]:
    """Return the picture of every task that ran clean, its variants as thin lines."""
    return [_plot(run, task) for task, variant in run.cells if variant == CLEAN]


def _plot(run: Run, task: str) -> TimePlot:
    lines = [_line(run, *cell) for cell in run.cells if cell[0] == task]
    clean = next(line for line in lines if line.name == CLEAN)
    episodes = run.cells[task, CLEAN]
    successes = int(episodes.succeeded.sum())
    times = np.where(episodes.succeeded, episodes.steps / CONTROL_HZ, clean.horizon)
    reached = clean.curve.times[clean.curve.share >= 0.5]
    return TimePlot(
        task,
        _drawn(clean, [line for line in lines if line is not clean]),
        successes,
        rate(successes, clean.n),
        clean.horizon,
        f"{shown_value(_MEAN, mean(times))} s",
        float(reached[0]) if len(reached) else None,
    )


def _line(run: Run, task: str, variant: str) -> _Line:
    cell = run.cells[task, variant]
    curve = success_curve(cell.steps[cell.succeeded] / CONTROL_HZ, len(cell.seeds))
    horizon = Variant(variant).episode_steps(load_task(task).max_episode_steps) / CONTROL_HZ
    return _Line(variant, curve, len(cell.seeds), horizon)


def _drawn(clean: _Line, others: Sequence[_Line]) -> Markup:
    """Draw the clean curve with its band, and the other variants' as thin lines with their names."""
    end = max(line.horizon for line in (clean, *others))
    at = [line.curve.share[-1] if len(line.curve.share) else 0.0 for line in (clean, *others)]
    final = rate(round(at[0] * clean.n), clean.n)
    words = (
        f"clean: {percent(final.estimate, 1)} % {bounds(final)} of {clean.n} succeed by {clean.horizon:g} s"
    )
    lower = _points(clean.curve.times, clean.curve.low, clean, end, 0.0)
    upper = _points(clean.curve.times, clean.curve.high, clean, end, rate(0, clean.n).high)
    thin = Markup("").join(
        Markup('<path class="thin" d="M{}"><title>{}: {} of {}</title></path>').format(
            _points(line.curve.times, line.curve.share, line, end), line.name, round(share * line.n), line.n
        )
        for line, share in zip(others, at[1:], strict=True)
    )
    return Markup(
        '<svg class="survival" viewBox="0 0 {} 200" role="img" aria-label="{}">{}'
        '<path class="band" d="M{}L{}Z"/>{}<path class="curve" d="M{}"><title>{}</title></path></svg>'
    ).format(
        *(_WIDTH, words, _axes(end), lower, "L".join(reversed(upper.split("L"))), thin),
        *(_points(clean.curve.times, clean.curve.share, clean, end), words),
    )


def _points(times: np.ndarray, values: np.ndarray, line: _Line, end: float, begin: float = 0.0) -> str:
    """Return the corners of a staircase from `begin` at 0 s to the horizon, as `x yLx y`."""
    corners = [(0.0, begin)]
    for time, value in zip(times.tolist(), values.tolist(), strict=True):
        corners += [(time, corners[-1][1]), (time, value)]
    corners.append((max(line.horizon, corners[-1][0]), corners[-1][1]))
    return "L".join(f"{_x(time, end):.1f} {_y(value):.1f}" for time, value in corners)


def _x(time: float, end: float) -> float:
    return _LEFT + (_WIDTH - _LEFT - _RIGHT) * time / end


def _y(share: float) -> float:
    return _FLOOR - (_FLOOR - _TOP) * share


def _axes(end: float) -> Markup:
    """Return the axes: whole seconds, and quarters of the episodes."""
    every = next((gap for gap in (0.5, 1, 2, 5, 10) if end / gap <= 8), 60)
    level = Markup('<path class="grid" d="M{} {:.1f}H{}"/><text class="level" x="{}" y="{:.1f}">{}{}</text>')
    second = Markup('<text class="second" x="{:.1f}" y="{}">{:g} s</text>')
    levels = []
    for quarter in range(5):
        y = _y(quarter / 4)
        unit = " %" if quarter == 4 else ""
        levels.append(level.format(_LEFT, y, _WIDTH - _RIGHT, _LEFT - 7, y + 4, 25 * quarter, unit))
    seconds = [second.format(_x(time, end), _FLOOR + 18, time) for time in np.arange(0, end + 1e-9, every)]
    return Markup("").join([*levels, *seconds])
