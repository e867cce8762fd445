"""Pictures for a page: one scene three times - a grasp, the average of two grasps, the other grasp."""

from pathlib import Path

import numpy as np
from PIL import Image

from ..envs.errors import BimodalError, WrongUse
from ..envs.render import Renderer
from ..envs.simulation import Simulation
from ..tasks.task import LIGHT_TOUCH, Task

PANEL = (414, 480)
"""Width and height of each of the three pictures [pixels]."""
GAP = 9
"""White between them [pixels]."""
LIMIT = 400_000
"""Largest file [bytes]."""
_SIDE, _CORNER = 540, (68, 11)  # the whole picture's side; where a panel is cut out of it [pixels]
_SHOWN_LIFT = 0.05  # how high a target is lifted when the picture is taken [m]


def grasp_triptych(task: Task, out: Path, seed: int = 0, passes: int = 32) -> Path:
    """Draw the first mode, the average of both modes where it is stopped, and the second mode.

    Args:
        task: with at least two modes.
        out: a .png or .jpg file.
        seed: of the scene.
        passes: pictures averaged into one; a few seconds each 32.

    Raises:
        WrongUse: another kind of file.
        BimodalError: the average is not stopped, no OpenGL, or the file would be too large.
    """
    if out.suffix not in (".png", ".jpg"):
        raise WrongUse(f"cannot write {out}: a picture's name ends in .png or .jpg")
    with Renderer(task, _SIDE, _SIDE, "still") as renderer:
        panels = [_cut(renderer.still(state, passes=passes)) for state in moments(task, seed)]
    white = np.full((PANEL[1], GAP, 3), 255, np.uint8)
    picture = Image.fromarray(np.concatenate([panels[0], white, panels[1], white, panels[2]], axis=1))
    out.parent.mkdir(parents=True, exist_ok=True)
    picture.save(out, optimize=True, quality=92)
    if out.stat().st_size > LIMIT:
        raise BimodalError(f"{out} has {out.stat().st_size} bytes, more than {LIMIT}; write a .jpg instead")
    return out


def moments(task: Task, seed: int) -> np.ndarray:
    """Return the states to show: first mode, average, second mode, (3, nstate)."""
    simulation = Simulation(task, 3)
    simulation.reset([seed] * 3)
    first, second = (task.plan(simulation, np.full(3, mode)) for mode in (0, 1))
    plan = np.stack([first[0], (first[1] + second[1]) / 2, second[2]])
    states, parts, lifts, forces = [], [], [], []
    for step in range(plan.shape[1]):
        simulation.step(plan[:, step])
        seen = task.measure(simulation)
        for record, value in ((parts, seen.part), (lifts, seen.lift), (forces, seen.illegal)):
            record.append(np.array(value))
        states.append(simulation.state())
    part, lift, force = np.stack(parts, 1), np.stack(lifts, 1), np.stack(forces, 1)
    if force[1].max() <= LIGHT_TOUCH:
        raise BimodalError(f"{task.id}: the average of the modes touches nothing forbidden with seed {seed}")
    stopped = int((force[1] > LIGHT_TOUCH).argmax())
    steps = [_taken(part[0] == 0, lift[0]), min(stopped + 1, len(states) - 1), _taken(part[2] == 1, lift[2])]
    return np.stack([states[step][row] for row, step in enumerate(steps)])


def _taken(mode: np.ndarray, lift: np.ndarray) -> int:
    """Return the control step that shows a mode best: its target lifted, or the middle of its passage.

    Args:
        mode: whether the mode is taken, (T,) bool.
        lift: height of the target above its rest [m], (T,).
    """
    lifted = mode & (lift > _SHOWN_LIFT)
    return int(lifted.argmax() if lifted.any() else np.median(np.flatnonzero(mode)))


def _cut(picture: np.ndarray) -> np.ndarray:
    """Return the part of a picture in which robot and objects are seen."""
    left, top = _CORNER
    return picture[top : top + PANEL[1], left : left + PANEL[0]]
