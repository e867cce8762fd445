"""A simulated scene as nodes of viser: one frame a body, below it the shapes that are drawn of it."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import mujoco
import numpy as np
import trimesh  # pyright: ignore[reportMissingImports]

from ...envs.physics_state import set_state
from ...envs.rendering.appearance import ROBOT, SHOWN
from ...envs.rendering.drawn_model import copy_pose, visual_model
from .films import Film

ROOT = "/scene"
"""Node above all of a scene's; it is removed with them."""
_FLAT = 0.002  # thickness of a plane [m]
_GROUND = 1.5  # half the side of a plane that has no end [m]


class Triangles(NamedTuple):
    """A shape in its own frame."""

    vertices: np.ndarray
    """(V, 3) [m]."""
    faces: np.ndarray
    """Rows of `vertices`, (F, 3)."""


class BrowserScene:
    """The scene of a film in a browser; `pose` puts it into one of the film's states."""

    def __init__(self, server: Any, film: Film) -> None:
        """Draw it.

        Args:
            server: a `viser.ViserServer`.
            film: whose scene.
        """
        self._server = server
        self._physics = film.spec.compile()
        self._source = mujoco.MjData(self._physics)
        self._model = visual_model(film.spec, "video")
        self._data = mujoco.MjData(self._model)
        self._root = server.scene.add_frame(ROOT, show_axes=False)
        self.frames: dict[int, Any] = {}
        """The node of each body that has something to show, by the body's number."""
        for geom in np.flatnonzero(np.isin(self._model.geom_group, (SHOWN, ROBOT))):
            self._add(int(geom))

    def pose(self, state: np.ndarray) -> None:
        """Put everything where it is in a state (nstate,)."""
        set_state(self._physics, self._source, state)
        copy_pose(self._model, self._data, self._source)
        with self._server.atomic():
            for body, frame in self.frames.items():
                frame.position = self._data.xpos[body]
                frame.wxyz = self._data.xquat[body]

    def remove(self) -> None:
        """Take it out of the browser."""
        self._root.remove()

    def _add(self, geom: int) -> None:
        model = self._model
        body = int(model.geom_bodyid[geom])
        name = f"{ROOT}/{body}_{model.body(body).name}"
        if body not in self.frames:
            self.frames[body] = self._server.scene.add_frame(name, show_axes=False)
        shape = triangles(model, geom)
        colour = shown_colour(model, geom)
        self._server.scene.add_mesh_simple(
            f"{name}/{geom}",
            shape.vertices.astype(np.float32),
            shape.faces.astype(np.uint32),
            color=tuple(int(part) for part in np.clip(colour[:3] * 255, 0, 255)),
            opacity=float(colour[3]) if colour[3] < 1 else None,
            position=model.geom_pos[geom],
            wxyz=model.geom_quat[geom],
            side="double",
        )


def triangles(model: mujoco.MjModel, geom: int) -> Triangles:
    """Return the surface of a shape of a model, in the shape's own frame."""
    kind = mujoco.mjtGeom(model.geom_type[geom])
    if kind == mujoco.mjtGeom.mjGEOM_MESH:
        mesh = model.geom_dataid[geom]
        begin = model.mesh_vertadr[mesh]
        first = model.mesh_faceadr[mesh]
        vertices = model.mesh_vert[begin : begin + model.mesh_vertnum[mesh]]
        return Triangles(vertices, model.mesh_face[first : first + model.mesh_facenum[mesh]])
    made = _primitive(kind, model.geom_size[geom])
    vertices = np.asarray(made.vertices)
    return Triangles(vertices - (vertices.min(0) + vertices.max(0)) / 2, np.asarray(made.faces))


def _primitive(kind: mujoco.mjtGeom, size: np.ndarray) -> Any:
    """Return a simple shape of MuJoCo's sizes (half lengths) [m] as a `trimesh.Trimesh`."""
    a, b, c = map(float, size)
    match kind:
        case mujoco.mjtGeom.mjGEOM_BOX:
            return trimesh.creation.box((2 * a, 2 * b, 2 * c))
        case mujoco.mjtGeom.mjGEOM_PLANE:
            return trimesh.creation.box((2 * (a or _GROUND), 2 * (b or _GROUND), _FLAT))
        case mujoco.mjtGeom.mjGEOM_CYLINDER:
            return trimesh.creation.cylinder(a, 2 * b)
        case mujoco.mjtGeom.mjGEOM_CAPSULE:
            return trimesh.creation.capsule(2 * b, a)
        case mujoco.mjtGeom.mjGEOM_SPHERE:
            return trimesh.creation.icosphere(radius=a)
    ball = trimesh.creation.icosphere()  # an ellipsoid
    ball.apply_scale((a, b, c))
    return ball


def shown_colour(model: mujoco.MjModel, geom: int) -> np.ndarray:
    """Return the colour of a shape (4,), 0 to 1; of one with a picture on it the picture's mean."""
    material = model.geom_matid[geom]
    if material < 0:
        return model.geom_rgba[geom]
    colour = model.mat_rgba[material].copy()
    for texture in _textures(model, material):
        begin = model.tex_adr[texture]
        channels = model.tex_nchannel[texture]
        count = model.tex_width[texture] * model.tex_height[texture] * channels
        pixels = model.tex_data[begin : begin + count].reshape(-1, channels)
        colour[:3] *= pixels[:, :3].mean(0) / 255
    return colour


def _textures(model: mujoco.MjModel, material: int) -> Iterator[int]:
    """Yield the pictures that give a material its colour."""
    for role in (mujoco.mjtTextureRole.mjTEXROLE_RGB, mujoco.mjtTextureRole.mjTEXROLE_RGBA):
        if (texture := int(model.mat_texid[material, role])) >= 0:
            yield texture
