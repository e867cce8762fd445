"""Scripted experts, which plan in the simulator: `expert` is the ceiling of every score.

`Tracking` measures what is still feasible under a perturbation (benchmark/certificate/feasibility.py).
"""

import numpy as np

from ..envs.frames import rotated
from ..envs.random_streams import stream
from ..envs.simulation import Simulation
from ..envs.specs import GRIPPER, OPENING_LOW, POSITION, by_arm
from .core.policy import CHUNK_SIZE, Decision, Episodes, Needs, Policy


class Planned(Policy):
    """Executes a plan made once, at the start, from the simulator."""

    def needs(self) -> Needs:
        """Return that it reads the simulator."""
        return Needs(n_action_steps=CHUNK_SIZE, privileged=True)

    def plan(self, simulation: Simulation, episodes: Episodes) -> np.ndarray:
        """Return the actions of whole episodes, (N, T, A)."""
        raise NotImplementedError

    def reset(self, episodes: Episodes) -> None:
        """Make the plan."""
        if episodes.simulation is None:
            raise ValueError("a scripted expert needs the simulation")
        self._plan = self.plan(episodes.simulation, episodes)
        self._step = 0

    def act(self, observation: dict[str, np.ndarray]) -> Decision:
        """Return the next part of the plan; its last action for ever after."""
        steps = np.minimum(np.arange(self._step, self._step + CHUNK_SIZE), self._plan.shape[1] - 1)
        self._step += CHUNK_SIZE
        return Decision(self._plan[:, steps])


class Expert(Planned):
    """A scripted expert that picks its mode by a fair coin."""

    name = "expert"
    description = "Scripted expert; a fair coin picks the mode. Reads the simulator."

    def plan(self, simulation: Simulation, episodes: Episodes) -> np.ndarray:
        """Return the expert's plan in the modes of `modes`."""
        return self.task.plan(simulation, self.modes(episodes))

    def modes(self, episodes: Episodes) -> np.ndarray:
        """Return a mode drawn from each episode's noise key, (N,)."""
        k = len(self.task.modes)
        return np.array([stream("coin", int(key)).integers(k) for key in episodes.noise_keys])


class Tracking(Expert):
    """An expert that follows its object, should something knock it, until the hand has closed.

    Wherever the hand starts, it is soon on its usual way, and hurries if there is little time. Until it has
    closed, the plan is carried along with the object, and waits while the hand is beside a plan that has
    moved. What is held is then brought back to where it would have been.
    """

    description = "Scripted expert that follows an object that is knocked. Reads the simulator."

    BLEND_STEPS = 8
    """Control steps in which the plan goes over to that of a hand that starts in the middle."""
    HAND_TOLERANCE = 0.005
    """Horizontal distance of the hand from its plan beyond which it waits, if the object has moved [m]."""
    OBJECT_TOLERANCE = 0.003
    """Distance from which an object counts as moved [m]."""
    MAX_WAIT = 20
    """Control steps that it waits at most."""
    SPARE_STEPS = 2
    """Control steps before the horizon at which a plan ends that would take longer."""
    HOLD_STEPS = 10
    """Control steps between closing and the return of the object."""
    RETURN_STEPS = 16
    """Control steps of that return."""

    def needs(self) -> Needs:
        """Return that it reads the simulator, and looks at it every second step."""
        return Needs(n_action_steps=2, privileged=True)

    def plan(self, simulation: Simulation, episodes: Episodes) -> np.ndarray:
        """Return the expert's plan, soon that of a hand that starts in the middle."""
        # 1. the plans from where the hand is, and from the middle
        modes = self.modes(episodes)
        middle = np.repeat(self.task.hands()[:, None, :3], simulation.n, axis=1)
        usual = self.task.plan(simulation, modes, middle)
        plan = self.task.plan(simulation, modes)
        # 2. soon the second takes over from the first, in the time there is
        early = np.clip(np.arange(1, plan.shape[1] + 1) / self.BLEND_STEPS, 0, 1)
        time = simulation.variant.episode_steps(self.task.max_episode_steps) - self.SPARE_STEPS
        return sped_up(plan + early[:, None] * (usual - plan), time)

    def reset(self, episodes: Episodes) -> None:
        """Make the plan, and note when the hand closes and on which object."""
        super().reset(episodes)
        assert episodes.simulation is not None
        self._simulation = episodes.simulation
        # 1. when the gripper closes, and with which arm
        n, steps = self._plan.shape[:2]
        rows = np.arange(n)
        self._closes = (by_arm(self._plan)[..., GRIPPER] == OPENING_LOW).any(-1).argmax(1)
        first = by_arm(self._plan)[rows, self._closes, :, GRIPPER].argmin(-1)  # the arm that closes first
        hand = by_arm(self._plan[rows, self._closes])[rows, first, None, :2]
        # 2. on which loose object: the one nearest to that hand
        self._loose = [name for name in self.task.objects if self._simulation.is_loose(name)]
        poses = self._poses()
        away = np.linalg.norm(poses[..., :2] - hand, axis=-1)
        self._object = away.argmin(1)
        self._first = poses[rows, self._object]
        self._drift = self.task.drift(self._simulation, np.arange(steps))
        # 3. how much of the object's shift each step takes: all until it is held, then less and less
        held = np.arange(steps) - self._closes[:, None] - self.HOLD_STEPS
        self._weight = np.clip(1 - held / self.RETURN_STEPS, 0, 1)
        self._shift = np.zeros((n, 3))
        self._expected = self._first
        self._next = np.zeros(n, int)
        self._waited = np.zeros(n, int)

    def act(self, observation: dict[str, np.ndarray]) -> Decision:
        """Return the next part of the plan, or its last action again, carried along with the object."""
        # 1. how far the object is from where the plan expects it, as long as the hand is open
        rows = np.arange(len(self._next))
        opened = (self._next <= self._closes)[:, None]
        by_itself = self._drift[rows, np.minimum(self._next, self._closes)]
        self._expected = self._first + np.pad(by_itself, ((0, 0), (0, 1)))
        moved = self._poses()[rows, self._object] - self._expected
        self._shift = np.where(opened, moved, self._shift)
        # 2. a hand that waits is sent its last target twice
        last = np.maximum(self._next - 1, 0)
        waits = self._waits()
        steps = np.where(waits, [last, last], [self._next, self._next + 1]).T
        self._waited += 2 * waits
        self._next += 2 * ~waits
        return Decision(self._part(steps))

    def _waits(self) -> np.ndarray:
        """Return the rows whose hand is beside a plan that has moved, (N,) bool."""
        target = by_arm(self._part(np.maximum(self._next - 1, 0)[:, None])[:, 0])
        hands = np.stack([arm.tcp_position for arm in self._simulation.arms], 1)
        away = np.linalg.norm((hands - target[..., POSITION])[..., :2], axis=-1).max(1)
        moved = np.linalg.norm(self._shift[:, :2], axis=-1) > self.OBJECT_TOLERANCE
        begun = (self._next > 0) & (self._next <= self._closes)
        return (away > self.HAND_TOLERANCE) & moved & begun & (self._waited < self.MAX_WAIT)

    def _part(self, steps: np.ndarray) -> np.ndarray:
        """Return the actions of the given steps (N, T) of the plan, carried along with the object."""
        rows = np.arange(len(steps))[:, None]
        steps = np.minimum(steps, self._plan.shape[1] - 1)
        return self._carried(self._plan[rows, steps], self._weight[rows, steps])

    def _poses(self) -> np.ndarray:
        """Return x, y [m] and yaw [rad] of the loose objects, (N, objects, 3); zeros for one if none is."""
        poses = []
        for name in self._loose:
            forward = self._simulation.rotation(name)[:, :2, 0]
            yaw = np.arctan2(forward[:, 1], forward[:, 0])
            poses.append(np.column_stack([self._simulation.position(name)[:, :2], yaw]))
        return np.stack(poses, 1) if poses else np.zeros((self._simulation.n, 1, 3))

    def _carried(self, plan: np.ndarray, weight: np.ndarray) -> np.ndarray:
        """Return actions (N, T, A) turned and moved with the object, by `weight` (N, T)."""
        weight = weight[..., None]
        carried = plan.copy()
        arms = by_arm(carried)  # a view, (N, T, arms, 10)
        # the position turns around the object, the two columns of the rotation around nothing
        for begin, origin in ((0, self._expected[:, None, None, :2]), (3, 0.0), (6, 0.0)):
            x, y = np.moveaxis(arms[..., begin : begin + 2] - origin, -1, 0)
            turned = rotated(x, y, weight * self._shift[:, None, None, 2])
            arms[..., begin : begin + 2] = np.stack(turned, -1) + origin
        arms[..., :2] += weight[..., None] * self._shift[:, None, None, :2]
        return carried


def sped_up(plan: np.ndarray, steps: int) -> np.ndarray:
    """Return a plan (N, T, A) in fewer control steps, evenly faster; as it is if it is short enough."""
    if plan.shape[1] <= steps:
        return plan
    at = np.arange(1, steps + 1) * plan.shape[1] / steps - 1
    before = np.floor(at).astype(int)
    part = (at % 1)[:, None]
    after = np.minimum(before + 1, plan.shape[1] - 1)
    faster = (1 - part) * plan[:, before] + part * plan[:, after]
    by_arm(faster)[..., GRIPPER] = by_arm(plan[:, before])[..., GRIPPER]  # a gripper closes or does not
    return faster
