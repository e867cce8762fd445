"""Draws curves of success side by side as SVG, for docs/doses.md: a panel a perturbation, a line a policy.

Lines differ in marks and dashes as well as in colour, for people who see no difference, and so that one shows
through another. The paper is white, so that a page with a dark ground shows them, too.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from markupsafe import Markup

from ..envs.rendering.colours import MODE_COLOURS, OUTCOME_COLOURS

_COLUMNS = 4
_WIDTH = 244
_HEIGHT = 156
_LEFT = 38
_RIGHT = 14
_TOP = 34
_FLOOR = 116
_KEY = 34
_STYLE = Markup(
    "text{font:11px system-ui,sans-serif;fill:#39424e}.name{font-weight:600;fill:#18212c}"
    ".grid{stroke:#e3e7ec}.past{fill:#eceff3}.limit{stroke:#18212c;stroke-dasharray:3 3}"
    ".line{fill:none;stroke-width:1.8}.level{stroke:#8b95a1}"
)
_MARKS = (
    "M-3 0a3 3 0 1 0 6 0a3 3 0 1 0 -6 0Z",
    "M-2.6 -2.6H2.6V2.6H-2.6Z",
    "M0 -3.8L3.6 2.6H-3.6Z",
    "M0 -3.8L3.8 0L0 3.8L-3.8 0Z",
    "M-1.8 0a1.8 1.8 0 1 0 3.6 0a1.8 1.8 0 1 0 -3.6 0Z",
)
_DASHES = ("none", "7 3", "3 2.5", "9 2.5 2 2.5", "none")
_COLOURS = tuple("#{:02x}{:02x}{:02x}".format(*one) for one in (*MODE_COLOURS[:4], OUTCOME_COLOURS["fault"]))


class Panel(NamedTuple):
    """The curves of one perturbation."""

    title: str
    unit: str
    """Stands under the axis."""
    ticks: tuple[str, ...]
    """What stands under each place of the axis, from the clean world on; "" for a place between."""
    borne: int
    """Places from the left that the experts bear; what lies beyond is grey."""
    lines: Mapping[str, Sequence[float | None]]
    """Success at each place, by policy; None where it was not measured."""


def curves_picture(panels: Sequence[Panel], policies: Sequence[str]) -> str:
    """Return the picture as an SVG file; the key above has all policies, and what the grey ground means.

    There are at most five, and the fifth is in ink.
    """
    rows = -(-len(panels) // _COLUMNS)
    width = _COLUMNS * _WIDTH
    height = _KEY + rows * _HEIGHT
    drawn = [
        Markup('<g transform="translate({} {})">{}</g>').format(
            _WIDTH * (index % _COLUMNS), _KEY + _HEIGHT * (index // _COLUMNS), _panel(panel, policies)
        )
        for index, panel in enumerate(panels)
    ]
    words = f"Success of {', '.join(policies)} against the magnitude of {len(panels)} perturbations"
    return str(
        Markup(
            '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {} {}" width="{}" role="img"'
            ' aria-label="{}"><style>{}</style><rect width="{}" height="{}" fill="#fff"/>{}{}</svg>\n'
        ).format(width, height, width, words, _STYLE, width, height, _key(policies), _joined(drawn))
    )


def _panel(panel: Panel, policies: Sequence[str]) -> Markup:
    places = len(panel.ticks)
    gap = (_WIDTH - _LEFT - _RIGHT) / max(places - 1, 1)
    xs = [_LEFT + gap * place for place in range(places)]
    parts = [Markup('<text class="name" x="{}" y="18">{}</text>').format(_LEFT, panel.title)]
    # 1. the ground: what no expert bears is grey, and the axes
    if panel.borne < places:
        x = xs[panel.borne] - gap / 2
        parts.append(
            Markup('<rect class="past" x="{0:.1f}" y="{1}" width="{2:.1f}" height="{3}"/>').format(
                x, _TOP - 6, _WIDTH - _RIGHT / 2 - x, _FLOOR - _TOP + 6
            )
        )
        parts.append(Markup('<path class="limit" d="M{:.1f} {}V{}"/>').format(x, _TOP - 6, _FLOOR))
    parts += [_level(share) for share in (0.0, 0.5, 1.0)]
    parts += [_tick(x, text) for x, text in zip(xs, panel.ticks, strict=True) if text]
    middle = (_LEFT + _WIDTH - _RIGHT) / 2
    parts.append(
        Markup('<text x="{:.0f}" y="{}" text-anchor="middle">{}</text>').format(
            middle, _FLOOR + 30, panel.unit
        )
    )
    # 2. the lines, the first policy on top
    for policy in reversed([one for one in policies if one in panel.lines]):
        parts.append(_line(policies.index(policy), policy, xs, panel.lines[policy]))
    return _joined(parts)


def _line(number: int, policy: str, xs: Sequence[float], shares: Sequence[float | None]) -> Markup:
    colour = _COLOURS[number]
    points = [(x, _y(share)) for x, share in zip(xs, shares, strict=True) if share is not None]
    path = "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in points)
    marks = [
        Markup('<path fill="{}" d="{}" transform="translate({:.1f} {:.1f})"/>').format(
            colour, _MARKS[number], x, y
        )
        for x, y in points
    ]
    return Markup(
        '<g><title>{}</title><path class="line" stroke="{}" stroke-dasharray="{}" d="{}"/>{}</g>'
    ).format(policy, colour, _DASHES[number], path, _joined(marks))


def _key(policies: Sequence[str]) -> Markup:
    parts = []
    x = _LEFT
    for number, policy in enumerate(policies):
        colour = _COLOURS[number]
        parts.append(
            Markup(
                '<path class="line" stroke="{0}" stroke-dasharray="{7}" d="M{1} 18H{2}"/>'
                '<path fill="{0}" d="{3}" transform="translate({4} 18)"/><text x="{5}" y="22">{6}</text>'
            ).format(colour, x, x + 28, _MARKS[number], x + 14, x + 34, policy, _DASHES[number])
        )
        x += max(130, 54 + 7 * len(policy))
    parts.append(
        Markup(
            '<rect class="past" x="{}" y="9" width="20" height="18"/><path class="limit" d="M{} 9V27"/>'
            '<text x="{}" y="22">beyond what the experts bear</text>'
        ).format(x, x, x + 26)
    )
    return _joined(parts)


def _level(share: float) -> Markup:
    y = _y(share)
    return Markup(
        '<path class="grid" d="M{} {:.1f}H{}"/><text x="{}" y="{:.1f}" text-anchor="end">{:.0f}</text>'
    ).format(_LEFT, y, _WIDTH - _RIGHT / 2, _LEFT - 8, y + 4, 100 * share)


def _tick(x: float, text: str) -> Markup:
    return Markup(
        '<path class="level" d="M{0:.1f} {1}v4"/><text x="{0:.1f}" y="{2}" text-anchor="middle">{3}</text>'
    ).format(x, _FLOOR, _FLOOR + 16, text)


def _y(share: float) -> float:
    return _FLOOR - (_FLOOR - _TOP) * share


def _joined(parts: Sequence[Markup]) -> Markup:
    return Markup("").join(parts)
