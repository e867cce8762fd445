"""Where an episode's hand went and where its policy planned to go, as lines over the picture."""

from typing import NamedTuple

import numpy as np

from ...envs.rendering.cameras import FOVY, View, views
from ...tasks.core.task import Task
from ..measures.planned_ways import candidate_ways
from ..records.run_record import PolicyRecord
from .signals import EpisodeSignals

SIZE = (640, 480)
"""Width and height of the picture that the points are in [pixels]."""


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

    Nothing is sampled again. Plans in other variables than `planned_hands` knows are not drawn.
    """
    if signals.plans is None:
        return []
    moments = candidate_ways(task, policy, signals.plans, 0, signals.frame, signals.yaws[0])
    view = views(task.arms)["closeup"]
    found = []
    for step, ways in zip(signals.calls.steps, moments, strict=False):
        paths = (Path(project(way.points, view), way.mode, way.chosen) for way in ways)
        found.append(Decision(int(step), tuple(path for path in paths if np.isfinite(path.points).all())))
    return found
