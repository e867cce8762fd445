"""Many episodes of one task, side by side, in one `mujoco.batch.Batch`.

Row i is episode i and depends on nothing but its own seed and actions: not on the batch size, the
number of threads, or the other rows. `state()` and `restore()` use `mjSTATE_INTEGRATION`, the only state
that replays bit for bit (it holds the solver's warm start, controls and the poses of fixed objects).
"""

from collections.abc import Sequence
from typing import ClassVar, NamedTuple, Protocol

import mujoco
import numpy as np
from mujoco.batch import Batch

from . import control, robot
from .errors import BimodalError, WrongUse
from .scene import SUBSTEPS
from .specs import ACTIONS, OPENING_HIGH, Spec, bounds
from .streams import stream
from .variant import Variant

STATE = mujoco.mjtState.mjSTATE_INTEGRATION
"""The components of a recorded state row."""
_POSITION_STAGE = mujoco.mjtStage.mjSTAGE_POS.value
_IK_ITERATIONS = 25


class Start(NamedTuple):
    """Where one episode begins."""

    poses: dict[str, np.ndarray]
    """Pose of every object the task added: position [m] and quaternion wxyz, world, (7,)."""
    tcp: np.ndarray
    """TCP position [m], world, (3,)."""
    yaw: float
    """Angle of the finger-opening axis about world z [rad]; the hand points down."""
    frame: np.ndarray
    """The scene frame's origin x, y [m] and yaw [rad], world, (3,): tasks think in this frame."""


class SimulatedTask(Protocol):
    """What a simulation needs to know of a task."""

    id: ClassVar[str]

    @property
    def observation(self) -> tuple[Spec, ...]:
        """Observation components."""
        ...

    def spec(self) -> mujoco.MjSpec:
        """Return the physics scene."""
        ...

    def start(self, rng: np.random.Generator) -> Start:
        """Draw one episode's start."""
        ...

    def observe(self, simulation: "Simulation") -> dict[str, np.ndarray]:
        """Return the task's own observation components, each (N, d)."""
        ...


class Simulation:
    """N episodes of one task."""

    def __init__(self, task: SimulatedTask, n: int, threads: int = 1, variant: Variant | None = None) -> None:
        self.task = task
        self.n = n
        self.variant = variant or Variant()
        self.model = self.variant.spec(task, seed=0).compile()
        self.batch = Batch(self.model, n, threads)
        model, batch = self.model, self.batch
        self.qpos, self.qvel, self.ctrl = batch.bind("qpos"), batch.bind("qvel"), batch.bind("ctrl")
        self.mocap_pos, self.mocap_quat = batch.bind("mocap_pos"), batch.bind("mocap_quat")
        self.xpos, self.xmat = batch.bind("xpos"), batch.bind("xmat")
        self.site_xpos, self.site_xmat = batch.bind("site_xpos"), batch.bind("site_xmat")
        self.sensordata = batch.bind("sensordata")
        self._tcp_site = model.site(robot.TCP_SITE).id
        self._tcp_body = int(model.site_bodyid[self._tcp_site])
        self._arm = np.array([model.joint(name).qposadr[0] for name in robot.ARM_JOINTS])
        self._arm_dof = np.array([model.joint(name).dofadr[0] for name in robot.ARM_JOINTS])
        self._fingers = np.array([model.joint(name).qposadr[0] for name in robot.FINGER_JOINTS])
        self._arm_low, self._arm_high = model.jnt_range[model.joint(robot.ARM_JOINTS[0]).id :][:7].T
        self._bodies = {model.body(i).name: i for i in range(model.nbody)}
        self._sensors = {model.sensor(i).name: int(model.sensor_adr[i]) for i in range(model.nsensor)}
        self._velocities = {
            model.body(i).name: (int(model.body_dofadr[i]), min(3, int(model.body_dofnum[i])))
            for i in range(model.nbody)
            if model.body_jntnum[i]
        }
        self.seeds = np.zeros(n, np.int64)
        self.frame = np.zeros((n, 3))

    # ----------------------------------------------------------------------------------- episodes

    def reset(self, seeds: Sequence[int] | np.ndarray) -> None:
        """Begin episode `seeds[i]` in row i; (N,) non-negative integers."""
        if len(seeds) != self.n:
            raise BimodalError(f"this simulation holds {self.n} episodes, got {len(seeds)} seeds")
        if min(seeds) < 0:
            raise WrongUse(f"episode seeds are non-negative, got {min(seeds)}")
        self.prepare(seeds)
        starts = [
            self.variant.start(
                self.task.start(stream("start", self.task.id, int(seed))), self.task, int(seed)
            )
            for seed in seeds
        ]
        self.begin(starts, self.variant.joints(self.task, seeds))

    def prepare(self, seeds: Sequence[int] | np.ndarray) -> None:
        """Take the worlds of episodes without beginning them; `restore` leads to any moment of them."""
        models = self.variant.models(self.model, self.task, seeds)
        if models is not None:
            self.batch.set_models(models)
        self.variant.begin(self.task, seeds)
        self.seeds[:] = seeds

    def begin(self, starts: Sequence[Start], joints: np.ndarray | None = None) -> None:
        """Begin from given starts, one per row; `joints` (N, 7) [rad] moves the arms away from them."""
        self.batch.reset(stage=mujoco.mjtStage.mjSTAGE_NONE.value)
        self.frame = np.stack([start.frame for start in starts])
        for name in starts[0].poses:
            self._place(name, np.stack([start.poses[name] for start in starts]))
        position = np.stack([start.tcp for start in starts])
        rotation = robot.down(np.array([start.yaw for start in starts]))
        self.qpos[:, self._arm] = robot.HOME
        self.qpos[:, self._arm[0]] += np.arctan2(position[:, 1], position[:, 0])
        self.qpos[:, self._fingers] = control.finger_targets(np.full(self.n, OPENING_HIGH))
        for _ in range(_IK_ITERATIONS):
            self.batch.forward(stage=_POSITION_STAGE)
            self.qpos[:, self._arm] = self.ik(position, rotation)
        missed = np.linalg.norm(position - self.tcp_position, axis=-1)
        if joints is not None:
            moved = np.clip(self.qpos[:, self._arm] + joints, self._arm_low, self._arm_high)
            self.qpos[:, self._arm] = moved
        self.ctrl[:, :7] = self.qpos[:, self._arm]
        self.ctrl[:, 7:9] = self.qpos[:, self._fingers]
        self.batch.forward()
        # The start must not depend on the reset's own forward pass: clear the solver's warm start.
        self.batch.bind("qacc_warmstart")[:] = 0.0
        if missed.max() > 2e-3:
            raise BimodalError(
                f"{self.task.id}: the hand cannot reach its start {np.round(position[missed.argmax()], 3)} m "
                f"(misses by {missed.max() * 1e3:.0f} mm); keep x in 0.36..0.70 m"
            )

    def _place(self, name: str, pose: np.ndarray) -> None:
        body = self.model.body(name)
        mocap = int(body.mocapid[0])
        if mocap >= 0:
            self.mocap_pos[:, mocap], self.mocap_quat[:, mocap] = pose[:, :3], pose[:, 3:]
        else:
            address = int(self.model.joint(name).qposadr[0])
            self.qpos[:, address : address + 7] = pose

    def step(self, actions: np.ndarray, space: str = "ee_absolute") -> None:
        """Advance one control step (50 ms) with actions (N, A) of the named action space."""
        self.ctrl[:, :7], self.ctrl[:, 7:9] = self.targets(actions, space)
        self.batch.step(nstep=SUBSTEPS, stage=_POSITION_STAGE)

    def stay(self, space: str) -> np.ndarray:
        """Return the actions (N, A) that keep the hands where they are, the gripper open."""
        open_ = np.full((self.n, 1), OPENING_HIGH)
        if space == "ee_absolute":
            columns = control.columns_from_rotation(self.tcp_rotation)
            return np.concatenate([self.tcp_position, columns, open_], axis=1)
        if space == "joint_absolute":
            return np.concatenate([self.qpos[:, self._arm], open_], axis=1)
        return np.concatenate([np.zeros((self.n, 6)), -np.ones((self.n, 1))], axis=1)

    def targets(self, actions: np.ndarray, space: str) -> tuple[np.ndarray, np.ndarray]:
        """Return joint targets (N, 7) [rad] and finger targets (N, 2) [m] for actions (N, A)."""
        if space == "ee_absolute":
            rotation = control.rotation_from_columns(actions[:, 3:9])
            joints, opening = self.ik(actions[:, :3], rotation), actions[:, 9]
        elif space == "ee_delta":
            step = np.clip(actions, -1.0, 1.0)
            turn = control.rotation_from_vector(control.DELTA_ROTATION * step[:, 3:6])
            position = self.tcp_position + control.DELTA_TRANSLATION * step[:, :3]
            joints = self.ik(position, turn @ self.tcp_rotation, control.DELTA_CLIP)
            low, high = bounds(ACTIONS["joint_absolute"])
            opening = np.where(step[:, 6] > 0, low[-1], high[-1])
        elif space == "joint_absolute":
            joints, opening = np.clip(actions[:, :7], self._arm_low, self._arm_high), actions[:, 7]
        else:
            raise BimodalError(f"unknown action space {space!r}; known: {', '.join(ACTIONS)}")
        return joints, control.finger_targets(opening)

    def ik(
        self,
        position: np.ndarray,
        rotation: np.ndarray,
        clip: tuple[float, float] = (control.POSITION_CLIP, control.ROTATION_CLIP),
    ) -> np.ndarray:
        """Return joint targets (N, 7) [rad] that move the TCP to position (N, 3) [m] and rotation
        (N, 3, 3), world.
        """
        tcp = self.tcp_position
        translation, turning = self.batch.jac(self._tcp_body, tcp)
        jacobian = np.concatenate([translation, turning], axis=1)[:, :, self._arm_dof]
        # One contiguous layout for every N, or a single row would reach another matrix kernel.
        jacobian = np.ascontiguousarray(jacobian)
        angles = self.qpos[:, self._arm]
        step = control.joint_step(
            jacobian,
            position - tcp,
            control.rotation_error(rotation, self.tcp_rotation),
            robot.HOME - angles,
            clip,
        )
        return np.clip(angles + step, self._arm_low, self._arm_high)

    # ----------------------------------------------------------------------------------- quantities

    @property
    def tcp_position(self) -> np.ndarray:
        """TCP position [m], world, (N, 3); a live view that changes with every step."""
        return self.site_xpos[:, self._tcp_site]

    @property
    def tcp_rotation(self) -> np.ndarray:
        """TCP rotation, world <- TCP, (N, 3, 3); a live view that changes with every step."""
        return self.site_xmat[:, self._tcp_site].reshape(self.n, 3, 3)

    @property
    def opening(self) -> np.ndarray:
        """Distance between the finger pads [m], (N,)."""
        return self.qpos[:, self._fingers[0]] - self.qpos[:, self._fingers[1]]

    def position(self, body: str) -> np.ndarray:
        """Position of a body's origin [m], world, (N, 3); a live view that changes with every step."""
        return self.xpos[:, self._bodies[body]]

    def rotation(self, body: str) -> np.ndarray:
        """Rotation of a body, world <- body, (N, 3, 3); a live view that changes with every step."""
        return self.xmat[:, self._bodies[body]].reshape(self.n, 3, 3)

    def speed(self, body: str) -> np.ndarray:
        """Linear speed of a movable or sliding body [m/s], (N,)."""
        address, size = self._velocities[body]
        return np.linalg.norm(self.qvel[:, address : address + size], axis=-1)

    def force(self, sensor: str) -> np.ndarray:
        """Size of the net contact force [N] at a contact sensor in the last physics step, (N,)."""
        address = self._sensors[sensor]
        return np.linalg.norm(self.sensordata[:, address + 1 : address + 4], axis=-1)

    @property
    def hand(self) -> np.ndarray:
        """TCP position [m] and yaw of the finger-opening axis [rad], -pi/2 .. 3 pi/2, in the episodes' scene
        frames, (N, 4).
        """
        axis = self.tcp_rotation[:, :, 0]
        yaw = np.arctan2(axis[:, 1], axis[:, 0]) - self.frame[:, 2]
        yaw = (yaw + np.pi / 2) % (2 * np.pi) - np.pi / 2
        return np.concatenate([self.in_frame(self.tcp_position), yaw[:, None]], axis=1)

    def in_frame(self, position: np.ndarray) -> np.ndarray:
        """Return world positions (N, 3) [m] in the episodes' scene frames."""
        return to_frame(position, self.frame)

    def observe(self) -> dict[str, np.ndarray]:
        """Return every observation component, each (N, d)."""
        components = {
            "tcp_position": self.tcp_position.copy(),
            "tcp_rotation": control.columns_from_rotation(self.tcp_rotation),
            "gripper_opening": self.opening[:, None].copy(),
        }
        return components | self.task.observe(self)

    # ----------------------------------------------------------------------------------- states

    def state(self) -> np.ndarray:
        """Return a copy of the `mjSTATE_INTEGRATION` rows, (N, nstate)."""
        return self.batch.state.copy()

    def restore(self, states: np.ndarray) -> None:
        """Continue from state rows (N, nstate); what follows is bit-identical to what followed them.

        `seeds` and `frame` are not part of a state row; they stay what they were.
        """
        self.batch.reset(stage=mujoco.mjtStage.mjSTAGE_NONE.value)  # forgets earlier warnings
        self.batch.state[:] = states
        self.batch.forward(stage=_POSITION_STAGE)

    @property
    def diverged(self) -> np.ndarray:
        """Rows whose state is no longer finite or raised a MuJoCo warning, (N,) bool."""
        return ~np.isfinite(self.qpos).all(axis=-1) | (self.batch.warning.reshape(self.n, -1) > 0).any(
            axis=-1
        )


def to_frame(position: np.ndarray, frame: np.ndarray) -> np.ndarray:
    """Return world positions (N, 3) [m] in scene frames (N, 3)."""
    c, s = np.cos(frame[:, 2]), np.sin(frame[:, 2])
    dx, dy = position[:, 0] - frame[:, 0], position[:, 1] - frame[:, 1]
    return np.stack([c * dx + s * dy, c * dy - s * dx, position[:, 2]], -1)


def from_frame(position: np.ndarray, frame: np.ndarray) -> np.ndarray:
    """Return scene-frame positions (..., 3) [m] in the world; `frame` broadcasts, (..., 3)."""
    c, s = np.cos(frame[..., 2]), np.sin(frame[..., 2])
    x, y = position[..., 0], position[..., 1]
    return np.stack([frame[..., 0] + c * x - s * y, frame[..., 1] + s * x + c * y, position[..., 2]], -1)
