"""Meshes to look at: smooth normals, boxes and cylinders with round edges, and pictures that cover them."""

from typing import NamedTuple

import mujoco
import numpy as np

from ..frames import heading

_WELD = 1e-5  # vertices nearer than this are one vertex [m]
_CREASE = np.radians(38.0)  # faces that meet at a sharper angle do not share a normal [rad]


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


def lay_picture(spec: mujoco.MjSpec, material: str, picture: np.ndarray) -> None:
    """Cover a material with a picture (H, W, 3) uint8, a texture of the material's name."""
    texture = spec.add_texture(name=material, type=mujoco.mjtTexture.mjTEXTURE_2D, nchannel=3)
    texture.height, texture.width = picture.shape[:2]
    texture.data = picture.tobytes()
    textures = list(spec.material(material).textures)
    textures[mujoco.mjtTextureRole.mjTEXROLE_RGB] = material
    spec.material(material).textures = textures


def weld(soup: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Join equal corners and drop empty triangles: (F, 3, 3) -> vertices (V, 3), faces (F', 3)."""
    grid = np.round(soup.reshape(-1, 3) / _WELD).astype(np.int64)
    _, first, index = np.unique(grid, axis=0, return_index=True, return_inverse=True)
    faces = index.reshape(-1, 3)
    whole = (faces != np.roll(faces, 1, axis=1)).all(axis=1)
    return soup.reshape(-1, 3)[first], faces[whole]


def face_areas(vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
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
    real = area[:, 0] > 0
    faces = faces[real]
    cross = cross[real]
    unit = cross / area[real]
    # 1. pair every corner with all corners at its vertex
    corner = faces.ravel()  # the vertex of each corner
    order = np.argsort(corner, kind="stable")  # corners that share a vertex stand together
    count = np.bincount(corner, minlength=len(vertices))
    start = np.cumsum(count) - count
    repeat = count[corner]
    mine = np.repeat(np.arange(len(corner)), repeat)
    within = np.arange(len(mine)) - np.repeat(np.cumsum(repeat) - repeat, repeat)
    other = order[start[corner[mine]] + within] // 3
    # 2. add up the normals of those across a gentle edge
    gentle = np.einsum("ij,ij->i", unit[mine // 3], unit[other]) > np.cos(_CREASE)
    shared = cross[other] * gentle[:, None]
    normals = np.stack([np.bincount(mine, column, len(corner)) for column in shared.T], axis=1)
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    # 3. one vertex for corners that have place and normal in common
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
    # 1. one face of the sphere as a grid u, v, cut along its middle, and the corner each point goes to
    half = np.asarray(half, dtype=float)
    bevel = min(bevel, 0.999 * float(half.min()))
    slope = np.tan(np.linspace(0.0, np.pi / 4, arcs + 1))
    lane = np.concatenate([-slope[::-1], slope])
    side = np.repeat([-1.0, 1.0], arcs + 1)
    u, v = (grid.ravel() for grid in np.meshgrid(lane, lane, indexing="ij"))
    side_u, side_v = (grid.ravel() for grid in np.meshgrid(side, side, indexing="ij"))
    square = _grid_faces(len(lane))
    # 2. the same for all six faces
    vertices: list[np.ndarray] = []
    normals: list[np.ndarray] = []
    faces: list[np.ndarray] = []
    for axis in range(3):
        for sign in (-1.0, 1.0):
            place = [axis, (axis + 1) % 3, (axis + 2) % 3]
            normal = np.empty((len(u), 3))
            corner = np.empty((len(u), 3))
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
    normal_out = np.sin([0.0, *turn])
    normal_up = np.cos([0.0, *turn])
    # the lower half is the upper one's mirror image
    out = np.concatenate([out, out[::-1]])
    up = np.concatenate([up, -up[::-1]])
    normal_out = np.concatenate([normal_out, normal_out[::-1]])
    normal_up = np.concatenate([normal_up, -normal_up[::-1]])
    angle = np.arange(around) * 2 * np.pi / around
    ring = np.column_stack([heading(angle), np.zeros(around)])

    def revolve(across: np.ndarray, along: np.ndarray) -> np.ndarray:
        return (across[:, None, None] * ring + along[:, None, None] * np.array([0, 0, 1])).reshape(-1, 3)

    # triangles between one ring and the next
    level, step = np.meshgrid(np.arange(len(out) - 1) * around, np.arange(around), indexing="ij")
    here = (level + step).ravel()
    ahead = (level + (step + 1) % around).ravel()
    faces = np.concatenate(
        [np.stack([here, here + around, ahead + around], 1), np.stack([here, ahead + around, ahead], 1)]
    )
    return _shared(revolve(out, up), revolve(normal_out, normal_up), faces)


def _shared(vertices: np.ndarray, normals: np.ndarray, faces: np.ndarray) -> Mesh:
    """Return a mesh whose vertices and normals go together, without its empty triangles."""
    faces = faces[face_areas(vertices, faces) > 1e-14].astype(np.int32)
    return Mesh(vertices.astype(np.float32), faces, normals.astype(np.float32))
