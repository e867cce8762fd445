"""Pull a machine's slide by one of its two knobs; a gauge stands between them and must not be touched."""

import mujoco
import numpy as np

from ..envs.frames import rotation_z
from ..envs.rendering.meshes import rounded_box, rounded_cylinder
from ..envs.scene import Scene
from ..envs.simulation import Simulation
from .core.hand_path import HandPath
from .core.task import ALONG_X, SETTLED, Measurement
from .lift import LiftTask

ENAMEL = (0.20, 0.33, 0.36)
STEEL = (0.66, 0.69, 0.72)
BAKELITE = (0.72, 0.14, 0.12)
BRASS = (0.80, 0.62, 0.28)
DIAL = (0.95, 0.94, 0.90)
INK = (0.12, 0.13, 0.15)

KNOB = (0.030, 0.050, 0.040)
"""Extents of a knob [m]."""
KNOB_Y = 0.10
"""Distance of a knob from the middle [m]."""
BED = (0.27, 0.32, 0.006)
"""Extents of the bed that lies on the table [m]."""
BED_X = -0.065
"""Where its centre is [m]."""
RAIL = (0.27, 0.014, 0.022)
"""Extents of a rail, at each long side of the bed [m]."""
SLIDE_Z = 0.009
"""Underside of the slide over the table [m]: 3 mm above the bed."""
THICK = 0.012
"""Thickness of the slide [m]."""
WING = (0.11, 0.07)
"""Extents of the slide's two wings, which carry the knobs [m]."""
YOKE = (0.035, 0.27)
"""Extents of the bar that joins the wings, on the near side of the gauge [m]."""
GAUGE_DIAMETER = 0.094
"""Gauge [m]; 9.4 cm against the gripper's 8 cm stroke, so that nothing can be gripped in the middle."""
GAUGE_HEIGHT = 0.09
"""Height of the gauge [m]."""
WAY = 0.105
"""How far the slide goes until it meets its stop [m]; success is at 0.08."""
PULL = 0.1155
"""How far the experts' hand goes [m]: past the stop."""
FRICTION = 3.0
"""Dry friction of the slide [N]."""
DAMPING = 20.0
"""Viscous resistance of the slide [N s/m]."""
GRASP_Z = SLIDE_Z + THICK + 0.021
"""TCP height of the grasp [m]: the fingertips 12 mm over the slide."""
DECISION_Z = GAUGE_HEIGHT + 0.0092 + 0.015
"""TCP height where the modes part [m]: the fingertips 15 mm above the gauge."""


class SlideTwinKnob(LiftTask):
    """Pull the slide towards the robot by its left or its right knob.

    **Goal**: hold the slide 8 cm out for half a second, gripped by one knob.
    **Randomised**: the machine's position (x +-3 cm, y +-4 cm) and yaw (+-10 degrees); the hand starts
    above the gauge (x +-5 mm, y +-3 mm, z +-1 cm).
    **Success**: pulled >= 8 cm and slower than 5 cm/s for 10 control steps. Touching the gauge ends the
    episode.
    """

    id = "PandaSlideTwinKnob-v1"
    goal = "Pull the slide out by its left or its right knob, without touching the gauge between them."
    modes = ("left knob", "right knob")
    max_episode_steps = 100
    objects = ("bed", "slide")
    grasps = np.array([[0.0, KNOB_Y, GRASP_Z, ALONG_X], [0.0, -KNOB_Y, GRASP_Z, ALONG_X]])
    success_height = 0.08
    centre = (0.56, 0.0)
    hand_start = (0.0, 0.0, DECISION_Z + 0.06)
    parts = ("left_knob", "right_knob")
    forbidden = ("gauge",)
    decision_z = DECISION_Z
    arc_steps = 11

    def build(self, scene: Scene) -> None:
        bed = scene.fixed("bed")
        scene.box(bed, "bed", BED, (BED_X, 0, BED[2] / 2), ENAMEL)
        for name, side in (("left_rail", 1), ("right_rail", -1)):
            at = (BED_X, side * (BED[1] - RAIL[1]) / 2, BED[2] + RAIL[2] / 2)
            scene.box(bed, name, RAIL, at, STEEL)
        scene.cylinder(bed, "gauge", GAUGE_DIAMETER, GAUGE_HEIGHT, (0, 0, GAUGE_HEIGHT / 2), BRASS)
        scene.watch("gauge", "gauge")
        self._draw_dial(scene, bed)

        slide = scene.sliding(bed, "slide", (-1, 0, 0), WAY, FRICTION, DAMPING)
        z = SLIDE_Z + THICK / 2
        knob_z = SLIDE_Z + THICK + KNOB[2] / 2
        at = (-(WING[0] + YOKE[0]) / 2, 0, z)
        scene.box(slide, "yoke", (*YOKE, THICK), at, STEEL, mass=0.10)
        for side, name in ((1, "left"), (-1, "right")):
            scene.box(slide, f"{name}_wing", (*WING, THICK), (0, side * KNOB_Y, z), STEEL, mass=0.10)
            scene.box(slide, f"{name}_knob", KNOB, (0, side * KNOB_Y, knob_z), BAKELITE, mass=0.02)
            scene.watch_fingers(f"{name}_knob", f"{name}_knob")

    def _draw_dial(self, scene: Scene, bed: mujoco.MjsBody) -> None:
        """Add the gauge's white face with its needle and a ring of marks, which are only seen."""
        face = rounded_cylinder(0.041, 0.001, 0.0005)
        scene.shell(bed, "dial", face.vertices + [0, 0, GAUGE_HEIGHT], face.faces, DIAL)
        mark = rounded_box(np.array([0.004, 0.0012, 0.0005]), 0.0002)
        top = GAUGE_HEIGHT + 0.0012
        around = np.deg2rad(np.arange(-135, 136, 30))
        marks = [_spun(mark.vertices + [0.034, 0, top], angle) for angle in around]
        faces = [mark.faces + len(mark.vertices) * index for index in range(len(marks))]
        scene.shell(bed, "marks", np.concatenate(marks), np.concatenate(faces), INK)
        needle = rounded_box(np.array([0.017, 0.0016, 0.0006]), 0.0003)
        at = _spun(needle.vertices + [0.012, 0, top + 0.0004], np.deg2rad(40))
        scene.shell(bed, "needle", at, needle.faces, BAKELITE)

    def poses(self) -> dict[str, tuple[float, float, float]]:
        return {"bed": (0.0, 0.0, 0.0)}

    def path(self, start: np.ndarray, modes: np.ndarray) -> HandPath:
        grasp = self.grasps[modes, :3]
        return (
            HandPath(start, self.hand_yaw)
            .line(self.decision(start), self.shared_steps)
            .arc(grasp, self.arc_steps)
            .wait(2)
            .close(4)
            .line(grasp - [PULL, 0, 0], 12)
            .wait(18)
        )

    def measure(self, simulation: Simulation) -> Measurement:
        slid = -simulation.in_frame(simulation.position("slide"))[:, 0]
        part = self.touched_part(simulation, self.parts)
        settled = simulation.speed("slide") < SETTLED
        return Measurement(
            hand=simulation.hand,
            opening=simulation.opening,
            lift=slid,
            at_goal=(slid >= self.success_height) & settled & (part >= 0),
            in_hand=part >= 0,
            part=part,
            illegal=simulation.force("gauge"),
            table=simulation.force("table"),
        )


def _spun(vertices: np.ndarray, angle: float) -> np.ndarray:
    """Return vertices (V, 3) turned about z by `angle` [rad]."""
    return vertices @ rotation_z(angle).T
