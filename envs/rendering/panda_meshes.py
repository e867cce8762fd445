"""The Panda's shells, reduced from robosuite's model once and kept in the user's cache folder.

robosuite ships 134,000 faces for one arm; drawn by a processor they cost four times the reduced ones, which
look the same at video size. The pieces of a link are welded, merged by colour, reduced and given smooth
normals. Nothing here touches physics.
"""

import functools
import zipfile
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import fast_simplification
import numpy as np
import platformdirs

from ..errors import BimodalError
from ..robot.model_files import ROBOSUITE_MODELS, ROBOSUITE_VERSION
from ..storage.atomic_write import atomic_write
from .meshes import Mesh, face_areas, smooth, weld

_BUDGETS = {"video": 6_000, "still": 24_000}
_SMALL = 128  # side of a picture in which fewer faces look the same [pixels]

_CODE = 5  # raise it when a change here changes the meshes: old cache files are then ignored
_SMALLEST_SHARE = 1 / 250  # of all faces: no piece gets a smaller one
_SHARE = {"right_gripper": 6.0, "leftfinger": 3.0, "rightfinger": 3.0, "link7": 2.0, "link6": 1.3}
"""Faces per area, over that of the other links: cameras look at the hand."""


def face_budget(quality: str, side: int) -> int:
    """Return how many faces the robot is given in pictures of a quality whose longer side is `side` pixels.

    Small pieces keep some faces each, so below 4,000 it has more than it is given.
    """
    return _BUDGETS.get(quality, 1_500 if side <= _SMALL else 3_000)


class Part(NamedTuple):
    """All shells of one body that have one colour."""

    body: str
    colour: str
    """"white" or "dark"."""
    mesh: Mesh


@functools.cache
def panda_parts(faces: int) -> tuple[Part, ...]:
    """Return the visible Panda with about `faces` triangles, from the cache when it is sound."""
    folder = platformdirs.user_cache_path("bimodal-bench") / "meshes"
    path = folder / f"panda-robosuite{ROBOSUITE_VERSION}-{faces}-v{_CODE}.npz"
    parts = _load(path)
    if parts is None:
        parts = _build(faces)
        _save(path, parts)
    return parts


def _load(path: Path) -> tuple[Part, ...] | None:
    """Return the cached parts, or None when the file is absent or damaged."""
    try:
        with np.load(path, allow_pickle=False) as file:
            labels = file["labels"]
            meshes = [Mesh(*(file[f"{i}.{field}"] for field in Mesh._fields)) for i in range(len(labels))]
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None
    return tuple(
        Part(str(body), str(colour), mesh) for (body, colour), mesh in zip(labels, meshes, strict=True)
    )


def _save(path: Path, parts: tuple[Part, ...]) -> None:
    """Write the cache file whole or not at all; a read-only disk only costs the next start a second."""
    arrays = {
        f"{i}.{field}": getattr(parts[i].mesh, field) for i in range(len(parts)) for field in Mesh._fields
    }
    labels = np.array([(part.body, part.colour) for part in parts])
    with suppress(OSError, BimodalError):
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_write(path) as draft, draft.open("wb") as file:
            np.savez_compressed(file, labels=labels, **arrays)


def _build(budget: int) -> tuple[Part, ...]:
    """Reduce each shell by itself, or small ones vanish; then merge those of one body and colour."""
    shells = _shells()
    weight = [_SHARE.get(shell.body, 1.0) * face_areas(shell.vertices, shell.faces).sum() for shell in shells]
    merged: dict[tuple[str, str], list[np.ndarray]] = {}
    for shell, share in zip(shells, np.array(weight) / sum(weight), strict=True):
        vertices = shell.vertices
        faces = shell.faces
        target = round(budget * max(share, _SMALLEST_SHARE))
        if target < len(faces):
            vertices, faces = fast_simplification.simplify(vertices, faces, target_count=target, agg=3)[:2]
        merged.setdefault((shell.body, shell.colour), []).append(vertices[faces])
    return tuple(Part(*key, smooth(*weld(np.concatenate(soup)))) for key, soup in merged.items())


class _Shell(NamedTuple):
    """One piece of robosuite's visual model, in its body's frame."""

    body: str
    colour: str
    vertices: np.ndarray
    faces: np.ndarray


def _shells() -> list[_Shell]:
    """Read robosuite's visual meshes, welded."""
    with np.load(ROBOSUITE_MODELS / "shells.npz", allow_pickle=False) as file:
        labels = file["labels"]
        return [
            _Shell(str(body), str(colour), file[f"{i}.vertices"], file[f"{i}.faces"].astype(np.int64))
            for i, (body, colour) in enumerate(labels)
        ]
