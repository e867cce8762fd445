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

from .errors import BimodalError, WrongUse
from .perturbations.core.variant import Variant
from .random_streams import stream
from .robot import inverse_kinematics as control
from .robot import panda as robot
from .robot.arm import Arm
from .scene import SUBSTEPS
from .specs import OPENING_HIGH, PREFIXES, Spec

STATE = mujoco.mjtState.mjSTATE_INTEGRATION
"""The components of a recorded state row."""
_POSITION_STAGE = mujoco.mjtStage.mjSTAGE_POS.value
_IK_ITERATIONS = 25


class Start(NamedTuple):
    """Where one episode begins."""

    poses: dict[str, np.ndarray]
    """Pose of every object the task added: position [m] and quaternion wxyz, world, (7,)."""
    tcp: np.ndarray
    """TCP position of each arm [m], world, (arms, 3)."""
    yaw: np.ndarray
    """Angle of each arm's finger-opening axis about world z [rad], (arms,); the hands point down."""
    frame: np.ndarray
    """The scene frame's origin x, y [m] and yaw [rad], world, (3,): tasks think in this frame."""


class SimulatedTask(Protocol):
    """What a simulation needs to know of a task."""

    id: ClassVar[str]
    arms: ClassVar[int]

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
        self.variant.check(task)
        self.model = self.variant.spec(task, seed=0).compile()
        self.batch = Batch(self.model, n, threads)
        model, batch = self.model, self.batch
        self.qpos, self.qvel, self.ctrl = batch.bind("qpos"), batch.bind("qvel"), batch.bind("ctrl")
        self.mocap_pos, self.mocap_quat = batch.bind("mocap_pos"), batch.bind("mocap_quat")
        self.xpos, self.xmat = batch.bind("xpos"), batch.bind("xmat")
        self.site_xpos, self.site_xmat = batch.bind("site_xpos"), batch.bind("site_xmat")
        self.sensordata = batch.bind("sensordata")
        self.arms = tuple(Arm(model, batch, index) for index in range(task.arms))
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
        self.begin(self.prepare(seeds), self.variant.joints(self.task, seeds))

    def prepare(self, seeds: Sequence[int] | np.ndarray) -> list[Start]:
        """Take the worlds of episodes without beginning them; `restore` leads to any moment of them.

        Returns:
            Where the episodes begin.
        """
        models = self.variant.models(self.model, self.task, seeds)
        if models is not None:
            self.batch.set_models(models)
        self.variant.begin(self.task, seeds)
        self.seeds[:] = seeds
        starts = [
            self.variant.start(
                self.task.start(stream("start", self.task.id, int(seed))), self.task, int(seed)
            )
            for seed in seeds
        ]
        self.frame = np.stack([start.frame for start in starts])
        return starts

    def begin(self, starts: Sequence[Start], joints: np.ndarray | None = None) -> None:
        """Begin from given starts, one per row; `joints` (N, 7) [rad] moves each arm away from them."""
        self.batch.reset(stage=mujoco.mjtStage.mjSTAGE_NONE.value)
        self.frame = np.stack([start.frame for start in starts])
        for name in starts[0].poses:
            self._place(name, np.stack([start.poses[name] for start in starts]))
        places = np.stack([start.tcp for start in starts], axis=1)
        rotations = robot.down(np.stack([start.yaw for start in starts], axis=1))
        for arm, position in zip(self.arms, places, strict=True):
            ahead = to_frame(position, arm.base[None])
            self.qpos[:, arm.joints] = robot.HOME
            self.qpos[:, arm.joints[0]] += np.arctan2(ahead[:, 1], ahead[:, 0])
            self.qpos[:, arm.fingers] = control.finger_targets(np.full(self.n, OPENING_HIGH))
        for _ in range(_IK_ITERATIONS):
            self.batch.forward(stage=_POSITION_STAGE)
            for arm, position, rotation in zip(self.arms, places, rotations, strict=True):
                self.qpos[:, arm.joints] = arm.ik(position, rotation)
        for arm, position in zip(self.arms, places, strict=True):
            self._check_reach(arm, position)
            if joints is not None:
                self.qpos[:, arm.joints] = np.clip(self.qpos[:, arm.joints] + joints, arm.low, arm.high)
        self.ctrl[:] = self.qpos[:, np.concatenate([[*arm.joints, *arm.fingers] for arm in self.arms])]
        self.batch.forward()
        # The start must not depend on the reset's own forward pass: clear the solver's warm start.
        self.batch.bind("qacc_warmstart")[:] = 0.0

    def _check_reach(self, arm: Arm, position: np.ndarray) -> None:
        missed = np.linalg.norm(position - arm.tcp_position, axis=-1)
        if missed.max() > 2e-3:
            row = missed.argmax()
            raise BimodalError(
                f"{self.task.id} ({self.variant.name}): the hand cannot reach its start "
                f"{np.round(position[row], 3)} m (misses by {missed[row] * 1e3:.0f} mm); keep it 0.36..0.70 "
                "m before the arm's base"
            )

    def _place(self, name: str, pose: np.ndarray) -> None:
        body = self.model.body(name)
        mocap = int(body.mocapid[0])
        if mocap >= 0:
            self.mocap_pos[:, mocap], self.mocap_quat[:, mocap] = pose[:, :3], pose[:, 3:]
        else:
            address = int(self.model.joint(name).qposadr[0])
            self.qpos[:, address : address + 7] = pose

    def step(
        self, actions: np.ndarray, space: str = "ee_absolute", running: np.ndarray | None = None
    ) -> None:
        """Advance one control step (50 ms).

        Args:
            actions: (N, A) of the named action space, arm by arm.
            space: the action space.
            running: rows that advance, (N,) bool; the others stay as they are. None for all.
        """
        self.ctrl[:] = self.targets(actions, space)
        ids = None if running is None or running.all() else np.flatnonzero(running)
        self.batch.step(ids, nstep=SUBSTEPS, stage=_POSITION_STAGE)

    def stay(self, space: str) -> np.ndarray:
        """Return the actions (N, A) that keep the hands where they are, the grippers open."""
        return np.concatenate([arm.stay(space) for arm in self.arms], axis=1)

    def targets(self, actions: np.ndarray, space: str) -> np.ndarray:
        """Return the targets of joints [rad] and fingers [m], 9 an arm, (N, 9 arms), for actions (N, A)."""
        parts = np.split(actions, len(self.arms), axis=1)
        return np.concatenate(
            [arm.targets(part, space) for arm, part in zip(self.arms, parts, strict=True)], axis=1
        )

    # ----------------------------------------------------------------------------------- quantities

    @property
    def tcp_position(self) -> np.ndarray:
        """TCP position of the first arm [m], world, (N, 3); a live view that changes with every step."""
        return self.arms[0].tcp_position

    @property
    def tcp_rotation(self) -> np.ndarray:
        """TCP rotation of the first arm, world <- TCP, (N, 3, 3); a live view, as `tcp_position`."""
        return self.arms[0].tcp_rotation

    @property
    def opening(self) -> np.ndarray:
        """Distance between the finger pads of the first arm [m], (N,)."""
        return self.arms[0].opening

    def position(self, body: str) -> np.ndarray:
        """Position of a body's origin [m], world, (N, 3); a live view that changes with every step."""
        return self.xpos[:, self._bodies[body]]

    def rotation(self, body: str) -> np.ndarray:
        """Rotation of a body, world <- body, (N, 3, 3); a live view that changes with every step."""
        return self.xmat[:, self._bodies[body]].reshape(self.n, 3, 3)

    def is_loose(self, body: str) -> bool:
        """Return whether a body moves freely."""
        return self._velocities.get(body, (0, 0))[1] == 3

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

    def observe(self) -> dict[str, np.ndarray]:
        """Return every observation component, each (N, d)."""
        components = {}
        for prefix, arm in zip(PREFIXES, self.arms, strict=False):
            components[f"{prefix}tcp_position"] = arm.tcp_position.copy()
            components[f"{prefix}tcp_rotation"] = control.columns_from_rotation(arm.tcp_rotation)
            components[f"{prefix}gripper_opening"] = arm.opening[:, None].copy()
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
