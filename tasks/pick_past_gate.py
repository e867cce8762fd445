"""Pick a cube behind a post; once the hand has chosen a lane, a gate may close it, and it must turn back."""

from typing import ClassVar

import mujoco
import numpy as np

from ..envs.scene import Scene
from ..envs.simulation import Simulation
from ..envs.simulation_data import SimulationData
from ..envs.specs import CONTROL_HZ, Spec
from ..envs.task_protocol import Start
from .core.hand_path import HandPath
from .core.modes import parts_in_order
from .core.task import ALONG_X, SETTLED, Measurement, Task
from .pick_around_post import CUBE, CUBE_X, DECISION_X, GREEN, LANE_Y, POST, POST_SIZE, POST_X, TRAVEL_Z

AMBER = (0.95, 0.66, 0.16)
STEEL = (0.66, 0.69, 0.72)

SIDES = {"left": 1, "right": -1}
"""The lanes in the order of the modes, and the sign of their y."""
ENTRY_X = DECISION_X + 0.08
"""TCP x at which the hand has come sideways into a lane [m]."""
PASS_X = ENTRY_X + 0.076
"""TCP x at which the palm, which reaches 10.2 cm ahead, is well past the gates [m]."""
PASS_STEPS = 20
"""Control steps between the two."""
END_X = ENTRY_X + 0.205
"""TCP x at which the hand leaves the lane [m]."""
GATE = (0.016, 0.200, 0.120)
"""Extents of a gate [m]."""
GATE_X = 0.093
"""Where the gates slide, behind the post [m]; a hand that has passed the post cannot slip through inside."""
GATE_Y = 0.290
"""Distance of an open gate's middle from the post's [m]; its end is 4 cm beside a hand in the lane."""
GATE_Z = 0.010
"""Height of a gate's underside over the table [m]."""
WAY = 0.130
"""How far a gate slides [m]; closed, it leaves 3.5 cm beside the post, and a palm is 6.3 cm wide."""
SPEED = 0.40
"""How fast it slides [m/s]."""
GATE_MASS = 0.5
DRIVE_MASS = 5.0
"""Masses of a gate, and of the drive that takes it along [kg]."""
RAIL = (0.026, 0.340, 0.008)
"""Extents of the rail on which a gate slides [m]."""
SHARES = {"early": 0.2, "late": 0.6}
"""Shares of the episodes in which a gate closes; in the rest none does."""
TIMES = {"early": (0.50, 0.62), "late": (0.80, 0.92)}
"""Between which times it sets off [s]: the hand has come most of the way sideways, or is beside the post."""
SEEN = 0.010
"""A gate that has come so far can be seen to move [m]."""
LAST_SEEN = int(np.ceil((TIMES["late"][1] + SEEN / SPEED) * CONTROL_HZ))
"""Control step at which the last gate of all can be seen to move."""
CHOSEN_Y = 0.100
"""A hand that is so far from the middle has chosen a lane [m]."""


class PickPastGate(Task):
    """Reach around the post on the left or on the right and pick up the cube; turn back where a gate closes.

    **Goal**: hold the cube 6 cm above its rest for half a second.
    **Randomised**: the position (x +-2 cm, y +-4 cm) and yaw (+-10 degrees) of post, cube and gates together;
    whether a gate closes early (20 %), late (60 %) or never, which of the two, and when exactly; the hand
    starts 1 cm before where the modes part (x +-5 mm, y +-3 mm, z +-1 cm).
    **Success**: lifted >= 6 cm and slower than 5 cm/s for 10 control steps. Touching the post or a gate ends
    the episode. The mode is the lane that is chosen first. When the hand must choose, both gates are open and
    at rest. Where the gate of its lane then closes, the hand turns back and takes the other lane: a gate that
    closes early shows it at control step 11 to 13, one that closes late at 17 to 19.
    """

    id = "PandaPickPastGate-v1"
    goal = (
        "Pick up the cube behind the post, passing on the left or on the right; where a gate closes the lane "
        "that was chosen, turn back and take the other, without touching post and gates."
    )
    modes = ("left lane first", "right lane first")
    max_episode_steps = 160
    objects = ("post", "cube")
    grasps = np.array([[POST_X, LANE_Y, TRAVEL_Z, ALONG_X], [POST_X, -LANE_Y, TRAVEL_Z, ALONG_X]])
    commit_steps = 1
    shared_steps = 2
    centre = (0.56, 0.0)
    spread = (0.02, 0.04, np.deg2rad(10))
    hand_start = (DECISION_X - 0.01, 0.0, TRAVEL_Z)
    shares: ClassVar[dict[str, float]] = SHARES
    times: ClassVar[dict[str, tuple[float, float]]] = TIMES
    informed_steps: ClassVar[tuple[int, ...]] = (8,)
    gates: ClassVar[tuple[str, ...]] = tuple(f"{side}_gate" for side in SIDES)
    drives: ClassVar[tuple[str, ...]] = tuple(f"{side}_drive" for side in SIDES)

    @property
    def observation(self) -> tuple[Spec, ...]:
        """Components of the `state` track: those of every task, and where the gates are."""
        gates = tuple(
            Spec(f"{gate}_position", (3,), "m", "world", -2.0, 2.0, f"Origin of the {gate}.")
            for gate in self.gates
        )
        return (*super().observation, *gates)

    def observe(self, simulation: SimulationData) -> dict[str, np.ndarray]:
        gates = {f"{gate}_position": simulation.position(gate).copy() for gate in self.gates}
        return super().observe(simulation) | gates

    def build(self, scene: Scene) -> None:
        post = scene.fixed("post")
        scene.box(post, "post", POST_SIZE, (0, 0, POST_SIZE[2] / 2), POST)
        scene.watch("post", "post")
        cube = scene.movable("cube")
        scene.box(cube, "cube", (CUBE, CUBE, CUBE), (0, 0, 0), GREEN, mass=0.07)
        scene.watch_fingers("cube", "cube")
        for name, side in SIDES.items():
            self._add_gate(scene, name, side)

    def _add_gate(self, scene: Scene, name: str, side: int) -> None:
        """Add a gate and its drive, which is not seen: it comes at constant speed, and takes the gate along
        from where it meets it, to the end of its way.
        """
        track = scene.fixed(f"{name}_track")
        scene.box(track, f"{name}_rail", RAIL, (0, -side * (RAIL[1] - GATE[1]) / 2, RAIL[2] / 2), STEEL)
        inwards = (0, -side, 0)
        gate = scene.sliding(track, f"{name}_gate", inwards, WAY, friction=0.2, damping=0.0)
        scene.box(gate, f"{name}_gate", GATE, (0, 0, GATE_Z + GATE[2] / 2), AMBER, mass=GATE_MASS)
        scene.watch(f"{name}_gate", f"{name}_gate")
        drive = scene.sliding(track, f"{name}_drive", inwards, WAY, friction=0.0, damping=0.0)
        drive.mass = DRIVE_MASS
        drive.inertia = np.full(3, 1e-3)
        drive.explicitinertial = True
        scene.spec.joint(f"{name}_drive").range = [-2 * SPEED, WAY]
        # the gate is never behind its drive: their distance, gate - drive, is at least 0
        rod = scene.spec.add_tendon(name=f"{name}_rod", limited=mujoco.mjtLimited.mjLIMITED_TRUE)
        rod.range = [0.0, 1.0]
        rod.wrap_joint(f"{name}_gate", 1.0)
        rod.wrap_joint(f"{name}_drive", -1.0)

    def poses(self) -> dict[str, tuple[float, float, float]]:
        tracks = {f"{name}_track": (GATE_X, side * GATE_Y, 0.0) for name, side in SIDES.items()}
        return {"post": (POST_X, 0.0, 0.0), "cube": (CUBE_X, 0.0, CUBE / 2)} | tracks

    def start(self, rng: np.random.Generator) -> Start:
        """Draw one episode's start, then which gate closes and when."""
        start = super().start(rng)
        share, time = rng.uniform(size=2)
        closing = self.drives[rng.integers(2)]
        ways = dict.fromkeys(self.drives, -SPEED)
        speeds = dict.fromkeys(self.drives, 0.0)
        if share < sum(self.shares.values()):
            low, high = self.times["early" if share < self.shares["early"] else "late"]
            ways[closing] = -SPEED * (low + time * (high - low))
            speeds[closing] = SPEED
        return start._replace(ways=ways, velocities={name: np.array([v]) for name, v in speeds.items()})

    def seen_at(self, simulation: SimulationData) -> np.ndarray:
        """Return in how many control steps each gate can be seen to close, (N, 2) int; -1 for never."""
        ways, speeds = (np.stack(one, 1) for one in zip(*map(simulation.slide, self.drives), strict=True))
        step = np.ceil((SEEN - ways) / SPEED * CONTROL_HZ - 1e-6).astype(int)
        begun = np.stack([simulation.slide(gate)[0] > SEEN for gate in self.gates], 1)
        return np.where(begun, 0, np.where(speeds > SPEED / 2, np.maximum(step, 0), -1))

    def plan(
        self, simulation: SimulationData, modes: np.ndarray, starts: np.ndarray | None = None
    ) -> np.ndarray:
        """Return the actions as `Task.plan` does. When the gate of its lane can be seen to close, the
        hand goes its own way back to where the modes part, and from there the other's.
        """
        modes = np.asarray(modes)
        own = super().plan(simulation, modes, starts)
        other = super().plan(simulation, 1 - modes, starts)
        rows = np.arange(simulation.n)[:, None]
        parted = self.shared_steps
        steps = own.shape[1] + 2 * (LAST_SEEN - parted)
        # 1. the step at which each hand turns; one that never does goes on to the end
        seen = self.seen_at(simulation)[rows, modes[:, None]]
        turn = np.where(seen >= 0, np.clip(seen, parted, LAST_SEEN), steps)
        # 2. where on its way it is at every step: ahead, back, and ahead on the other way
        step = np.arange(steps)
        back = 2 * (turn - 1) - step
        at = np.select([step < turn, back >= parted], [step, back], step - 2 * (turn - parted))
        at = np.minimum(at, own.shape[1] - 1)
        ahead = (step < turn) | (back >= parted)
        return np.where(ahead[..., None], own[rows, at], other[rows, at])

    def path(self, start: np.ndarray, modes: np.ndarray) -> HandPath:
        n = len(start)
        decision = np.column_stack([np.full(n, DECISION_X), start[:, 1] / 2, start[:, 2]])
        lane = np.column_stack([np.full(n, ENTRY_X), self.grasps[modes, 1], np.full(n, TRAVEL_Z)])
        above = np.array([CUBE_X, 0.0, TRAVEL_Z])
        grasp = np.array([CUBE_X, 0.0, CUBE / 2])
        return (
            HandPath(start, self.hand_yaw)
            .line(decision, self.shared_steps)
            .arc(lane, 10, last_axis=0)
            .line(lane * [0, 1, 1] + [PASS_X, 0, 0], PASS_STEPS)
            .line(lane * [0, 1, 1] + [END_X, 0, 0], 8)
            .ease(above, 14)
            .line(grasp, 9)
            .wait(3)
            .close(8)
            .ease(grasp + [0, 0, 0.12], 16)
            .wait(14)
        )

    def decided(self, measurement: Measurement) -> np.ndarray:
        return np.abs(measurement.hand[:, 1]) > CHOSEN_Y

    def realised_mode(self, parts: np.ndarray, taken: np.ndarray) -> np.ndarray:
        """Return the lane that each episode chose first, -1 where it passed none, (N,)."""
        order = parts_in_order(parts, taken, 4)
        return np.where((order >= 2).any(1), order[:, 0] % 2, -1).astype(np.int8)

    def measure(self, simulation: Simulation) -> Measurement:
        hand = simulation.hand
        lift = simulation.position("cube")[:, 2] - CUBE / 2
        settled = simulation.speed("cube") < SETTLED
        held = self.touched_part(simulation, ("cube",)) == 0
        # parts: in the left or right lane before the gate, then behind it
        in_lane = (np.abs(hand[:, 1]) > CHOSEN_Y) & (hand[:, 2] < POST_SIZE[2])
        part = 2 * (hand[:, 0] > GATE_X) + (hand[:, 1] < 0)
        return Measurement(
            hand=hand,
            opening=simulation.opening,
            lift=lift,
            at_goal=(lift >= self.success_height) & settled & held,
            in_hand=held,
            part=np.where(in_lane, part, -1).astype(np.int8),
            illegal=np.max([simulation.force(name) for name in ("post", *self.gates)], axis=0),
            table=simulation.force("table"),
        )
