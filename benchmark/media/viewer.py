"""A window in which the experts play a scene in every mode, then the average, over and over."""

import os
import sys
import time
import warnings
from itertools import cycle

import mujoco
import numpy as np

from ...envs.errors import BimodalError
from ...envs.frames import from_frame
from ...envs.physics_state import set_state
from ...envs.random_streams import stream
from ...envs.rendering.appearance import ROBOT, SHOWN
from ...envs.rendering.colours import AVERAGED, mode_colour
from ...envs.rendering.drawn_model import copy_pose, visual_model
from ...envs.rendering.marks import Mark, lay, outline
from ...envs.specs import CONTROL_HZ
from ...tasks.core.task import Task
from .drawing import PAPER
from .framing import framing
from .mode_rollouts import ModeRollout, mode_rollouts
from .task_geometry import dead_region, hull, middle_state, mode_hands, object_points, spawn_region

HOLD_S = 1.5
"""For how long the end of a rollout stays [s]."""
_FILES = "write a file instead: bimodal view TASK --png FILE or --gif FILE"
_DOT = 0.014  # diameter of a grasp's dot [m]
_ABOVE = 0.012  # dead zone and dots hang this far above the objects [m]
_SIZE = (4, 3)  # shape for which the camera is placed; the window may have another


def show(task: Task, seed: int = 0) -> None:
    """Open a window and play until it is closed.

    A white line on the table runs around where the objects may lie; an orange one, with a dot for every
    grasp, hangs around where hands fail.

    Raises:
        BimodalError: no display.
    """
    check_display()
    import mujoco.viewer

    rollouts = mode_rollouts(task, seed)
    spec = task.spec()
    physics = spec.compile()
    model = visual_model(spec, "video")
    data = mujoco.MjData(model)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # GLFW says the same as the error
        try:
            window = mujoco.viewer.launch_passive(model, data, show_left_ui=False, show_right_ui=False)
        except (RuntimeError, mujoco.FatalError) as error:
            raise BimodalError(f"cannot open a window ({' '.join(str(error).split())}); {_FILES}") from error
    with window:
        _set_up(window, task, seed, rollouts)
        for rollout in cycle(rollouts):
            if not window.is_running():
                return
            _play(window, physics, model, data, task, rollout)


def check_display() -> None:
    """Refuse where there is nothing to open a window on.

    Raises:
        BimodalError: no display.
    """
    if sys.platform != "linux":
        return
    if not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        raise BimodalError(f"no display here; {_FILES}")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import glfw

        found = bool(glfw.init())
        glfw.terminate()
    if not found:  # the window's own thread would end the process
        raise BimodalError(f"cannot reach the display {os.environ.get('DISPLAY', '')!r}; {_FILES}")


def _set_up(window: "mujoco.viewer.Handle", task: Task, seed: int, rollouts: list[ModeRollout]) -> None:
    """Aim the camera and lay the marks on the table."""
    view = framing(task, rollouts, _SIZE)
    with window.lock():
        window.cam.lookat[:] = view.lookat
        window.cam.distance = view.distance
        window.cam.azimuth = view.azimuth
        window.cam.elevation = view.elevation
        window.opt.geomgroup[:] = 0
        window.opt.geomgroup[[SHOWN, ROBOT]] = 1
        window.opt.sitegroup[:] = 0
        lay_marks(window.user_scn, task, seed)


def _play(
    window: "mujoco.viewer.Handle",
    physics: mujoco.MjModel,
    model: mujoco.MjModel,
    data: mujoco.MjData,
    task: Task,
    rollout: ModeRollout,
) -> None:
    """Play one rollout in real time, then hold its end."""
    source = mujoco.MjData(physics)
    for step, state in enumerate(rollout.states):
        due = time.monotonic() + 1 / CONTROL_HZ
        ended = step == len(rollout.states) - 1
        caption = rollout.caption if ended else rollout.name
        place = (mujoco.mjtFontScale.mjFONTSCALE_150, mujoco.mjtGridPos.mjGRID_TOPLEFT)
        set_state(physics, source, state)
        with window.lock():
            copy_pose(model, data, source)
        window.set_texts((*place, task.id, caption))
        window.sync()
        if not window.is_running():
            return
        time.sleep(max(0.0, due - time.monotonic()) + (HOLD_S if ended else 0.0))


def lay_marks(scene: mujoco.MjvScene, task: Task, seed: int) -> None:
    """Add to a viewer's scene where the objects may lie, the grasps, and the dead zone above the objects.

    Args:
        scene: to draw in.
        task: whose marks.
        seed: of the scene in which grasps and dead zone are marked.
    """
    frame = task.start(stream("start", task.id, seed)).frame
    points = object_points(task, task.spec().compile(), middle_state(task))
    top = float(points[:, 2].max()) + _ABOVE
    dead = hull(np.concatenate([np.zeros((0, 2)), *dead_region(task)]))
    marks = outline(spawn_region(task, points), 0.0, PAPER)
    marks += outline(from_frame(np.insert(dead, 2, 0, axis=1), frame)[:, :2], top, AVERAGED)
    for place, grasp in enumerate(mode_hands(task).acting):
        x, y, z = from_frame(grasp[:3], frame)
        colour = mode_colour(place % len(task.modes))
        marks.append(Mark("sphere", (_DOT, _DOT, _DOT), (x, y, max(z, top)), colour))
    for mark in marks:
        lay(scene, mark)
