"""How robosuite's groceries look: their meshes and pictures, read from its files."""

import functools
from typing import NamedTuple

import mujoco
import numpy as np

from ..robot.model_files import ROBOSUITE_MODELS
from .meshes import lay_picture

_COLOURS = {
    "bottle": (0.16, 0.42, 0.27),
    "bread": (0.80, 0.58, 0.32),
    "can": (1.0, 1.0, 1.0),
    "cereal": (1.0, 1.0, 1.0),
    "milk": (0.93, 0.95, 0.98),
}


class Grocery(NamedTuple):
    """One of robosuite's objects, to look at."""

    vertices: np.ndarray
    """From the middle of its extents [m], (V, 3)."""
    faces: np.ndarray
    """(F, 3)."""
    places: np.ndarray
    """Places in the picture, (T, 2); empty without one."""
    place_faces: np.ndarray
    """Rows of `places` for each face, (F, 3); empty without a picture."""
    picture: np.ndarray | None
    """(H, W, 3) uint8."""
    colour: tuple[float, float, float]

    def show(self, spec: mujoco.MjSpec, body: mujoco.MjsBody, name: str, group: int, **frame: object) -> None:
        """Add it to a body of a dressed scene as something that is seen and touches nothing."""
        mesh = spec.add_mesh(name=name, inertia=mujoco.mjtMeshInertia.mjMESH_INERTIA_SHELL)
        mesh.uservert = self.vertices.ravel()
        mesh.userface = self.faces.ravel()
        spec.add_material(name=name, rgba=[*self.colour, 1.0], specular=0.4, shininess=0.5)
        if self.picture is not None:
            mesh.usertexcoord = self.places.ravel()
            mesh.userfacetexcoord = self.place_faces.ravel()
            lay_picture(spec, name, self.picture)
        body.add_geom(
            type=mujoco.mjtGeom.mjGEOM_MESH,
            meshname=name,
            material=name,
            group=group,
            contype=0,
            conaffinity=0,
            mass=0,
            **frame,
        )


@functools.cache
def grocery(kind: str) -> Grocery:
    """Return one of `props.GROCERIES`."""
    with np.load(ROBOSUITE_MODELS / "objects" / f"{kind}.npz", allow_pickle=False) as file:
        bare = {"places": np.zeros((0, 2)), "place_faces": np.zeros((0, 3), int), "picture": None}
        return Grocery(**bare | dict(file), colour=_COLOURS[kind])
