"""The model that is drawn: made of a physics scene, posed as its state, cut to what a camera sees."""

import mujoco
import numpy as np

from .appearance import visual_spec
from .lighting import LIGHTING_PRESETS, set_lights
from .panda_meshes import face_budget

_OUT_OF_VIEW = 5
"""The geom group of what lies beside the picture; no renderer shows it."""


def visual_model(spec: mujoco.MjSpec, quality: str, side: int = 640) -> mujoco.MjModel:
    """Return the model that is drawn of a physics scene, lit for a quality of picture.

    Args:
        spec: the physics scene.
        quality: one of `LIGHTING_PRESETS`.
        side: the longer one of the picture [pixels].
    """
    light = LIGHTING_PRESETS[quality]
    model = visual_spec(spec, face_budget(quality, side), plain=not light.air).compile()
    set_lights(model, light)
    model.vis.quality.offsamples = 0  # the passes smooth the edges
    return model


def copy_pose(model: mujoco.MjModel, target: mujoco.MjData, source: mujoco.MjData) -> None:
    """Place everything in the drawn model's data as it is in the physics model's."""
    target.qpos[:] = source.qpos
    target.time = source.time
    target.mocap_pos[:] = source.mocap_pos
    target.mocap_quat[:] = source.mocap_quat
    mujoco.mj_kinematics(model, target)
    mujoco.mj_comPos(model, target)
    mujoco.mj_camlight(model, target)


class ViewCut:
    """Leaves out what lies wholly beside a camera's picture, so that no time is spent on its triangles.

    Only for pictures without shadows: what is beside the picture may cast one into it.
    """

    def __init__(self, model: mujoco.MjModel, aspect: float) -> None:
        """Note the model's parts, and what its cameras see in pictures of an aspect (width over height)."""
        self._model = model
        self._groups = model.geom_group.copy()
        self._radii = np.where(model.geom_type == mujoco.mjtGeom.mjGEOM_PLANE, np.inf, model.geom_rbound)
        tall = np.radians(model.cam_fovy) / 2
        wide = np.arctan(np.tan(tall) * aspect)
        none = np.zeros_like(tall)
        # how far a point at right, up, behind is beyond each of the sides that bound a view, (cameras, 3, 5)
        right = np.cos(wide)
        up = np.cos(tall)
        beside = [[right, none, np.sin(wide)], [-right, none, np.sin(wide)]]
        above = [[none, up, np.sin(tall)], [none, -up, np.sin(tall)]]
        self._sides = np.array([*beside, *above, [none, none, none + 1]]).transpose(
            2, 1, 0
        )  # (cameras, 3, 5)

    def cut(self, data: mujoco.MjData, eye: mujoco.MjvCamera) -> None:
        """Put the geoms that one of the model's cameras cannot see into a group of their own.

        Args:
            data: of the posed model.
            eye: looks at it; one that is not of the model is shown everything.
        """
        groups = self._groups
        if eye.type == mujoco.mjtCamera.mjCAMERA_FIXED:
            camera = eye.fixedcamid
            sides = data.cam_xmat[camera].reshape(3, 3) @ self._sides[camera]
            beyond = ((data.geom_xpos - data.cam_xpos[camera]) @ sides).max(1)  # [m]
            groups = np.where(beyond > self._radii, _OUT_OF_VIEW, groups)
        self._model.geom_group[:] = groups
