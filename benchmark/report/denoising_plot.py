"""The pictures of `bimodal probe`, drawn by matplotlib: SVG that stands alone, in light and in dark."""

import re
from contextlib import AbstractContextManager
from io import StringIO
from typing import TYPE_CHECKING, Any

import numpy as np
from markupsafe import escape

from ...envs.errors import BimodalError
from ...envs.rendering.colours import MODE_COLOURS
from ...policies.worked_example.forward_reverse import GOAL, SCHEDULE, endpoint_distance, straight_plan
from ..number_text import percent
from ..studies.denoising import Example, Learned

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure

_HEX = [f"#{bytes(colour).hex()}" for colour in MODE_COLOURS]
_THEME = {
    "paper": ("#faf9f6", "#0f1319"),
    "ink": ("#18212c", "#e7ebf0"),
    "soft": ("#586472", "#9ba7b5"),
    "line": ("#d9d5cb", "#2a333f"),
    "first": (_HEX[0], _HEX[0]),
    "second": (_HEX[1], _HEX[1]),
    "orange": ("#cf4f17", "#ff7f45"),
}
"""Each colour in light and in dark: drawn in the light one, then replaced by the reader's theme."""
_PAPER, _INK, _SOFT, _LINE, _FIRST, _SECOND, _ORANGE = (light for light, _ in _THEME.values())
_STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",  # text stays text
    "svg.hashsalt": "bimodal",  # equal names in every drawing
    "figure.facecolor": _PAPER,
    "figure.constrained_layout.h_pad": 0.1,  # of the panels [inches], as w_pad
    "figure.constrained_layout.w_pad": 0.1,
    "figure.titlesize": 15,
    "figure.titleweight": "bold",
    "axes.facecolor": "none",
    "axes.edgecolor": _LINE,
    "axes.labelcolor": _SOFT,
    "axes.labelsize": 10,
    "text.color": _INK,
    "lines.linewidth": 1.5,
    **dict.fromkeys(("xtick.bottom", "xtick.labelbottom", "ytick.left", "ytick.labelleft"), False),
}
_LINES = 40  # plans drawn in a panel
_STRANDS = 120  # ends drawn in the chart


def example_picture(found: Example) -> str:
    """Draw the worked example: one column a noise level, noising in the upper row, denoising in the lower.

    Raises:
        BimodalError: matplotlib is not installed.
    """
    away = endpoint_distance(found.noised)
    back = endpoint_distance(found.denoised)
    with _style():
        figure = _figure("A plan dissolves into noise and is walked back")
        upper, lower = figure.subfigures(2, 1, squeeze=False)[:, 0]
        upper.suptitle("noising: the noise of one draw, more of it at every level  →", fontsize=11)
        lower.suptitle("←  denoising: guess the clean plan, then one step down", fontsize=11)
        _example_row(upper, found.noised, away, _SOFT)
        _example_row(lower, found.denoised, back, _FIRST)
        told = "Six waypoints; the ring is the goal; the dotted line is the printed distance."
        figure.supxlabel(told, fontsize=10, color=_SOFT)
        far = f"The plan's end is {away[-1]:.3f} from the goal in most noise"
        return _svg(figure, f"{far}, {back[0]:.3f} after the walk back.")


def _example_row(figure: "SubFigure", plans: np.ndarray, distances: np.ndarray, colour: str) -> None:
    """Draw a plan at every noise level, above it the distance of its end to the goal."""
    levels = (1.0, *SCHEDULE)
    for t, (panel, plan) in enumerate(zip(figure.subplots(1, len(levels)), plans, strict=True)):
        panel.plot(*straight_plan().T, color=_LINE)
        panel.plot(*np.stack([plan[-1], GOAL]).T, color=_ORANGE, linestyle=":")
        panel.plot(*plan.T, "o-", color=colour, markersize=4)
        panel.plot(*plan[-1], "o", color=colour, markersize=8)
        panel.plot(*GOAL, "o", markersize=13, markerfacecolor="none", markeredgecolor=_INK)
        panel.set(xlim=(-0.8, 1.6), ylim=(-1.2, 1.5), aspect="equal", xlabel=f"t = {t},  ᾱ = {levels[t]:.2f}")
        panel.set_title(f"{distances[t]:.3f}", fontsize=12, fontweight="bold")


def learned_picture(found: Learned) -> str:
    """Draw sampled plans at every noise level of the example, and under them the way of their ends.

    Raises:
        BimodalError: matplotlib is not installed.
    """
    from ...policies.worked_example.two_grasps import COARSE, FINER, shares, taken

    modes = taken(found.denoised[0], found.scenes)
    above, below, neither = shares(found.denoised[0], found.scenes)
    regressed = found.plans["regression"][0]
    levels = (1.0, *COARSE)
    with _style():
        figure = _figure("One observation, two right grasps: the noise decides")
        columns = "".join(map(str, range(len(levels) - 1, -1, -1)))  # most noise at the left
        panels = figure.subplot_mosaic(f"{columns};{'c' * len(columns)}", height_ratios=(2, 3))
        # 1. the plans themselves at some levels
        for t, abar in enumerate(levels):
            panel = panels[str(t)]
            panel.fill_between([0.8, 1.2], -0.5, 0.5, color=_ORANGE, alpha=0.16 if t else 0.85, linewidth=0)
            _strands(panel, found.denoised[FINER * t, :_LINES], modes)
            panel.set(xlim=(-1.4, 2.3), ylim=(-2.3, 2.3), aspect="equal", xlabel=f"ᾱ = {abar:.2f}")
        panels["0"].plot(*regressed.T, color=_ORANGE, linewidth=3)
        # 2. the y of their ends at all levels, each level of a panel under it
        chart = panels["c"]
        half = FINER / 2
        chart.set(xlim=(FINER * len(COARSE) + half, -half), ylim=(-2.6, 2.6))
        walks = found.denoised[:, :_STRANDS, -1, 1]
        steps = np.broadcast_to(np.arange(len(walks))[:, None], walks.shape)
        _strands(chart, np.stack([steps, walks], axis=-1).swapaxes(0, 1), modes)
        chart.fill_between([0.0, 0.5], -0.5, 0.5, color=_ORANGE, alpha=0.85, linewidth=0)
        chart.plot(0.25, regressed[-1, 1], "o", color=_ORANGE, markeredgecolor=_PAPER, markersize=9)
        for y, share, word, colour in ((1, above, "above", _FIRST), (-1, below, "below", _SECOND)):
            chart.text(-0.2, y, f"{percent(share)} %", fontsize=14, fontweight="bold", color=colour)
            chart.text(-0.2, y - 0.35, word, color=_SOFT)
        chart.text(-0.2, 0, "regression", color=_ORANGE, fontsize=9, va="center")
        told = "Colour: the grasp that a plan will take. Orange: the object, and what regression plans."
        chart.set_xlabel(f"The y of each plan's end on its way from noise to grasp. {told}")
        words = f"{percent(above)} % of the sampled plans end above the object, {percent(below)} % below it, "
        return _svg(figure, f"{words}{percent(neither, 1)} % at neither; regression ends on the object.")


def _strands(axes: "Axes", lines: np.ndarray, modes: np.ndarray) -> None:
    """Draw lines (N, K, 2) in the colours of their modes, so faint that density shows."""
    from matplotlib.collections import LineCollection

    colours = [{0: _FIRST, 1: _SECOND, -1: _SOFT}[int(mode)] for mode in modes[: len(lines)]]
    axes.add_collection(LineCollection(list(lines), colors=colours, linewidths=0.8, alpha=0.32))


def _style() -> AbstractContextManager[None]:
    try:
        import matplotlib
    except ImportError:
        raise BimodalError("--plot draws with matplotlib, which is missing: pip install matplotlib") from None
    return matplotlib.rc_context(_STYLE)


def _figure(title: str) -> "Figure":
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 6.2), layout="constrained")
    figure.suptitle(title)
    return figure


def _svg(figure: "Figure", words: str) -> str:
    """Return the figure as SVG: small, described in words, its colours those of the reader's theme."""
    file = StringIO()
    figure.savefig(file, format="svg", metadata=dict.fromkeys(("Date", "Creator", "Format", "Type")))
    # 1. outlines to a tenth of a point, without spaces that nobody needs
    text = re.sub(r'(?<= d=")[^"]*', _short_outline, file.getvalue())
    # 2. colours become names, whose values depend on the theme
    for name, (light, _) in _THEME.items():
        text = text.replace(light, f"var(--{name})")
    light, dark = ("".join(f"--{name}:{pair[i]};" for name, pair in _THEME.items()) for i in (0, 1))
    style = f"<style>svg{{{light}}}@media (prefers-color-scheme:dark){{svg{{{dark}}}}}</style>"
    return re.sub(r"(<svg [^>]*)>", rf'\1 role="img" aria-label="{escape(words)}">{style}', text, count=1)


def _short_outline(outline: re.Match[str]) -> str:
    text = re.sub(r"\d+\.\d+", lambda number: f"{float(number[0]):.1f}", outline[0])
    return re.sub(r"\s*([A-Za-z])\s*", r"\1", text)
