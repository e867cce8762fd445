"""Two arms hand a bar over; whichever leads reaches into the crate while the other waits outside."""

import numpy as np

from ..envs.scene import Scene
from ..envs.simulation import Simulation
from ..envs.specs import OPENING_HIGH, OPENING_LOW
from .core.hand_path import HandPath
from .core.task import ALONG_Y, LIGHT_TOUCH, SETTLED, Measurement, Task

RED = (0.84, 0.30, 0.26)
WOOD = (0.72, 0.53, 0.33)
STEEL = (0.66, 0.69, 0.73)
BLUE = (0.16, 0.36, 0.62)

WALL = (0.024, 0.095, 0.08)
"""Extents of the crate's end walls [m]; 9.5 cm against the gripper's 8 cm stroke."""
WALL_X = 0.13
"""Distance of an end wall from the crate's middle [m]; each hand starts above one."""
FLOOR = 0.006
"""Thickness of the crate's floor [m]."""
BAR = (0.228, 0.025, 0.025)
"""Extents of the bar [m]."""
HANDLE = 0.13
"""Length of the handle in its middle [m]; the rest are its two ends."""
SLOT = 0.031
"""Width of the slots in which the ends lie, out of the fingers' reach [m]."""
SLOT_X = 0.069
"""Where the slots begin, from the crate's middle [m]."""
REST_Z = FLOOR + BAR[2] / 2
"""Height of the resting bar's centre [m]."""

DECISION_Z = WALL[2] + 0.0092 + 0.015
"""TCP height where the modes part [m]: the fingertips 15 mm above the walls."""

GRASP_Z = 0.021
"""TCP height of the hand that leads, in the crate, at the bar's handle [m]."""
LIFTED_Z = 0.171
"""TCP height of the leader with the bar, over the crate [m]."""

# Places of a hand: distance from the crate's middle and TCP height [m].
WAIT = (0.21, 0.021)
"""The other hand meanwhile, outside the wall."""
BESIDE = (0.18, 0.171)
"""The other hand before it takes an end."""
TAKE = (0.092, 0.171)
"""The other hand at the bar's end."""
AWAY = (0.07, 0.251)
"""The leader after it has let go."""


class Handover(Task):
    """Take the bar out of the crate with one arm and hand it over to the other.

    **Goal**: hold the bar 6 cm above its rest for half a second, by an end, in the arm that did not lead.
    **Randomised**: the crate's position (x +-2 cm, y +-3 cm) and yaw (+-5 degrees), the bar in it; each hand
    starts above its wall (x +-3 mm, y +-5 mm, z +-1 cm).
    **Success**: lifted >= 6 cm, slower than 5 cm/s, one end gripped and the handle free, for 10 control
    steps. In the crate the ends lie in slots, where no arm can grip them. Touching a wall ends the episode.
    """

    id = "TwoPandaHandover-v1"
    goal = (
        "Lift the bar out of the crate with one arm and hand it over to the other, without touching a wall."
    )
    modes = ("first arm leads", "second arm leads")
    arms = 2
    max_episode_steps = 140
    objects = ("bar",)
    grasps = np.array([[-0.05, 0.0, GRASP_Z, ALONG_Y], [-WAIT[0], 0.0, WAIT[1], ALONG_Y]])
    centre = (0.60, 0.0)
    spread = (0.02, 0.03, np.deg2rad(5))
    hand_start = (-WALL_X, 0.0, DECISION_Z + 0.06)
    hand_yaw = ALONG_Y
    second_hand_start = (WALL_X, 0.0, DECISION_Z + 0.06)
    second_hand_yaw = ALONG_Y - np.pi
    hand_spread = (0.003, 0.005, 0.01)
    slow_because = "it simulates two arms"

    def build(self, scene: Scene) -> None:
        crate = scene.fixed("crate")
        bar = scene.movable("bar")
        inside = WALL_X - WALL[0] / 2
        scene.box(crate, "floor_board", (2 * inside, WALL[1], FLOOR), (0, 0, FLOOR / 2), WOOD)
        scene.box(bar, "handle", (HANDLE, *BAR[1:]), (0, 0, 0), STEEL, mass=0.06)
        end = ((BAR[0] - HANDLE) / 2, *BAR[1:])
        cheek = (inside - SLOT_X, (WALL[1] - SLOT) / 2, BAR[2] - 0.002)
        for arm, name, side in ((0, "first", -1), (1, "second", 1)):
            scene.box(crate, f"{name}_wall", WALL, (side * WALL_X, 0, WALL[2] / 2), RED)
            for edge, half in (("left", 1), ("right", -1)):
                at = (side * (inside + SLOT_X) / 2, half * (WALL[1] + SLOT) / 4, FLOOR + cheek[2] / 2)
                scene.box(crate, f"{name}_slot_{edge}", cheek, at, WOOD)
            scene.box(bar, f"{name}_end", end, (side * (BAR[0] - end[0]) / 2, 0, 0), BLUE, mass=0.02)
            scene.watch(f"{name}_wall", f"{name}_wall")
            scene.watch_fingers("handle", f"{name}_leads", arm)
            scene.watch_fingers(f"{name}_end", f"{name}_takes", arm)

    def poses(self) -> dict[str, tuple[float, float, float]]:
        return {"crate": (0.0, 0.0, 0.0), "bar": (0.0, 0.0, REST_Z)}

    def paths(self, starts: np.ndarray, modes: np.ndarray) -> tuple[HandPath, ...]:
        return tuple(self._path(arm, start, modes == arm) for arm, start in enumerate(starts))

    def _path(self, arm: int, start: np.ndarray, leads: np.ndarray) -> HandPath:
        """Return one arm's path from TCP `start` (N, 3), for rows in which it `leads` (N,) and for others."""
        x, y, _, yaw = self.hands()[arm]
        hold = -self.grasps[0, 0]
        decision = np.column_stack([(start[:, :2] + [x, y]) / 2, np.full(len(start), DECISION_Z)])

        def to(lead: tuple[float, float], other: tuple[float, float]) -> np.ndarray:
            away, z = np.where(leads[:, None], lead, other).T
            return np.column_stack([np.sign(x) * away, np.zeros_like(z), z])

        return (
            HandPath(start, yaw)
            .line(decision, self.shared_steps)
            .arc(to((hold, GRASP_Z), WAIT), 11)
            .wait(3)
            .open(8, np.where(leads, OPENING_LOW, OPENING_HIGH))
            .ease(to((hold, LIFTED_Z), BESIDE), 20)
            .ease(to((hold, LIFTED_Z), TAKE), 14)
            .wait(2)
            .close(8)
            .open(5, np.where(leads, OPENING_HIGH, OPENING_LOW))
            .ease(to(AWAY, TAKE), 14)
            .wait(14)
        )

    def measure(self, simulation: Simulation) -> Measurement:
        lift = simulation.position("bar")[:, 2] - REST_Z
        leader = self.touched_part(simulation, ("first_leads", "second_leads"))
        taker = self.touched_part(simulation, ("first_takes", "second_takes"))
        sides = [f"{arm}_leads_{side}" for arm in ("first", "second") for side in ("left", "right")]
        free = np.max([simulation.force(side) for side in sides], axis=0) <= LIGHT_TOUCH
        settled = simulation.speed("bar") < SETTLED
        return Measurement(
            hand=simulation.hand,
            opening=np.min([arm.opening for arm in simulation.arms], axis=0),
            lift=lift,
            at_goal=(lift >= self.success_height) & settled & (taker >= 0) & free,
            in_hand=(leader >= 0) | (taker >= 0),
            part=leader,
            illegal=np.maximum(simulation.force("first_wall"), simulation.force("second_wall")),
            table=simulation.force("table"),
        )


class HandoverV2(Handover):
    """Hand the bar over as in version 1, but choose the arm that leads in the first executed block.

    **Goal**: hold the bar 6 cm above its rest for half a second, by an end, in the arm that did not lead.
    **Randomised**: as in version 1, but both hands start 1 cm over where the modes part (z +-1 cm).
    **Success**: as in version 1. The average of the modes touches a wall within 8 control steps.

    The leader grasps the bar 1 cm nearer its middle than in version 1: where one chunk leads from the start
    down to the bar, fingers as near the slots as there come down on their edges.
    """

    id = "TwoPandaHandover-v2"
    supersedes = "TwoPandaHandover-v1"
    hand_start = (-WALL_X, 0.0, DECISION_Z + 0.01)
    second_hand_start = (WALL_X, 0.0, DECISION_Z + 0.01)
    grasps = np.array([[-0.04, 0.0, GRASP_Z, ALONG_Y], [-WAIT[0], 0.0, WAIT[1], ALONG_Y]])
    shared_steps = 2
