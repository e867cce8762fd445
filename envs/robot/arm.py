"""One arm of a batch of episodes: where its numbers lie, how it stands, and its inverse kinematics."""

import mujoco
import numpy as np
from mujoco.batch import Batch

from ..errors import BimodalError
from ..fixed_grid import product, settle
from ..specs import ACTIONS, GRIPPER, OPENING_HIGH, POSITION, PREFIXES, ROTATION, bounds
from . import inverse_kinematics as control
from . import panda as robot

_FULL_CLIP = (control.POSITION_CLIP, control.ROTATION_CLIP)


class Arm:
    """One arm in each of N rows."""

    def __init__(self, model: mujoco.MjModel, batch: Batch, index: int, base: np.ndarray) -> None:
        """Find the numbers of arm 0 or 1, which stands at `base`."""
        prefix = PREFIXES[index]
        joints = [model.joint(prefix + name) for name in robot.ARM_JOINTS]
        self.base = base
        """Where it stands: x, y [m] and yaw [rad], world, (3,)."""
        self.joints = np.array([joint.qposadr[0] for joint in joints])
        """Its joint angles in `qpos`, (7,)."""
        self.fingers = np.array([model.joint(prefix + name).qposadr[0] for name in robot.FINGER_JOINTS])
        """Its finger joints in `qpos`, (2,)."""
        self.low, self.high = np.array([joint.range for joint in joints]).T
        """Limits of its joint angles [rad], (7,)."""
        self.dofs = np.array([joint.dofadr[0] for joint in joints])
        """The same in `qvel`, (7,)."""
        self.site = model.site(prefix + robot.TCP_SITE).id
        """The TCP's."""
        self._body = int(model.site_bodyid[self.site])
        self._batch = batch
        self._qpos = batch.bind("qpos")
        self._site_xpos = batch.bind("site_xpos")
        self._site_xmat = batch.bind("site_xmat")

    @property
    def tcp_position(self) -> np.ndarray:
        """TCP position [m], world, (N, 3); a live view that changes with every step."""
        return self._site_xpos[:, self.site]

    @property
    def tcp_rotation(self) -> np.ndarray:
        """TCP rotation, world <- TCP, (N, 3, 3); a live view that changes with every step."""
        return self._site_xmat[:, self.site].reshape(-1, 3, 3)

    @property
    def opening(self) -> np.ndarray:
        """Distance between the finger pads [m], (N,)."""
        return self._qpos[:, self.fingers[0]] - self._qpos[:, self.fingers[1]]

    @property
    def yaw(self) -> np.ndarray:
        """Angle of the finger-opening axis about world z [rad], (N,)."""
        axis = self.tcp_rotation[:, :, 0]
        return np.arctan2(axis[:, 1], axis[:, 0])

    def ik(
        self, position: np.ndarray, rotation: np.ndarray, clip: tuple[float, float] = _FULL_CLIP
    ) -> np.ndarray:
        """Return joint targets (N, 7) [rad] that move the TCP to position (N, 3) [m] and rotation
        (N, 3, 3), world.
        """
        tcp = self.tcp_position
        translation, turning = self._batch.jac(self._body, tcp)
        jacobian = np.concatenate([translation, turning], axis=1)[:, :, self.dofs]
        angles = self._qpos[:, self.joints]
        step = control.joint_step(
            jacobian,
            position - tcp,
            control.rotation_error(rotation, self.tcp_rotation),
            robot.HOME - angles,
            clip,
        )
        return np.clip(settle(angles + step), self.low, self.high)

    def stay(self, space: str) -> np.ndarray:
        """Return the actions of one arm (N, A) that keep the hand where it is, the gripper open."""
        n = len(self._qpos)
        open_ = np.full((n, 1), OPENING_HIGH)
        if space == "ee_absolute":
            columns = control.columns_from_rotation(self.tcp_rotation)
            return np.concatenate([self.tcp_position, columns, open_], axis=1)
        if space == "joint_absolute":
            return np.concatenate([self._qpos[:, self.joints], open_], axis=1)
        return np.concatenate([np.zeros((n, 6)), -np.ones((n, 1))], axis=1)

    def targets(self, actions: np.ndarray, space: str) -> np.ndarray:
        """Return targets of the joints [rad] and fingers [m], (N, 9), for actions of one arm (N, A)."""
        if space == "ee_absolute":
            rotation = control.rotation_from_columns(actions[:, ROTATION])
            joints = self.ik(actions[:, POSITION], rotation)
            opening = actions[:, GRIPPER]
        elif space == "ee_delta":
            step = np.clip(actions, -1.0, 1.0)
            turn = control.rotation_from_vector(control.DELTA_ROTATION * step[:, 3:6])
            position = self.tcp_position + control.DELTA_TRANSLATION * step[:, :3]
            joints = self.ik(position, product(turn, self.tcp_rotation), control.DELTA_CLIP)
            low, high = bounds(ACTIONS["joint_absolute"])
            opening = np.where(step[:, 6] > 0, low[-1], high[-1])
        elif space == "joint_absolute":
            joints = np.clip(actions[:, :7], self.low, self.high)
            opening = actions[:, 7]
        else:
            raise BimodalError(f"unknown action space {space!r}; known: {', '.join(ACTIONS)}")
        return np.concatenate([joints, control.finger_targets(opening)], axis=1)
