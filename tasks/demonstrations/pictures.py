"""Pictures of demonstrations, for training: drawn once, as the evaluator draws them, and kept in a file.

A demonstrations file holds no pictures. They are drawn of the states through which the demonstrations went
(`collect.played_states`), and lie beside the file: deflated arrays, which take about a quarter of the pixels'
bytes, as much as PNG does, and are quicker to read.
"""

import json
import zipfile
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ...envs.errors import BimodalError, WrongUse
from ...envs.perturbations.core.variant import Variant
from ...envs.rendering.episode_pictures import EpisodePictures, render_fingerprint
from ...envs.storage.atomic_write import write_arrays
from ...envs.storage.npz import read_arrays
from .. import load_task
from .collect import load, played_states
from .record import Demonstrations

EVERY = 6
"""Of so many control steps one is drawn, as neighbours look alike; the next scene begins elsewhere. All
modes of a scene are drawn at the same steps, or the step would tell the mode."""


class DemonstrationPictures(NamedTuple):
    """P moments of demonstrations, as cameras saw them."""

    episodes: np.ndarray
    """Which demonstration of the file, (P,) int64."""
    frames: np.ndarray
    """Which control step of it, before its action, (P,) int64."""
    images: dict[str, np.ndarray]
    """Pictures by name, of `envs.images.IMAGES`, (P, H, W, 3) uint8 each."""


def demonstration_pictures(
    path: Path,
    names: Sequence[str],
    size: int,
    progress: Callable[[int, int], None] | None = None,
) -> DemonstrationPictures:
    """Return pictures of a demonstrations file; called when a method learns from pictures.

    They are drawn only if the file beside the demonstrations does not have them, of these demonstrations and
    of this machine's renderer.

    Args:
        path: an npz file as `bimodal demos` writes it.
        names: of `envs.images.IMAGES`.
        size: width and height, one of `envs.images.IMAGE_SIZES` [pixels].
        progress: called with (episodes drawn, episodes).

    Raises:
        WrongUse: the demonstrations are missing or damaged, or come out otherwise on this machine.
        BimodalError: no such camera or size, or no OpenGL.
    """
    demos = load(path)
    if "task" not in demos.meta or "digest" not in demos.meta:
        raise WrongUse(f"{path} does not say of which task it is; make it again with: bimodal demos")
    task = load_task(demos.meta["task"])
    meta = {
        "demonstrations": demos.meta["digest"],
        "names": list(names),
        "size": size,
        "every": EVERY,
        "begins": "by scene",
        "renderer": render_fingerprint(task)._asdict(),
    }
    kept = pictures_file(path, names, size)
    if (found := _read(kept, meta)) is None:
        found = draw(demos, names, size, progress)
        arrays = {"episodes": found.episodes, "frames": found.frames, **found.images}
        write_arrays(kept, {"meta": np.array(json.dumps(meta)), **arrays})
    return found


def pictures_file(path: Path, names: Sequence[str], size: int) -> Path:
    """Return where the pictures of a demonstrations file are kept."""
    cameras = "-".join(name.removesuffix("_image") for name in names)
    return path.with_name(f"{path.stem}.{cameras}-{size}.npz")


def draw(
    demos: Demonstrations,
    names: Sequence[str],
    size: int,
    progress: Callable[[int, int], None] | None = None,
) -> DemonstrationPictures:
    """Draw one control step in `EVERY` of demonstrations; arguments and errors as above."""
    total = len(demos.seeds)
    scenes = np.unique(demos.seeds, return_inverse=True)[1]
    pictures = EpisodePictures(load_task(demos.meta["task"]), Variant(), names, size)
    rows = []
    try:
        for episode, states in enumerate(played_states(demos)):
            frames = np.arange(-scenes[episode] % EVERY, len(states), EVERY)
            seeds = np.full(len(frames), demos.seeds[episode])
            rows.append((frames, pictures.take(seeds, states[frames], np.ones(len(frames), bool))))
            if progress:
                progress(episode + 1, total)
    finally:
        pictures.close()
    counts = [len(frames) for frames, _ in rows]
    return DemonstrationPictures(
        np.repeat(np.arange(total), counts),
        np.concatenate([frames for frames, _ in rows]),
        {name: np.concatenate([seen[name] for _, seen in rows]) for name in names},
    )


def _read(path: Path, meta: dict) -> DemonstrationPictures | None:
    """Return the pictures of a file, None if it is missing, damaged, or not of this `meta`."""
    try:
        arrays = read_arrays(path)
        if json.loads(str(arrays.pop("meta"))) != meta:
            return None
        found = DemonstrationPictures(arrays.pop("episodes"), arrays.pop("frames"), arrays)
    except (BimodalError, OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error):
        return None
    shape = (len(found.frames), meta["size"], meta["size"], 3)
    whole = all(image.shape == shape and image.dtype == np.uint8 for image in found.images.values())
    return found if whole and list(found.images) == meta["names"] else None
