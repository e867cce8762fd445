"""Writes on a video frame what the viewer needs to know: which episode, which mode, how it ended."""

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageDraw

from .colours import AVERAGED, OUTCOME_COLOURS, Colour
from .text import fitting_size, font, text_width, wrapped

_INK = (255, 255, 255)
_FAINT = (198, 206, 216)
_BAND = (16, 20, 27)
_BAND_OPACITY = 0.66
_PILL_OPACITY = 0.94
_SMALLEST_TEXT = 8  # pixels
_HOLD = "hold"
_METER = 4  # length of the meter, in heights of the text
_FINE = 4  # shapes are drawn this much larger, then reduced, to get smooth edges


class Ending(NamedTuple):
    """What is stamped on a frame: how the episode ended, or what happens in a moment that is held."""

    words: str
    colour: Colour
    """Of the plate under the words, one of `colours.py`."""


class Label(NamedTuple):
    """A name that is written at a place of the picture."""

    words: str
    at: tuple[float, float]
    """Its middle: right, down [pixels]."""
    colour: Colour


class Line(NamedTuple):
    """A planned way of the hand over the picture."""

    points: tuple[tuple[float, float], ...]
    """Right, down [pixels]; two or more."""
    colour: Colour
    chosen: bool
    """Whether it became the plan; it is thicker, with a dot at its end."""


class Caption(NamedTuple):
    """What is written on one frame."""

    task: str
    seed: int
    variant: str
    """Empty or "clean" is not written."""
    mode: str
    """Name of the realised mode; empty while undecided."""
    time: float
    """Since the start of the episode [s]."""
    ending: Ending | None = None
    """None until the end."""
    policy: str = ""
    """Name of the policy; empty is not written."""
    hold: float = 0.0
    """How much of the required hold is fulfilled, 0..1."""
    labels: tuple[Label, ...] = ()
    contact: tuple[float, float] | None = None
    """Where the robot touches what it must not: right, down [pixels]; None where it does not."""
    lines: tuple[Line, ...] = ()
    """Where the policy planned to go; the chosen ones last."""
    said: str = ""
    """What the policy is told to do, in quotation marks in the upper left corner; empty is not written."""
    said_room: float = 1.0
    """Share of the frame's width that there is for it."""


def overlay(frame: np.ndarray, caption: Caption) -> np.ndarray:
    """Return a copy of `frame` (H, W, 3) uint8 with its marks, a band at its foot and the ending above it."""
    picture = Image.fromarray(np.ascontiguousarray(frame))
    wide, tall = picture.size
    text = max(_SMALLEST_TEXT + 2, round(0.030 * tall))
    gap = text // 2
    band = (gap, tall - gap - 2 * text, wide - gap, tall - gap)
    draw = ImageDraw.Draw(picture)
    for label, at in _apart(caption.labels, text):
        edge = {"stroke_width": max(1, text // 7), "stroke_fill": _INK}
        draw.text(at, label.words, label.colour, font(text), anchor="mm", **edge)
    for line in caption.lines:
        _draw_line(draw, line, thin=max(1, text // 10))
    if caption.contact:
        _ring(picture, caption.contact, radius=round(1.5 * text))
    if caption.said:
        _write_said(picture, caption.said, caption.said_room * wide - 2 * gap, gap, text)
    _plate(picture, band, _BAND, _BAND_OPACITY, radius=text // 2)
    _write_band(picture, band, caption, text, pad=text)
    if caption.ending:
        _stamp(picture, caption.ending, (gap, band[1] - gap), round(1.2 * text))
    return np.asarray(picture).copy()


def _apart(labels: Sequence[Label], size: int) -> list[tuple[Label, tuple[float, float]]]:
    """Return where labels are written: where they belong, or as far below as the others need."""
    placed: list[tuple[Label, tuple[float, float]]] = []
    for label in labels:
        x, y = label.at
        for other, (near, high) in sorted(placed, key=lambda one: one[1][1]):
            room = (text_width(label.words, size) + text_width(other.words, size) + size) / 2
            if abs(x - near) < room and abs(y - high) < 1.3 * size:
                y = high + 1.3 * size
        placed.append((label, (x, y)))
    return placed


def _draw_line(draw: ImageDraw.ImageDraw, line: Line, thin: int) -> None:
    """Draw a planned way: a candidate thin, the chosen one thick, with a dark rim and a dot at its end."""
    if not line.chosen:
        draw.line(line.points, line.colour, thin)
        return
    x, y = line.points[-1]
    for colour, width in ((_BAND, 4 * thin), (line.colour, 2 * thin)):
        draw.line(line.points, colour, width, joint="curve")
        draw.ellipse((x - 1.5 * width, y - 1.5 * width, x + 1.5 * width, y + 1.5 * width), fill=colour)


def _write_said(picture: Image.Image, said: str, room: float, gap: int, size: int) -> None:
    """Write what the policy is told into the upper left corner, in as many lines as it takes."""
    lines = wrapped(f'"{said}"', room - 2 * size, size)
    wide = max(text_width(line, size) for line in lines)
    step = round(1.35 * size)
    box = (gap, gap, gap + round(wide) + 2 * size, gap + len(lines) * step + size)
    _plate(picture, box, _BAND, _BAND_OPACITY, radius=size // 2)
    draw = ImageDraw.Draw(picture)
    for row, line in enumerate(lines):
        draw.text((gap + size, gap + size / 2 + (row + 0.5) * step), line, _INK, font(size), anchor="lm")


def _write_band(
    picture: Image.Image, band: tuple[int, int, int, int], caption: Caption, size: int, pad: int
) -> None:
    """Write task and details from the left, hold and time from the right; what has no room is left out."""
    details = [f"seed {caption.seed}"]
    details += [caption.variant] if caption.variant else []
    details += [caption.mode] if caption.mode else []
    left, top, right, bottom = band
    heading = "  ·  ".join(filter(None, (caption.policy, caption.task)))
    words = [(heading, _INK), ("  ·  ".join(details), _FAINT)]
    clock = f"{caption.time:.2f} s"
    room = right - left - 4 * pad
    size = fitting_size([clock, _HOLD, *dict(words)], room, size, _SMALLEST_TEXT, padding=_METER + 2)
    draw = ImageDraw.Draw(picture)
    middle = (top + bottom) // 2
    draw.text((right - pad, middle), clock, _INK, font(size), anchor="rm")
    meter = round(right - pad - text_width("0.00 s", size) - (_METER + 1) * size)
    _draw_meter(draw, (meter, middle), size, caption.hold)
    draw.text((meter - size / 2, middle), _HOLD, _FAINT, font(size), anchor="rm")
    begin = left + pad
    end = meter - text_width(_HOLD, size) - size
    for text, colour in words:
        if begin + text_width(text, size) > end:
            break
        draw.text((begin, middle), text, colour, font(size), anchor="lm")
        begin += text_width(text, size) + pad


def _draw_meter(draw: ImageDraw.ImageDraw, begin: tuple[int, int], size: int, share: float) -> None:
    """Draw a frame that fills from the left as the required hold is fulfilled."""
    left, middle = begin
    box = (left, middle - size // 3, left + round(_METER * size), middle + size // 3)
    draw.rectangle(box, outline=_FAINT)
    full = round(share * (box[2] - left - 4))
    if full > 0:
        colour = OUTCOME_COLOURS["success"] if share >= 1 else _INK
        draw.rectangle((left + 2, box[1] + 2, left + 2 + full, box[3] - 2), fill=colour)


def _ring(picture: Image.Image, at: tuple[float, float], radius: int) -> None:
    """Draw a smooth ring with a pale rim in the colour of averages."""
    side = 2 * radius + 1
    fine = Image.new("RGBA", (side * _FINE, side * _FINE))
    draw = ImageDraw.Draw(fine)
    edge = max(2, radius // 4) * _FINE
    for colour, inset, width in ((_INK, 0, edge), (AVERAGED, edge // 4, edge // 2)):
        box = (inset, inset, fine.width - 1 - inset, fine.height - 1 - inset)
        draw.ellipse(box, outline=(*colour, 255), width=width)
    small = fine.resize((side, side), Image.Resampling.BOX)
    picture.paste(small, (round(at[0]) - radius, round(at[1]) - radius), small)


def _stamp(picture: Image.Image, ending: Ending, corner: tuple[int, int], size: int) -> None:
    """Draw the ending's pill; its lower left corner is `corner`."""
    left, foot = corner
    size = fitting_size([ending.words], picture.width - 2 * left, size, _SMALLEST_TEXT, padding=2)
    tall = round(2.1 * size)
    pill = (left, foot - tall, round(left + text_width(ending.words, size) + 2 * size), foot)
    _plate(picture, pill, ending.colour, _PILL_OPACITY, radius=tall // 2)
    draw = ImageDraw.Draw(picture)
    draw.text((left + size, foot - tall / 2), ending.words, _INK, font(size), anchor="lm")


def _plate(
    picture: Image.Image, box: tuple[int, int, int, int], colour: Colour, opacity: float, radius: int
) -> None:
    """Lay a see-through plate with round corners on the picture; box is left, top, right, bottom."""
    left, top, right, bottom = box
    picture.paste(colour, box, _plate_mask((right - left, bottom - top), opacity, radius))


@lru_cache(maxsize=32)
def _plate_mask(size: tuple[int, int], opacity: float, radius: int) -> Image.Image:
    """Return how much a plate covers; kept, as every frame of a video has the same."""
    shape = Image.new("L", (size[0] * _FINE, size[1] * _FINE))
    ImageDraw.Draw(shape).rounded_rectangle(
        (0, 0, shape.width - 1, shape.height - 1), radius * _FINE, fill=round(255 * opacity)
    )
    return shape.resize(size, Image.Resampling.BOX)
