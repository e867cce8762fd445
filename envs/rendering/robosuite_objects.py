"""How robosuite's groceries look: their meshes and pictures, read from its files."""

import functools
from typing import NamedTuple

import mujoco
import numpy as np
from PIL import Image

from ..robot.panda import robosuite_models
from .meshes import lay_picture

_PIXELS = 256
_PICTURES = {"can": "soda.png", "cereal": "cereal.png", "milk": "ceramic.png"}
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
    folder = robosuite_models()
    model = mujoco.MjModel.from_xml_path(str(folder / "objects" / f"{kind}.xml"))
    data = mujoco.MjData(model)
    mujoco.mj_kinematics(model, data)
    vertices = model.mesh_vert[: model.mesh_vertnum[0]] @ data.geom_xmat[0].reshape(3, 3).T
    vertices = vertices - (vertices.min(0) + vertices.max(0)) / 2
    faces = model.mesh_face[: model.mesh_facenum[0]]
    if kind not in _PICTURES or not model.mesh_texcoordnum[0]:
        return Grocery(vertices, faces, np.zeros((0, 2)), np.zeros((0, 3), int), None, _COLOURS[kind])
    with Image.open(folder / "textures" / _PICTURES[kind]) as image:
        picture = np.asarray(image.convert("RGB").resize((_PIXELS, _PIXELS)))
    places = model.mesh_texcoord[: model.mesh_texcoordnum[0]]
    place_faces = model.mesh_facetexcoord[: model.mesh_facenum[0]]
    return Grocery(vertices, faces, places, place_faces, picture, _COLOURS[kind])
