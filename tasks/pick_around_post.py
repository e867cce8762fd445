"""Pick a cube that stands behind a post; the hand may pass on either side, but not touch the post."""

import numpy as np

from ..envs.scene import Scene
from ..envs.simulation import Simulation
from .core.hand_path import HandPath
from .core.task import ALONG_X, SETTLED, Measurement, Task

GREEN = (0.20, 0.62, 0.38)
POST = (0.84, 0.30, 0.26)

POST_SIZE = (0.03, 0.05, 0.14)
"""Extents of the post [m]."""
POST_X = -0.02
"""Where the post stands, scene frame [m]."""
CUBE_X = 0.13
"""Where the cube stands behind it, scene frame [m]."""
CUBE = 0.04
"""Edge of the cube [m]."""
LANE_Y = 0.12
"""Distance of the lanes from the middle [m]."""
TRAVEL_Z = 0.085
"""TCP height of the passage [m]."""
DECISION_X = POST_X - POST_SIZE[0] / 2 - 0.102 - 0.021
"""TCP x where the modes part [m]: the palm, which reaches 10.2 cm ahead, 21 mm before the post."""


class PickAroundPost(Task):
    """Reach around the post on the left or on the right and pick up the cube.

    **Goal**: hold the cube 6 cm above its rest for half a second.
    **Randomised**: the position (x +-2 cm, y +-4 cm) and yaw (+-10 degrees) of post and cube together;
    the hand starts before the post (x +-5 mm, y +-3 mm, z +-1 cm).
    **Success**: lifted >= 6 cm and slower than 5 cm/s for 10 control steps. Touching the post ends the
    episode.
    """

    id = "PandaPickAroundPost-v1"
    goal = "Pick up the cube behind the post, passing on the left or on the right without touching it."
    modes = ("left lane", "right lane")
    max_episode_steps = 120
    objects = ("post", "cube")
    grasps = np.array([[POST_X, LANE_Y, TRAVEL_Z, ALONG_X], [POST_X, -LANE_Y, TRAVEL_Z, ALONG_X]])
    commit_steps = 1
    centre = (0.56, 0.0)
    spread = (0.02, 0.04, np.deg2rad(10))
    hand_start = (DECISION_X - 0.04, 0.0, TRAVEL_Z)

    def build(self, scene: Scene) -> None:
        post = scene.fixed("post")
        scene.box(post, "post", POST_SIZE, (0, 0, POST_SIZE[2] / 2), POST)
        cube = scene.movable("cube")
        scene.box(cube, "cube", (CUBE, CUBE, CUBE), (0, 0, 0), GREEN, mass=0.07)
        scene.watch_fingers("cube", "cube")
        scene.watch("post", "post")

    def poses(self) -> dict[str, tuple[float, float, float]]:
        return {"post": (POST_X, 0.0, 0.0), "cube": (CUBE_X, 0.0, CUBE / 2)}

    def path(self, start: np.ndarray, modes: np.ndarray) -> HandPath:
        n = len(start)
        decision = np.column_stack([np.full(n, DECISION_X), start[:, 1] / 2, start[:, 2]])
        lane = np.column_stack([np.full(n, DECISION_X + 0.10), self.grasps[modes, 1], np.full(n, TRAVEL_Z)])
        above = np.array([CUBE_X, 0.0, TRAVEL_Z])
        grasp = np.array([CUBE_X, 0.0, CUBE / 2])
        return (
            HandPath(start, self.hand_yaw)
            .line(decision, self.shared_steps)
            .arc(lane, 10, last_axis=0)
            .line(lane + [0.185, 0, 0], 10)
            .ease(above, 14)
            .line(grasp, 9)
            .wait(3)
            .close(8)
            .ease(grasp + [0, 0, 0.12], 18)
            .wait(14)
        )

    def decided(self, measurement: Measurement) -> np.ndarray:
        return measurement.hand[:, 0] > POST_X

    def measure(self, simulation: Simulation) -> Measurement:
        hand = simulation.hand
        lift = simulation.position("cube")[:, 2] - CUBE / 2
        beside = np.abs(hand[:, 0] - POST_X) < 0.03
        side = np.where(hand[:, 1] > 0, 0, 1).astype(np.int8)
        settled = simulation.speed("cube") < SETTLED
        held = self.touched_part(simulation, ("cube",)) == 0
        return Measurement(
            hand=hand,
            opening=simulation.opening,
            lift=lift,
            at_goal=(lift >= self.success_height) & settled & held,
            in_hand=held,
            part=np.where(beside, side, np.int8(-1)),
            illegal=simulation.force("post"),
            table=simulation.force("table"),
        )


class PickAroundPostV2(PickAroundPost):
    """Pick up the cube as in version 1, but choose the lane in the first executed block.

    **Goal**: hold the cube 6 cm above its rest for half a second.
    **Randomised**: as in version 1, but the hand starts 1 cm before where the modes part (x +-5 mm).
    **Success**: as in version 1. The average of the lanes touches the post within 8 control steps.
    """

    id = "PandaPickAroundPost-v2"
    supersedes = "PandaPickAroundPost-v1"
    hand_start = (DECISION_X - 0.01, 0.0, TRAVEL_Z)
    shared_steps = 2
