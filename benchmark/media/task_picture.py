"""The picture of a task: every mode, the average of the modes, and the map, side by side; or as they move."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from ...envs.errors import BimodalError
from ...envs.rendering.cameras import View
from ...envs.rendering.colours import AVERAGED, MODE_COLOURS, mode_colour
from ...envs.rendering.render import Renderer
from ...envs.rendering.text import fitting_size, font, text_width
from ...envs.specs import CONTROL_HZ
from ...tasks.core.task import Task
from .drawing import (
    CAPTION,
    GAP,
    GREY,
    INK,
    PAPER,
    SMALLEST_TEXT,
    Legend,
    check_ending,
    hatching,
    panel_rows,
)
from .framing import framing
from .mode_rollouts import ModeRollout, mode_rollouts
from .task_map import draw_map

STILLS = (".png", ".jpg")
MOVING = (".gif",)
"""Endings of files."""
LIMIT = 150_000
"""Largest .jpg [bytes]."""
GIF_LIMIT = 2_000_000
"""Largest .gif [bytes]."""
FPS = 10
"""Frames of a .gif in a second; it plays in real time."""
PASSES = 32
"""Pictures averaged into one still."""

_SIZES = {
    4: (382, 420),
    5: (304, 380),
    6: (400, 380),
    10: (304, 300),
}  # pictures in the still -> size of each [pixels]
_COLUMNS = {6: 3, 8: 4, 10: 5}  # where they need more than one row
_GIF_WIDTH = 860  # of all panels [pixels]
_GIF_PANEL = (276, 304)  # the most of each [pixels]
_HEADER = 44  # pixels
_TABLE = (243, 236, 226)  # what the map's key stands on
_HOLD_S = 1.5  # the last frame of a .gif stays [s]
_COLOURS_OF_A_GIF = (192, 128, 96, 64, 48, 32)
_QUALITIES = (90, 86, 82, 78, 74, 70, 65, 60)


def draw(task: Task, out: Path, seed: int = 0, passes: int = PASSES) -> Path:
    """Draw every mode when it is taken, the average of the modes where it is stopped, and the map.

    Args:
        task: what to show.
        out: a .png or .jpg file.
        seed: of the scene.
        passes: pictures averaged into one; a few seconds each 32.

    Raises:
        WrongUse: another kind of file.
        BimodalError: no OpenGL.
    """
    check_ending(out, STILLS)
    rollouts = mode_rollouts(task, seed)
    size = _SIZES.get(len(rollouts) + 1, (300, 340))
    with Renderer(task, *size, "still") as renderer:
        view = framing(task, rollouts, size)
        panels = [renderer.still(one.states[one.moment], view, passes) for one in rollouts]
        chart = draw_map(task, renderer, size, passes)
    pictures = [*(Image.fromarray(panel) for panel in panels), chart]
    legends = [*(_legend(index, one) for index, one in enumerate(rollouts)), None]
    sheet = panel_rows(pictures, legends, _COLUMNS.get(len(pictures)))
    picture = Image.new("RGB", (sheet.width, sheet.height + _HEADER), PAPER)
    picture.paste(sheet, (0, _HEADER))
    _write_header(picture, task)
    _write_key(picture, task, size)
    return _save(picture, out)


def animate(task: Task, out: Path, seed: int = 0) -> Path:
    """Write a .gif of all modes and their average, side by side, in real time.

    Raises:
        WrongUse: another kind of file.
        BimodalError: no OpenGL, or too large however few its colours.
    """
    check_ending(out, MOVING)
    rollouts = mode_rollouts(task, seed)
    columns = len(rollouts) if len(rollouts) < 5 else 3
    share = (_GIF_WIDTH - GAP * (columns - 1)) // columns
    wide = min(_GIF_PANEL[0], share)
    size = (wide, min(_GIF_PANEL[1], round(1.2 * wide)))
    with Renderer(task, 2 * size[0], 2 * size[1], "video") as renderer:
        frames = list(_frames(renderer, rollouts, framing(task, rollouts, size), columns))
    out.parent.mkdir(parents=True, exist_ok=True)
    for colours in _COLOURS_OF_A_GIF:
        _write_gif(frames, colours, out)
        if out.stat().st_size <= GIF_LIMIT:
            return out
    raise BimodalError(f"{out} has {out.stat().st_size} bytes, more than {GIF_LIMIT}")


# ------------------------------------------------------------------------------------------------ still


def _legend(index: int, one: ModeRollout) -> Legend:
    return Legend(one.caption, AVERAGED if one.averaged else mode_colour(index), alarm=bool(one.note))


def _write_header(picture: Image.Image, task: Task) -> None:
    """Write the task's id and goal along the upper edge."""
    draw = ImageDraw.Draw(picture)
    middle = (_HEADER - 6) / 2
    draw.text((4, middle), task.id, INK, font(21), anchor="lm")
    begin = 4 + text_width(task.id, 21) + 18
    size = fitting_size([task.goal], picture.width - begin - 4, 17, SMALLEST_TEXT)
    draw.text((begin, middle + 1), task.goal, GREY, font(size), anchor="lm")


def _write_key(picture: Image.Image, task: Task, size: tuple[int, int]) -> None:
    """Explain the map, the last picture, in two lines below it."""
    x, y, yaw = task.spread
    place = f"may lie in here: x ±{100 * x:.3g} cm, y ±{100 * y:.3g} cm, ±{np.degrees(yaw):.3g}°"
    dead = "dead zone: hands in here fail"
    draw = ImageDraw.Draw(picture)
    left = picture.width - size[0]
    top = picture.height - CAPTION
    text = min(fitting_size([words], size[0] - 34, 15, SMALLEST_TEXT) for words in (place, dead))
    for line, (words, rim) in enumerate(((place, GREY), (dead, AVERAGED))):
        middle = round(top + CAPTION * (2 * line + 1) / 4 + 1)
        box = (left + 4, middle - 6, left + 22, middle + 5)
        draw.rectangle(box, fill=_TABLE, outline=rim)
        if words == dead:
            stripes = hatching((box[2] - box[0] - 1, box[3] - box[1] - 1), 2.5)
            picture.paste(stripes, (box[0] + 1, box[1] + 1), stripes)
        draw.text((left + 30, middle), words, INK, font(text), anchor="lm")


def _save(picture: Image.Image, out: Path) -> Path:
    """Write the file; a .jpg as well as its limit allows."""
    out.parent.mkdir(parents=True, exist_ok=True)
    if out.suffix == ".png":
        picture.save(out, optimize=True)
        return out
    for quality in _QUALITIES:
        picture.save(out, quality=quality, optimize=True, progressive=True)
        if out.stat().st_size <= LIMIT:
            break
    return out


# ------------------------------------------------------------------------------------------------- .gif


def _frames(
    renderer: Renderer, rollouts: list[ModeRollout], view: View, columns: int
) -> Iterator[Image.Image]:
    """Yield the sheets of a .gif; a one that has ended stands still and says how."""
    stride = CONTROL_HZ // FPS
    longest = max(len(one.states) for one in rollouts)
    last: dict[int, Image.Image] = {}
    for step in range(0, longest - 1 + stride, stride):
        legends: list[Legend | None] = []
        for index, one in enumerate(rollouts):
            end = len(one.states) - 1
            if step < end + stride:
                frame = renderer.frame(one.states[min(step, end)], view)
                last[index] = Image.fromarray(frame).reduce(2)
            full = _legend(index, one)
            legends.append(full if step >= end else Legend(one.name, full.colour))
        yield panel_rows([last[index] for index in range(len(rollouts))], legends, columns)


def _write_gif(frames: list[Image.Image], colours: int, out: Path) -> None:
    """Write the frames with one palette for all."""
    some = frames[:: max(1, len(frames) // 8)]
    chips = [*MODE_COLOURS, AVERAGED, INK, PAPER]
    montage = Image.new("RGB", (frames[0].width, frames[0].height * (len(some) + 1)), PAPER)
    for index, chip in enumerate(chips):
        montage.paste(chip, (40 * index, frames[0].height * len(some), 40 * (index + 1), montage.height))
    for index, frame in enumerate(some):
        montage.paste(frame, (0, index * frame.height))
    palette = montage.quantize(colours, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    drawn = [frame.quantize(palette=palette, dither=Image.Dither.NONE) for frame in frames]
    times = [1000 // FPS] * (len(drawn) - 1) + [round(1000 * _HOLD_S)]
    drawn[0].save(out, save_all=True, append_images=drawn[1:], duration=times, loop=0, optimize=True)


def check_endings(still: Path | None, moving: Path | None) -> None:
    """Refuse files of another kind before anything is drawn.

    Raises:
        WrongUse: a still that is no .png or .jpg, or a moving picture that is no .gif.
    """
    for out, known in ((still, STILLS), (moving, MOVING)):
        if out is not None:
            check_ending(out, known)
