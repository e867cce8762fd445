"""Where an episode's hand went and where its policy planned to go, as lines over the picture."""

from typing import NamedTuple

import numpy as np

from ...envs.rendering.cameras import FOVY, View, views
from ...tasks.core.task import Task
from ..records.run_record import PolicyRecord
from ..rollout.planned_hands import planned_hands
from ..rollout.track import SIMULATOR
from .signals import EpisodeSignals

SIZE = (640, 480)
"""Width and height of the picture that the points are in [pixels]."""
MOST_PATHS = 64
"""Candidates that are drawn of a decision."""


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
    plans = signals.plans
    if plans is None or plans.candidates is None:
        return []
    candidates = plans.candidates[0].astype(float)
    told = (policy.observations, policy.track == SIMULATOR)
    hands = planned_hands(task, *told, candidates, signals.frame, signals.yaws[0])
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
