"""Lift the gadget by one of its two grips; the block between them is wider than the gripper opens."""

# What `bimodal new-task` writes: a task that runs and that is bimodal, to be changed line by line.
# Numbers are metres, radians and control steps of 50 ms. The scene frame lies on the table and moves with
# the scene: x points away from the robot, y to its left, z up. `bimodal view FILE` shows what you have.

import numpy as np

from ..envs.scene import Scene
from .core.task import ALONG_X
from .lift import LiftTask

# 1. The objects: their sizes, each with its reason. ----------------------------------------------

STEEL = (0.62, 0.65, 0.68)
RED = (0.80, 0.24, 0.20)

BLOCK = (0.095, 0.056, 0.068)
"""Extents of the block [m]; 9.5 cm against the gripper's 8 cm stroke, so the middle cannot be grasped."""
GRIP = (0.028, 0.096, 0.036)
"""Extents of a grip [m]; the fingers close along its 2.8 cm."""

# 2. The waypoints: where the modes part, and where each one grasps. ------------------------------

DECISION_Z = BLOCK[2] + 0.0092 + 0.015
"""TCP height where the modes part [m]: the fingertips, 9.2 mm below the TCP, 15 mm above the block. The
average of the modes comes straight down from here and must meet the block within 6 control steps."""
GRASP_Y = 0.092
"""Where a grip is grasped, along y [m]."""
GRASP_Z = 0.022
"""TCP height of the grasp [m]."""


class LiftGadget(LiftTask):
    """Lift the gadget by its left or its right grip.

    **Goal**: hold the gadget 6 cm above its rest for half a second, by one grip.
    **Randomised**: the gadget's position (x +-3 cm, y +-4 cm) and yaw (+-10 degrees); the hand starts above
    the block (x +-5 mm, y +-3 mm, z +-1 cm).
    **Success**: lifted >= 6 cm and slower than 5 cm/s for 10 control steps. Touching the block ends the
    episode.
    """

    # 3. What the task states. `bimodal tasks` prints it and records keep it. ---------------------

    id = "PandaLiftGadget-v1"  # once it is shared, a changed number is a new task: -v2
    goal = "Lift the gadget by its left or its right grip, without touching the block between them."
    modes = ("left grip", "right grip")  # the right ways; the hidden coin chooses one
    max_episode_steps = 100  # the experts take 73 control steps; leave about 20 more
    objects = ("gadget",)  # bodies whose position and heading a policy sees
    grasps = np.array([[0.0, GRASP_Y, GRASP_Z, ALONG_X], [0.0, -GRASP_Y, GRASP_Z, ALONG_X]])  # x, y, z, yaw
    hand_start = (0.0, 0.0, DECISION_Z + 0.06)

    # 4. How the modes are told apart, and what ends an episode. ----------------------------------

    parts = ("left_grip", "right_grip")  # what each mode holds: geoms of build(), watched at both fingers
    forbidden = ("block",)  # what must not be touched: geoms of build(), watched
    decision_z = DECISION_Z
    arc_steps = 12  # from the parting to the grasp: sideways first, then down

    # LiftTask gives path(), the experts' way as a HandPath (down to the decision in `shared_steps`, an arc to
    # the grasp, close, lift), and measure(), which says at every step whether the target is `in_hand` and
    # `at_goal`. For another way or another goal write your own: pick_around_post.py in bimodal's folder
    # tasks/ is a model.

    # 5. The scene: bodies from shapes, and a sensor for what is gripped or forbidden. ------------

    def build(self, scene: Scene) -> None:
        gadget = scene.movable("gadget")
        scene.box(gadget, "block", BLOCK, (0, 0, BLOCK[2] / 2), RED, mass=0.08)
        reach = BLOCK[1] / 2 + GRIP[1] / 2
        for name, side in (("left_grip", 1), ("right_grip", -1)):
            scene.box(gadget, name, GRIP, (0, side * reach, GRIP[2] / 2), STEEL, mass=0.02)
            scene.watch_fingers(name, name)
        scene.watch("block", "block")

    # 6. Where each body rests in the scene frame. ------------------------------------------------

    def poses(self) -> dict[str, tuple[float, float, float]]:
        return {"gadget": (0.0, 0.0, 0.0)}
