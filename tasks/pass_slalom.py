"""Pass three posts in a row, each on the other side than the one before; nothing shows which that was."""

from typing import ClassVar

import numpy as np

from ..envs.scene import Scene
from ..envs.simulation import Simulation
from .core.hand_path import HandPath
from .core.task import ALONG_X, Measurement
from .press import APPROACH, BLUE, ENAMEL, FINGERTIP, OPENING, PLATE_Z, PRESS_Z, PRESSED, STEEL, PressTask
from .sequence import SequenceTask

RED = (0.80, 0.20, 0.18)

POSTS_Y = (-0.150, -0.015, 0.120)
"""Where the posts stand in a row, along the scene's y [m]."""
POST = (0.040, 0.020, 0.050)
"""Extents of a post [m]."""
HURDLE = (0.300, 0.010, 0.050)
"""Extents of a hurdle [m], over which the hand comes from one post to the next."""
HURDLE_Y = 0.050
"""Distance of a hurdle from the post before it [m]."""
BUTTON_Y = POSTS_Y[-1] + 0.085
"""Where the button is, behind the last post [m]."""
PLATE = (0.34, 0.46, PLATE_Z)
"""Extents of the plate on which all stands [m]."""
PLATE_Y = 0.020
"""Where its middle is, along the row [m]."""
TOP = PLATE_Z + POST[2]
"""Height of posts and hurdles over the table [m]."""
PASS_Z = PLATE_Z + 0.018 + FINGERTIP
"""TCP height of a hand that passes a post [m]: its fingertips 18 mm above the plate, its palm 8 mm above the
posts."""
LANE_X = 0.100
"""Distance from the row of a hand that passes a post [m]."""
BEFORE = 0.045
"""Distance from a post at which the sides part [m]: the fingers are 25 mm before it."""
BEHIND = 0.016
"""How far behind the middle of a post the hand goes up again [m]."""
BESIDE = 0.018
"""A hand that is so near to a post along the row, and lower than its top, passes it [m]: its fingers, which
reach 10 mm ahead, have the post at their side."""
PASS_STEPS = 8
"""Control steps from where the sides part past the post."""
UP_STEPS = 6
"""Control steps in which the hand goes up behind it."""
OVER_STEPS = 8
"""Control steps back to the middle, over the hurdle. The way out is low and the way back high, so that where
the hand is tells which of the two it does."""
DOWN_STEPS = 12
"""Control steps in which it comes down before the next post, and in which nothing shows where it passed."""
HIGH_Z = PASS_Z + DOWN_STEPS * APPROACH
"""TCP height over a hurdle [m]: the fingertips 13 mm above it."""


class PassSlalom(SequenceTask, PressTask):
    """Pass three posts as a skier does, each on the other side than the one before; then press the button.

    **Goal**: having passed the posts on alternate sides, keep the button behind them down for half a second.
    **Randomised**: the course's position (x +-3 cm, y +-4 cm) and yaw (+-10 degrees); the hand starts above
    the place where the sides part (x +-5 mm, y +-3 mm, z +-1 cm).
    **Success**: the button is down for 10 control steps, and the hand has passed near, far, near or far,
    near, far. Hurdles make it go up between two posts, and it comes down in the middle before the next, so a
    policy must remember on which side it was. A hand above a post does not pass it. Touching a post or a
    hurdle ends the episode.
    """

    id = "PandaPassSlalom-v1"
    goal = "Pass three posts, each on the other side than the one before, then press the button."
    sequences = ((0, 3, 4), (1, 2, 5))
    modes = ("near, far, near", "far, near, far")
    max_episode_steps = 144
    objects = ("course",)
    grasps = np.array([[-LANE_X, POSTS_Y[0], PASS_Z, ALONG_X], [LANE_X, POSTS_Y[0], PASS_Z, ALONG_X]])
    commit_steps = 1
    shared_steps = 8
    success_height = PRESSED
    centre = (0.53, 0.0)
    hand_start = (0.0, POSTS_Y[0] - BEFORE, PASS_Z + 0.03)
    informed_control = "flow:16"
    posts: ClassVar[tuple[str, ...]] = ("first_post", "second_post", "third_post")
    hurdles: ClassVar[tuple[str, ...]] = ("first_hurdle", "second_hurdle")

    def build(self, scene: Scene) -> None:
        course = scene.fixed("course")
        scene.box(course, "plate", PLATE, (0, PLATE_Y, PLATE_Z / 2), ENAMEL)
        for post, y, colour in zip(self.posts, POSTS_Y, (RED, BLUE, RED), strict=True):
            scene.box(course, post, POST, (0, y, TOP - POST[2] / 2), colour)
            scene.watch(post, post)
        for hurdle, y in zip(self.hurdles, POSTS_Y, strict=False):
            scene.box(course, hurdle, HURDLE, (0, y + HURDLE_Y, TOP - HURDLE[2] / 2), STEEL)
            scene.watch(hurdle, hurdle)
        self.add_button(scene, course, "button", (0, BUTTON_Y))

    def poses(self) -> dict[str, tuple[float, float, float]]:
        return {"course": (0.0, 0.0, 0.0)}

    def path(self, start: np.ndarray, modes: np.ndarray) -> HandPath:
        return self.path_along(start, np.array(self.sequences)[modes] % 2 == 1)

    def path_along(self, start: np.ndarray, far: np.ndarray) -> HandPath:
        """Return the path from TCP `start` (N, 3) past each post on its `far` or near side, (N, 3) bool."""
        n = len(start)
        first = np.column_stack([start[:, 0] / 2, np.full(n, POSTS_Y[0] - BEFORE), np.full(n, PASS_Z)])
        path = HandPath(start, self.hand_yaw, OPENING).line(first, self.shared_steps)
        # where it comes down next, behind each post
        downs = ([0, POSTS_Y[1] - BEFORE, PASS_Z], [0, POSTS_Y[2] - BEFORE, PASS_Z], [0, BUTTON_Y, PRESS_Z])
        for y, down, side in zip(POSTS_Y, downs, np.where(far, LANE_X, -LANE_X).T, strict=True):
            lane = np.column_stack([side, np.full(n, y + BEHIND), np.full(n, PASS_Z)])
            path = path.arc(lane, PASS_STEPS, last_axis=1).ease(lane * [1, 1, 0] + [0, 0, HIGH_Z], UP_STEPS)
            path = path.line([0, down[1], HIGH_Z], OVER_STEPS).line(down, DOWN_STEPS)
        return path.wait(14)

    def decided(self, measurement: Measurement) -> np.ndarray:
        return measurement.hand[:, 1] > POSTS_Y[0]

    def measure(self, simulation: Simulation) -> Measurement:
        hand = simulation.hand
        beside = (np.abs(hand[:, 1, None] - POSTS_Y) < BESIDE) & (hand[:, 2, None] < TOP)
        part = np.where(beside.any(1), 2 * beside.argmax(1) + (hand[:, 0] > 0), -1)
        (pushed,) = self.pushed(simulation, ("button",))
        touched = self.touched_part(simulation, ("button",)) == 0
        return Measurement(
            hand=hand,
            opening=simulation.opening,
            lift=pushed,
            at_goal=(pushed > PRESSED) & touched,
            in_hand=touched,
            part=part.astype(np.int8),
            illegal=np.max([simulation.force(name) for name in self.posts + self.hurdles], axis=0),
            table=simulation.force("table"),
        )
