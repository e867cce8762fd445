"""Lift a dumbbell by one of its two bars off a tray that sways, so that long blind blocks miss the bar."""

from typing import ClassVar

import mujoco
import numpy as np

from ..envs.frames import heading
from ..envs.scene import Scene
from ..envs.simulation_data import SimulationData
from ..envs.specs import CONTROL_HZ, Spec
from ..envs.task_protocol import Start
from .core.task import ALONG_X
from .lift import LiftTask
from .lift_dumbbell import BLUE, GRASP_Y, ORANGE

STEEL = (0.66, 0.69, 0.72)
ENAMEL = (0.20, 0.33, 0.36)

HUB = (0.140, 0.06, 0.065)
"""Extents of the hub [m]; a hand that presses on it while the tray sways does not come to its edge."""
BAR = (0.040, 0.10, 0.035)
"""Extents of a bar [m]; the open gripper leaves 2 cm on either side, and the bar must be between the fingers
when they come down."""
HUB_MASS = 0.08
BAR_MASS = 0.02
RAIL = (0.50, 0.05, 0.010)
"""Extents of the rail [m]; it lies along x, across the direction in which the modes differ. What draws the
slides to their middle, the drive, is not seen."""
CARRIAGE = (0.18, 0.12, 0.008)
"""Extents of the carriage that slides on the rail [m]."""
CARRIAGE_Z = 0.012
"""Its underside over the table [m]."""
TRAY = (0.16, 0.30, 0.006)
"""Extents of the tray that slides on the carriage [m]."""
TRAY_Z = 0.022
"""Its underside over the table [m]."""
TOP = TRAY_Z + TRAY[2]
"""Where the dumbbell lies, over the table [m]."""
SLIDES = ("carriage", "tray")
"""What slides, each on the one before; a spring draws each to the middle, nothing slows it down."""
MOVED = np.array([3.0, 1.0]) + np.array([1.0, 0.0]) + HUB_MASS + 2 * BAR_MASS
"""What moves with each of them, itself and the dumbbell included [kg]."""
RATES = 2 * np.pi * np.array([0.30, 0.85])
"""How fast each would swing by itself [rad/s]; together they swing at 0.29 and 1.01 Hz."""
WAYS = np.array([0.045, 0.030])
"""Half-widths of the way at which each begins [m], and by its rate of the speed."""
STOPS = (0.20, 0.12)
"""How far each may go from the middle [m]; farther than they come."""
LEAD = 1.5
"""How far ahead of the tray experts send the hand [control steps], which lags so much behind its target."""
GRIPPED = 19
"""Control steps after the parting of the modes at which the hand has gripped and follows the tray no more."""
GRASP_Z = TOP + 0.022
"""TCP height of the grasp [m]."""
DECISION_Z = TOP + HUB[2] + 0.0092 + 0.015
"""TCP height where the modes part [m]: the fingertips (9.2 mm below the TCP) 15 mm above the hub."""


class LiftMovingDumbbell(LiftTask):
    """Lift the dumbbell by its left or its right bar off the swaying tray.

    **Goal**: hold the dumbbell 6 cm above the tray for half a second, gripped by one bar.
    **Randomised**: the rail's position (x +-3 cm, y +-4 cm) and yaw (+-10 degrees); how far carriage and tray
    are from the middle and how fast they are; the hand starts above the hub (x +-5 mm, y +-3 mm, z +-1 cm).
    **Success**: lifted >= 6 cm and slower than 5 cm/s for 10 control steps. Touching the hub ends the
    episode. The tray sways along the bars' short side, as the sum of two swings of which only the present
    place and velocity are seen: where the bar is two control steps later can be foreseen, where it is eight
    later cannot.
    """

    id = "PandaLiftMovingDumbbell-v1"
    goal = "Lift the dumbbell off the swaying tray by its left or its right bar, without touching the hub."
    modes = ("left bar", "right bar")
    max_episode_steps = 80
    objects = ("dumbbell",)
    grasps = np.array([[0.0, GRASP_Y, GRASP_Z, ALONG_X], [0.0, -GRASP_Y, GRASP_Z, ALONG_X]])
    hand_start = (0.0, 0.0, DECISION_Z + 0.02)
    shared_steps = 6
    parts = ("left_bar", "right_bar")
    forbidden = ("hub",)
    decision_z = DECISION_Z
    informed_control = "mse_labelled"
    informed_steps: ClassVar[tuple[int, ...]] = (4,)

    @property
    def observation(self) -> tuple[Spec, ...]:
        """Components of the `state` track: those of every task, and how fast the dumbbell is."""
        velocity = Spec("dumbbell_velocity", (3,), "m/s", "world", -2.0, 2.0, "Velocity of the dumbbell.")
        return (*super().observation, velocity)

    def observe(self, simulation: SimulationData) -> dict[str, np.ndarray]:
        return super().observe(simulation) | {"dumbbell_velocity": simulation.velocity("dumbbell").copy()}

    def build(self, scene: Scene) -> None:
        rail = scene.fixed("rail")
        scene.box(rail, "rail", RAIL, (0, 0, RAIL[2] / 2), STEEL)
        carriage = self._add_slide(scene, scene.fixed("drive"), 0)
        at = (0, 0, CARRIAGE_Z + CARRIAGE[2] / 2)
        scene.box(carriage, "carriage", CARRIAGE, at, ENAMEL, mass=MOVED[0] - MOVED[1])
        tray = self._add_slide(scene, carriage, 1)
        mass = MOVED[1] - HUB_MASS - 2 * BAR_MASS
        scene.box(tray, "tray", TRAY, (0, 0, TRAY_Z + TRAY[2] / 2), STEEL, mass=mass)

        body = scene.movable("dumbbell")
        scene.box(body, "hub", HUB, (0, 0, HUB[2] / 2), ORANGE, mass=HUB_MASS)
        reach = HUB[1] / 2 + BAR[1] / 2
        for name, side in (("left_bar", 1), ("right_bar", -1)):
            scene.box(body, name, BAR, (0, side * reach, BAR[2] / 2), BLUE, mass=BAR_MASS)
            scene.watch_fingers(name, name)
        scene.watch("hub", "hub")

    def _add_slide(self, scene: Scene, base: mujoco.MjsBody, index: int) -> mujoco.MjsBody:
        """Add what slides on `base` both ways from the middle, to which a spring draws it."""
        body = scene.sliding(base, SLIDES[index], (1, 0, 0), STOPS[index], friction=0.0, damping=0.0)
        joint = scene.spec.joint(SLIDES[index])
        joint.range = [-STOPS[index], STOPS[index]]
        joint.stiffness = np.array([MOVED[index] * RATES[index] ** 2, 0.0, 0.0])
        return body

    def poses(self) -> dict[str, tuple[float, float, float]]:
        return {"rail": (0.0, 0.0, 0.0), "drive": (0.0, 0.0, 0.0), "dumbbell": (0.0, 0.0, TOP)}

    def start(self, rng: np.random.Generator) -> Start:
        """Draw one episode's start; the dumbbell begins in the scene frame's origin, the drive beside it."""
        start = super().start(rng)
        ways = WAYS * rng.uniform(-1, 1, 2)
        speeds = WAYS * RATES * rng.uniform(-1, 1, 2)
        along = np.array([*heading(start.frame[2]), 0.0])
        start.poses["drive"][:3] -= ways.sum() * along
        velocities = {name: np.array([speed]) for name, speed in zip(SLIDES, speeds, strict=True)}
        velocities["dumbbell"] = speeds.sum() * along
        return start._replace(ways=dict(zip(SLIDES, ways.tolist(), strict=True)), velocities=velocities)

    def drift(self, simulation: SimulationData, steps: np.ndarray) -> np.ndarray:
        """Return how far the tray comes in `steps` (T,) control steps [m], world, (N, T, 2).

        With the ways a of the slides from the middle, M a'' = -K a. In the coordinates e of a = V e, with
        V' M V = 1 and V' K V = diag(w^2), each swings by itself: e(t) = e(0) cos(w t) + e'(0) sin(w t) / w.
        """
        ways, speeds = (np.stack(one, 1) for one in zip(*map(simulation.slide, SLIDES), strict=True))
        shapes, rates = _swings()
        time = np.asarray(steps) / CONTROL_HZ
        way = np.zeros((simulation.n, len(time)))
        for shape, back, rate in zip(shapes.T, np.linalg.inv(shapes), rates, strict=True):
            # written out: a matrix product would give a row other last bits in another batch
            begun = (ways * back).sum(1)[:, None] * (np.cos(rate * time) - 1)
            gone = (speeds * back).sum(1)[:, None] * np.sin(rate * time) / rate
            way = way + shape.sum() * (begun + gone)
        return way[..., None] * heading(simulation.frame[:, 2])[:, None]

    def plan(
        self, simulation: SimulationData, modes: np.ndarray, starts: np.ndarray | None = None
    ) -> np.ndarray:
        if starts is None:
            starts = simulation.in_frame(simulation.tcp_position)[None]
        here = simulation.in_frame(simulation.position("dumbbell")) * [1, 1, 0]
        plan = super().plan(simulation, modes, starts - here)
        steps = np.minimum(np.arange(plan.shape[1]) + LEAD, self.shared_steps + GRIPPED)
        plan[..., :2] += self.drift(simulation, steps)
        plan[..., :2] += (simulation.position("dumbbell")[:, :2] - simulation.frame[:, :2])[:, None]
        return plan


def _swings() -> tuple[np.ndarray, np.ndarray]:
    """Return V (2, 2) and w (2,) of `drift`."""
    carriage, tray = MOVED
    factor = np.linalg.cholesky(np.array([[carriage, tray], [tray, tray]]))
    inverse = np.linalg.inv(factor)
    squares, turns = np.linalg.eigh(inverse @ np.diag(MOVED * RATES**2) @ inverse.T)
    return inverse.T @ turns, np.sqrt(squares)
