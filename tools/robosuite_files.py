"""Takes from an installed robosuite what lies in `envs/robot/robosuite`; run by hand when that is to change.

    pip install --no-deps robosuite==1.5.2
    python tools/robosuite_files.py

Model files and collision meshes are copied as they are. Visual meshes are welded, groceries and pictures of
tables cut to the size in which they are drawn: robosuite has 527 MB, this is 6.
"""

import importlib.util
import shutil
import sys
from importlib.metadata import distribution
from pathlib import Path
from xml.etree import ElementTree

import mujoco
import numpy as np
from bimodal.envs.perturbations.scene_appearance import TABLES
from bimodal.envs.rendering.meshes import weld
from bimodal.envs.robot.model_files import ROBOSUITE_VERSION
from PIL import Image

HERE = Path(__file__).parents[1] / "envs" / "robot" / "robosuite"
ROBOT = Path("robots", "panda", "robot.xml")
GRIPPER = Path("grippers", "panda_gripper.xml")
TABLE_PIXELS = 512
GROCERY_PIXELS = 256
GROCERIES = {"bottle": "", "bread": "", "can": "soda", "cereal": "cereal", "milk": "ceramic"}
"""Groceries, each with its picture."""


def copy_models(assets: Path) -> None:
    """Copy arm, gripper and the meshes that they touch with."""
    for file in (ROBOT, GRIPPER):
        (HERE / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(assets / file, HERE / file)
        root = ElementTree.parse(assets / file).getroot()  # noqa: S314 (the file of an installed package)
        shapes = {mesh.get("name"): mesh.get("file", "") for mesh in root.iter("mesh")}
        touching = {geom.get("mesh") for geom in root.iter("geom") if geom.get("conaffinity") != "0"}
        for mesh in filter(None, touching):
            place = file.parent / shapes[mesh]
            (HERE / place).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(assets / place, HERE / place)


def shells(assets: Path) -> dict[str, np.ndarray]:
    """Return what is seen of arm and gripper, welded, in the frames of its bodies [m]."""
    arrays: dict[str, np.ndarray] = {}
    labels = []
    for file in (ROBOT, GRIPPER):
        spec = mujoco.MjSpec.from_file(str(assets / file))
        for geom in [geom for geom in spec.geoms if geom.group != 1]:
            spec.delete(geom)
        shown = {geom.meshname for geom in spec.geoms}
        for mesh in [mesh for mesh in spec.meshes if mesh.name not in shown]:
            spec.delete(mesh)
        model = spec.compile()
        for geom in range(model.ngeom):
            material = model.geom_matid[geom]
            rgba = model.mat_rgba[material] if material >= 0 else model.geom_rgba[geom]
            arrays[f"{len(labels)}.vertices"], faces = weld(triangles(model, geom))
            arrays[f"{len(labels)}.faces"] = faces.astype(np.uint32)
            body = model.body(model.geom_bodyid[geom]).name
            labels.append((body, "white" if rgba[1] > 0.6 else "dark"))
    return arrays | {"labels": np.array(labels)}


def triangles(model: mujoco.MjModel, geom: int) -> np.ndarray:
    """Return the corners of a mesh geom in its body's frame, (F, 3, 3) [m]."""
    mesh = model.geom_dataid[geom]
    vertex = model.mesh_vertadr[mesh]
    face = model.mesh_faceadr[mesh]
    corners = model.mesh_vert[vertex : vertex + model.mesh_vertnum[mesh]].astype(float)
    rotation = np.empty(9)
    mujoco.mju_quat2Mat(rotation, model.geom_quat[geom])
    placed = corners @ rotation.reshape(3, 3).T + model.geom_pos[geom]
    return placed[model.mesh_face[face : face + model.mesh_facenum[mesh]]]


def picture(file: Path, pixels: int) -> Image.Image:
    """Return a picture as large as it is drawn."""
    with Image.open(file) as image:
        return image.convert("RGB").resize((pixels, pixels))


def grocery(assets: Path, kind: str) -> dict[str, np.ndarray]:
    """Return an object's mesh around the middle of its extents [m], and its picture."""
    model = mujoco.MjModel.from_xml_path(str(assets / "objects" / f"{kind}.xml"))
    data = mujoco.MjData(model)
    mujoco.mj_kinematics(model, data)
    vertices = model.mesh_vert[: model.mesh_vertnum[0]] @ data.geom_xmat[0].reshape(3, 3).T
    vertices = vertices - (vertices.min(0) + vertices.max(0)) / 2
    arrays = {"vertices": vertices, "faces": model.mesh_face[: model.mesh_facenum[0]]}
    if GROCERIES[kind] and model.mesh_texcoordnum[0]:
        arrays["places"] = model.mesh_texcoord[: model.mesh_texcoordnum[0]]
        arrays["place_faces"] = model.mesh_facetexcoord[: model.mesh_facenum[0]]
        file = assets / "textures" / f"{GROCERIES[kind]}.png"
        arrays["picture"] = np.asarray(picture(file, GROCERY_PIXELS))
    return arrays


def main() -> None:
    """Write the whole folder."""
    found = importlib.util.find_spec("robosuite")
    if found is None or found.origin is None:
        sys.exit(f"robosuite is missing: pip install --no-deps robosuite=={ROBOSUITE_VERSION}")
    installed = distribution("robosuite")
    if installed.version != ROBOSUITE_VERSION:
        sys.exit(f"robosuite {installed.version} is installed; {ROBOSUITE_VERSION} is wanted")
    assets = Path(found.origin).parent / "models" / "assets"
    copy_models(assets)
    (HERE / "LICENSE").write_text(installed.read_text("licenses/LICENSE") or "")
    np.savez_compressed(HERE / "shells.npz", **shells(assets))
    for folder in ("textures", "objects"):
        (HERE / folder).mkdir(exist_ok=True)
    for kind in TABLES.seen + TABLES.unseen:
        file = Path("textures", f"{kind}.png")
        picture(assets / file, TABLE_PIXELS).save(HERE / file, optimize=True)
    for kind in GROCERIES:
        np.savez_compressed(HERE / "objects" / f"{kind}.npz", **grocery(assets, kind))


if __name__ == "__main__":
    main()
