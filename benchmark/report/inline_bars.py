"""Small pictures for the pages, as inline SVG that takes its colours from `style.css`.

Every picture says in words (`aria-label`) what it shows, and never uses colour alone: verdicts differ in
their mark, modes in their place.
"""

from collections.abc import Mapping, Sequence

from markupsafe import Markup

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
        f"{percent(value.estimate, 1)} %, interval {bounds(value)}",
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
    return _stack("labels", [(OUTCOMES[label].group, n) for label, n in labels.items()], words)


def _stack(kind: str, parts: Mapping[str, int] | Sequence[tuple[str, int]], words: str) -> Markup:
    pairs = list(parts.items()) if isinstance(parts, Mapping) else list(parts)
    total = max(sum(n for _, n in pairs), 1)
    at = 0.0
    drawn = []
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
