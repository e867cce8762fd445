"""Where the camera stands for the pictures of a task: near, with all objects and hands in the frame."""

import mujoco
import numpy as np

from ...envs.physics_state import set_state
from ...envs.rendering.cameras import FOVY, View, views
from ...envs.robot.panda import TCP_SITE
from ...tasks.core.task import Task
from .mode_rollouts import ModeRollout
from .task_geometry import object_points

_HAND = np.array([[0, 0, 0], [0, 0, -0.15], [0.1, 0, -0.06], [-0.1, 0, -0.06]])  # from the TCP [m]
_MARGIN = 1.06  # of the pictures around what must be seen
_NEAREST = 0.70  # of the camera [m]


def framing(task: Task, rollouts: list[ModeRollout], size: tuple[int, int]) -> View:
    """Return the view in which the objects and the lower hand are seen in every rollout at its moment."""
    model = task.spec().compile()
    points = [object_points(task, model, one.states[one.moment]) for one in rollouts]
    points += [_hand_points(model, one.states[one.moment]) for one in rollouts]
    seen = np.concatenate(points)
    angle = views(task.arms)["closeup"]
    # 1. the points in the camera's axes
    axes = View((0, 0, 0), 1.0, angle.azimuth, angle.elevation).frame()[1]
    right, up, back = (seen @ axes).T
    tall = np.tan(np.radians(FOVY / 2)) / _MARGIN
    wide = tall * size[0] / size[1]
    # 2. nearer and nearer: centre what is seen, then go as near as the frame allows
    x = np.mean([right.min(), right.max()])
    y = np.mean([up.min(), up.max()])
    distance = 2.0
    for _ in range(20):
        away = distance - back
        x += distance * np.mean([((right - x) / away).min(), ((right - x) / away).max()])
        y += distance * np.mean([((up - y) / away).min(), ((up - y) / away).max()])
        distance = float(np.max(back + np.maximum(abs(right - x) / wide, abs(up - y) / tall)))
    distance = max(distance, _NEAREST + float(back.mean()))
    at = axes @ np.array([x, y, 0.0])
    return View((float(at[0]), float(at[1]), float(at[2])), distance, angle.azimuth, angle.elevation)


def _hand_points(model: mujoco.MjModel, state: np.ndarray) -> np.ndarray:
    """Return points around the lower part of every hand, (P, 3) [m]."""
    data = mujoco.MjData(model)
    set_state(model, data, state)
    mujoco.mj_kinematics(model, data)
    sites = [index for index in range(model.nsite) if model.site(index).name.endswith(TCP_SITE)]
    frames = [(data.site_xpos[site], data.site_xmat[site].reshape(3, 3)) for site in sites]
    return np.concatenate([tcp + _HAND @ rotation.T for tcp, rotation in frames])
