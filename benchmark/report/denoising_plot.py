"""The pictures of `bimodal probe`: SVG files that stand alone, in light and in dark."""

from collections.abc import Sequence

import numpy as np
from markupsafe import Markup, escape

from ...policies.worked_example.forward_reverse import GOAL, SCHEDULE, endpoint_distance, straight_plan
from ..studies.denoising import Example, Learned
from .number_text import percent

_STYLE = Markup("""
.page { --paper: #faf9f6; --ink: #18212c; --soft: #586472; --line: #d9d5cb; --blue: #1d5fc4; --green: #3c8f86;
  --orange: #cf4f17; background: var(--paper); }
@media (prefers-color-scheme: dark) { .page { --paper: #0f1319; --ink: #e7ebf0; --soft: #9ba7b5;
  --line: #2a333f; --blue: #5f9dff; --green: #57b5aa; --orange: #ff7f45; } }
.paper { fill: var(--paper); }
text { font: 13px system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif;
  fill: var(--ink); font-variant-numeric: tabular-nums; }
.title { font: 600 22px Georgia, "Iowan Old Style", Palatino, serif; }
.soft { fill: var(--soft); } .middle { text-anchor: middle; } .end { text-anchor: end; }
.row { font-weight: 600; } .number { font-size: 19px; font-weight: 600; }
.above { fill: var(--blue); } .below { fill: var(--green); } .warn { fill: var(--orange); }
path { fill: none; stroke-linecap: round; stroke-linejoin: round; }
.frame { stroke: var(--line); } .ghost { stroke: var(--line); stroke-width: 2; }
.arrow { stroke: var(--soft); stroke-width: 1.4; }
.gap { stroke: var(--orange); stroke-width: 1.6; stroke-dasharray: 3 4; }
.plan { stroke-width: 2; } .noised { stroke: var(--soft); } .denoised { stroke: var(--blue); }
circle.noised { fill: var(--soft); } circle.denoised { fill: var(--blue); } circle { stroke: none; }
.neither { stroke: var(--soft); } .ringed { stroke: var(--paper); stroke-width: 1.5; }
.goal { fill: none; stroke: var(--ink); stroke-width: 1.6; }
.many { stroke-width: 1; opacity: 0.32; }
path.above { stroke: var(--blue); fill: none; } path.below { stroke: var(--green); fill: none; }
path.warn { stroke: var(--orange); stroke-width: 3; fill: none; }
.object { fill: var(--orange); opacity: 0.85; } .fade { opacity: 0.16; }
""")
_WIDTH = 1120
_EDGE = 32
_LINES = 50
_STRANDS = 300
"""Plans drawn in a panel; ends drawn in the chart."""
_CHART_SCALE = 48
"""Pixels of a unit in the chart."""


class _View:
    """A frame of `size` pixels whose top left corner shows the point `origin` of the plane, y upwards."""

    def __init__(
        self,
        corner: tuple[float, float],
        size: tuple[float, float],
        scale: float,
        origin: tuple[float, float],
    ) -> None:
        self.corner = corner
        self.size = size
        self.scale = scale
        self.origin = origin

    def pixels(self, points: np.ndarray) -> np.ndarray:
        """Return where points (..., 2) are, from the frame's corner."""
        return (points - self.origin) * np.array([self.scale, -self.scale])

    def line(self, points: np.ndarray, kind: str) -> Markup:
        """Draw a line through points (K, 2)."""
        return _path("M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in self.pixels(points)), kind)

    def disc(self, point: Sequence[float] | np.ndarray, radius: float, kind: str) -> Markup:
        """Draw a disc around a point (2,)."""
        x, y = self.pixels(np.asarray(point, float))
        return Markup('<circle class="{}" cx="{:.1f}" cy="{:.1f}" r="{}"/>').format(kind, x, y, radius)

    def block(self, low: Sequence[float], high: Sequence[float], kind: str) -> Markup:
        """Draw a rectangle between two corners."""
        (x, y), (right, bottom) = self.pixels(np.array([[low[0], high[1]], [high[0], low[1]]]))
        return Markup(
            '<rect class="{}" x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}" rx="3"/>'
        ).format(kind, x, y, right - x, bottom - y)

    def framed(self, *parts: Markup) -> Markup:
        """Return the parts cut off at the frame, and the frame."""
        (x, y) = self.corner
        (width, height) = self.size
        inside = Markup('<svg x="{:.1f}" y="{:.1f}" width="{}" height="{}">{}</svg>').format(
            x, y, width, height, Markup("").join(parts)
        )
        return inside + _path(f"M{x:.1f} {y:.1f}h{width}v{height}h{-width}Z", "frame")


def example_picture(found: Example) -> str:
    """Draw the worked example: one column a noise level, noising in the upper row, denoising in the lower."""
    away = endpoint_distance(found.noised)
    back = endpoint_distance(found.denoised)
    return _page(
        628,
        f"The plan's end is {away[-1]:.3f} from the goal in most noise, {back[0]:.3f} after the walk back.",
        _text(_EDGE, 46, "title", "A plan dissolves into noise and is walked back"),
        _text(
            _EDGE, 70, "soft", "Six waypoints; the ring is the goal; the dashed line is the printed distance."
        ),
        _arrow(106, "noising: the noise of one draw, more of it at every level", True),
        *_example_row(found.noised, away, "noised", 118),
        *_example_row(found.denoised, back, "denoised", 356),
        _arrow(610, "denoising: guess the clean plan, then one step down", False),
    )


def _example_row(plans: np.ndarray, distances: np.ndarray, kind: str, top: float) -> list[Markup]:
    drawn = []
    for t, abar in enumerate((1.0, *SCHEDULE)):
        view = _View((_EDGE + 178 * t, top), (166, 186), 70, (-0.78, 1.46))
        plan = plans[t]
        drawn += [
            view.framed(
                view.line(straight_plan(), "ghost"),
                view.line(np.stack([plan[-1], GOAL]), "gap"),
                view.line(plan, f"plan {kind}"),
                *(view.disc(point, 3, kind) for point in plan[:-1]),
                view.disc(plan[-1], 5.5, kind),
                view.disc(GOAL, 9, "goal"),
            ),
            _text(view.corner[0], top + 208, "soft", f"t = {t},  ᾱ = {abar:.2f}"),
            _text(view.corner[0] + 166, top + 209, "number end", f"{distances[t]:.3f}"),
        ]
    return drawn


def learned_picture(found: Learned) -> str:
    """Draw sampled plans at every noise level of the example, and under them the way of their ends."""
    from ...policies.worked_example.two_grasps import COARSE, FINER, shares, taken

    modes = taken(found.denoised[0], found.scenes)
    above, below, neither = shares(found.denoised[0], found.scenes)
    regressed = found.plans["regression"][0]
    columns = [_EDGE + 152 * column for column in range(len(COARSE) + 1)]
    drawn = []
    for left, t in zip(columns, range(len(COARSE), -1, -1), strict=True):
        view = _View((left, 114), (140, 176), 38, (-1.35, 176 / 2 / 38))
        drawn += [
            view.framed(
                view.block((0.8, -0.5), (1.2, 0.5), "object" if t == 0 else "object fade"),
                *_strands(view, found.denoised[FINER * t, :_LINES], modes),
                *(
                    [view.line(regressed, "warn"), view.disc(regressed[-1], 5, "warn ringed")]
                    if t == 0
                    else ()
                ),
            ),
            _text(left + 70, 307, "soft middle", f"ᾱ = {(1.0, *COARSE)[t]:.2f}"),
        ]
    return _page(
        622,
        f"{percent(above)} % of the sampled plans end above the object, {percent(below)} % below it, "
        f"{percent(neither, 1)} % at neither; regression ends on the object.",
        _text(_EDGE, 46, "title", "One observation, two right grasps: the noise decides"),
        _text(
            _EDGE,
            70,
            "soft",
            "From left to right, noise becomes plans. Colour: the grasp that a plan will take. "
            "Orange: the object, and what regression plans.",
        ),
        _arrow(98, "denoising: the same noise levels, the other way round", True),
        *drawn,
        _chart(found.denoised, modes, regressed, columns),
        *_ends((above, below)),
    )


def _strands(view: _View, plans: np.ndarray, modes: np.ndarray) -> list[Markup]:
    kinds = {0: "above", 1: "below", -1: "neither"}
    return [view.line(plan, f"many {kinds[int(mode)]}") for plan, mode in zip(plans, modes, strict=False)]


def _chart(walks: np.ndarray, modes: np.ndarray, regressed: np.ndarray, columns: Sequence[float]) -> Markup:
    """Draw the y of the plans' ends at every level of walks (L + 1, N, H, 2), most noise at the left."""
    first = columns[0] + 70
    last = columns[-1] + 70
    scale = _CHART_SCALE
    view = _View((first, 336), (last - first, 252), scale, (0, 252 / 2 / scale))
    x = np.linspace(0, (last - first) / scale, len(walks))
    ends = np.stack([np.broadcast_to(x[:, None], walks.shape[:2]), walks[::-1, :, -1, 1]], axis=-1)
    ticks = (_path(f"M{column + 70 - first} 0V252", "frame") for column in columns[1:-1])
    return view.framed(
        *ticks,
        view.block((x[-1] - 0.32, -0.5), (x[-1], 0.5), "object"),
        *_strands(view, ends[:, :_STRANDS].swapaxes(0, 1), modes),
        view.disc((x[-1] - 0.16, regressed[-1, 1]), 6, "warn ringed"),
    )


def _ends(shares: tuple[float, float]) -> list[Markup]:
    """Write the shares beside the ends of the chart."""
    x = _WIDTH - _EDGE - 62
    middle = 336 + 126
    up = _CHART_SCALE
    return [
        _text(x, middle - up - 4, "number above", f"{percent(shares[0])} %"),
        _text(x, middle - up + 14, "soft", "above"),
        _text(x, middle - 2, "row warn", "on it"),
        _text(x, middle + 15, "soft", "regression"),
        _text(x, middle + up + 18, "number below", f"{percent(shares[1])} %"),
        _text(x, middle + up + 36, "soft", "below"),
        _text(_EDGE, middle - 4, "row", "noise"),
        _text(_EDGE, 607, "soft", "The y of each plan's end on its way from noise to grasp."),
    ]


def _page(height: float, words: str, *parts: Markup) -> str:
    return Markup(
        '<svg xmlns="http://www.w3.org/2000/svg" class="page" viewBox="0 0 {w} {h}" width="{w}" height="{h}"'
        ' role="img" aria-label="{words}"><style>{style}</style>'
        '<rect class="paper" width="{w}" height="{h}"/>{parts}</svg>\n'
    ).format(w=_WIDTH, h=height, words=words, style=_STYLE, parts=Markup("\n").join(parts))


def _text(x: float, y: float, kind: str, text: str) -> Markup:
    return Markup('<text class="{}" x="{:.1f}" y="{:.1f}">{}</text>').format(kind, x, y, escape(text))


def _path(outline: str, kind: str) -> Markup:
    return Markup('<path class="{}" d="{}"/>').format(kind, outline)


def _arrow(y: float, text: str, rightwards: bool) -> Markup:
    """Draw an arrow over the whole width, its text in the middle of it."""
    left = _EDGE
    right = _WIDTH - _EDGE
    middle = _WIDTH / 2
    tip, back = (right, -7) if rightwards else (left, 7)
    half = 3.3 * len(text) + 8
    shaft = f"M{left} {y}H{middle - half:.0f}M{middle + half:.0f} {y}H{right}"
    head = f"M{tip + back} {y - 4}L{tip} {y}L{tip + back} {y + 4}"
    return _path(shaft + head, "arrow") + _text(middle, y + 4.5, "row middle", text)
