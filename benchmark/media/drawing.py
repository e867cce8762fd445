"""What the pictures of this room are made of: paper, ink, panels in rows, and what is written about each."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageDraw

from ...envs.errors import WrongUse
from ...envs.rendering.colours import AVERAGED, Colour, mode_colour
from ...envs.rendering.overlay import Line
from ...envs.rendering.render import Renderer
from ...envs.rendering.text import fitting_size, font, text_width
from ..measures.planned_ways import Ways

INK: Colour = (24, 28, 36)
GREY: Colour = (104, 112, 124)
PAPER: Colour = (255, 255, 255)
GAP = 6  # between panels [pixels]
CAPTION = 40  # height of what is written below a panel [pixels]
_LARGEST = 19  # size of a legend [pixels]
SMALLEST_TEXT = 9  # pixels
_STRIPES = ((*AVERAGED, 215), (255, 255, 255, 120))


class Legend(NamedTuple):
    """What is written under a panel."""

    text: str
    colour: Colour
    """Of the dot before it."""
    alarm: bool = False
    """Whether the text has the dot's colour."""


def panel_rows(
    panels: list[Image.Image], legends: list[Legend | None], columns: int | None = None
) -> Image.Image:
    """Lay panels of one size out in rows, what is written about each below it.

    Args:
        panels: pictures.
        legends: of each; None leaves the room free.
        columns: panels in a row; None for all.
    """
    columns = columns or len(panels)
    wide, tall = panels[0].size
    step = (wide + GAP, tall + CAPTION)
    rows = -(-len(panels) // columns)
    sheet = Image.new("RGB", (columns * step[0] - GAP, rows * step[1]), PAPER)
    for index, (panel, legend) in enumerate(zip(panels, legends, strict=True)):
        left = index % columns * step[0]
        top = index // columns * step[1]
        sheet.paste(panel, (left, top))
        if legend:
            _write_legend(sheet, (left, top + tall, wide), legend)
    return sheet


def _write_legend(sheet: Image.Image, place: tuple[int, int, int], legend: Legend) -> None:
    """Write a dot and a text, centred; `place` is left, top, width."""
    left, top, wide = place
    size = fitting_size([legend.text], wide - 26, _LARGEST, SMALLEST_TEXT)
    begin = left + (wide - text_width(legend.text, size) - 20) / 2
    middle = top + CAPTION / 2
    _write_dot(sheet, (begin + 6, middle), 6, legend.colour)
    ink = legend.colour if legend.alarm else INK
    ImageDraw.Draw(sheet).text((begin + 20, middle), legend.text, ink, font(size), anchor="lm")


def _write_dot(sheet: Image.Image, at: tuple[float, float], radius: int, colour: Colour) -> None:
    """Lay a smooth dot on the sheet."""
    side = 2 * radius + 1
    mask = Image.new("L", (8 * side, 8 * side))  # eight times as fine, then reduced
    ImageDraw.Draw(mask).ellipse((4, 4, 8 * side - 5, 8 * side - 5), fill=255)
    place = (round(at[0] - side / 2), round(at[1] - side / 2))
    sheet.paste(colour, (*place, place[0] + side, place[1] + side), mask.resize((side, side)))


def hatching(size: tuple[int, int], stripe: float) -> Image.Image:
    """Return stripes of this width [pixels] in the colour of averages, RGBA, half see-through."""
    right, down = np.meshgrid(*map(np.arange, size))
    dark = (right + down) // (2**0.5 * stripe) % 2 == 0
    return Image.fromarray(np.where(dark[..., None], _STRIPES[0], _STRIPES[1]).astype(np.uint8), "RGBA")


def check_ending(out: Path, endings: tuple[str, ...]) -> None:
    """Refuse another kind of file before anything is drawn.

    Raises:
        WrongUse: the name has another ending.
    """
    if out.suffix not in endings:
        raise WrongUse(f"cannot write {out}: the name must end in {' or '.join(endings)}")


def way_lines(moments: Sequence[Ways], renderer: Renderer) -> tuple[Line, ...]:
    """Return the planned ways of moments, one or none, as lines over the last picture."""
    return tuple(
        Line(
            tuple((float(x), float(y)) for x, y in renderer.pixels(way.points)),
            mode_colour(way.mode) if way.mode >= 0 else PAPER,
            way.chosen,
        )
        for ways in moments
        for way in ways
    )
