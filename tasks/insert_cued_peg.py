"""Push a peg into a socket, held by either end; of two pegs it is the one that a pointer showed at first."""

import mujoco
import numpy as np

from ..envs.rendering.meshes import rounded_box
from ..envs.scene import Scene, Triple
from ..envs.simulation import Simulation
from .core.hand_path import HandPath
from .core.task import ALONG_X, SETTLED, Measurement
from .pointer import POINTER, POINTER_Y, RAIL, RED, PointerTask
from .press import ENAMEL, FINGERTIP, PLATE_Z

WALNUT = (0.42, 0.25, 0.14)
ORANGE = (0.95, 0.50, 0.16)
BLUE = (0.16, 0.42, 0.80)

PEGS = ("far_peg", "near_peg")
POSTS = ("far_post", "middle_post", "near_post")
"""The rack: what stands beside the pegs."""
PEG = (0.024, 0.180, 0.024)
"""Extents of a peg, which lies along the scene's y [m]."""
PEG_X = 0.080
"""Distance of a peg from the middle [m]."""
PEG_Z = 0.024
"""Height of a peg's axis in the rack [m]."""
PEG_MASS = 0.10
"""Mass of a peg [kg]."""
GRASP_Y = 0.065
"""Where a peg is held, on either side of the rack [m]."""
RACK = (0.270, 0.030, 0.065)
"""Extents of the rack, a wall with a notch for each peg [m]; higher than the palm of a hand that grasps."""
NOTCH = 0.030
"""Width of a notch [m]."""
CLEARANCE = 0.0030
"""Room around a peg in a socket, on each side [m]."""
SOCKET = (0.052, 0.030)
"""Width of a socket, and its thickness along the peg [m]."""
SOCKET_Y = 0.120
"""Distance of the sockets' faces from the middle [m]."""
LINTEL = 0.010
"""Height of a socket over its hole [m]."""
HARD = ((0.01, 1.0), (0.98, 0.999, 0.0005))
"""Contacts of pegs and sockets: time constant [s] and damping ratio (`solref`), then least and most impedance
and the way between them [m] (`solimp`). With MuJoCo's own, a peg that is pushed 10 mm beside its hole sinks
in until it slips past the edge; with these, the stiffest that the time step allows, 4 mm are too much."""
DEPTH = 0.025
"""How deep a peg must be in its socket [m]."""
PUSH = 0.035
"""How deep the experts push it [m]."""
CARRY_Z = RACK[2] + FINGERTIP + 0.014
"""TCP height of a hand that pushes, and of the holes' axes [m]: the fingertips 14 mm above the rack."""
DECISION_Z = RACK[2] + FINGERTIP + 0.012
"""TCP height where the modes part [m]: the fingertips 12 mm above the rack."""
RAIL_Y = 0.230
"""Where the pointer's rail lies, beyond the left sockets [m]."""
FLAG = (0.006, 0.024, 0.060)
"""Extents of the flag on the pointer, which is seen over the sockets [m]."""
POINTER_RATE = 17.0
"""How fast its spring draws the pointer to the middle [1/s]; critically damped, it is 1.3 micrometres from
there when the hand must choose a peg."""


class InsertCuedPeg(PointerTask):
    """Take the peg on the side from which the pointer came by one end, and push the other into a socket.

    **Goal**: the cued peg is 25 mm deep in a socket, and held there, for half a second.
    **Randomised**: the position (x +-3 cm, y +-4 cm) and yaw (+-10 degrees) of rack, sockets and pegs
    together; from which side the pointer comes; the hand starts above the rack (x +-5 mm, y +-3 mm,
    z +-1 cm).
    **Success**: the end that is not held is in its socket, and the peg slower than 5 cm/s, for 10 control
    steps. The grasp decides what follows: a peg that is held by its left end goes into the socket on the
    right, one that is held by its right end into that on the left, with 3 mm of room on each side. The
    pointer rests in the middle before the hand must choose a peg, so a policy must remember whether it came
    from the near or the far side. Touching the rack, or the other peg with a finger, ends the episode.
    """

    id = "PandaInsertCuedPeg-v1"
    goal = (
        "Take the peg on the side from which the pointer came, near or far, by one end and push the other "
        "end into its socket, without touching the rack."
    )
    modes = ("left end", "right end")
    max_episode_steps = 86
    objects = ("rack", *PEGS)
    grasps = np.array([[PEG_X, GRASP_Y, PEG_Z, ALONG_X], [PEG_X, -GRASP_Y, PEG_Z, ALONG_X]])
    more_grasps = grasps * [-1, 1, 1, 1]
    success_height = 0.04
    centre = (0.53, 0.0)
    hand_start = (0.0, 0.0, DECISION_Z + 0.06)
    informed_control = "flow:16"

    def build(self, scene: Scene) -> None:
        rack = scene.fixed("rack")
        outer = (RACK[0] - NOTCH) / 2 - PEG_X
        aside = (RACK[0] - outer) / 2
        places = ((outer, aside), (2 * PEG_X - NOTCH, 0.0), (outer, -aside))
        for name, (length, x) in zip(POSTS, places, strict=True):
            scene.box(rack, name, (length, *RACK[1:]), (x, 0, RACK[2] / 2), WALNUT)
            scene.watch(name, name)
        saddle = PEG_Z - PEG[2] / 2
        middle = SOCKET_Y + SOCKET[1] / 2
        for x, peg in zip((PEG_X, -PEG_X), PEGS, strict=True):
            scene.box(rack, f"{peg}_saddle", (NOTCH, RACK[1], saddle), (x, 0, saddle / 2), WALNUT)
            self._add_socket(scene, rack, f"{peg}_left", (x, middle), BLUE)
            self._add_socket(scene, rack, f"{peg}_right", (x, -middle), ORANGE)
            self._add_peg(scene, peg)
        rail = self.add_rail(scene)
        self.add_pointer(scene, rail, POINTER_Y, POINTER_RATE)
        # what is only seen: a foot under the rail, and a flag on the pointer
        foot = rounded_box(np.array([RAIL[0], RAIL[1], PLATE_Z]) / 2, 0.001)
        scene.shell(rail, "rail_foot", foot.vertices - [0, 0, PLATE_Z / 2], foot.faces, ENAMEL)
        flag = rounded_box(np.array(FLAG) / 2, 0.002)
        above = [0, 0, (POINTER[1] + FLAG[2]) / 2]
        scene.shell(scene.spec.body("pointer"), "flag", flag.vertices + above, flag.faces, RED)

    def _add_socket(
        self, scene: Scene, rack: mujoco.MjsBody, name: str, at: tuple[float, float], colour: Triple
    ) -> None:
        """Add a post with a square hole through it at x, y [m] of the rack."""
        x, y = at
        width, thick = SOCKET
        hole = PEG[0] + 2 * CLEARANCE
        side = (width - hole) / 2
        below = CARRY_Z - hole / 2
        above = CARRY_Z + (hole + LINTEL) / 2
        for part, size, middle, paint in (
            ("foot", (width, thick, below), (x, y, below / 2), ENAMEL),
            ("far_jamb", (side, thick, hole), (x + (hole + side) / 2, y, CARRY_Z), colour),
            ("near_jamb", (side, thick, hole), (x - (hole + side) / 2, y, CARRY_Z), colour),
            ("lintel", (width, thick, LINTEL), (x, y, above), colour),
        ):
            scene.box(rack, f"{name}_{part}", size, middle, paint)
            self._harden(scene, f"{name}_{part}")

    def _add_peg(self, scene: Scene, name: str) -> None:
        """Add a peg, a bar with two colours."""
        peg = scene.movable(name)
        scene.box(peg, name, PEG, (0, 0, 0), None, mass=PEG_MASS)
        self._harden(scene, name)
        half = rounded_box(np.array([PEG[0], PEG[1] / 2, PEG[2]]) / 2, 0.0015)
        for end, y, colour in (("left", PEG[1] / 4, BLUE), ("right", -PEG[1] / 4, ORANGE)):
            scene.shell(peg, f"{name}_{end}", half.vertices + [0, y, 0], half.faces, colour)
        scene.watch_fingers(name, name)

    def _harden(self, scene: Scene, geom: str) -> None:
        """Make the contacts of a shape as stiff as they can be."""
        shape = scene.spec.geom(geom)
        shape.solref = HARD[0]
        shape.solimp[:3] = HARD[1]

    def poses(self) -> dict[str, tuple[float, float, float]]:
        return {
            "rack": (0.0, 0.0, 0.0),
            "far_peg": (PEG_X, 0.0, PEG_Z),
            "near_peg": (-PEG_X, 0.0, PEG_Z),
            "rail": (0.0, RAIL_Y, PLATE_Z),
        }

    def shown_turn(self) -> float:
        return -np.pi / 2

    def cued_path(self, start: np.ndarray, modes: np.ndarray, side: np.ndarray) -> HandPath:
        decision = np.column_stack([start[:, :2] / 2, np.full(len(start), DECISION_Z)])
        grasp = self.grasps[modes, :3] * np.column_stack([side, np.ones_like(side), np.ones_like(side)])
        lifted = grasp * [1, 1, 0] + [0, 0, CARRY_Z]
        way = -np.sign(grasp[:, 1:2]) * (SOCKET_Y + PUSH - PEG[1] / 2) * [0, 1, 0]
        return (
            HandPath(start, self.hand_yaw)
            .line(decision, self.shared_steps)
            .arc(grasp, 11)
            .wait(2)
            .close(6)
            .ease(lifted, 14)
            .ease(lifted + way, 18)
            .wait(12)
        )

    def measure(self, simulation: Simulation) -> Measurement:
        hand = simulation.hand
        # 1. the cued peg, and the other, which no finger may touch
        far = self.cued(simulation) > 0
        peg = np.where(far[:, None], *(simulation.in_frame(simulation.position(name)) for name in PEGS))
        speed = np.where(far, *(simulation.speed(name) for name in PEGS))
        other = np.where(far, *(self._pressed(simulation, name) for name in reversed(PEGS)))
        # 2. the end by which it is held, and whether the other end is in a socket
        held = self.touched_part(simulation, PEGS) >= 0
        end = np.where(hand[:, 1] > peg[:, 1], 0, 1)
        room = 2 * CLEARANCE
        aligned = (np.abs(np.abs(peg[:, 0]) - PEG_X) < room) & (np.abs(peg[:, 2] - CARRY_Z) < room)
        deep = np.abs(peg[:, 1]) > SOCKET_Y + DEPTH - PEG[1] / 2
        return Measurement(
            hand=hand,
            opening=simulation.opening,
            lift=peg[:, 2] - PEG_Z,
            at_goal=aligned & deep & held & (speed < SETTLED),
            in_hand=held,
            part=np.where(held, end, -1).astype(np.int8),
            illegal=np.max([other, *(simulation.force(name) for name in POSTS)], axis=0),
            table=simulation.force("table"),
        )

    def _pressed(self, simulation: Simulation, peg: str) -> np.ndarray:
        """Return the larger force of a finger on a peg [N], (N,); in a grip the sum of both is nothing."""
        return np.maximum(*(simulation.force(f"{peg}_{finger}") for finger in ("left", "right")))
