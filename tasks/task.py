"""What a task is: objects, start, modes with scripted experts, and what is measured at every step."""

from typing import ClassVar, NamedTuple

import mujoco
import numpy as np

from ..envs.scene import Scene
from ..envs.simulation import Simulation, Start
from ..envs.specs import ROBOT_OBSERVATION, Spec
from .path import Path

YAW_ALONG_X = np.pi
"""Finger-opening axis along the scene's x [rad] (yaw 180 degrees keeps joint 7 far from its limit)."""
LIGHT_TOUCH = 1.0
"""Contact forces up to this do not count [N]."""


class Measurement(NamedTuple):
    """What the referee sees of N episodes after a control step; arrays (N,) unless said."""

    tcp: np.ndarray
    """TCP position in the scene frame [m], (N, 3)."""
    opening: np.ndarray
    """Distance between the finger pads [m]."""
    lift: np.ndarray
    """Height of the target above where it rested [m]."""
    settled: np.ndarray
    """Whether the target moves slower than 5 cm/s, bool."""
    held: np.ndarray
    """Whether both fingers press what may be gripped, bool."""
    part: np.ndarray
    """Index of the mode that the hand has taken at this step, -1 for none, int."""
    illegal: np.ndarray
    """Contact force on what must not be touched [N]."""
    table: np.ndarray
    """Contact force between robot and table [N]."""


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
    horizon: ClassVar[int]
    """Length of an episode [control steps]."""
    objects: ClassVar[tuple[str, ...]]
    """Observed bodies."""
    grasps: ClassVar[np.ndarray]
    """Where the TCP goes in each mode, scene frame [m], (k, 3)."""
    dead_zone: ClassVar[tuple[float, float]] = (0.25, 0.75)
    """Mixtures between the modes that fail for certain; see `bimodal certify`."""
    success_height: ClassVar[float] = 0.06
    """Height to which the target must be lifted [m]."""
    hold_steps: ClassVar[int] = 10
    """Control steps for which success must last."""
    commit_steps: ClassVar[int] = 3
    """Control steps in a row that make a mode realised."""
    trunk_steps: ClassVar[int] = 16
    """Control steps before the modes part."""
    centre: ClassVar[tuple[float, float]] = (0.50, 0.0)
    """Where the scene frame lies on average, world [m]."""
    spread: ClassVar[tuple[float, float, float]] = (0.03, 0.04, np.deg2rad(10))
    """Half-widths of the scene frame's uniform x, y [m] and yaw [rad]."""
    hand_start: ClassVar[tuple[float, float, float]]
    """Where the hand starts, scene frame [m]."""
    hand_spread: ClassVar[tuple[float, float, float]] = (0.005, 0.003, 0.01)
    """Half-widths of the hand's uniform start in the scene frame [m]."""

    # ------------------------------------------------------------------------ what a task declares

    def build(self, scene: Scene) -> None:
        """Add the task's objects and sensors."""
        raise NotImplementedError

    def poses(self) -> dict[str, tuple[float, float, float]]:
        """Return where each body rests in the scene frame [m]."""
        raise NotImplementedError

    def path(self, start: np.ndarray, modes: np.ndarray) -> "Path":
        """Return the expert's hand path from TCP `start` (N, 3), scene frame, in `modes` (N,)."""
        raise NotImplementedError

    def measure(self, simulation: Simulation) -> Measurement:
        """Return what the referee needs to see after a control step."""
        raise NotImplementedError

    # ------------------------------------------------------------------------ what every task shares

    @property
    def observation(self) -> tuple[Spec, ...]:
        """Components of the `state` track: the robot, then position and heading of every object."""
        return ROBOT_OBSERVATION + tuple(
            spec
            for body in self.objects
            for spec in (
                Spec(f"{body}_position", (3,), "m", "world", -2.0, 2.0, f"Origin of the {body}."),
                Spec(f"{body}_heading", (2,), "1", "world", -1.0, 1.0, f"Cosine, sine of the {body}'s yaw."),
            )
        )

    def spec(self) -> mujoco.MjSpec:
        """Return the physics scene."""
        scene = Scene()
        self.build(scene)
        return scene.spec

    def start(self, rng: np.random.Generator) -> Start:
        """Draw one episode's start: the scene frame, then the hand in it; both uniform."""
        x, y, yaw = np.array([*self.centre, 0.0]) + np.array(self.spread) * rng.uniform(-1, 1, 3)
        hand = np.array(self.hand_start) + np.array(self.hand_spread) * rng.uniform(-1, 1, 3)
        c, s = np.cos(yaw), np.sin(yaw)
        turn = np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]])
        origin = np.array([x, y, 0.0])
        quaternion = np.array([np.cos(yaw / 2), 0, 0, np.sin(yaw / 2)])
        poses = {
            name: np.concatenate([origin + turn @ np.array(at), quaternion])
            for name, at in self.poses().items()
        }
        return Start(poses, origin + turn @ hand, YAW_ALONG_X + yaw, np.array([x, y, yaw]))

    def observe(self, simulation: Simulation) -> dict[str, np.ndarray]:
        """Return position and heading of every observed object, (N, 3) and (N, 2)."""
        components = {}
        for body in self.objects:
            components[f"{body}_position"] = simulation.position(body).copy()
            forward = simulation.rotation(body)[:, :2, 0]
            length = np.maximum(np.linalg.norm(forward, axis=-1, keepdims=True), 1e-9)
            components[f"{body}_heading"] = forward / length
        return components

    def plan(self, simulation: Simulation, modes: np.ndarray) -> np.ndarray:
        """Return the expert's `ee_absolute` actions, (N, T, 10), from the simulation's current hands."""
        start = simulation.in_frame(simulation.tcp_position)
        return self.path(start, np.asarray(modes)).actions(simulation.frame)

    def mixture(self, tcp: np.ndarray) -> np.ndarray:
        """Return where TCPs (..., 3), scene frame, stand between the two modes: 0 first, 1 second.

        alpha = <x - g0, g1 - g0> / |g1 - g0|^2
        """
        first, second = self.grasps[0], self.grasps[1]
        axis = second - first
        return (tcp - first) @ axis / (axis @ axis)

    def decided(self, measurement: Measurement) -> np.ndarray:
        """Return the rows that have shown where they act (the gripper closes), (N,) bool."""
        return measurement.opening < 0.06

    def context(self, frame: np.ndarray) -> np.ndarray:
        """Return the mode of regime `ctx`, (N,): the side of the table on which the scene lies."""
        return (frame[:, 1] > self.centre[1]).astype(np.int8)

    def touched_part(self, simulation: Simulation, sensors: tuple[str, ...]) -> np.ndarray:
        """Return the first mode whose part both fingers press, -1 for none, (N,)."""
        part = np.full(simulation.n, -1, np.int8)
        for mode in reversed(range(len(sensors))):
            left = simulation.force(f"{sensors[mode]}_left") > LIGHT_TOUCH
            right = simulation.force(f"{sensors[mode]}_right") > LIGHT_TOUCH
            part[left & right] = mode
        return part
