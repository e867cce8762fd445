"""The picture of a task: every mode, the average of the modes, and the map, side by side; or as they move."""

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

import mujoco
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from ...envs.errors import BimodalError, WrongUse
from ...envs.physics_state import set_state
from ...envs.rendering.cameras import FOVY, View, views
from ...envs.rendering.render import Renderer
from ...envs.robot.panda import TCP_SITE
from ...envs.specs import CONTROL_HZ
from ...tasks.core.task import Task
from .mode_rollouts import Take, play
from .task_map import COLOURS, RED, Colour, draw_map, object_points

STILLS, MOVING = (".png", ".jpg"), (".gif",)
"""Endings of files."""
LIMIT = 150_000
"""Largest .jpg [bytes]."""
GIF_LIMIT = 2_000_000
"""Largest .gif [bytes]."""
FPS = 10
"""Frames of a .gif in a second; it plays in real time."""
PASSES = 32
"""Pictures averaged into one still."""

_SIZES = {4: (382, 420), 5: (304, 380), 6: (400, 380)}  # pictures in the still -> size of each [pixels]
_COLUMNS = {6: 3}  # where they need more than one row
_GIF_WIDTH, _GIF_PANEL = 860, (276, 304)  # of all, and the most of each [pixels]
_GAP, _HEADER, _CAPTION = 6, 44, 40  # pixels
_HOLD_S = 1.5  # the last frame of a .gif stays [s]
_COLOURS_OF_A_GIF = (192, 128, 96, 64, 48, 32)
_QUALITIES = (90, 86, 82, 78, 74, 70, 65, 60)
_HAND = np.array([[0, 0, 0], [0, 0, -0.15], [0.1, 0, -0.06], [-0.1, 0, -0.06]])  # from the TCP [m]
_MARGIN = 1.06  # of the pictures around what must be seen
_NEAREST = 0.70  # of the camera [m]

_INK, _GREY, _PAPER = (24, 28, 36), (104, 112, 124), (255, 255, 255)


class Legend(NamedTuple):
    """What is written under a picture."""

    text: str
    colour: Colour
    """Of the dot before it."""
    alarm: bool = False
    """Whether the text has the dot's colour."""


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
    _check_ending(out, STILLS)
    takes = play(task, seed)
    size = _SIZES.get(len(takes) + 1, (300, 340))
    with Renderer(task, *size, "still") as renderer:
        view = framing(task, takes, size)
        panels = [renderer.still(take.states[take.moment], view, passes) for take in takes]
        chart = draw_map(task, renderer, size, passes)
    pictures = [*(Image.fromarray(panel) for panel in panels), chart]
    sheet = _sheet(pictures, [*map(_legend, range(len(takes)), takes), None], _COLUMNS.get(len(pictures)))
    picture = Image.new("RGB", (sheet.width, sheet.height + _HEADER), _PAPER)
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
    _check_ending(out, MOVING)
    takes = play(task, seed)
    columns = len(takes) if len(takes) < 5 else 3
    share = (_GIF_WIDTH - _GAP * (columns - 1)) // columns
    wide = min(_GIF_PANEL[0], share)
    size = (wide, min(_GIF_PANEL[1], round(1.2 * wide)))
    with Renderer(task, 2 * size[0], 2 * size[1], "video") as renderer:
        frames = list(_frames(renderer, takes, framing(task, takes, size), size, columns))
    out.parent.mkdir(parents=True, exist_ok=True)
    for colours in _COLOURS_OF_A_GIF:
        _write_gif(frames, colours, out)
        if out.stat().st_size <= GIF_LIMIT:
            return out
    raise BimodalError(f"{out} has {out.stat().st_size} bytes, more than {GIF_LIMIT}")


def framing(task: Task, takes: list[Take], size: tuple[int, int]) -> View:
    """Return the view in which the objects and the lower hand are seen in every take at its moment."""
    model = task.spec().compile()
    points = [object_points(task, model, take.states[take.moment]) for take in takes]
    points += [_hand_points(model, take.states[take.moment]) for take in takes]
    seen, angle = np.concatenate(points), views(task.arms)["closeup"]
    axes = View((0, 0, 0), 1.0, angle.azimuth, angle.elevation).frame()[1]
    right, up, back = (seen @ axes).T
    tall = np.tan(np.radians(FOVY / 2)) / _MARGIN
    wide = tall * size[0] / size[1]
    x, y, distance = np.mean([right.min(), right.max()]), np.mean([up.min(), up.max()]), 2.0
    for _ in range(20):
        away = distance - back
        x += distance * np.mean([((right - x) / away).min(), ((right - x) / away).max()])
        y += distance * np.mean([((up - y) / away).min(), ((up - y) / away).max()])
        distance = float(np.max(back + np.maximum(abs(right - x) / wide, abs(up - y) / tall)))
    distance = max(distance, _NEAREST + float(back.mean()))
    at = axes @ np.array([x, y, 0.0])
    return View((float(at[0]), float(at[1]), float(at[2])), distance, angle.azimuth, angle.elevation)


def _hand_points(model: mujoco.MjModel, state: np.ndarray) -> np.ndarray:
    """Return points around the lower part of every hand, (P, 3) [m]."""
    data = mujoco.MjData(model)
    set_state(model, data, state)
    mujoco.mj_kinematics(model, data)
    sites = [index for index in range(model.nsite) if model.site(index).name.endswith(TCP_SITE)]
    frames = [(data.site_xpos[site], data.site_xmat[site].reshape(3, 3)) for site in sites]
    return np.concatenate([tcp + _HAND @ rotation.T for tcp, rotation in frames])


# ------------------------------------------------------------------------------------------------ still


def _legend(index: int, take: Take) -> Legend:
    colour = RED if take.averaged else COLOURS[index % len(COLOURS)]
    return Legend(take.caption, colour, alarm=bool(take.note))


def _sheet(
    pictures: list[Image.Image], legends: list[Legend | None], columns: int | None = None
) -> Image.Image:
    """Lay pictures of one size out in rows, what is written about each below it."""
    columns = columns or len(pictures)
    wide, tall = pictures[0].size
    step = wide + _GAP, tall + _CAPTION
    rows = -(-len(pictures) // columns)
    sheet = Image.new("RGB", (columns * step[0] - _GAP, rows * step[1]), _PAPER)
    for index, (picture, legend) in enumerate(zip(pictures, legends, strict=True)):
        left, top = index % columns * step[0], index // columns * step[1]
        sheet.paste(picture, (left, top))
        if legend:
            _write_legend(sheet, (left, top + tall, wide), legend)
    return sheet


def _write_legend(sheet: Image.Image, place: tuple[int, int, int], legend: Legend) -> None:
    """Write a dot and a text, centred; `place` is left, top, width."""
    left, top, wide = place
    size = _fitting(legend.text, wide - 26, 19)
    begin = left + (wide - _length(legend.text, size) - 20) / 2
    middle = top + _CAPTION / 2
    draw = ImageDraw.Draw(sheet)
    _write_dot(sheet, (begin + 6, middle), 6, legend.colour)
    ink = legend.colour if legend.alarm else _INK
    draw.text((begin + 20, middle), legend.text, ink, _font(size), anchor="lm")


def _write_dot(sheet: Image.Image, at: tuple[float, float], radius: int, colour: Colour) -> None:
    """Lay a smooth dot on the sheet."""
    side = 2 * radius + 1
    mask = Image.new("L", (8 * side, 8 * side))
    ImageDraw.Draw(mask).ellipse((4, 4, 8 * side - 5, 8 * side - 5), fill=255)
    place = (round(at[0] - side / 2), round(at[1] - side / 2))
    sheet.paste(colour, (*place, place[0] + side, place[1] + side), mask.resize((side, side)))


def _write_header(picture: Image.Image, task: Task) -> None:
    """Write the task's id and goal along the upper edge."""
    draw, middle = ImageDraw.Draw(picture), (_HEADER - 6) / 2
    draw.text((4, middle), task.id, _INK, _font(21), anchor="lm")
    begin = 4 + _length(task.id, 21) + 18
    size = _fitting(task.goal, picture.width - begin - 4, 17)
    draw.text((begin, middle + 1), task.goal, _GREY, _font(size), anchor="lm")


def _write_key(picture: Image.Image, task: Task, size: tuple[int, int]) -> None:
    """Explain the map, the last picture, in two lines below it."""
    x, y, yaw = task.spread
    place = f"may lie in here: x ±{100 * x:.3g} cm, y ±{100 * y:.3g} cm, ±{np.degrees(yaw):.3g}°"
    dead = "dead zone: hands in here fail"
    draw = ImageDraw.Draw(picture)
    left, top = picture.width - size[0], picture.height - _CAPTION
    text = min(_fitting(place, size[0] - 34, 15), _fitting(dead, size[0] - 34, 15))
    for line, (words, fill, rim) in enumerate(
        ((place, (243, 236, 226), _GREY), (dead, (235, 150, 145), RED))
    ):
        middle = top + _CAPTION * (2 * line + 1) / 4 + 1
        draw.rectangle((left + 4, middle - 6, left + 22, middle + 5), fill=fill, outline=rim)
        draw.text((left + 30, middle), words, _INK, _font(text), anchor="lm")


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
    renderer: Renderer, takes: list[Take], view: View, size: tuple[int, int], columns: int
) -> Iterator[Image.Image]:
    """Yield the sheets of a .gif; a take that has ended stands still and says how."""
    stride = CONTROL_HZ // FPS
    longest = max(len(take.states) for take in takes)
    last: dict[int, Image.Image] = {}
    for step in range(0, longest - 1 + stride, stride):
        legends: list[Legend | None] = []
        for index, take in enumerate(takes):
            end = len(take.states) - 1
            if step < end + stride:
                frame = renderer.frame(take.states[min(step, end)], view)
                last[index] = Image.fromarray(frame).resize(size, Image.Resampling.BOX)
            full = _legend(index, take)
            legends.append(full if step >= end else Legend(take.name, full.colour))
        yield _sheet([last[index] for index in range(len(takes))], legends, columns)


def _write_gif(frames: list[Image.Image], colours: int, out: Path) -> None:
    """Write the frames with one palette for all."""
    some = frames[:: max(1, len(frames) // 8)]
    chips = [*COLOURS, RED, _INK, _PAPER]
    montage = Image.new("RGB", (frames[0].width, frames[0].height * (len(some) + 1)), _PAPER)
    for index, chip in enumerate(chips):
        montage.paste(chip, (40 * index, frames[0].height * len(some), 40 * (index + 1), montage.height))
    for index, frame in enumerate(some):
        montage.paste(frame, (0, index * frame.height))
    palette = montage.quantize(colours, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    drawn = [frame.quantize(palette=palette, dither=Image.Dither.NONE) for frame in frames]
    times = [1000 // FPS] * (len(drawn) - 1) + [round(1000 * _HOLD_S)]
    drawn[0].save(out, save_all=True, append_images=drawn[1:], duration=times, loop=0, optimize=True)


# ------------------------------------------------------------------------------------------------- text


def check_endings(still: Path | None, moving: Path | None) -> None:
    """Refuse files of another kind before anything is drawn.

    Raises:
        WrongUse: a still that is no .png or .jpg, or a moving picture that is no .gif.
    """
    for out, known in ((still, STILLS), (moving, MOVING)):
        if out is not None:
            _check_ending(out, known)


def _check_ending(out: Path, known: tuple[str, ...]) -> None:
    if out.suffix not in known:
        raise WrongUse(f"cannot write {out}: the name must end in {' or '.join(known)}")


@cache
def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size=size)


def _length(text: str, size: int) -> float:
    return _font(size).getlength(text)


def _fitting(text: str, room: float, largest: int) -> int:
    """Return the largest size at which a text fits [pixels]."""
    return next((size for size in range(largest, 9, -1) if _length(text, size) <= room), 9)
