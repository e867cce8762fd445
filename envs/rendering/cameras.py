"""The cameras that pictures are taken with: four that stand still and one that rides on a hand."""

from typing import NamedTuple

import mujoco
import numpy as np

from ..frames import heading

FOVY = 36.0
"""Vertical opening angle of the cameras that stand still [degrees]."""


class View(NamedTuple):
    """A camera that stands still and looks at a point."""

    lookat: tuple[float, float, float]
    """World [m]."""
    distance: float
    """From the point [m]."""
    azimuth: float
    """Direction of the gaze about z [degrees]; 180 looks along -x, at the robot's face."""
    elevation: float
    """Direction of the gaze over the horizon [degrees]; -90 looks straight down."""
    height: float = 0.0
    """Of a parallel projection's picture [m]; 0 for perspective, with an opening angle of `FOVY`."""

    def frame(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the camera's position (3,) [m] and its rotation (3, 3), world; it looks along its -z."""
        turn = np.radians(self.azimuth)
        rise = np.radians(self.elevation)
        gaze = np.array([*(np.cos(rise) * heading(turn)), np.sin(rise)])
        right = np.array([np.sin(turn), -np.cos(turn), 0.0])
        axes = np.stack([right, np.cross(right, gaze), -gaze], axis=1)
        return np.array(self.lookat) - self.distance * gaze, axes


VIEWS = {
    "front": View((0.39, 0.0, 0.26), 1.52, 157.0, -20.0),
    "side": View((0.36, 0.0, 0.24), 1.55, 100.0, -16.0),
    "top": View((0.47, 0.0, 0.0), 1.10, 180.0, -89.9),
    "closeup": View((0.48, 0.0, 0.10), 0.82, 157.0, -25.0),
}
"""The cameras that stand still; `wrist` rides on the first arm's hand."""
_PAIR_VIEWS = {
    "front": View((0.60, 0.0, 0.26), 1.80, 100.0, -20.0),
    "side": View((0.60, 0.0, 0.26), 1.85, 90.0, -10.0),
    "top": View((0.60, 0.0, 0.0), 1.50, 90.0, -89.9),
    "closeup": View((0.60, 0.0, 0.10), 1.00, 100.0, -26.0),
}
"""The same for two arms, from the side, as each stands before the other's face."""
CAMERAS = (*VIEWS, "wrist")

_WRIST = np.array([0.095, 0.0, 0.02])  # the wrist camera's place in the hand's frame [m]
_WRIST_TILT = 21.0  # towards the fingers [degrees]
_WRIST_FOVY = 75.0  # [degrees]


def views(arms: int) -> dict[str, View]:
    """Return the cameras that stand still before one arm or two."""
    return _PAIR_VIEWS if arms == 2 else VIEWS


def add_cameras(spec: mujoco.MjSpec, arms: int) -> None:
    """Put our cameras into a scene, in place of those of the same names that it has."""
    for camera in [camera for camera in spec.cameras if camera.name in CAMERAS]:
        spec.delete(camera)
    for name, view in views(arms).items():
        _add_camera(spec.worldbody, name, *view.frame())
    tilt = np.radians(_WRIST_TILT)
    gaze = np.array([-np.sin(tilt), 0.0, np.cos(tilt)])
    across = np.array([0.0, 1.0, 0.0])
    axes = np.stack([across, np.cross(across, gaze), -gaze], 1)
    _add_camera(spec.body("right_hand"), "wrist", _WRIST, axes, _WRIST_FOVY)


def _add_camera(
    body: mujoco.MjsBody, name: str, position: np.ndarray, rotation: np.ndarray, fovy: float = FOVY
) -> None:
    quaternion = np.empty(4)
    mujoco.mju_mat2Quat(quaternion, rotation.ravel())
    body.add_camera(name=name, pos=position, quat=quaternion, fovy=fovy)
