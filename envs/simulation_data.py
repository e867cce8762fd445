"""What tasks and policies read of N running episodes (hands, objects, forces); `Simulation` advances them."""

from collections.abc import Mapping

import mujoco
import numpy as np
from mujoco.batch import Batch

from .errors import unknown_name
from .frames import to_frame
from .robot.arm import Arm
from .scene import BASES


class SimulationData:
    """The numbers of N episodes of one scene, side by side; arrays are live views that every step changes."""

    def __init__(self, model: mujoco.MjModel, n: int, arms: int, threads: int) -> None:
        """Allocate n episodes of a compiled scene with so many arms."""
        self.n = n
        self.model = model
        self.batch = Batch(model, n, threads)
        bind = self.batch.bind
        self.qpos = bind("qpos")
        self.qvel = bind("qvel")
        self.ctrl = bind("ctrl")
        self.mocap_pos = bind("mocap_pos")
        self.mocap_quat = bind("mocap_quat")
        self.xpos = bind("xpos")
        self.xmat = bind("xmat")
        self.site_xpos = bind("site_xpos")
        self.site_xmat = bind("site_xmat")
        self.sensordata = bind("sensordata")
        self.arms = tuple(Arm(model, self.batch, index, BASES[index]) for index in range(arms))
        self.frame = np.zeros((n, 3))
        """The scene frame of each episode: x, y [m] and yaw [rad], world."""
        self._bodies = {model.body(i).name: i for i in range(model.nbody)}
        self._sensors = {model.sensor(i).name: int(model.sensor_adr[i]) for i in range(model.nsensor)}
        self._velocities = {
            model.body(i).name: (int(model.body_dofadr[i]), min(3, int(model.body_dofnum[i])))
            for i in range(model.nbody)
            if model.body_jntnum[i]
        }

    @property
    def tcp_position(self) -> np.ndarray:
        """TCP position of the first arm [m], world, (N, 3)."""
        return self.arms[0].tcp_position

    @property
    def tcp_rotation(self) -> np.ndarray:
        """TCP rotation of the first arm, world <- TCP, (N, 3, 3)."""
        return self.arms[0].tcp_rotation

    @property
    def opening(self) -> np.ndarray:
        """Distance between the finger pads of the first arm [m], (N,)."""
        return self.arms[0].opening

    def position(self, body: str) -> np.ndarray:
        """Position of a body's origin [m], world, (N, 3)."""
        return self.xpos[:, self._bodies[body]]

    def rotation(self, body: str) -> np.ndarray:
        """Rotation of a body, world <- body, (N, 3, 3)."""
        return self.xmat[:, self._bodies[body]].reshape(self.n, 3, 3)

    def is_loose(self, body: str) -> bool:
        """Return whether a body moves freely."""
        return self._velocities.get(body, (0, 0))[1] == 3

    def velocity(self, body: str) -> np.ndarray:
        """Linear velocity of a movable body, world, (N, 3), or of a sliding one, (N, 1) [m/s].

        Raises:
            WrongUse: no body of this name moves.
        """
        if body not in self._velocities:
            raise unknown_name("moving body", body, self._velocities)
        address, size = self._velocities[body]
        return self.qvel[:, address : address + size]

    def speed(self, body: str) -> np.ndarray:
        """Linear speed of a movable or sliding body [m/s], (N,)."""
        return np.linalg.norm(self.velocity(body), axis=-1)

    def slide(self, body: str) -> tuple[np.ndarray, np.ndarray]:
        """How far a sliding body has come along its axis [m], and how fast it is [m/s], (N,) each."""
        return self.qpos[:, self.model.joint(body).qposadr[0]], self.velocity(body)[:, 0]

    def force(self, sensor: str) -> np.ndarray:
        """Size of the net contact force [N] at a contact sensor in the last physics step, (N,).

        Raises:
            WrongUse: the scene has no such sensor.
        """
        if sensor not in self._sensors:
            raise unknown_name("sensor", sensor, self._sensors)
        address = self._sensors[sensor]
        return np.linalg.norm(self.sensordata[:, address + 1 : address + 4], axis=-1)

    @property
    def hand(self) -> np.ndarray:
        """The first arm's `hand_of`."""
        return self.hand_of(self.arms[0])

    def hand_of(self, arm: Arm) -> np.ndarray:
        """Return TCP position [m] and yaw of the finger-opening axis [rad], in the episodes' scene frames,
        (N, 4); the yaw is -pi/2 .. 3 pi/2 from the yaw of the arm's base.
        """
        yaw = arm.yaw - self.frame[:, 2] - arm.base[2]
        yaw = (yaw + np.pi / 2) % (2 * np.pi) - np.pi / 2 + arm.base[2]
        return np.concatenate([self.in_frame(arm.tcp_position), yaw[:, None]], axis=1)

    def in_frame(self, position: np.ndarray) -> np.ndarray:
        """Return world positions (N, 3) [m] in the episodes' scene frames."""
        return to_frame(position, self.frame)

    def stay(self, space: str) -> np.ndarray:
        """Return the actions (N, A) that keep the hands where they are, the grippers open."""
        return np.concatenate([arm.stay(space) for arm in self.arms], axis=1)

    @property
    def diverged(self) -> np.ndarray:
        """Rows whose state is no longer finite or raised a MuJoCo warning, (N,) bool."""
        warned = (self.batch.warning.reshape(self.n, -1) > 0).any(axis=-1)
        return ~np.isfinite(self.qpos).all(axis=-1) | warned


def place(
    model: mujoco.MjModel, data: mujoco.MjData | SimulationData, poses: Mapping[str, np.ndarray]
) -> None:
    """Put free and fixed bodies at poses, world: (7,) in the data of one scene, (N, 7) in those of N."""
    for name, pose in poses.items():
        mocap = int(model.body(name).mocapid[0])
        if mocap >= 0:
            data.mocap_pos[..., mocap, :] = pose[..., :3]
            data.mocap_quat[..., mocap, :] = pose[..., 3:]
        else:
            address = int(model.joint(name).qposadr[0])
            data.qpos[..., address : address + 7] = pose
