"""Lift a tray by one of its two handles; the cake that stands on its middle must not be touched."""

import mujoco
import numpy as np

from ..envs.frames import heading
from ..envs.rendering.meshes import rounded_cylinder
from ..envs.scene import Scene
from .core.task import ALONG_X
from .lift import LiftTask

WALNUT = (0.40, 0.25, 0.15)
BRASS = (0.83, 0.64, 0.30)
CREAM = (0.97, 0.92, 0.82)
ICING = (0.93, 0.56, 0.65)
CHERRY = (0.70, 0.05, 0.11)

TRAY = (0.15, 0.156, 0.010)
"""Extents of the tray [m]; the last is the thickness of its bottom."""
BORDER = (0.008, 0.022)
"""Thickness and height of the border around it [m]."""
HANDLE = (0.022, 0.058, 0.018)
"""Extents of a handle, which stands out from the border [m]."""
HANDLE_Z = 0.024
"""Height of a handle's centre [m]."""
CAKE_DIAMETER = 0.096
"""The cake [m]; 9.6 cm against the gripper's 8 cm stroke, so the middle cannot be grasped."""
CAKE_HEIGHT = 0.046
"""Height of the cake without its icing [m]."""
ICING_HEIGHT = 0.014
"""Thickness of the icing on the cake [m]."""
CHERRY_DIAMETER = 0.012
"""A cherry on the icing, which is only seen [m]."""
CHERRIES = 10
"""How many cherries lie in a ring."""
TOP_Z = TRAY[2] + CAKE_HEIGHT + ICING_HEIGHT
"""Top of the icing [m]."""
GRASP_Y = 0.107
"""Where a handle is grasped, along y [m]."""
GRASP_Z = 0.022
"""TCP height of the grasp [m]: 2 mm below the handle's centre."""
DECISION_Z = TOP_Z + 0.0092 + 0.015
"""TCP height where the modes part [m]: the fingertips 15 mm above the icing."""


class LiftTray(LiftTask):
    """Lift the tray by its left or its right handle.

    **Goal**: hold the tray 6 cm above its rest for half a second, gripped by one handle.
    **Randomised**: the tray's position (x +-3 cm, y +-4 cm) and yaw (+-10 degrees); the hand starts above
    the cake (x +-5 mm, y +-3 mm, z +-1 cm).
    **Success**: lifted >= 6 cm and slower than 5 cm/s for 10 control steps. Touching the cake ends the
    episode.
    """

    id = "PandaLiftTray-v1"
    goal = "Lift the tray by its left or its right handle, without touching the cake between them."
    modes = ("left handle", "right handle")
    max_episode_steps = 100
    objects = ("tray",)
    grasps = np.array([[0.0, GRASP_Y, GRASP_Z, ALONG_X], [0.0, -GRASP_Y, GRASP_Z, ALONG_X]])
    hand_start = (0.0, 0.0, DECISION_Z + 0.06)
    parts = ("left_handle", "right_handle")
    forbidden = ("cake", "icing")
    decision_z = DECISION_Z

    def build(self, scene: Scene) -> None:
        tray = scene.movable("tray")
        thick, tall = BORDER
        inner = (TRAY[0] - thick, TRAY[1] - thick, TRAY[2])
        scene.box(tray, "bottom", inner, (0, 0, TRAY[2] / 2), WALNUT, mass=0.05)
        for name, side in (("left", 1), ("right", -1)):
            end = (TRAY[0], thick, tall), (0, side * (TRAY[1] - thick) / 2, tall / 2)
            edge = (thick, TRAY[1] - 2 * thick, tall), (side * (TRAY[0] - thick) / 2, 0, tall / 2)
            scene.box(tray, f"{name}_end", *end, WALNUT)
            scene.box(tray, f"{name}_edge", *edge, WALNUT)
            handle = f"{name}_handle"
            at = (0, side * (TRAY[1] + HANDLE[1]) / 2, HANDLE_Z)
            scene.box(tray, handle, HANDLE, at, BRASS, mass=0.02)
            scene.watch_fingers(handle, handle)
        cake_z = TRAY[2] + CAKE_HEIGHT / 2
        icing_z = TOP_Z - ICING_HEIGHT / 2
        scene.cylinder(tray, "cake", CAKE_DIAMETER - 0.003, CAKE_HEIGHT, (0, 0, cake_z), CREAM, mass=0.02)
        scene.cylinder(tray, "icing", CAKE_DIAMETER, ICING_HEIGHT, (0, 0, icing_z), ICING, mass=0.01)
        for geom in self.forbidden:
            scene.watch(geom, geom)
        _add_cherries(scene, tray)


def _add_cherries(scene: Scene, tray: mujoco.MjsBody) -> None:
    """Lay a ring of cherries on the icing, half sunk in it; they touch nothing."""
    radius = CHERRY_DIAMETER / 2
    ball = rounded_cylinder(radius, radius, radius, around=16)
    angle = np.arange(CHERRIES) * 2 * np.pi / CHERRIES
    ring = CAKE_DIAMETER / 2 - 0.011
    places = np.column_stack([ring * heading(angle), np.full(CHERRIES, TOP_Z)])
    vertices = (places[:, None] + ball.vertices).reshape(-1, 3)
    faces = (np.arange(CHERRIES)[:, None, None] * len(ball.vertices) + ball.faces).reshape(-1, 3)
    scene.shell(tray, "cherries", vertices, faces, CHERRY)
