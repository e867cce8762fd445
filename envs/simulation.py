"""Many episodes of one task, side by side, in one `mujoco.batch.Batch`.

Row i is episode i and depends on nothing but its own seed and actions: not on the batch size, the
number of threads, or the other rows. `state()` and `restore()` use `mjSTATE_INTEGRATION`, the only state
that replays bit for bit (it holds the solver's warm start, controls and the poses of fixed objects).
"""

from collections.abc import Sequence

import mujoco
import numpy as np

from .errors import BimodalError
from .fixed_grid import settle
from .frames import to_frame
from .perturber import UNPERTURBED, Perturber
from .random_streams import stream
from .robot import inverse_kinematics as control
from .robot import panda as robot
from .robot.arm import Arm
from .scene import SUBSTEPS
from .seed_ranges import checked_seed, scene_seed
from .simulation_data import SimulationData, place
from .specs import OPENING_HIGH, PREFIXES
from .task_protocol import Start, TaskProtocol

_POSITION_STAGE = mujoco.mjtStage.mjSTAGE_POS.value
_IK_ITERATIONS = 25


class Simulation(SimulationData):
    """N episodes of one task."""

    def __init__(
        self,
        task: TaskProtocol,
        n: int,
        threads: int = 1,
        variant: Perturber = UNPERTURBED,
        substeps: int = SUBSTEPS,
    ) -> None:
        """Compile the task's scene and hold n episodes of it; they begin with `reset`.

        `substeps` physics steps make a control step.
        """
        variant.check(task)
        super().__init__(variant.spec(task, seed=0).compile(), n, task.arms, threads)
        self.task = task
        self.variant = variant
        self._substeps = substeps
        self.seeds = np.zeros(n, np.int64)
        """Seed of the scene of each row, (N,)."""

    # ----------------------------------------------------------------------------------- episodes

    def reset(self, seeds: Sequence[int] | np.ndarray) -> None:
        """Begin episode `seeds[i]` in row i; (N,) integers, 0 <= seed < 2^63."""
        if len(seeds) != self.n:
            raise BimodalError(f"this simulation holds {self.n} episodes, got {len(seeds)} seeds")
        self.begin(self.prepare(seeds), self.variant.joint_offsets(self.task, self.seeds.tolist()))

    def prepare(self, seeds: Sequence[int] | np.ndarray) -> list[Start]:
        """Take the worlds of episodes without beginning them; `restore` leads to any moment of them.

        Returns:
            Where the episodes begin.
        """
        seeds = [scene_seed(checked_seed(seed)) for seed in seeds]
        models = self.variant.models(self.model, self.task, seeds)
        if models is not None:
            self.batch.set_models(models)
        self.variant.reset(self.task, seeds)
        self.seeds[:] = seeds
        starts = [
            self.variant.perturb_start(
                self.task.start(stream("start", self.task.id, int(seed))), self.task, int(seed)
            )
            for seed in seeds
        ]
        self.frame = np.stack([start.frame for start in starts])
        return starts

    def begin(self, starts: Sequence[Start], joints: np.ndarray | None = None) -> None:
        """Begin from given starts, one per row; `joints` (N, 7) [rad] moves each arm away from them."""
        # 1. objects where they begin; arms at home, turned towards where their hands begin
        self.batch.reset(stage=mujoco.mjtStage.mjSTAGE_NONE.value)
        self.frame = np.stack([start.frame for start in starts])
        names = starts[0].poses
        poses = {name: settle(np.stack([start.poses[name] for start in starts])) for name in names}
        place(self.model, self, poses)
        self._set_moving(starts)
        places = np.stack([start.tcp for start in starts], axis=1)
        rotations = robot.down(np.stack([start.yaw for start in starts], axis=1))
        for arm, position in zip(self.arms, places, strict=True):
            ahead = to_frame(position, arm.base[None])
            self.qpos[:, arm.joints] = robot.HOME
            self.qpos[:, arm.joints[0]] += settle(np.arctan2(ahead[:, 1], ahead[:, 0]))
            self.qpos[:, arm.fingers] = control.finger_targets(np.full(self.n, OPENING_HIGH))
        # 2. the hands to where they begin; then what a variant adds to the joints
        for _ in range(_IK_ITERATIONS):
            self.batch.forward(stage=_POSITION_STAGE)
            for arm, position, rotation in zip(self.arms, places, rotations, strict=True):
                self.qpos[:, arm.joints] = arm.ik(position, rotation)
        for arm, position in zip(self.arms, places, strict=True):
            self._check_reach(arm, position)
            if joints is not None:
                self.qpos[:, arm.joints] = np.clip(
                    self.qpos[:, arm.joints] + settle(joints), arm.low, arm.high
                )
        # 3. the servos hold what is there
        self.ctrl[:] = self.qpos[:, np.concatenate([[*arm.joints, *arm.fingers] for arm in self.arms])]
        self.batch.forward()
        # The start must not depend on the reset's own forward pass: clear the solver's warm start.
        self.batch.bind("qacc_warmstart")[:] = 0.0

    def _set_moving(self, starts: Sequence[Start]) -> None:
        """Put sliding bodies where they begin, and give bodies the velocities with which they begin."""
        for name in starts[0].ways:
            way = np.array([start.ways[name] for start in starts])
            if self.velocity(name).shape[1] != 1:
                raise BimodalError(f"the start gives a way to {name!r}, which does not slide; use poses")
            self.slide(name)[0][:] = settle(way)
        for name in starts[0].velocities:
            velocity = np.stack([start.velocities[name] for start in starts])
            live = self.velocity(name)
            if velocity.shape != live.shape:
                given = f"the start gives {name!r} a velocity of shape {velocity.shape[1:]}"
                raise BimodalError(f"{given}; it must be {live.shape[1:]}")
            live[:] = settle(velocity)

    def _check_reach(self, arm: Arm, position: np.ndarray) -> None:
        missed = np.linalg.norm(position - arm.tcp_position, axis=-1)
        if missed.max() > 2e-3:
            row = missed.argmax()
            raise BimodalError(
                f"{self.task.id} ({self.variant.name}): the hand cannot reach its start "
                f"{np.round(position[row], 3)} m (misses by {missed[row] * 1e3:.0f} mm); keep it 0.36..0.70 "
                "m before the arm's base"
            )

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
        self.batch.step(ids, nstep=self._substeps, stage=_POSITION_STAGE)

    def targets(self, actions: np.ndarray, space: str) -> np.ndarray:
        """Return the targets of joints [rad] and fingers [m], 9 an arm, (N, 9 arms), for actions (N, A)."""
        parts = np.split(actions, len(self.arms), axis=1)
        return np.concatenate(
            [arm.targets(part, space) for arm, part in zip(self.arms, parts, strict=True)], axis=1
        )

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
