"""Signals over time as inline SVG, all with the same axis of time, so that one cursor serves them all."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from markupsafe import Markup

from ...envs.specs import CONTROL_HZ
from ...tasks.core.task import Task
from .signals import EpisodeSignals

WIDTH = 480
HEIGHT = 104
"""Of a plot [SVG units]."""
LEFT = 44
RIGHT = 8
TOP = 10
BOTTOM = 18
"""Margins around the axes [SVG units]."""
_MOST_TICKS = 7
Limits = tuple[float, float]


class Curve(NamedTuple):
    """A line of a plot."""

    name: str
    """What it is; empty if the plot's title says it."""
    steps: np.ndarray
    """Control steps, (N,)."""
    values: np.ndarray
    """(N,); nothing is drawn where it is not finite."""
    bars: bool = False
    """Whether every value is a bar of its own."""


class Plot(NamedTuple):
    """A plot of one quantity."""

    title: str
    unit: str
    """"" for none."""
    curves: tuple[Curve, ...]
    zone: Limits | None = None
    """A shaded stretch of values."""
    line: float | None = None
    """A value that is marked across, if the values come near it."""
    room: tuple[float, ...] = (0.0,)
    """Values that always have room."""

    def limits(self) -> Limits:
        """Return the least and the greatest value that have room."""
        parts = [curve.values[np.isfinite(curve.values)] for curve in self.curves]
        known = np.concatenate([np.array(self.room), *parts])
        low = float(known.min())
        return low, max(float(known.max()), low + 1e-9)


def plots(task: Task, signals: EpisodeSignals, n_action_steps: int) -> list[Plot]:
    """Return the plots of an episode: contact force, mixture coordinate, gripper, latency."""
    steps = np.arange(len(signals.alpha))
    budget = 1000 * n_action_steps / CONTROL_HZ
    zone = (task.dead_zone[0], task.dead_zone[1] if len(task.modes) == 2 else max(1.0, task.dead_zone[1]))
    forces = (Curve("forbidden", steps, signals.forbidden), Curve("table", steps, signals.table))
    alpha = np.clip(signals.alpha, -0.5, 1.5)
    called = f"{signals.calls.rows} episodes a call" if signals.calls.rows > 1 else ""
    calls = Curve(called, signals.calls.steps, signals.calls.latency_ms, bars=True)
    return [
        Plot("Contact force", "N", forces, room=(0.0, 1.0)),
        Plot("Mixture coordinate α", "", (Curve("", steps, alpha),), zone=zone, room=(0.0, 1.0)),
        Plot("Gripper opening", "mm", (Curve("", steps, 1000 * signals.opening),)),
        Plot("Decision latency", "ms", (calls,), line=budget),
    ]


def draw(plot: Plot, steps: int, limits: Limits) -> Markup:
    """Draw a plot over `steps` control steps within limits; its cursor is moved by the page."""
    scale = _Scale(steps, limits)
    zone = Markup("")
    if plot.zone:
        top, foot = (scale.y(value) for value in reversed(plot.zone))
        box = (LEFT, top, WIDTH - LEFT - RIGHT, foot - top)
        zone = Markup('<rect class="zone" x="{}" y="{:.1f}" width="{}" height="{:.1f}"/>').format(*box)
    line = Markup("")
    if plot.line is not None and plot.line <= limits[1]:
        line = Markup('<path class="budget" d="M{} {:.1f}H{}"/>').format(
            LEFT, scale.y(plot.line), WIDTH - RIGHT
        )
    curves = Markup("").join(
        Markup('<path class="curve c{}" d="{}"/>').format(number, scale.outline(curve))
        for number, curve in enumerate(plot.curves)
    )
    return Markup(
        '<svg class="signal" viewBox="0 0 {} {}" role="img" aria-label="{}">{}'
        '<path class="axis" d="M{} {}V{}H{}"/>{}{}{}<path class="cursor" d="M{} {}V{}"/></svg>'
    ).format(
        *(WIDTH, HEIGHT, _words(plot), zone),
        *(LEFT, TOP, HEIGHT - BOTTOM, WIDTH - RIGHT),
        *(_ticks(scale, steps, limits), line, curves, LEFT, TOP, HEIGHT - BOTTOM),
    )


def common_limits(plots: Sequence[Plot]) -> Limits:
    """Return limits for plots of one quantity that stand side by side."""
    lows, highs = zip(*(plot.limits() for plot in plots), strict=True)
    return min(lows), max(highs)


class _Scale(NamedTuple):
    steps: int
    limits: Limits

    def x(self, step: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * step / max(self.steps, 1)

    def y(self, value: float) -> float:
        low, high = self.limits
        share = min(max((value - low) / (high - low), 0.0), 1.0)
        return HEIGHT - BOTTOM - (HEIGHT - BOTTOM - TOP) * share

    def outline(self, curve: Curve) -> str:
        """Return the outline of a curve; it begins anew after what is not finite."""
        parts = []
        pen = False
        for step, value in zip(curve.steps, curve.values, strict=True):
            if not np.isfinite(value):
                pen = False
            elif curve.bars:
                parts.append(f"M{self.x(step):.1f} {HEIGHT - BOTTOM}V{self.y(value):.1f}")
            else:
                parts.append(f"{'L' if pen else 'M'}{self.x(step):.1f} {self.y(value):.1f}")
                pen = True
        return "".join(parts)


def _ticks(scale: _Scale, steps: int, limits: Limits) -> Markup:
    """Return the numbers at the axes: the limits, and whole seconds."""
    text = Markup('<text class="{}" x="{:.1f}" y="{:.1f}">{}</text>')
    numbers = [text.format("value", LEFT - 6, scale.y(value) + 4, _short(value)) for value in limits]
    length = steps / CONTROL_HZ
    every = next((gap for gap in (0.5, 1, 2, 5, 10) if length / gap <= _MOST_TICKS), 60)
    seconds = np.arange(0, length + 1e-9, every)
    numbers += [
        text.format("time", scale.x(second * CONTROL_HZ), HEIGHT - 4, f"{second:g} s") for second in seconds
    ]
    return Markup("").join(numbers)


def _short(value: float) -> str:
    """Return a number with three digits, larger ones whole."""
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _words(plot: Plot) -> str:
    """Say in words what a plot shows."""
    unit = f" {plot.unit}" if plot.unit else ""
    told = [plot.title]
    for curve in plot.curves:
        known = curve.values[np.isfinite(curve.values)]
        span = f"{known.min():.3g} to {known.max():.3g}{unit}" if len(known) else "never known"
        told.append(f"{curve.name} {span}".strip())
    return ", ".join(told)
