"""Set a tea caddy down in one of two felt-lined recesses; the divider between them must not be touched."""

import numpy as np

from ..envs.rendering.meshes import rounded_box
from ..envs.scene import Scene
from ..envs.simulation import Simulation
from .core.hand_path import HandPath
from .core.task import ALONG_X, LIGHT_TOUCH, SETTLED, Measurement, Task

WALNUT = (0.42, 0.25, 0.14)
FELT = (0.13, 0.36, 0.24)
BRASS = (0.83, 0.64, 0.24)
LACQUER = (0.62, 0.11, 0.12)
LID = (0.92, 0.88, 0.78)

CADDY = (0.045, 0.045, 0.060)
"""Extents of the caddy, its lid included [m]."""
LID_HEIGHT = 0.009
"""Its lid [m]."""
BEVEL = 0.0013
"""Radius of its edges [m]."""
CADDY_X = -0.18
"""Where the caddy stands; the tray's middle is the scene's origin [m]."""
NEST = 0.068
"""Edge of a square recess [m]; the caddy leaves 11.5 mm free on each side."""
NEST_Y = 0.075
"""Distance of a recess's centre from the tray's middle [m]."""
WALL = 0.012
"""Thickness of the walls around [m]."""
BOARD = 0.005
"""Height of the tray's board [m]."""
FELT_Z = 0.006
"""Height of the felt's upper side, on which the caddy comes to stand [m]."""
RIM = 0.020
"""Height of the tray's walls [m]; below the fingertips of a hand that lets go."""
DIVIDER = (NEST + 2 * WALL, 0.024, 0.075)
"""Extents of the divider, from the table up [m]."""
GRIP_Z = 0.034
"""TCP above the caddy's bottom when it is held [m]; the fingertips stay above the walls."""
DECISION_Z = DIVIDER[2] + 0.020 + GRIP_Z
"""TCP height where the modes part [m]: the caddy 20 mm above the divider."""
PLACE_Z = FELT_Z + 0.002 + GRIP_Z
"""TCP height where the caddy is let go [m]: 2 mm above the felt."""
STAND = (0.040, 0.040, 0.030)
"""Version 2: extents of the stand on which the caddy begins [m]; higher than the tray's walls."""
STAND_X = -0.12
"""Version 2: where it stands [m]; the open fingers begin 5 mm and more before the divider."""
LIFT = 0.008
"""Version 2: how high the caddy is carried above the stand's top [m]."""
ASIDE_X = STAND_X + 0.05
"""Version 2: TCP's x [m] where the caddy, on its way to a side, is as far aside as its recess."""


class PlaceEitherNest(Task):
    """Pick up the caddy and set it down in the left or the right recess of the tray.

    **Goal**: the caddy stands in a recess, let go of, for half a second.
    **Randomised**: the position (x +-3 cm, y +-4 cm) and yaw (+-10 degrees) of tray and caddy together;
    the hand starts above the caddy (x +-5 mm, y +-3 mm, z +-1 cm).
    **Success**: on the felt, upright, free of the fingers and slower than 5 cm/s for 10 control steps.
    Touching the divider, with the caddy or the robot, ends the episode.
    """

    id = "PandaPlaceEitherNest-v1"
    goal = "Set the caddy down in the left or the right recess, without touching the divider between them."
    modes = ("left recess", "right recess")
    max_episode_steps = 140
    shared_steps = 64
    objects = ("caddy", "tray")
    success_height = NEST_Y - NEST / 2
    grasps = np.array([[0.0, NEST_Y, PLACE_Z, ALONG_X], [0.0, -NEST_Y, PLACE_Z, ALONG_X]])
    centre = (0.60, 0.0)
    hand_start = (CADDY_X, 0.0, GRIP_Z + 0.10)

    def build(self, scene: Scene) -> None:
        tray = scene.fixed("tray")
        middle = NEST_Y - NEST / 2
        length = 2 * (NEST_Y + NEST / 2 + WALL)
        edge = (NEST + WALL) / 2
        scene.box(tray, "board", (NEST + WALL, length - WALL, BOARD), (0, 0, BOARD / 2), WALNUT)
        for name, x in (("near_wall", -edge), ("far_wall", edge)):
            scene.box(tray, name, (WALL, length, RIM), (x, 0, RIM / 2), WALNUT)
        scene.box(tray, "plateau", (NEST, 2 * middle, RIM), (0, 0, RIM / 2), WALNUT)
        scene.box(tray, "divider", DIVIDER, (0, 0, DIVIDER[2] / 2), BRASS)
        for name, side in (("left", 1), ("right", -1)):
            felt = (0, side * NEST_Y, FELT_Z / 2)
            end = (0, side * (length - WALL) / 2, RIM / 2)
            scene.box(tray, f"{name}_felt", (NEST, NEST, FELT_Z), felt, FELT)
            scene.box(tray, f"{name}_wall", (NEST, WALL, RIM), end, WALNUT)
        caddy = scene.movable("caddy")
        tin = CADDY[2] - LID_HEIGHT
        scene.box(caddy, "caddy", CADDY, (0, 0, CADDY[2] / 2), None, mass=0.09)
        lid = (CADDY[0] - 0.002, CADDY[1] - 0.002, LID_HEIGHT)
        for name, size, z, colour in (
            ("caddy_tin", (*CADDY[:2], tin), tin / 2, LACQUER),
            ("caddy_lid", lid, tin + LID_HEIGHT / 2, LID),
        ):  # only seen: pads across the seam of two solid shapes would double the contacts
            mesh = rounded_box(np.array(size) / 2, BEVEL)
            scene.shell(caddy, name, mesh.vertices + [0, 0, z], mesh.faces, colour)
        scene.watch_fingers("caddy", "caddy")
        scene.watch("divider", "robot_divider")
        scene.watch_pair("divider", "caddy", "caddy_divider")

    def poses(self) -> dict[str, tuple[float, float, float]]:
        return {"tray": (0.0, 0.0, 0.0), "caddy": (CADDY_X, 0.0, 0.0)}

    def path(self, start: np.ndarray, modes: np.ndarray) -> HandPath:
        place = self.grasps[modes, :3]
        return (
            HandPath(start, self.hand_yaw)
            .line([CADDY_X, 0.0, GRIP_Z], 10)
            .wait(3)
            .close(7)
            .ease([CADDY_X, 0.0, DECISION_Z], 16)
            .line([0.0, 0.0, DECISION_Z], 28)
            .arc(place, 10)
            .wait(6)
            .open(8)
            .ease(place + [0, 0, 0.10], 18)
            .wait(12)
        )

    def decided(self, measurement: Measurement) -> np.ndarray:
        over_tray = np.abs(measurement.hand[:, 0]) < NEST / 2
        return over_tray & (measurement.hand[:, 2] < PLACE_Z + 0.02)

    def measure(self, simulation: Simulation) -> Measurement:
        hand = simulation.hand
        caddy = simulation.in_frame(simulation.position("caddy"))
        side = np.where(caddy[:, 1] > 0, 0, 1).astype(np.int8)
        aside = np.abs(np.abs(caddy[:, 1]) - NEST_Y)
        above = (np.maximum(np.abs(caddy[:, 0]), aside) < NEST / 2) & (caddy[:, 2] < DIVIDER[2])
        down = above & (np.abs(caddy[:, 2] - FELT_Z) < 0.003)
        upright = simulation.rotation("caddy")[:, 2, 2] > 0.99
        force = np.stack([simulation.force(f"caddy_{finger}") for finger in ("left", "right")])
        return Measurement(
            hand=hand,
            opening=simulation.opening,
            lift=np.abs(caddy[:, 1]),
            at_goal=down & upright & (force.max(0) <= LIGHT_TOUCH) & (simulation.speed("caddy") < SETTLED),
            in_hand=force.min(0) > LIGHT_TOUCH,
            part=np.where(above, side, np.int8(-1)),
            illegal=np.maximum(simulation.force("robot_divider"), simulation.force("caddy_divider")),
            table=simulation.force("table"),
        )


class PlaceEitherNestV2(PlaceEitherNest):
    """Set down the caddy as in version 1, but choose the recess in the first executed block.

    **Goal**: as in version 1.
    **Randomised**: as in version 1, but the caddy stands on a stand right before the divider, and the hand
    starts around it (x +-5 mm, y +-3 mm, z +-3 mm).
    **Success**: as in version 1. The average of the two ways runs into the divider within 8 control steps.
    """

    id = "PandaPlaceEitherNest-v2"
    supersedes = "PandaPlaceEitherNest-v1"
    max_episode_steps = 100
    shared_steps = 2
    hand_start = (STAND_X, 0.0, STAND[2] + GRIP_Z)
    hand_spread = (0.005, 0.003, 0.003)

    def build(self, scene: Scene) -> None:
        super().build(scene)
        scene.box(scene.fixed("stand"), "stand", STAND, (0, 0, STAND[2] / 2), WALNUT)

    def poses(self) -> dict[str, tuple[float, float, float]]:
        return super().poses() | {"stand": (STAND_X, 0.0, 0.0), "caddy": (STAND_X, 0.0, STAND[2])}

    def path(self, start: np.ndarray, modes: np.ndarray) -> HandPath:
        held = start - self.hand_start  # where the hand grips the caddy, away from its middle; it stays so
        place = self.grasps[modes, :3] + held
        over = place + [0, 0, STAND[2] + GRIP_Z + LIFT - PLACE_Z]
        return (
            HandPath(start, self.hand_yaw)
            .close(2)
            .line(over + [ASIDE_X, 0, 0], 6)
            .line(over, 8)
            .ease(place, 8)
            .wait(6)
            .open(8)
            .ease(place + [0, 0, 0.10], 18)
            .wait(12)
        )
