"""A sheet of small pictures: what the generator makes of a task, seed by seed."""

import math
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from ...envs.errors import WrongUse
from ...envs.perturbations.core.variant import CLEAN, Variant
from ...envs.rendering.render import Renderer
from ...envs.rendering.text import fitting_size, font
from ...envs.seed_ranges import TEST, TRAIN, VALIDATION
from ...envs.simulation import Simulation
from ...tasks.core.task import Task
from .drawing import GREY, INK, PAPER

MOST = 64
"""Pictures on a sheet."""
ENDINGS = (".png", ".jpg")
"""Endings of files."""

_SIZE = (300, 225)  # of a picture [pixels]
_GAP = 10  # pixels
_HEADER = 62  # pixels
_CAPTION = 28  # pixels
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
    _check(out, len(seeds))
    shifted = Variant(variant)
    simulation = Simulation(task, len(seeds), variant=shifted)
    simulation.reset(seeds)
    sheet = _empty_sheet(len(seeds))
    _write_header(sheet, task, shifted, seeds)
    for index, (seed, state) in enumerate(zip(map(int, seeds), simulation.state(), strict=True)):
        left, top = _place(index, len(seeds))
        sheet.paste(_picture(task, shifted, seed, state, camera), (left, top))
        _write_caption(sheet, (left, top + _SIZE[1]), task, shifted, seed)
        if progress is not None:
            progress(index + 1, len(seeds))
    out.parent.mkdir(parents=True, exist_ok=True)
    sheet.save(out, quality=88, optimize=True)
    return out


def _check(out: Path, count: int) -> None:
    """Refuse another ending, and more or fewer pictures than a sheet holds."""
    if out.suffix not in ENDINGS:
        raise WrongUse(f"{out} must end in {' or '.join(ENDINGS)}")
    if not 1 <= count <= MOST:
        raise WrongUse(f"a sheet shows 1 to {MOST} scenes, got {count} seeds")


def _empty_sheet(count: int) -> Image.Image:
    """Return paper for so many pictures and the header."""
    columns = _columns(count)
    rows = math.ceil(count / columns)
    wide = columns * (_SIZE[0] + _GAP) + _GAP
    return Image.new("RGB", (wide, rows * (_SIZE[1] + _CAPTION + _GAP) + _HEADER), PAPER)


def _place(index: int, count: int) -> tuple[int, int]:
    """Return left and top of a picture [pixels]."""
    row, column = divmod(index, _columns(count))
    return _GAP + column * (_SIZE[0] + _GAP), _HEADER + row * (_SIZE[1] + _CAPTION + _GAP)


def _columns(count: int) -> int:
    """Return how many pictures stand in a row: about as many as rows, with the fewest holes in the last."""
    square = math.ceil(math.sqrt(count))
    return min((square, square + 1), key=lambda columns: -count % columns)


def _picture(task: Task, variant: Variant, seed: int, state: np.ndarray, camera: str) -> Image.Image:
    wide, tall = _SIZE
    with Renderer(task, 2 * wide, 2 * tall, "video", variant, seed) as renderer:
        return Image.fromarray(renderer.frame(state, camera)).reduce(2)


def _write_header(sheet: Image.Image, task: Task, variant: Variant, seeds: Sequence[int]) -> None:
    pen = ImageDraw.Draw(sheet)
    pen.text((_GAP, 10), task.id, INK, font(19))
    parts = [f"{one.label} ({one.magnitude:g} {one.unit})" for one in variant.parts]
    splits = [name for name, split in _SPLITS.items() if any(seed in split for seed in seeds)]
    text = f"{', '.join(parts) or CLEAN}   ·   {' and '.join(splits)} scenes"
    pen.text((_GAP, 36), text, GREY, font(fitting_size([text], sheet.width - 2 * _GAP, 13, 7)))


def _write_caption(sheet: Image.Image, at: tuple[int, int], task: Task, variant: Variant, seed: int) -> None:
    pen = ImageDraw.Draw(sheet)
    blocked = variant.blocked_mode(task, seed)
    pen.text((at[0], at[1] + 6), f"seed {seed}", INK, font(12))
    if blocked >= 0:
        text = f"post at {task.modes[blocked]}"
        pen.text((at[0] + _SIZE[0], at[1] + 6), text, INK, font(12), anchor="ra")
