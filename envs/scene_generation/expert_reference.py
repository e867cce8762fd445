"""What the generator knows of a task: where hands and objects go in every mode of its average clean scene."""

import functools
from typing import Any, NamedTuple

import mujoco
import numpy as np

from ..frames import rotated_back
from ..robot.parts import finger_joints, things
from ..simulation import Simulation
from ..simulation_data import place
from ..specs import GRIPPER, OPENING_LOW, POSITION, ROTATION, by_arm
from ..task_protocol import Start, TaskProtocol

PALM = (0.102, 0.028)
"""Half extents of the hand along and across the finger-opening axis [m]."""
PALM_UP = 0.031
"""Underside of the hand above the TCP [m]."""
TIP_DOWN = 0.0092
"""Fingertips below the TCP [m]."""
FINGER_ACROSS = 0.0105
"""Half a finger's width across the opening axis [m]."""
FINGER_THICK = 0.0145
"""A finger's thickness along the opening axis [m]."""
KEYFRAME_EVERY = 2
"""Control steps between the moments at which a scene is checked."""
TOLD_APART = 0.004
"""Hands of two modes that are nearer to each other than this are at the same place [m]."""


_SAME = 0.001  # hands that differ by less are the same one [m], [rad]


class Boxes(NamedTuple):
    """B upright boxes with open tops, scene frame."""

    centre: np.ndarray
    """x, y [m], (B, 2)."""
    half: np.ndarray
    """Half extents along their own axes [m], (B, 2)."""
    yaw: np.ndarray
    """Angle of their first axis [rad], (B,)."""
    bottom: np.ndarray
    """Height of their undersides [m], (B,)."""

    def gap(self, places: np.ndarray, radius: np.ndarray | float, height: float) -> np.ndarray:
        """Return how far upright cylinders stay clear of all boxes [m], (P,); negative inside.

        Args:
            places: of the cylinders, scene frame x, y [m], (P, 2).
            radius: of the cylinders [m], (P,) or one.
            height: up to which they reach [m].
        """
        met = self.bottom < height + 0.01
        if not met.any():
            return np.full(len(places), np.inf)
        offset = places[:, None] - self.centre[met]
        x, y = rotated_back(offset[..., 0], offset[..., 1], self.yaw[met])
        along = np.abs(x) - self.half[met, 0]
        across = np.abs(y) - self.half[met, 1]
        outside = np.hypot(np.maximum(along, 0), np.maximum(across, 0))
        return (outside + np.minimum(np.maximum(along, across), 0)).min(1) - radius


class Keyframe(NamedTuple):
    """A moment of an expert's path."""

    mode: int
    qpos: np.ndarray
    """Of the robot's joints, (n,) [rad, m]."""
    tcp: np.ndarray
    """Where the TCPs are [m], world, (arms, 3)."""
    closing: bool
    """Whether the gripper closes next."""
    free: bool
    """Whether nothing is gripped yet, so that the hand may touch nothing."""


class Limb(NamedTuple):
    """Where one arm's numbers are in the model of any of the task's scenes."""

    site: int
    """Of the TCP."""
    angles: np.ndarray
    """Joint angles in `qpos`, (7,)."""
    dofs: np.ndarray
    """The same in `qvel`, (7,)."""
    low: np.ndarray
    high: np.ndarray
    """Limits of the joint angles [rad], (7,)."""


class Reference(NamedTuple):
    """What is so in the clean, average scene of a task."""

    ways: tuple[Boxes, ...]
    """Where the hands of each mode pass, (k,)."""
    grasps: tuple[Boxes, ...]
    """Where the hands are at each mode's grasp, (k,)."""
    objects: Boxes
    """Where the task's objects lie, and where those that slide can slide to."""
    keyframes: tuple[Keyframe, ...]
    limbs: tuple[Limb, ...]
    joints: np.ndarray
    """The robot's joints in `qpos` of any of the task's scenes, (n,)."""
    bodies: frozenset[str]
    """Names of the bodies of the clean scene."""
    start: Start
    """The average start."""


class Middle(np.random.Generator):
    """Draws the middle of every interval, and of whole numbers the lowest."""

    def __init__(self) -> None:
        """Take no seed: nothing is left to chance."""
        super().__init__(np.random.PCG64(0))

    def uniform(self, low: Any = 0.0, high: Any = 1.0, size: Any = None) -> Any:
        """Return the middle between `low` and `high`."""
        return np.broadcast_to((np.asarray(low) + np.asarray(high)) / 2, size or ())

    def integers(self, low: Any, high: Any = None, size: Any = None, *args: Any, **options: Any) -> Any:
        """Return `low`, or 0 where it is the end."""
        return np.broadcast_to(np.asarray(0 if high is None else low), size or ())


@functools.lru_cache(maxsize=64)
def reference(task: TaskProtocol) -> Reference:
    """Let the experts play the clean, average scene of a task, once in a process."""
    # 1. every mode's expert in a row of its own, from the average start
    modes = np.arange(len(task.modes))
    start = task.start(Middle())
    simulation = Simulation(task, len(modes))
    simulation.begin([start] * len(modes))
    plan = task.plan(simulation, modes)
    model = simulation.model
    joints = np.concatenate([[*arm.joints, *arm.fingers] for arm in simulation.arms])
    hands = by_arm(plan)
    shut = np.asarray((hands[..., GRIPPER] <= OPENING_LOW).any(-1))
    first = np.where(shut.any(1), shut.argmax(1), plan.shape[1])
    # 2. play the plans; keep the moments at which scenes are checked
    frames = []
    for step in range(plan.shape[1]):
        simulation.step(plan[:, step])
        for mode in modes:
            closing = step == first[mode] - 1
            before = step < first[mode]
            parted = step >= task.shared_steps or first[mode] < task.shared_steps
            last = step == plan.shape[1] - 1
            if closing or last or (before and parted and step % KEYFRAME_EVERY == 0):
                tcp = np.stack([arm.tcp_position[mode] for arm in simulation.arms])
                qpos = simulation.qpos[mode, joints].copy()
                frames.append(Keyframe(int(mode), qpos, tcp, bool(closing), bool(before or closing)))
    # 3. where hands pass, where they grip, and where objects are, in the scene frame
    centre = start.frame[:2]
    begun = np.concatenate([start.tcp, start.yaw[:, None]], 1)
    ways = tuple(_hands(hands[mode], begun, centre) for mode in modes)
    at = tuple(_hands(_grasping(hands[mode], task.grasps[mode], centre), None, centre) for mode in modes)
    names = frozenset(model.body(i).name for i in range(model.nbody))
    limbs = tuple(Limb(arm.site, arm.joints, arm.dofs, arm.low, arm.high) for arm in simulation.arms)
    return Reference(ways, at, _objects(model, start), tuple(frames), limbs, joints, names, start)


def _grasping(hands: np.ndarray, grasp: np.ndarray, centre: np.ndarray) -> np.ndarray:
    """Return the steps of a plan (T, arms, 10) at which its first hand is at the grasp."""
    way = np.linalg.norm(hands[:, 0, POSITION] - [*(grasp[:2] + centre), grasp[2]], axis=1)
    return hands[way < way.min() + TOLD_APART]


def _hands(hands: np.ndarray, begun: np.ndarray | None, centre: np.ndarray) -> Boxes:
    """Return the boxes around hand and fingers of actions (T, arms, 10) and of a start (arms, 4), world."""
    hands = hands.reshape(-1, hands.shape[-1])
    place = hands[:, POSITION]
    x_axis = hands[:, ROTATION]  # along which the fingers open
    yaw = np.arctan2(x_axis[:, 1], x_axis[:, 0])
    opening = np.maximum(hands[:, GRIPPER], 0)
    if begun is not None:
        place = np.concatenate([begun[:, :3], place])
        yaw = np.concatenate([begun[:, 3], yaw])
        opening = np.concatenate([np.full(len(begun), 0.08), opening])
    # a plan waits and repeats itself: each hand counts once
    same = np.round(np.column_stack([place, yaw, opening]) / _SAME)
    kept = np.sort(np.unique(same, axis=0, return_index=True)[1])
    place = place[kept]
    yaw = yaw[kept]
    opening = opening[kept]
    # one box for the palm, and one below it for both fingers with what is between them
    fingers = np.column_stack([opening / 2 + FINGER_THICK, np.full(len(place), FINGER_ACROSS)])
    return Boxes(
        np.concatenate([place[:, :2], place[:, :2]]) - centre,
        np.concatenate([np.tile(PALM, (len(place), 1)), fingers]),
        np.concatenate([yaw, yaw]),
        np.concatenate([place[:, 2] + PALM_UP, place[:, 2] - TIP_DOWN]),
    )


def _objects(model: mujoco.MjModel, start: Start) -> Boxes:
    """Return boxes, from the table up, around everything that the task put there."""
    data = mujoco.MjData(model)
    place(model, data, start.poses)
    low = []
    high = []
    for slid in (0.0, 1.0):
        for joint in range(model.njnt):
            slides = model.jnt_type[joint] == mujoco.mjtJoint.mjJNT_SLIDE
            if slides and joint not in finger_joints(model):
                data.qpos[model.jnt_qposadr[joint]] = model.jnt_range[joint, int(slid)]
        mujoco.mj_kinematics(model, data)
        for geom in np.flatnonzero(things(model) & (model.geom_contype > 0)):
            turn = data.geom_xmat[geom].reshape(3, 3)
            centre = data.geom_xpos[geom] + turn @ model.geom_aabb[geom, :3]
            reach = np.abs(turn) @ model.geom_aabb[geom, 3:]
            low.append((centre - reach)[:2])
            high.append((centre + reach)[:2])
    lowest = np.reshape(low, (2, -1, 2)).min(0)
    highest = np.reshape(high, (2, -1, 2)).max(0)
    flat = np.zeros(len(lowest))
    return Boxes((lowest + highest) / 2 - start.frame[:2], (highest - lowest) / 2, flat, flat)
