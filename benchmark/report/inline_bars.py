"""Small pictures for the pages, as inline SVG that takes its colours from `style.css`.

Every picture says in words (`aria-label`) what it shows, and never uses colour alone: verdicts differ in
their mark, modes in their place.
"""

from collections.abc import Mapping, Sequence
from math import log10

from markupsafe import Markup

from ...envs.rendering.colours import MODE_COLOURS
from ...tasks.core.outcomes import OUTCOMES
from ..number_text import bounds, percent
from ..statistics.rates import Interval

MARKS = {
    "success": "M-2.6 0a2.6 2.6 0 1 0 5.2 0a2.6 2.6 0 1 0 -5.2 0Z",
    "average": "M0 -3.6L3.6 0L0 3.6L-3.6 0Z",
    "miss": "M-3.2 2.6L0 -3.5L3.2 2.6Z",
    "idle": "M-2.4 -2.4H2.4V2.4H-2.4Z",
    "fault": "M-2.9 -2.9L2.9 2.9M2.9 -2.9L-2.9 2.9",
}
"""Outline of each group's mark around (0, 0)."""


def mark(name: str) -> Markup:
    """Return a group's mark as a picture of its own, for legends."""
    return Markup(
        '<svg class="mark" viewBox="-5 -5 10 10" aria-hidden="true"><path class="act {}" d="{}"/></svg>'
    ).format(name, MARKS[name])


def interval_bar(value: Interval, expected: float | None = None) -> Markup:
    """Draw an estimate on a track from 0 to 1, with its interval as a whisker; `expected` is marked, too."""
    x, low, high = (100 * min(max(part, 0.0), 1.0) for part in value)
    words = f"{percent(value.estimate, 1)} %, interval {bounds(value)}"
    sign = Markup("")
    if expected is not None:
        words += f", expected {percent(expected)} %"
        sign = Markup('<path class="expected" d="M{:.1f} 0V12"/>').format(100 * expected)
    return Markup(
        '<svg class="interval" viewBox="-2 0 104 12" preserveAspectRatio="none" role="img" aria-label="{}">'
        '<rect class="track" x="0" y="4" width="100" height="4"/>'
        '<rect class="fill" x="0" y="4" width="{:.1f}" height="4"/>'
        '<path class="whisker" d="M{:.1f} 6H{:.1f}M{:.1f} 2.5V9.5M{:.1f} 2.5V9.5"/>'
        '<path class="estimate" d="M{:.1f} 1V11"/>{}</svg>'
    ).format(words, *(x, low, high, low, high, x, sign))


def pair_bar(clean: Interval, perturbed: Interval) -> Markup:
    """Draw two shares on one track from 0 to 1: the clean one above, the perturbed one below it."""
    arms = []
    for name, arm, y in (("clean", clean, 4), ("perturbed", perturbed, 11)):
        x, low, high = (100 * min(max(part, 0.0), 1.0) for part in arm)
        arms.append(
            Markup(
                '<path class="whisker {name}" d="M{:.1f} {y}H{:.1f}"/>'
                '<path class="estimate {name}" d="M{:.1f} {}V{}"/>'
            ).format(low, high, x, y - 3, y + 3, name=name, y=y)
        )
    words = (f"{percent(arm.estimate)} % {bounds(arm)}" for arm in (clean, perturbed))
    return Markup(
        '<svg class="interval pair" viewBox="-2 0 104 15" preserveAspectRatio="none" role="img"'
        ' aria-label="{}"><rect class="track" x="0" y="0" width="100" height="15"/>{}</svg>'
    ).format("clean {}, perturbed {}".format(*words), Markup("").join(arms))


FASTEST_MS = 0.1
"""Where the axis of decision times begins [ms]."""
_DECADES = 5


def latency_bar(p50: float, p99: float, budget: float) -> Markup:
    """Draw the median and the slowest 1 % of decisions beside their budget [ms]; the axis is logarithmic.

    It goes from 0.1 ms to 10 s.
    """
    middle, slow, limit = (
        100 * min(max(log10(max(value, FASTEST_MS) / FASTEST_MS) / _DECADES, 0.0), 1.0)
        for value in (p50, p99, budget)
    )
    return Markup(
        '<svg class="interval latency" viewBox="-2 0 104 12" preserveAspectRatio="none" role="img"'
        ' aria-label="{}"><rect class="track" x="0" y="4" width="100" height="4"/>{}'
        '<path class="whisker" d="M{:.1f} 6H{:.1f}M{:.1f} 2.5V9.5"/><path class="estimate" d="M{:.1f} 1V11"/>'
        '<path class="budget" d="M{:.1f} 0V12"/></svg>'
    ).format(
        f"median {p50:.3g} ms, slowest 1 % {p99:.3g} ms, of {budget:g} ms",
        Markup("").join(
            Markup('<path class="decade" d="M{} 4V8"/>').format(20 * i) for i in range(1, _DECADES)
        ),
        *(middle, slow, slow, middle, limit),
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
    parts = [(f"mode{mode % len(MODE_COLOURS)}", n) for mode, n in enumerate(counts.values())]
    return _stack("shares", parts, words)


def label_bar(labels: Mapping[str, int]) -> Markup:
    """Draw how the episodes ended, one stretch a label, coloured by its group."""
    words = ", ".join(f"{label} {n}" for label, n in labels.items())
    return _stack("labels", [(OUTCOMES[label].group, n) for label, n in labels.items()], words)


def _stack(kind: str, parts: Sequence[tuple[str, int]], words: str) -> Markup:
    total = max(sum(n for _, n in parts), 1)
    at = 0.0
    drawn = []
    for name, n in parts:
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
