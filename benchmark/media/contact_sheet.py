"""A sheet of small pictures: what the generator makes of a task, seed by seed."""

import math
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from ...envs.errors import WrongUse
from ...envs.perturbations.core.variant import CLEAN, Variant
from ...envs.rendering.render import Renderer
from ...envs.seed_ranges import TEST, TRAIN, VALIDATION
from ...envs.simulation import Simulation
from ...tasks.core.task import Task

MOST = 64
"""Pictures on a sheet."""
ENDINGS = (".png", ".jpg")
"""Endings of files."""

_SIZE, _SCALE = (300, 225), 2  # of a picture [pixels]; it is drawn larger by this factor and reduced
_GAP, _HEADER, _CAPTION = 10, 62, 28  # pixels
_INK, _GREY, _RED, _PAPER = (24, 28, 36), (104, 112, 124), (190, 40, 32), (255, 255, 255)
_SPLITS = {"train": TRAIN, "validation": VALIDATION, "test": TEST}


def contact_sheet(
    task: Task,
    seeds: Sequence[int],
    out: Path,
    variant: str = CLEAN,
    camera: str = "front",
    progress: Callable[[int, int], None] | None = None,
) -> Path:
    """Draw the start of every episode.

    Args:
        task: whose episodes.
        seeds: of the episodes.
        out: the file, .png or .jpg.
        variant: name of what is shifted.
        camera: one of `cameras.CAMERAS`.
        progress: called with the number of pictures drawn and of all.

    Returns:
        The file.

    Raises:
        WrongUse: too many seeds, none, or another ending.
    """
    if out.suffix not in ENDINGS:
        raise WrongUse(f"{out} must end in {' or '.join(ENDINGS)}")
    if not 1 <= len(seeds) <= MOST:
        raise WrongUse(f"a sheet shows 1 to {MOST} scenes, got {len(seeds)} seeds")
    shifted = Variant(variant)
    simulation = Simulation(task, len(seeds), variant=shifted)
    simulation.reset(seeds)
    states, columns = simulation.state(), math.ceil(math.sqrt(len(seeds)))
    wide, tall = _SIZE[0] + _GAP, _SIZE[1] + _CAPTION + _GAP
    sheet = Image.new(
        "RGB", (columns * wide + _GAP, math.ceil(len(seeds) / columns) * tall + _HEADER), _PAPER
    )
    _write_header(sheet, task, shifted, seeds)
    for index, seed in enumerate(seeds):
        at = _GAP + index % columns * wide, _HEADER + index // columns * tall
        sheet.paste(_picture(task, shifted, int(seed), states[index], camera), at)
        _write_caption(sheet, (at[0], at[1] + _SIZE[1]), task, shifted, int(seed))
        if progress is not None:
            progress(index + 1, len(seeds))
    out.parent.mkdir(parents=True, exist_ok=True)
    sheet.save(out, quality=88, optimize=True)
    return out


def _picture(task: Task, variant: Variant, seed: int, state: np.ndarray, camera: str) -> Image.Image:
    size = _SIZE[0] * _SCALE, _SIZE[1] * _SCALE
    with Renderer(task, *size, "video", variant, seed) as renderer:
        return Image.fromarray(renderer.frame(state, camera)).resize(_SIZE, Image.Resampling.LANCZOS)


def _write_header(sheet: Image.Image, task: Task, variant: Variant, seeds: Sequence[int]) -> None:
    pen = ImageDraw.Draw(sheet)
    pen.text((_GAP, 10), task.id, _INK, _font(19))
    axes = [f"{axis.name}:{axis.level} = {axis.magnitude:g} {axis.unit}" for axis in variant.parts]
    splits = [name for name, split in _SPLITS.items() if any(seed in split for seed in seeds)]
    text = f"{', '.join(axes) or CLEAN}   ·   {' and '.join(splits)} scenes"
    pen.text((_GAP, 36), text, _GREY, _font(_fitting(text, sheet.width - 2 * _GAP, 13)))


def _write_caption(sheet: Image.Image, at: tuple[int, int], task: Task, variant: Variant, seed: int) -> None:
    pen, blocked = ImageDraw.Draw(sheet), variant.blocked_mode(task, seed)
    pen.text((at[0], at[1] + 6), f"seed {seed}", _INK, _font(12))
    if blocked >= 0:
        text = f"post at {task.modes[blocked]}"
        pen.text((at[0] + _SIZE[0], at[1] + 6), text, _RED, _font(12), anchor="ra")


def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)


def _fitting(text: str, room: float, largest: int) -> int:
    """Return the largest size of type in which a text fits into so many pixels."""
    sizes = (size for size in range(largest, 7, -1) if _font(size).getlength(text) <= room)
    return next(sizes, 7)
