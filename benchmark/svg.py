"""Small pictures for the pages, as inline SVG that takes its colours from `style.css`.

Every picture says in words (`aria-label`) what it shows, and never uses colour alone: verdicts differ in
their mark, modes in their place.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from markupsafe import Markup, escape

from .labels import GROUPS, group
from .metrics import Interval

MARKS = {
    "success": "M-2.6 0a2.6 2.6 0 1 0 5.2 0a2.6 2.6 0 1 0 -5.2 0Z",
    "average": "M0 -3.6L3.6 0L0 3.6L-3.6 0Z",
    "miss": "M-3.2 2.6L0 -3.5L3.2 2.6Z",
    "idle": "M-2.4 -2.4H2.4V2.4H-2.4Z",
    "fault": "M-2.9 -2.9L2.9 2.9M2.9 -2.9L-2.9 2.9",
}
"""Outline of each group's mark around (0, 0)."""

_WIDTH, _TOP, _FLOOR = 480, 44, 172
_LOW, _HIGH = -0.32, 1.32


class Act(NamedTuple):
    """Where one episode's hand acted."""

    seed: int
    label: str
    mode: str | None
    alpha: float
    """Mixture coordinate; NaN when the hand never acted."""


def percent(value: float | None, digits: int = 0) -> str:
    """Return a share as per cent, a dash for None; never `100` or `0` for what only rounds to it."""
    if value is None:
        return "–"
    text = f"{100 * value:.{digits}f}"
    if value < 1 and float(text) == 100:
        text = f"{100 - 10.0 ** -max(digits, 1):.{max(digits, 1)}f}"
    if value > 0 and float(text) == 0:
        text = f"{10.0 ** -max(digits, 1):.{max(digits, 1)}f}"
    return text


def mark(name: str) -> Markup:
    """Return a group's mark as a picture of its own, for legends."""
    return Markup(
        '<svg class="mark" viewBox="-5 -5 10 10" aria-hidden="true"><path class="act {}" d="{}"/></svg>'
    ).format(name, MARKS[name])


def interval_bar(value: Interval) -> Markup:
    """Draw an estimate on a track from 0 to 1, with its interval as a whisker."""
    x, low, high = (100 * min(max(part, 0.0), 1.0) for part in value)
    return Markup(
        '<svg class="interval" viewBox="-2 0 104 12" preserveAspectRatio="none" role="img" aria-label="{}">'
        '<rect class="track" x="0" y="4" width="100" height="4"/>'
        '<rect class="fill" x="0" y="4" width="{:.1f}" height="4"/>'
        '<path class="whisker" d="M{:.1f} 6H{:.1f}M{:.1f} 2.5V9.5M{:.1f} 2.5V9.5"/>'
        '<path class="estimate" d="M{:.1f} 1V11"/></svg>'
    ).format(
        f"{percent(value.estimate, 1)} %, interval {percent(value.low, 1)} to {percent(value.high, 1)} %",
        *(x, low, high, low, high, x),
    )


def plain_bar(value: float) -> Markup:
    """Draw a share on a track from 0 to 1."""
    return Markup(
        '<svg class="interval" viewBox="-2 0 104 12" preserveAspectRatio="none" aria-hidden="true">'
        '<rect class="track" x="0" y="4" width="100" height="4"/>'
        '<rect class="fill full" x="0" y="4" width="{:.1f}" height="4"/></svg>'
    ).format(100 * min(max(value, 0.0), 1.0))


def share_bar(counts: Mapping[str, int]) -> Markup:
    """Draw how often each mode was used among successes, in the task's order."""
    total = sum(counts.values())
    words = ", ".join(f"{name} {n}" for name, n in counts.items()) if total else "no success, so no modes"
    classes = [f"mode{i % 4}" for i in range(len(counts))]
    return _stack("shares", dict(zip(classes, counts.values(), strict=True)), words)


def label_bar(labels: Mapping[str, int]) -> Markup:
    """Draw how the episodes ended, one stretch a label, coloured by its group."""
    words = ", ".join(f"{label} {n}" for label, n in labels.items())
    return _stack("labels", [(group(label), n) for label, n in labels.items()], words)


def _stack(kind: str, parts: Mapping[str, int] | Sequence[tuple[str, int]], words: str) -> Markup:
    pairs = list(parts.items()) if isinstance(parts, Mapping) else list(parts)
    total, at, drawn = max(sum(n for _, n in pairs), 1), 0.0, []
    for name, n in pairs:
        width = 100 * n / total
        if n:
            drawn.append(
                Markup('<rect class="part {}" x="{:.2f}" y="0" width="{:.2f}" height="10"/>').format(
                    name, at, max(width - 0.8, 0.4)
                )
            )
        at += width
    return Markup(
        '<svg class="{}" viewBox="0 0 100 10" preserveAspectRatio="none" role="img" aria-label="{}">'
        '<rect class="track" x="0" y="0" width="100" height="10"/>{}</svg>'
    ).format(kind, words, Markup("").join(drawn))


def mixture_plot(acts: Sequence[Act], modes: Sequence[str], dead_zone: tuple[float, float]) -> Markup:
    """Draw where the hand acted in every episode, on the line between two modes.

    Each mark is an episode; the cloud is as tall as the episodes are dense. Under it lies the world as the
    task means it: a grasp at either end, and in the middle what must not be touched.

    Args:
        acts: the episodes; those without alpha are left out.
        modes: names of the first (alpha 0) and the second mode (alpha 1).
        dead_zone: the certified dead zone of alpha.
    """
    seen = sorted((act for act in acts if np.isfinite(act.alpha)), key=lambda act: act.alpha)
    alphas = np.clip([act.alpha for act in seen], _LOW, _HIGH)
    heights = _cloud(alphas)
    order = sorted(range(len(seen)), key=lambda i: list(GROUPS).index(group(seen[i].label)))
    marks = [_mark(seen[i], _x(alphas[i]), heights[i]) for i in order]
    counts = _counts(acts, modes)
    words = f"{counts[0]} succeeded by {modes[0]}, {counts[1]} averaged, {counts[2]} succeeded by {modes[1]}"
    return Markup('<svg class="mixture" viewBox="0 0 {} 234" role="img" aria-label="{}">{}{}{}</svg>').format(
        _WIDTH, words, _ground(modes, dead_zone), _headings(counts), Markup("").join(marks)
    )


def _x(alpha: float) -> float:
    return 8 + (alpha - _LOW) / (_HIGH - _LOW) * (_WIDTH - 16)


def _cloud(alphas: np.ndarray) -> np.ndarray:
    """Spread sorted marks evenly over the local density, so that none hides another: (N,) pixels."""
    if not len(alphas):
        return alphas
    density = np.exp(-0.5 * ((alphas[:, None] - alphas) / 0.03) ** 2).sum(1)
    turns = (0.5 + 0.6180339887 * np.arange(len(alphas))) % 1 - 0.5
    tall = (_FLOOR - _TOP - 16) * np.minimum(density / max(density.max(), 25.0), 1.0)
    return (_TOP + _FLOOR) / 2 + turns * tall


def _mark(act: Act, x: float, y: float) -> Markup:
    return Markup(
        '<path class="act {}" transform="translate({:.1f} {:.1f})" d="{}"><title>{}</title></path>'
    ).format(
        group(act.label),
        *(x, y),
        MARKS[group(act.label)],
        f"seed {act.seed}: {act.label}{', ' + act.mode if act.mode else ''}, α = {act.alpha:.2f}",
    )


def _counts(acts: Sequence[Act], modes: Sequence[str]) -> tuple[int, int, int]:
    """Count successes in the first mode, averaging failures, successes in the second mode."""
    first, second = (sum(group(a.label) == "success" and a.mode == mode for a in acts) for mode in modes[:2])
    return first, sum(group(act.label) == "average" for act in acts), second


def _headings(counts: tuple[int, int, int]) -> Markup:
    drawn = []
    for n, alpha, kind, word in (
        (counts[0], 0.0, "success", "succeeded"),
        (counts[1], 0.5, "average", "averaged"),
        (counts[2], 1.0, "success", "succeeded"),
    ):
        drawn.append(
            Markup(
                '<text class="number {}" x="{:.0f}" y="19">{}</text>'
                '<text class="note" x="{:.0f}" y="34">{}</text>'
            ).format(kind if n else "none", _x(alpha), n, _x(alpha), word)
        )
    return Markup("").join(drawn)


def _ground(modes: Sequence[str], dead_zone: tuple[float, float]) -> Markup:
    left, right = _x(dead_zone[0]), _x(dead_zone[1])
    return Markup(
        '<rect class="zone" x="{l:.1f}" y="{t}" width="{w:.1f}" height="{h}"/>'
        '<path class="edge" d="M{l:.1f} {t}V{f}M{r:.1f} {t}V{f}"/>'
        '<rect class="bar" x="{a:.1f}" y="{b}" width="{lw:.1f}" height="10" rx="2"/>'
        '<rect class="bar" x="{r:.1f}" y="{b}" width="{rw:.1f}" height="10" rx="2"/>'
        '<rect class="block" x="{l:.1f}" y="{f}" width="{w:.1f}" height="22" rx="3"/>'
        '<text class="name" x="{x0:.1f}" y="211">{first}</text>'
        '<text class="name" x="{x5:.1f}" y="211">the average</text>'
        '<text class="name" x="{x1:.1f}" y="211">{second}</text>'
        '<text class="note" x="{x0:.1f}" y="228">α = 0</text>'
        '<text class="note" x="{x5:.1f}" y="228">always fails</text>'
        '<text class="note" x="{x1:.1f}" y="228">α = 1</text>'
    ).format(
        l=left,
        r=right,
        w=right - left,
        t=_TOP,
        h=_FLOOR - _TOP,
        f=_FLOOR,
        b=_FLOOR + 6,
        a=_x(-0.15),
        lw=left - _x(-0.15),
        rw=_x(1.15) - right,
        x0=_x(0.0),
        x5=_x(0.5),
        x1=_x(1.0),
        first=escape(modes[0]),
        second=escape(modes[1]),
    )
