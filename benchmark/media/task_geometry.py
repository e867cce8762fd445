"""What a task's map shows, as points: objects, where the scene may lie, fingers, and the dead zone."""

from itertools import combinations, pairwise
from typing import NamedTuple

import mujoco
import numpy as np

from ...envs.frames import from_frame
from ...envs.physics_state import set_state
from ...envs.scene_generation.expert_reference import Middle
from ...envs.simulation import Simulation
from ...envs.specs import OPENING_HIGH
from ...tasks.core.task import PAD_RADIUS, Task

_FINGER = 0.011  # half the width of a finger [m]
_FLAT = 4e-4  # what modes span is a line up to this area [m^2]
_STEPS = 121  # poses from one mode to another
_LINE = 1e-5  # points whose width is below this lie in a line [m]; they are rounded to 1e-6


class ModeHands(NamedTuple):
    """Where the hands are in each of k modes when the first gripper closes."""

    poses: np.ndarray
    """x, y, z [m] and yaw [rad], scene frame, (arms, k, 4)."""
    arm: np.ndarray
    """Number of the arm whose gripper closes, (k,) int."""
    more: np.ndarray = np.zeros((0, 4))
    """`Task.more_grasps`, (m k, 4)."""

    @property
    def acting(self) -> np.ndarray:
        """The pose of that arm's hand, (k, 4), then the same at further objects: (k + m k, 4) in all."""
        return np.concatenate([self.poses[self.arm, np.arange(len(self.arm))], self.more])


def middle_state(task: Task) -> np.ndarray:
    """Return the state in the middle of all starts, (nstate,)."""
    simulation = Simulation(task, 1)
    simulation.begin([task.start(Middle())])
    return simulation.state()[0]


def object_points(task: Task, model: mujoco.MjModel, state: np.ndarray) -> np.ndarray:
    """Return the corners of everything the task put on the table, world, (P, 3) [m].

    Args:
        task: whose objects.
        model: the physics scene, compiled.
        state: a `mjSTATE_INTEGRATION` row of it.
    """
    data = mujoco.MjData(model)
    set_state(model, data, state)
    mujoco.mj_kinematics(model, data)
    bodies = {model.body(name).id for name in task.poses()}
    return np.concatenate(
        [
            data.geom_xpos[geom] + _corners(model, geom) @ data.geom_xmat[geom].reshape(3, 3).T
            for geom in range(model.ngeom)
            if int(model.body_rootid[model.geom_bodyid[geom]]) in bodies
        ]
    )


def _corners(model: mujoco.MjModel, geom: int) -> np.ndarray:
    """Return a polyhedron around a geom in its own frame, (P, 3) [m]."""
    centre = model.geom_aabb[geom, :3]
    half = model.geom_aabb[geom, 3:]
    if model.geom_type[geom] == mujoco.mjtGeom.mjGEOM_CYLINDER:
        turn = np.linspace(0, 2 * np.pi, 24, endpoint=False)
        ring = np.stack([np.cos(turn), np.sin(turn), np.ones(24)], -1)
        return centre + half * np.concatenate([ring, ring * [1, 1, -1]])
    return centre + half * (np.stack(np.meshgrid(*[[-1, 1]] * 3), -1).reshape(-1, 3))


def spawn_frames(task: Task) -> np.ndarray:
    """Return the extreme scene frames: x, y [m] and yaw [rad], world, (F, 3)."""
    sides = np.stack(np.meshgrid([-1, 1], [-1, 1], np.linspace(-1, 1, 5)), -1).reshape(-1, 3)
    return np.array([*task.centre, 0.0]) + sides * np.array(task.spread)


def spawn_region(task: Task, points: np.ndarray) -> np.ndarray:
    """Return the outline of the table on which the scene may lie, world, counter-clockwise, (P, 2) [m].

    Args:
        task: whose scene.
        points: `object_points` in the middle of all starts.
    """
    flat = points - [*task.centre, 0.0]
    return hull(np.concatenate([from_frame(flat, frame)[:, :2] for frame in spawn_frames(task)]))


def hull(points: np.ndarray) -> np.ndarray:
    """Return the convex hull of points (N, 2), counter-clockwise, (P, 2); of a line, its two ends."""
    ordered = np.unique(points.round(6), axis=0)
    if len(ordered) < 3:
        return ordered
    # Asked before the hull: of points in a line but for rounding, it makes a flat polygon or an error.
    if np.linalg.matrix_rank(ordered - ordered[0], tol=_LINE) < 2:
        return ordered[[0, -1]]
    from scipy.spatial import ConvexHull  # which takes half a second, and videos need none

    corners = ConvexHull(ordered).vertices
    return ordered[np.roll(corners, -int(corners.argmin()))]


def mode_hands(task: Task) -> ModeHands:
    """Return where the hands are in each mode; of one arm the grasps that the task states."""
    k = len(task.modes)
    if task.arms == 1:
        return ModeHands(task.grasps[None], np.zeros(k, int), task.more_grasps)
    starts = np.repeat(task.hands()[:, None, :3], k, axis=1)
    paths = task.paths(starts, np.arange(k))
    # an action is a place, two columns of a rotation of which the first is the opening axis, and an opening
    plans = np.stack([path.actions(np.zeros((k, 3))) for path in paths])
    closed = plans[..., 9] < OPENING_HIGH / 2
    step = closed.any(0).argmax(-1)
    if not step.any():  # no gripper closes on the way: the first hand is where the task says
        step = np.linalg.norm(plans[0, ..., :3] - task.grasps[:, None, :3], axis=-1).argmin(-1)
    now = plans[:, np.arange(k), step]
    poses = np.concatenate([now[..., :3], np.arctan2(now[..., 4], now[..., 3])[..., None]], -1)
    return ModeHands(poses, closed[:, np.arange(k), step].argmax(0))


def dead_paths(task: Task) -> list[np.ndarray]:
    """Return the poses that fail on the straight ways between every two modes, scene frame, (M, 4) each.

    With two arms each that differs between the modes has its own way; which part fails, the first arm's says.
    """
    share = np.linspace(0, 1, _STEPS)[:, None]
    hands = mode_hands(task).poses
    paths = []
    for first, second in combinations(range(len(task.modes)), 2):
        ways = [hand[first] + share * (hand[second] - hand[first]) for hand in hands]
        dead = np.flatnonzero(task.in_dead_zone(task.mixture(ways[0])))
        runs = [run for run in np.split(dead, np.flatnonzero(np.diff(dead) > 1) + 1) if len(run) > 1]
        moving = [way for way in ways if np.ptp(way, axis=0).any()]
        paths += [way[run] for way in moving for run in runs]
    return paths


def dead_region(task: Task) -> list[np.ndarray]:
    """Return the dead zone from above as convex polygons that overlap, scene frame, (P, 2) [m] each.

    Of two modes, or of modes in a line: what the open fingers sweep on the way. Of modes around something:
    all places among them but the corners.
    """
    paths = dead_paths(task)
    if not paths:
        return []
    span = hull(np.concatenate(paths)[:, :2])
    if len(task.modes) > 2 and _area(span) > _FLAT:
        return [span]
    reach = [fingers(path) for path in paths]
    return [hull(np.concatenate(both)) for swept in reach for both in pairwise(swept)]


def _area(polygon: np.ndarray) -> float:
    x, y = polygon.T
    return abs(float(x @ np.roll(y, 1) - y @ np.roll(x, 1))) / 2


def pads(hands: np.ndarray) -> np.ndarray:
    """Return where the open finger pads of hands (..., 4) are, from above, (..., 2 pads, 2) [m]."""
    way = PAD_RADIUS * np.stack([np.cos(hands[..., 3]), np.sin(hands[..., 3])], -1)
    return np.stack([hands[..., :2] - way, hands[..., :2] + way], -2)


def fingers(hands: np.ndarray) -> np.ndarray:
    """Return the corners of the open fingers of hands (..., 4), from above, (..., 4 corners, 2) [m]."""
    across = _FINGER * np.stack([-np.sin(hands[..., 3]), np.cos(hands[..., 3])], -1)[..., None, :]
    return np.concatenate([pads(hands) - across, pads(hands) + across], -2)
