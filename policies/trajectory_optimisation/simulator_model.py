"""The planner's model of an episode: a copy of its physics that rolls out candidates side by side."""

import mujoco
import numpy as np

from ...envs.frames import from_frame, rotated
from ...envs.perturbations.contact import movable
from ...envs.robot import inverse_kinematics as control
from ...envs.robot import panda as robot
from ...envs.robot.parts import fingers, things
from ...envs.simulation import Simulation
from ...envs.specs import OPENING_HIGH, OPENING_LOW, from_grid, to_grid
from ...tasks.core import episode_step
from ...tasks.core.task import Measurement, Task
from .cost import Predicted

TARGET = 5
"""Values of an arm's target: TCP x, y, z [m] and yaw [rad], scene frame, and gripper opening [m]."""


class PlanModel:
    """C copies of one episode at a time; a candidate is a row, and rows do not influence each other."""

    def __init__(self, task: Task, live: Simulation, candidates: int) -> None:
        """Prepare `candidates` rows for the episodes of `live`, at their start."""
        self.task = task
        self.live = live
        self.simulation = Simulation(task, candidates, variant=live.variant)
        self._models = list(live.batch.models or [live.model] * live.n)
        self._own = live.batch.models is not None
        self._first = self._poses(live)
        self._bound = self._objects()

    def set_model_error(self, row: int, mass: float, friction: float) -> None:
        """Plan the episode in a row with objects of so many times their true mass, and friction."""
        model = self._models[row].__copy__()
        bodies = np.isin(model.body_weldid, movable(model, self.task))
        model.body_mass[bodies] *= mass
        model.body_inertia[bodies] *= mass
        model.geom_friction[fingers(model) | things(model), :2] *= friction
        mujoco.mj_setConst(model, mujoco.MjData(model))
        self._models[row] = model
        self._own = True

    def hands(self, row: int) -> np.ndarray:
        """Return where the hands of a live episode are, as targets, (arms, TARGET)."""
        found = []
        for arm in self.live.arms:
            opening = np.clip(arm.opening[row], OPENING_LOW, OPENING_HIGH)
            found.append([*self.live.hand_of(arm)[row], opening])
        return np.array(found)

    def grasps(self, row: int) -> np.ndarray:
        """Return where the grasps of a live episode are now, (k, 4), scene frame."""
        return self._moved(self._poses(self.live)[row], row)

    def actions(self, targets: np.ndarray, row: int) -> np.ndarray:
        """Return `ee_absolute` actions (..., 10 arms) of targets (..., TARGET arms) in an episode's scene."""
        frame = self.live.frame[row]
        parts = []
        for target in np.split(targets, self.task.arms, axis=-1):
            rotation = control.columns_from_rotation(robot.down(frame[2] + target[..., 3]))
            parts += [from_frame(target[..., :3], frame), rotation, target[..., 4:]]
        return np.concatenate(parts, axis=-1)

    def roll_out(self, row: int, targets: np.ndarray) -> Predicted:
        """Predict what candidate targets (C, T, TARGET arms) do to the live episode in a row."""
        # 1. all rows begin in the live episode's state
        simulation = self.simulation
        simulation.frame[:] = self.live.frame[row]
        if self._own:
            simulation.batch.set_models([self._models[row]] * simulation.n)
        simulation.restore(np.repeat(self.live.batch.state[row : row + 1], simulation.n, axis=0))
        actions = from_grid(to_grid(self.actions(targets, row)))
        # 2. each row takes its candidate, and is measured as the referee would
        seen = []
        grasps = []
        for step in range(actions.shape[1]):
            simulation.step(actions[:, step])  # nothing is pushed: what will come is not known
            now = episode_step.measure(self.task, simulation)
            seen.append([np.array(column) for column in now])
            grasps.append(self._moved(self._poses(simulation), row))
        columns = (np.stack(column) for column in zip(*seen, strict=True))
        return Predicted(Measurement(*columns), np.stack(grasps), simulation.diverged)

    def _poses(self, simulation: Simulation) -> np.ndarray:
        """Return position [m] and yaw [rad] of every object in the scene frame, (N, objects, 4)."""
        poses = []
        for name in self.task.objects:
            forward = simulation.rotation(name)[:, :2, 0]
            yaw = np.arctan2(forward[:, 1], forward[:, 0]) - simulation.frame[:, 2]
            poses.append(np.column_stack([simulation.in_frame(simulation.position(name)), yaw]))
        return np.stack(poses, axis=1)

    def _objects(self) -> np.ndarray:
        """Return the object that each grasp goes with, (N, k): the nearest, of equal ones one that moves."""
        away = self.task.grasps[:, None, :2] - self._first[:, None, :, :2]
        far = np.linalg.norm(away, axis=-1).round(3)
        stands = [self.live.model.body(name).dofnum[0] == 0 for name in self.task.objects]
        return np.lexsort([np.broadcast_to(stands, far.shape), far], axis=-1)[..., 0]

    def _moved(self, now: np.ndarray, row: int) -> np.ndarray:
        """Return an episode's grasps (..., k, 4) when its objects have come to poses `now` (..., o, 4)."""
        now = now[..., self._bound[row], :]
        first = self._first[row, self._bound[row]]
        turn = (now[..., 3] - first[..., 3] + np.pi) % (2 * np.pi) - np.pi  # in [-pi, pi)
        x, y, z = np.moveaxis(self.task.grasps[:, :3] - first[:, :3], -1, 0)
        x, y = rotated(x, y, turn)
        at = now[..., :3] + np.stack([x, y, np.broadcast_to(z, x.shape)], -1)
        return np.concatenate([at, (self.task.grasps[:, 3] + turn)[..., None]], -1)
