"""Lift a wheel by a grip that is free: of the two grips on each of its sides a stop bars one."""

from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from ..envs.frames import from_frame, heading, rotated_back, yaw_quaternion
from ..envs.scene import Scene
from ..envs.simulation import Simulation
from ..envs.simulation_data import SimulationData
from ..envs.specs import Spec
from ..envs.task_protocol import Start
from .core.hand_path import HandPath, plan_from_paths
from .core.task import ALONG_Y, Measurement
from .lift_ring import FINS, GRASP_RADIUS, GRASP_Z, LiftRing
from .lift_trefoil import STEADY

RED = (0.75, 0.13, 0.14)

ANGLES = np.deg2rad(np.arange(-22.5, 337.5, 45))
"""Where each grip points, scene frame [rad]: two away from the robot, two to the left, and so on."""
PLACES = np.column_stack(
    [GRASP_RADIUS * heading(ANGLES), np.full(len(ANGLES), GRASP_Z), ALONG_Y + ANGLES % np.pi]
)
"""Pose of the hand at each grip, (8, 4), as `Task.grasps`."""
CHEEK = (0.034, 0.016, 0.060)
"""Extents of one of a stop's two cheeks [m]: along the grip, across, up. They stand where fingers go."""
CHEEK_Y = 0.024
"""Distance of a cheek's middle from that of the grip [m]; 5 mm are free, so that the wheel comes out."""
STOP_RADIUS = 0.135
"""Where the middle of a stop is, along the radius [m]: beyond the way of a hand to the next grip."""
SIDES = ("far", "left", "near", "right")


class LiftFreeGrip(LiftRing):
    """Lift the wheel by a grip that no stop bars.

    **Goal**: hold the wheel 6 cm above its rest for half a second, by one grip.
    **Randomised**: the wheel's position (x +-3 cm, y +-4 cm) and yaw (+-10 degrees), with it the stops; which
    of the two grips on each side its stop bars, by a fair coin for each; the hand starts above the drum
    (x +-5 mm, y +-3 mm, z +-1 cm), its fingers half-way between two grips.
    **Success**: lifted >= 6 cm and slower than 10 cm/s for 10 control steps. Touching the drum, a fin or a
    stop ends the episode.
    """

    id = "PandaLiftFreeGrip-v1"
    goal = "Lift the wheel by a free grip, without touching the drum, its fins and the four stops."
    modes = ("far side", "left side", "near side", "right side")
    objects = ("wheel", *(f"{side}_stop" for side in SIDES))
    angles = ANGLES
    grasps = PLACES[::2]
    hand_yaw = float(PLACES[:, 3].mean())
    parts = tuple(f"{side}_{which}_grip" for side in SIDES for which in ("first", "second"))
    forbidden = ("drum", *FINS, *(f"{side}_{edge}" for side in SIDES for edge in ("cheek", "other_cheek")))
    stops: ClassVar[tuple[str, ...]] = objects[1:]

    def build(self, scene: Scene) -> None:
        super().build(scene)
        for stop, side in zip(self.stops, SIDES, strict=True):
            body = scene.fixed(stop)
            for name, y in ((f"{side}_cheek", CHEEK_Y), (f"{side}_other_cheek", -CHEEK_Y)):
                scene.box(body, name, CHEEK, (0, y, CHEEK[2] / 2), RED)

    @property
    def observation(self) -> tuple[Spec, ...]:
        """Components of the `state` track: of the stops the positions alone, which tell what they bar."""
        hidden = {f"{stop}_heading" for stop in self.stops}
        return tuple(spec for spec in super().observation if spec.name not in hidden)

    def observe(self, simulation: SimulationData) -> dict[str, np.ndarray]:
        found = super().observe(simulation)
        return {spec.name: found[spec.name] for spec in self.observation if spec.name in found}

    def poses(self) -> dict[str, tuple[float, float, float]]:
        """Return where each body rests while the stops bar the second grip of every side."""
        at = STOP_RADIUS * heading(ANGLES[1::2])
        return {"wheel": (0.0, 0.0, 0.0)} | {
            stop: (float(x), float(y), 0.0) for stop, (x, y) in zip(self.stops, at, strict=True)
        }

    def start(self, rng: np.random.Generator) -> Start:
        """Draw one episode's start, then which grips are barred."""
        start = super().start(rng)
        second = rng.uniform(size=len(self.stops)) <= 0.5
        poses = dict(start.poses)
        for stop, pair, turned in zip(self.stops, ANGLES.reshape(-1, 2), second, strict=True):
            angle = pair[int(turned)]
            at = from_frame(np.array([*STOP_RADIUS * heading(angle), 0.0]), start.frame)
            poses[stop] = np.array([*at, *yaw_quaternion(start.frame[2] + angle)])
        return start._replace(poses=poses)

    def plan(
        self, simulation: SimulationData, modes: np.ndarray, starts: np.ndarray | None = None
    ) -> np.ndarray:
        hands = simulation.in_frame(simulation.tcp_position) if starts is None else starts[0]
        grips = self.taken_places(self.observe(simulation), np.asarray(modes))
        return plan_from_paths((self._path(hands, grips),), simulation.frame)

    def taken_places(self, observation: Mapping[str, np.ndarray], modes: np.ndarray) -> np.ndarray:
        """Return the free grip on the side of each mode, (N,) int."""
        stops = np.stack([observation[f"{stop}_position"][:, :2] for stop in self.stops], 1)
        x, y = (stops[np.arange(len(modes)), modes] - observation["wheel_position"][:, :2]).T
        wheel = observation["wheel_heading"]
        # the barred grip of a side is left or right of the side's middle, seen from the wheel, as its stop is
        _, aside = rotated_back(x, y, np.arctan2(wheel[:, 1], wheel[:, 0]) + np.pi / 2 * modes)
        return (2 * modes + (aside < 0)).astype(int)

    def path(self, start: np.ndarray, modes: np.ndarray) -> HandPath:
        """Return the path while the stops bar the second grip of every side, as `poses` says."""
        return self._path(start, 2 * np.asarray(modes))

    def _path(self, start: np.ndarray, grips: np.ndarray) -> HandPath:
        return self.path_to(start, PLACES[grips, :3], PLACES[grips, 3])

    def places(self) -> np.ndarray:
        return PLACES

    def side(self, hand: np.ndarray) -> np.ndarray:
        away = np.linalg.norm(np.asarray(hand)[..., None, :2] - PLACES[:, :2], axis=-1)
        return np.where(self.in_dead_zone(self.mixture(hand)), -1, away.argmin(-1) // 2).astype(np.int8)

    def measure(self, simulation: Simulation) -> Measurement:
        lift = simulation.position("wheel")[:, 2].copy()
        grip = self.touched_part(simulation, self.parts)
        steady = simulation.speed("wheel") < STEADY
        return Measurement(
            hand=simulation.hand,
            opening=simulation.opening,
            lift=lift,
            at_goal=(lift >= self.success_height) & steady & (grip >= 0),
            in_hand=grip >= 0,
            part=grip // 2,
            illegal=np.max([simulation.force(name) for name in self.forbidden], axis=0),
            table=simulation.force("table"),
        )
