"""Meshes to look at: the Panda's own shells, reduced once and cached, and rounded boxes and cylinders.

Nothing here touches physics. robosuite ships 134,000 faces for one arm; drawn by a processor they cost
four times the reduced ones, which look the same at video size. The pieces of a link are welded, merged
by colour, reduced, given smooth normals that break at sharp edges, and kept in the user's cache folder.
"""

import functools
import importlib.metadata
import os
import tempfile
import zipfile
from pathlib import Path
from typing import NamedTuple

import fast_simplification
import mujoco
import numpy as np
import platformdirs

from ..robot.panda import robosuite_models

BUDGETS = {"policy": 6_000, "video": 12_000, "still": 24_000}
"""Faces of the whole robot for each quality of picture."""

_CODE = 5  # raise it when a change here changes the meshes: old cache files are then ignored
_WELD = 1e-5  # vertices nearer than this are one vertex [m]
_CREASE = np.radians(38.0)  # faces that meet at a sharper angle do not share a normal [rad]
_SMALLEST_SHARE = 1 / 250  # of all faces: no piece gets a smaller one
_SHARE = {"right_gripper": 6.0, "leftfinger": 3.0, "rightfinger": 3.0, "link7": 2.0, "link6": 1.3}
"""Faces per area, over that of the other links: cameras look at the hand."""


class Mesh(NamedTuple):
    """Triangles with a normal at each vertex, in the frame of their body."""

    vertices: np.ndarray
    """(V, 3) [m]."""
    faces: np.ndarray
    """(F, 3) rows of `vertices`, counter-clockwise from outside."""
    normals: np.ndarray
    """(V, 3) unit vectors; at a sharp edge vertices stand twice, once for each side."""

    def add_to(self, spec: mujoco.MjSpec, name: str) -> None:
        """Add this mesh to `spec` as the asset `name`."""
        spec.add_mesh(
            name=name,
            uservert=self.vertices.ravel(),
            userface=self.faces.ravel(),
            usernormal=self.normals.ravel(),
            inertia=mujoco.mjtMeshInertia.mjMESH_INERTIA_SHELL,
        )


class Part(NamedTuple):
    """All shells of one body that have one colour."""

    body: str
    colour: str
    """"white" or "dark"."""
    mesh: Mesh


@functools.cache
def panda_parts(faces: int) -> tuple[Part, ...]:
    """Return the visible Panda with about `faces` triangles, from the cache when it is sound."""
    version = importlib.metadata.version("robosuite")
    folder = platformdirs.user_cache_path("bimodal-bench") / "meshes"
    path = folder / f"panda-robosuite{version}-{faces}-v{_CODE}.npz"
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
    temporary = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, suffix=".tmp", delete=False) as file:
            temporary = Path(file.name)
            np.savez_compressed(file, labels=np.array([(part.body, part.colour) for part in parts]), **arrays)
        os.replace(temporary, path)  # noqa: PTH105 (atomic, and says so)
    except OSError:
        if temporary is not None:
            temporary.unlink(missing_ok=True)


def _build(budget: int) -> tuple[Part, ...]:
    """Reduce each shell by itself, or small ones vanish; then merge those of one body and colour."""
    shells = _shells()
    weight = [_SHARE.get(shell.body, 1.0) * _area(shell.vertices, shell.faces).sum() for shell in shells]
    merged: dict[tuple[str, str], list[np.ndarray]] = {}
    for shell, share in zip(shells, np.array(weight) / sum(weight), strict=True):
        vertices, faces = shell.vertices, shell.faces
        target = round(budget * max(share, _SMALLEST_SHARE))
        if target < len(faces):
            vertices, faces = fast_simplification.simplify(vertices, faces, target_count=target, agg=3)[:2]
        merged.setdefault((shell.body, shell.colour), []).append(vertices[faces])
    return tuple(Part(*key, smooth(*_weld(np.concatenate(soup)))) for key, soup in merged.items())


class _Shell(NamedTuple):
    """One piece of robosuite's visual model, in its body's frame."""

    body: str
    colour: str
    vertices: np.ndarray
    faces: np.ndarray


def _shells() -> list[_Shell]:
    """Read robosuite's visual meshes, welded."""
    shells = []
    for file in (Path("robots", "panda", "robot.xml"), Path("grippers", "panda_gripper.xml")):
        spec = mujoco.MjSpec.from_file(str(robosuite_models() / file))
        for geom in [geom for geom in spec.geoms if geom.group != 1]:
            spec.delete(geom)
        shown = {geom.meshname for geom in spec.geoms}
        for mesh in [mesh for mesh in spec.meshes if mesh.name not in shown]:
            spec.delete(mesh)
        model = spec.compile()
        for geom in range(model.ngeom):
            material = model.geom_matid[geom]
            rgba = model.mat_rgba[material] if material >= 0 else model.geom_rgba[geom]
            body = model.body(model.geom_bodyid[geom]).name
            shells.append(_Shell(body, "white" if rgba[1] > 0.6 else "dark", *_weld(_triangles(model, geom))))
    return shells


def _triangles(model: mujoco.MjModel, geom: int) -> np.ndarray:
    """Return the corners of a mesh geom in its body's frame, (F, 3, 3) [m]."""
    mesh = model.geom_dataid[geom]
    vertex, face = model.mesh_vertadr[mesh], model.mesh_faceadr[mesh]
    corners = model.mesh_vert[vertex : vertex + model.mesh_vertnum[mesh]].astype(float)
    rotation = np.empty(9)
    mujoco.mju_quat2Mat(rotation, model.geom_quat[geom])
    placed = corners @ rotation.reshape(3, 3).T + model.geom_pos[geom]
    return placed[model.mesh_face[face : face + model.mesh_facenum[mesh]]]


def _weld(soup: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Join equal corners and drop empty triangles: (F, 3, 3) -> vertices (V, 3), faces (F', 3)."""
    grid = np.round(soup.reshape(-1, 3) / _WELD).astype(np.int64)
    _, first, index = np.unique(grid, axis=0, return_index=True, return_inverse=True)
    faces = index.reshape(-1, 3)
    whole = (faces != np.roll(faces, 1, axis=1)).all(axis=1)
    return soup.reshape(-1, 3)[first], faces[whole]


def _area(vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """Return the area of each face, (F,) [m^2]."""
    return np.linalg.norm(_cross(vertices, faces), axis=1) / 2


def _cross(vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    a, b, c = vertices[faces].transpose(1, 0, 2)
    return np.cross(b - a, c - a)


def smooth(vertices: np.ndarray, faces: np.ndarray) -> Mesh:
    """Give each corner the area-weighted mean normal of the faces around it that are not past a crease.

    Args:
        vertices: (V, 3) [m].
        faces: (F, 3) rows of `vertices`.
    """
    cross = _cross(vertices, faces)
    area = np.linalg.norm(cross, axis=1, keepdims=True)
    faces, cross, area = faces[area[:, 0] > 0], cross[area[:, 0] > 0], area[area[:, 0] > 0]
    unit = cross / area
    corner = faces.ravel()  # the vertex of each corner
    order = np.argsort(corner, kind="stable")  # corners that share a vertex stand together
    count = np.bincount(corner, minlength=len(vertices))
    start = np.cumsum(count) - count
    repeat = count[corner]
    mine = np.repeat(np.arange(len(corner)), repeat)
    within = np.arange(len(mine)) - np.repeat(np.cumsum(repeat) - repeat, repeat)
    other = order[start[corner[mine]] + within] // 3
    gentle = np.einsum("ij,ij->i", unit[mine // 3], unit[other]) > np.cos(_CREASE)
    shared = cross[other] * gentle[:, None]
    normals = np.stack([np.bincount(mine, column, len(corner)) for column in shared.T], axis=1)
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    split = np.concatenate([corner[:, None], (normals * 1e4).round()], axis=1).astype(np.int64)
    _, first, index = np.unique(split, axis=0, return_index=True, return_inverse=True)
    corners = index.reshape(-1, 3).astype(np.int32)
    return Mesh(vertices[corner[first]].astype(np.float32), corners, normals[first].astype(np.float32))


def rounded_box(half: np.ndarray, bevel: float, arcs: int = 3) -> Mesh:
    """Return a box with round edges that touches the six planes of the sharp box.

    Each face of a cube-shaped sphere is cut along its middle and its four quarters pushed to the corners.

    Args:
        half: half sizes (3,) [m].
        bevel: radius of the edges [m]; at most the smallest half size is used.
        arcs: segments of an eighth of a circle.
    """
    half = np.asarray(half, dtype=float)
    bevel = min(bevel, 0.999 * float(half.min()))
    slope = np.tan(np.linspace(0.0, np.pi / 4, arcs + 1))
    lane = np.concatenate([-slope[::-1], slope])
    side = np.repeat([-1.0, 1.0], arcs + 1)
    u, v = (grid.ravel() for grid in np.meshgrid(lane, lane, indexing="ij"))
    side_u, side_v = (grid.ravel() for grid in np.meshgrid(side, side, indexing="ij"))
    square = _grid_faces(len(lane))
    vertices, normals, faces = [], [], []
    for axis in range(3):
        for sign in (-1.0, 1.0):
            place = [axis, (axis + 1) % 3, (axis + 2) % 3]
            normal, corner = np.empty((len(u), 3)), np.empty((len(u), 3))
            normal[:, place] = np.stack([np.full_like(u, sign), u, v], axis=1)
            corner[:, place] = np.stack([np.full_like(u, sign), side_u, side_v], axis=1)
            normal /= np.linalg.norm(normal, axis=1, keepdims=True)
            faces.append(len(u) * len(faces) + (square if sign > 0 else square[:, ::-1]))
            vertices.append(corner * (half - bevel) + bevel * normal)
            normals.append(normal)
    return _shared(np.concatenate(vertices), np.concatenate(normals), np.concatenate(faces))


def _grid_faces(n: int) -> np.ndarray:
    """Return the triangles of an n x n grid of vertices, (2 (n - 1)^2, 3)."""
    first = (np.arange(n - 1)[:, None] * n + np.arange(n - 1)).ravel()
    return np.concatenate(
        [np.stack([first, first + n, first + n + 1], 1), np.stack([first, first + n + 1, first + 1], 1)]
    )


def rounded_cylinder(radius: float, half: float, bevel: float, around: int = 48, arcs: int = 4) -> Mesh:
    """Return a cylinder along z with round rims that touches the sharp cylinder's planes and its side.

    Args:
        radius: of the cylinder [m].
        half: half length [m].
        bevel: radius of the rims [m].
        around: segments of the circle; a multiple of 4 keeps the extents along x and y exact.
        arcs: segments of a rim's quarter circle.
    """
    bevel = min(bevel, 0.999 * radius, 0.999 * half)
    turn = np.linspace(0.0, np.pi / 2, arcs + 1)  # along the upper rim, from its top to its side
    out = np.concatenate([[0.0], radius - bevel + bevel * np.sin(turn)])
    up = np.concatenate([[half], half - bevel + bevel * np.cos(turn)])
    normal_out, normal_up = np.sin([0.0, *turn]), np.cos([0.0, *turn])
    out, up = np.concatenate([out, out[::-1]]), np.concatenate([up, -up[::-1]])
    normal_out, normal_up = (
        np.concatenate([normal_out, normal_out[::-1]]),
        np.concatenate([normal_up, -normal_up[::-1]]),
    )
    angle = np.arange(around) * 2 * np.pi / around
    ring = np.stack([np.cos(angle), np.sin(angle), np.zeros(around)], axis=1)

    def revolve(across: np.ndarray, along: np.ndarray) -> np.ndarray:
        return (across[:, None, None] * ring + along[:, None, None] * np.array([0, 0, 1])).reshape(-1, 3)

    level, step = np.meshgrid(np.arange(len(out) - 1) * around, np.arange(around), indexing="ij")
    here, ahead = (level + step).ravel(), (level + (step + 1) % around).ravel()
    faces = np.concatenate(
        [np.stack([here, here + around, ahead + around], 1), np.stack([here, ahead + around, ahead], 1)]
    )
    return _shared(revolve(out, up), revolve(normal_out, normal_up), faces)


def _shared(vertices: np.ndarray, normals: np.ndarray, faces: np.ndarray) -> Mesh:
    """Return a mesh whose vertices and normals go together, without its empty triangles."""
    faces = faces[_area(vertices, faces) > 1e-14].astype(np.int32)
    return Mesh(vertices.astype(np.float32), faces, normals.astype(np.float32))
