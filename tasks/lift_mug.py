"""Lift a mug by its handle, its rim or its sides; the cap behind its drinking opening must not be touched."""

import mujoco
import numpy as np

from ..envs.frames import yaw_quaternion
from ..envs.scene import Scene, Triple
from ..envs.simulation import Simulation
from .core.hand_path import HandPath
from .core.loft import band, bow, loft, rectangle, ring
from .core.task import ALONG_X, ALONG_Y, DIAGONAL, LIGHT_TOUCH, Measurement
from .lift import LiftTask

ENAMEL = (0.06, 0.42, 0.50)
STEEL = (0.76, 0.77, 0.78)
CAP = (0.93, 0.45, 0.16)
COFFEE = (0.16, 0.08, 0.04)

HALF_X = 0.036
"""Half extent of the body along x [m]: the open gripper has 4 mm to spare on either side."""
HALF_Y = 0.040
"""Half extent of the body along y [m]."""
RIM_Z = 0.094
"""Height of the body [m]."""
ROUND = 0.025
"""Radius of the body's corners [m]."""
WALL = 0.009
"""Thickness of the body's wall [m]; the rim is gripped across it."""
OPEN_Y = 0.007
"""Where the drinking opening ends, which begins at the front wall [m]."""
COFFEE_Z = 0.066
"""Level of the coffee in the opening [m]."""
CAP_Y = (0.012, 0.032)
"""The flip cap, folded back, from and to along y [m]: behind the opening."""
CAP_HALF_X = 0.032
"""Half the cap's width [m]."""
CAP_ROUND = 0.010
"""Radius of the cap's back corners [m]."""
TOP_Z = 0.100
"""Top of the cap, the highest point of the mug [m]."""
BAR = (0.010, 0.012, 0.064)
"""Extents of the upright part of the handle [m]."""
BAR_Y = 0.061
"""Where its centre is along y [m]; the handle grasp is over it."""
BAR_Z = 0.057
"""Height of its centre [m]."""
ARM = (0.009, 0.024, 0.011)
"""Extents of the two arms that join the bar to the body [m]; thinner than the bar."""
ARM_Z = 0.0295
"""Distance of an arm from the bar's centre, up or down [m]."""
SIDES_Y = -0.008
"""Where the sides are pinched along y [m]."""
START_Y = 0.006
"""Where the hand starts over the mug, along y [m]: the mean of the three grasps, to a millimetre."""
GRASP_Z = TOP_Z - 0.016
"""TCP height of the grasps of handle and rim [m]; the palm, 31 mm above the TCP, stays over the cap."""
SIDES_Z = TOP_Z - 0.020
"""TCP height of the grasp of the sides [m]; the palm is 11 mm over the cap."""
DECISION_Z = TOP_Z + 0.0092 + 0.018
"""TCP height where the modes part [m]: the fingertips 18 mm above the cap."""
ARC_STEPS = 8
"""Control steps from there to the grasp; one executed block."""
SIDES = ("left_wall", "right_wall")
"""Shapes that are pinched together."""


class LiftMug(LiftTask):
    """Lift the mug by its handle, by its rim or by its sides.

    **Goal**: hold the mug 6 cm above its rest for half a second: by the handle, by the rim with one finger
    in the drinking opening, or by its two sides.
    **Randomised**: the mug's position (x +-2.5 cm, y +-3 cm) and yaw (+-8 degrees); the hand starts above the
    cap (x +-5 mm, y +-3 mm, z +-1 cm), turned by 45 degrees from every grasp.
    **Success**: lifted >= 6 cm and slower than 5 cm/s for 10 control steps. Touching the cap ends the
    episode.
    """

    id = "PandaLiftMug-v1"
    goal = "Lift the mug by its handle, its rim or its sides, without touching the cap on its top."
    modes = ("handle", "rim", "sides")
    slow_because = "its hollow body with round corners, its cap and its handle are 21 solid shapes"
    max_episode_steps = 100
    objects = ("mug",)
    grasps = np.array(
        [
            [0.0, BAR_Y - START_Y, GRASP_Z, ALONG_X],
            [0.0, WALL / 2 - HALF_Y - START_Y, GRASP_Z, ALONG_Y],
            [0.0, SIDES_Y - START_Y, SIDES_Z, ALONG_X],
        ]
    )
    dead_zone = (0.30, 0.70)
    spread = (0.025, 0.03, np.deg2rad(8))
    hand_start = (0.0, 0.0, DECISION_Z + 0.06)
    hand_yaw = DIAGONAL
    parts = ("handle", "rim")
    forbidden = ("cap", "cap_back", "cap_left", "cap_right")
    decision_z = DECISION_Z
    opening = (0.034, 0.026, 0.08)

    def build(self, scene: Scene) -> None:
        mug = scene.movable("mug")
        _add_body(scene, mug)
        _add_cap(scene, mug)
        _add_handle(scene, mug)
        _add_looks(scene, mug)
        for name in (*self.parts, *SIDES):
            scene.watch_fingers(name, name)
        for name in self.forbidden:
            scene.watch(name, name)

    def poses(self) -> dict[str, tuple[float, float, float]]:
        return {"mug": (0.0, -START_Y, 0.0)}

    def path(self, start: np.ndarray, modes: np.ndarray) -> HandPath:
        grasp = self.grasps[modes, :3]
        yaw = self.grasps[modes, 3]
        return (
            HandPath(start, self.hand_yaw)
            .line(self.decision(start), self.shared_steps)
            .arc(grasp, ARC_STEPS, yaw=yaw, opening=np.array(self.opening)[modes])
            .wait(3)
            .close(5)
            .ease([0.0, 0.0, GRASP_Z + 0.12], 14)
            .wait(14)
        )

    def decided(self, measurement: Measurement) -> np.ndarray:
        return measurement.hand[:, 2] < GRASP_Z + 0.003

    def touched_part(self, simulation: Simulation, sensors: tuple[str, ...]) -> np.ndarray:
        part = super().touched_part(simulation, sensors)
        fingers = [[simulation.force(f"{wall}_{side}") for side in ("left", "right")] for wall in SIDES]
        pinched = (np.max(fingers, axis=1) > LIGHT_TOUCH).all(0)
        return np.where(pinched, np.int8(self.modes.index("sides")), part)


class LiftMugV2(LiftMug):
    """Lift the mug as in version 1, but choose the grip in the first executed block.

    **Goal**: hold the mug 6 cm above its rest for half a second, by its handle, its rim or its sides.
    **Randomised**: as in version 1, but the hand starts 1 cm over where the modes part (z +-1 cm).
    **Success**: as in version 1. The average of the grips touches the cap within 8 control steps.
    """

    id = "PandaLiftMug-v2"
    supersedes = "PandaLiftMug-v1"
    hand_start = (0.0, 0.0, DECISION_Z + 0.01)
    shared_steps = 2


def _block(
    scene: Scene, mug: mujoco.MjsBody, name: str, low: Triple, high: Triple, mass: float = 0.0
) -> None:
    """Add a hidden box between two corners [m]."""
    a = np.array(low)
    b = np.array(high)
    scene.box(mug, name, tuple(b - a), tuple((a + b) / 2), None, mass)


def _add_body(scene: Scene, mug: mujoco.MjsBody) -> None:
    """Add the body: closed behind `OPEN_Y`, walls around the coffee before it."""
    x = HALF_X - ROUND
    y = HALF_Y - ROUND
    z = RIM_Z / 2
    _block(scene, mug, "middle", (-HALF_X, OPEN_Y, 0), (HALF_X, y, RIM_Z), 0.04)
    _block(scene, mug, "back", (-x, OPEN_Y, 0), (x, HALF_Y, RIM_Z), 0.03)
    _block(scene, mug, "rim", (-x, -HALF_Y, 0), (x, WALL - HALF_Y, RIM_Z), 0.02)
    coffee = (HALF_X - WALL, OPEN_Y, COFFEE_Z)
    _block(scene, mug, "coffee", (WALL - HALF_X, WALL - HALF_Y, 0), coffee, 0.04)
    for name, side in (("left", -1), ("right", 1)):
        wall = (WALL, y + OPEN_Y, RIM_Z), (side * (HALF_X - WALL / 2), (OPEN_Y - y) / 2, z)
        scene.box(mug, f"{name}_wall", *wall, None)
        for angle in (-67.5, -22.5, 22.5, 67.5):  # two chords for each round corner
            turn = np.deg2rad(angle)
            thick = 0.7 * WALL
            away = 0.95 * ROUND - thick / 2
            at = side * (x + away * np.cos(turn)), np.sign(angle) * y + away * np.sin(turn), z
            edge = f"{name}_edge {angle:g}"
            size = (thick, 0.72 * ROUND, RIM_Z)
            scene.box(mug, edge, size, at, None, quat=yaw_quaternion(side * turn))


def _add_cap(scene: Scene, mug: mujoco.MjsBody) -> None:
    """Add the forbidden cap."""
    front, back = CAP_Y
    x = CAP_HALF_X - CAP_ROUND
    _block(scene, mug, "cap", (-CAP_HALF_X, front, RIM_Z), (CAP_HALF_X, back - CAP_ROUND, TOP_Z), 0.01)
    _block(scene, mug, "cap_back", (-x, front, RIM_Z), (x, back, TOP_Z), 0.01)
    for name, side in (("left", -1), ("right", 1)):
        at = (side * x, back - CAP_ROUND, (RIM_Z + TOP_Z) / 2)
        scene.cylinder(mug, f"cap_{name}", 2 * CAP_ROUND, TOP_Z - RIM_Z, at, None)


def _add_handle(scene: Scene, mug: mujoco.MjsBody) -> None:
    """Add the handle's bar and its two arms, which are thinner, so that fingers press the bar."""
    scene.box(mug, "handle", BAR, (0, BAR_Y, BAR_Z), None, mass=0.01)
    for name, side in (("lower", -1), ("upper", 1)):
        at = (0, HALF_Y + ARM[1] / 2, BAR_Z + side * ARM_Z)
        scene.box(mug, f"{name}_arm", ARM, at, None, mass=0.005)


def _add_looks(scene: Scene, mug: mujoco.MjsBody) -> None:
    """Add what is seen of all this."""

    def body(inset: float, z: float) -> np.ndarray:
        return ring(rectangle(HALF_X - inset, HALF_Y - inset, ROUND - inset), z)

    def behind(rings: list[np.ndarray], y: float) -> np.ndarray:
        return np.stack([np.column_stack([r[:, 0], np.maximum(r[:, 1], y), r[:, 2]]) for r in rings])

    def cap(inset: float, z: float) -> np.ndarray:
        half = CAP_Y[1] - inset  # the outline reaches as far to the front, and is cut off there
        return ring(rectangle(CAP_HALF_X - inset, half, CAP_ROUND - inset), z)

    lip = RIM_Z - 0.004
    cup = [body(0.005, 0), body(0.002, 0.0006), body(0.0005, 0.002), body(0, 0.005), body(0, lip - 0.004)]
    cup += [body(WALL / 2, lip - 0.004), body(WALL / 2, 0.02)]
    scene.shell(mug, "enamel", *loft(np.stack(cup)), ENAMEL)
    rim = [body(0, lip - 0.004), body(0, RIM_Z - 0.0015), body(0.0005, RIM_Z - 0.0005), body(0.0015, RIM_Z)]
    rim += [body(WALL - 0.0015, RIM_Z), body(WALL - 0.0005, RIM_Z - 0.0005), body(WALL, RIM_Z - 0.0015)]
    rim += [body(WALL, COFFEE_Z - 0.002)]
    scene.shell(mug, "steel", *loft(np.stack(rim)), STEEL)
    scene.shell(mug, "drink", *loft(np.stack([body(WALL, COFFEE_Z - 0.002), body(WALL, COFFEE_Z)])), COFFEE)
    deck = [body(WALL - 0.001, COFFEE_Z), body(WALL - 0.001, RIM_Z - 0.0015), body(WALL + 0.0005, RIM_Z)]
    scene.shell(mug, "deck", *loft(behind(deck, OPEN_Y)), STEEL)
    top = [cap(0.0, RIM_Z), cap(0, TOP_Z - 0.0015), cap(0.0005, TOP_Z - 0.0005), cap(0.0015, TOP_Z)]
    scene.shell(mug, "flip", *loft(behind(top, CAP_Y[0])), CAP)
    low, high = (BAR_Z + side * (ARM_Z + ARM[2] / 2) for side in (-1, 1))
    far = BAR_Y + BAR[1] / 2 - HALF_Y
    near = BAR_Y - BAR[1] / 2 - HALF_Y
    outer = bow(far, low, high, 0.009)
    inner = bow(near, low + ARM[2], high - ARM[2], 0.006)
    sections = band(outer, inner, BAR[0] / 2, 0.0015) + [0, HALF_Y, 0]
    sections[[0, -1], :, 1] -= WALL / 2
    scene.shell(mug, "grip", *loft(sections), ENAMEL)
