"""Where an episode's hand went and where its policy planned to go, as lines over the picture."""

from typing import NamedTuple

import numpy as np

from ...envs.frames import from_frame, to_frame
from ...envs.rendering.cameras import FOVY, View, views
from ...tasks.core.task import Task
from ..records.run_record import PolicyRecord
from .signals import EpisodeSignals

SIZE = (640, 480)
"""Width and height of the picture that the points are in [pixels]."""
MOST_PATHS = 64
"""Candidates that are drawn of a decision."""
_PLANNED = 5
"""Numbers of a hand in the plans of `policies/mpc.py`: x, y, z [m], yaw [rad], opening [m]; scene frame."""


class Path(NamedTuple):
    """A way of the hand over the picture."""

    points: np.ndarray
    """(K, 2) [pixels], right and down."""
    mode: int
    """The mode that it goes to, -1 for none or unknown."""
    chosen: bool
    """Whether it became the plan."""


class Decision(NamedTuple):
    """What a policy planned at a moment."""

    step: int
    """Control step of the call."""
    paths: tuple[Path, ...]


class _Hands(NamedTuple):
    """Planned hands: positions (..., 3) in the world [m], and poses (..., 4) as `Task.side` wants them."""

    world: np.ndarray
    poses: np.ndarray


def project(points: np.ndarray, view: View, size: tuple[int, int] = SIZE) -> np.ndarray:
    """Return where points (..., 3) of the world [m] are in a picture, (..., 2) [pixels], right and down.

    A pinhole with vertical opening angle `FOVY`: u = W/2 + f x / d, v = H/2 - f y / d, with f = H / (2 tan
    (FOVY / 2)), x and y to the right and up of the camera, d before it. NaN for what is behind it.
    """
    position, axes = view.frame()
    seen = (np.asarray(points, float) - position) @ axes
    depth = np.where(seen[..., 2] < -1e-6, -seen[..., 2], np.nan)
    focal = size[1] / 2 / np.tan(np.radians(FOVY) / 2)
    right = size[0] / 2 + focal * seen[..., 0] / depth
    down = size[1] / 2 - focal * seen[..., 1] / depth
    return np.stack([right, down], -1)


def executed(task: Task, signals: EpisodeSignals) -> list[np.ndarray]:
    """Return the way of every arm's hand over the picture, (T + 1, 2) each [pixels]."""
    return list(project(signals.hands, views(task.arms)["closeup"]))


def decisions(task: Task, policy: PolicyRecord, signals: EpisodeSignals) -> list[Decision]:
    """Return the recorded candidates of every decision, in the colours of their modes.

    Nothing is sampled again. Two kinds of plans are known: hands in the scene frame (model-predictive
    control), and observations of which one is `tcp_position` (planners); others are not drawn.
    """
    plans = signals.plans
    if plans is None or plans.candidates is None:
        return []
    hands = _planned_hands(task, policy, signals, plans.candidates[0].astype(float))
    if hands is None:
        return []
    modes = task.side(hands.poses[:, :, -1]) if plans.modes is None else plans.modes[0]
    chosen = np.full(len(modes), -1) if plans.chosen is None else plans.chosen[0]
    pixels = project(hands.world, views(task.arms)["closeup"])
    found = []
    for step, points, which, taken in zip(signals.calls.steps, pixels, modes, chosen, strict=False):
        drawn = [c for c in range(min(len(points), MOST_PATHS)) if np.isfinite(points[c]).all()]
        if 0 <= taken < len(points) and taken >= MOST_PATHS:
            drawn.append(int(taken))
        paths = (Path(points[c], int(which[c]), bool(c == taken)) for c in drawn)
        found.append(Decision(int(step), tuple(paths)))
    return found


def _planned_hands(
    task: Task, policy: PolicyRecord, signals: EpisodeSignals, candidates: np.ndarray
) -> _Hands | None:
    """Return the hands of candidates (M, C, K, D) of the first arm; None for variables of another kind."""
    width = candidates.shape[-1]
    if width == _PLANNED * task.arms and policy.track == "privileged":
        return _Hands(from_frame(candidates[..., :3], signals.frame), candidates[..., :4])
    sizes = {spec.name: spec.size for spec in task.observation}
    names = policy.observations or tuple(sizes)
    if "tcp_position" not in names or sum(sizes.get(name, 0) for name in names) != width:
        return None
    at = np.cumsum([0, *(sizes[name] for name in names)])
    begin = {name: int(first) for name, first in zip(names, at, strict=False)}
    world = candidates[..., begin["tcp_position"] :][..., :3]
    flat = to_frame(world.reshape(-1, 3), np.broadcast_to(signals.frame, (world.size // 3, 3)))
    if "tcp_rotation" in begin:  # its first column is the finger-opening axis
        axis = candidates[..., begin["tcp_rotation"] :][..., :2]
        yaws = np.arctan2(axis[..., 1], axis[..., 0]) - signals.frame[2]
        yaws = signals.yaws[0] + (yaws - signals.yaws[0] + np.pi) % (2 * np.pi) - np.pi
    else:
        yaws = np.full(world.shape[:-1], signals.yaws[0])
    return _Hands(world, np.concatenate([flat.reshape(world.shape), yaws[..., None]], axis=-1))
