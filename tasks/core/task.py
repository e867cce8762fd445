"""What a task is: objects, start, modes with scripted experts, and what is measured at every step."""

from collections.abc import Mapping
from typing import ClassVar

import mujoco
import numpy as np

from ...envs.frames import rotation_z, yaw_quaternion
from ...envs.images import ANY, Wording
from ...envs.scene import Scene
from ...envs.simulation import Simulation
from ...envs.simulation_data import SimulationData
from ...envs.specs import ACTIONS, ROBOT_OBSERVATION, Spec, of_arms
from ...envs.task_protocol import Start
from . import instructions
from .hand_path import HandPath, plan_from_paths
from .modes import Measurement, between_modes, last_part

ALONG_X = np.pi
"""Yaw of a hand whose fingers open along the scene's x [rad]. The fingers are alike, so it could be 0 too,
but from 75 to 255 degrees the wrist stays far from its limits."""
ALONG_Y = np.pi / 2
"""The same along y."""
DIAGONAL = 3 * np.pi / 4
"""The same half-way between x and y."""
PAD_RADIUS = 0.04
"""Distance of the open finger pads from the hand's axis [m]; turns yaw into the way that the pads go."""
LIGHT_TOUCH = 1.0
"""Contact forces up to this do not count [N]."""
SETTLED = 0.05
"""A target slower than this is at rest [m/s]."""
_AS_LENGTH = np.array([1.0, 1.0, 1.0, PAD_RADIUS])
"""What turns a pose (x, y, z, yaw) into four lengths [m]."""


class Task:
    """Base of every task; see `docs/design.md` for the contract and the certificate.

    A task thinks in the *scene frame*: its origin lies on the table and moves and turns with the scene
    from episode to episode.
    """

    id: ClassVar[str]
    """Robot, verb, object, version."""
    goal: ClassVar[str]
    """What is to be done, in a paragraph."""
    modes: ClassVar[tuple[str, ...]]
    """Names of the modes, e.g. ("left bar", "right bar")."""
    arms: ClassVar[int] = 1
    """Number of arms, 1 or 2; the second stands opposite the first."""
    max_episode_steps: ClassVar[int]
    """Length of an episode [control steps]."""
    objects: ClassVar[tuple[str, ...]]
    """Observed bodies."""
    grasps: ClassVar[np.ndarray]
    """Pose of the hand in each mode, scene frame: TCP x, y, z [m], yaw of the opening axis [rad], (k, 4)."""
    more_grasps: ClassVar[np.ndarray] = np.zeros((0, 4))
    """The same at further objects, mode by mode, where the scene says which of them counts, (m k, 4)."""
    dead_zone: ClassVar[tuple[float, float]] = (0.25, 0.75)
    """Mixtures between two modes that fail for certain; see `bimodal certify`."""
    success_height: ClassVar[float] = 0.06
    """Height to which the target must be lifted [m]."""
    hold_steps: ClassVar[int] = 10
    """Control steps for which success must last."""
    commit_steps: ClassVar[int] = 3
    """Control steps in a row that make a mode realised."""
    shared_steps: ClassVar[int] = 16
    """Control steps before the modes part."""
    centre: ClassVar[tuple[float, float]] = (0.50, 0.0)
    """Where the scene frame lies on average, world [m]."""
    spread: ClassVar[tuple[float, float, float]] = (0.03, 0.04, np.deg2rad(10))
    """Half-widths of the scene frame's uniform x, y [m] and yaw [rad]."""
    hand_start: ClassVar[tuple[float, float, float]]
    """Where the hand starts, scene frame [m]."""
    hand_spread: ClassVar[tuple[float, float, float]] = (0.005, 0.003, 0.01)
    """Half-widths of the hand's uniform start in the scene frame [m]."""
    hand_yaw: ClassVar[float] = ALONG_X
    """Yaw of the finger-opening axis at the start, scene frame [rad]."""
    second_hand_start: ClassVar[tuple[float, float, float]]
    """Where the second arm's hand starts, as `hand_start`; only for tasks with two arms."""
    second_hand_yaw: ClassVar[float]
    """As `hand_yaw`, for the second arm; -105 to 75 degrees are far from its wrist's limits."""
    supersedes: ClassVar[str] = ""
    """Id of the version before, which stays; scores on the two cannot be compared."""
    slow_because: ClassVar[str] = ""
    """Why the task may run at less than 60 % of the median task's control steps per second."""
    informed_control: ClassVar[str] = ""
    """In a task with headroom, the method that is told what the others lack: it succeeds, they fall short.
    `METHOD:K` is one that sees the last K control steps."""
    informed_steps: ClassVar[tuple[int, ...]] = (8, 16)
    """Actions executed of each chunk at which it must succeed; fewer where the scene changes meanwhile."""

    def build(self, scene: Scene) -> None:
        """Add the task's objects and sensors."""
        raise NotImplementedError

    def poses(self) -> dict[str, tuple[float, float, float]]:
        """Return where each body rests in the scene frame [m]."""
        raise NotImplementedError

    def path(self, start: np.ndarray, modes: np.ndarray) -> HandPath:
        """Return the expert's hand path from TCP `start` (N, 3), scene frame, in `modes` (N,)."""
        raise NotImplementedError

    def paths(self, starts: np.ndarray, modes: np.ndarray) -> tuple[HandPath, ...]:
        """Return the expert's path of each arm from TCPs `starts` (arms, N, 3), scene frame, in `modes` (N,).

        Tasks with two arms write this one instead of `path`; the paths of a task last equally long.
        """
        return (self.path(starts[0], modes),)

    def measure(self, simulation: Simulation) -> Measurement:
        """Return what the referee needs to see after a control step."""
        raise NotImplementedError

    def __reduce__(self) -> tuple:
        """Refuse to be copied or pickled; tasks that `load_task` gives travel to other processes by id."""
        raise TypeError(f"{type(self).__qualname__} cannot leave this process: {self.id} is another task")

    @property
    def observation(self) -> tuple[Spec, ...]:
        """Components of the `state` track: every arm, then position and heading of every object."""
        return of_arms(ROBOT_OBSERVATION, self.arms) + tuple(
            spec
            for body in self.objects
            for spec in (
                Spec(f"{body}_position", (3,), "m", "world", -2.0, 2.0, f"Origin of the {body}."),
                Spec(f"{body}_heading", (2,), "1", "world", -1.0, 1.0, f"Cosine, sine of the {body}'s yaw."),
            )
        )

    def actions(self, space: str) -> tuple[Spec, ...]:
        """Return the components of an action of the named space: those of every arm, side by side."""
        return of_arms(ACTIONS[space], self.arms)

    def wording(self, mode: str = ANY) -> Wording:
        """Return the sentences that ask for a mode by its name; see `instructions.py`."""
        return instructions.wording(self, mode)

    def spec(self) -> mujoco.MjSpec:
        """Return the physics scene."""
        scene = Scene(self.arms)
        self.build(scene)
        return scene.spec

    def hands(self) -> np.ndarray:
        """Return where the hands start on average, scene frame: x, y, z [m] and yaw [rad], (arms, 4)."""
        second = [[*self.second_hand_start, self.second_hand_yaw]] if self.arms == 2 else []
        return np.array([[*self.hand_start, self.hand_yaw], *second])

    def start(self, rng: np.random.Generator) -> Start:
        """Draw one episode's start: the scene frame, then the hands in it; all uniform."""
        x, y, yaw = np.array([*self.centre, 0.0]) + np.array(self.spread) * rng.uniform(-1, 1, 3)
        hands = self.hands()
        hands[:, :3] += np.array(self.hand_spread) * rng.uniform(-1, 1, (self.arms, 3))
        turn = rotation_z(yaw)
        origin = np.array([x, y, 0.0])
        poses = {
            name: np.array([*origin + turn @ at, *yaw_quaternion(yaw)]) for name, at in self.poses().items()
        }
        places = np.stack([origin + turn @ hand for hand in hands[:, :3]])
        return Start(poses, places, hands[:, 3] + yaw, np.array([x, y, yaw]))

    def observe(self, simulation: SimulationData) -> dict[str, np.ndarray]:
        """Return position and heading of every observed object, (N, 3) and (N, 2)."""
        components = {}
        for body in self.objects:
            components[f"{body}_position"] = simulation.position(body).copy()
            forward = simulation.rotation(body)[:, :2, 0]
            length = np.maximum(np.linalg.norm(forward, axis=-1, keepdims=True), 1e-9)
            components[f"{body}_heading"] = forward / length
        return components

    def plan(
        self, simulation: SimulationData, modes: np.ndarray, starts: np.ndarray | None = None
    ) -> np.ndarray:
        """Return the expert's `ee_absolute` actions, (N, T, 10 arms), from TCPs `starts` (arms, N, 3), scene
        frame; None for the simulation's current hands.
        """
        if starts is None:
            starts = np.stack([simulation.in_frame(arm.tcp_position) for arm in simulation.arms])
        return plan_from_paths(self.paths(starts, np.asarray(modes)), simulation.frame)

    def drift(self, simulation: SimulationData, steps: np.ndarray) -> np.ndarray:
        """Return how far objects will have moved by themselves after `steps` (T,) [m], world, (N, T, 2)."""
        return np.zeros((simulation.n, len(steps), 2))

    def first_choices(self) -> np.ndarray:
        """Return what each mode chooses first, (k,): a task of several choices has modes that begin alike."""
        return np.arange(len(self.modes))

    def may_succeed(self, mode: np.ndarray) -> np.ndarray:
        """Return in which modes (N,), -1 for none that was seen, an episode may succeed, (N,) bool."""
        return np.ones(len(mode), bool)

    def places(self) -> np.ndarray:
        """Return the poses at which hands may act first, as `grasps`, (p, 4): those of the first choices."""
        return self.grasps[np.unique(self.first_choices(), return_index=True)[1]]

    def taken_places(self, observation: Mapping[str, np.ndarray], modes: np.ndarray) -> np.ndarray:
        """Return what an informed control is told of each of `modes` (N,): the mode itself, (N,) int, or the
        row of `places` that it takes by the first observations, (N, d) by component.
        """
        return modes

    def realised_mode(self, parts: np.ndarray, taken: np.ndarray) -> np.ndarray:
        """Return the mode of each episode, -1 for none, (N,): the last part that was taken.

        Args:
            parts: index of the part at each step, (T, N).
            taken: where it counts, after `commit_steps` steps in a row, (T, N) bool.
        """
        return last_part(parts, taken)

    def mixture(self, hand: np.ndarray) -> np.ndarray:
        """Return where hands (..., 4), scene frame, stand between the modes' first choices: alpha, (...).

        Poses are points of 4 lengths, yaw counting as the way of the pads; see `modes.between_modes`.
        """
        return between_modes(self.places() * _AS_LENGTH, np.asarray(hand) * _AS_LENGTH)

    def in_dead_zone(self, alpha: np.ndarray) -> np.ndarray:
        """Return whether acting at alpha (...) is acting between the modes, bool; NaN is not."""
        low, high = self.dead_zone
        return (alpha > low) & ((alpha < high) | (len(set(self.first_choices().tolist())) > 2))

    def side(self, hand: np.ndarray) -> np.ndarray:
        """Return the mode nearest to hands (..., 4), scene frame: (...), -1 in the dead zone."""
        points = np.asarray(hand)[..., None, :] * _AS_LENGTH
        nearest = np.linalg.norm(points - self.grasps * _AS_LENGTH, axis=-1).argmin(-1)
        return np.where(self.in_dead_zone(self.mixture(hand)), -1, nearest).astype(np.int8)

    def decided(self, measurement: Measurement) -> np.ndarray:
        """Return the rows that have shown where they act (the gripper closes), (N,) bool."""
        return measurement.opening < 0.06

    def context(self, frame: np.ndarray) -> np.ndarray:
        """Return the mode of regime `ctx`, (N,): the part of the table on which the scene lies, along y."""
        k = len(self.modes)
        part = (frame[:, 1] - self.centre[1] + self.spread[1]) / (2 * self.spread[1])
        return np.clip(np.ceil(part * k) - 1, 0, k - 1).astype(np.int8)

    def touched_part(self, simulation: Simulation, sensors: tuple[str, ...]) -> np.ndarray:
        """Return the first mode whose part both fingers press, -1 for none, (N,)."""
        part = np.full(simulation.n, -1, np.int8)
        for mode in reversed(range(len(sensors))):
            forces = [simulation.force(f"{sensors[mode]}_{finger}") for finger in ("left", "right")]
            part[(forces[0] > LIGHT_TOUCH) & (forces[1] > LIGHT_TOUCH)] = mode
        return part
