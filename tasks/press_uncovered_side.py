"""Hold down a button on the side that no cover stands on; cameras show the cover, observed poses do not."""

import numpy as np

from ..envs.rendering.meshes import rounded_box
from ..envs.scene import Scene
from ..envs.simulation import Simulation
from ..envs.simulation_data import SimulationData
from ..envs.specs import Spec
from .core.modes import Measurement
from .press import PLATE_Z
from .sides import BUTTON_X, BUTTON_Y, DECISION_Z, PressSideTask

MAGENTA = (0.80, 0.12, 0.42)

COVERS = ("near_cover", "far_cover")
COVER = (0.072, 0.100, 0.052)
"""Extents of what stands over a button, on the console's plate [m]: 14 mm higher than the button's cap."""


class PressUncoveredSide(PressSideTask):
    """Hold down one of the two buttons on the side that is not covered.

    **Goal**: keep one of the two buttons on the open side down for half a second.
    **Randomised**: the console's position (x +-3 cm, y +-4 cm) and yaw (+-10 degrees); on which side the
    cover stands, by a fair coin; the hand starts above the bar (x +-5 mm, y +-3 mm), up to 2 cm over where
    the modes part.
    **Success**: a button of the open side is down for 10 control steps; the near and the far one are equally
    good. The pose of the cover is not observed, so a policy must see it in pictures. Touching the bar or the
    cover ends the episode.
    """

    id = "PandaPressUncoveredSide-v1"
    goal = "Hold down a button on the side that is not covered, without touching the bar and the cover."
    max_episode_steps = 40
    objects = ("console", "cover")
    more_grasps = PressSideTask.grasps * [1, -1, 1, 1]
    hand_start = (0.0, 0.0, DECISION_Z + 0.01)
    shared_steps = 2
    informed_control = "vision_flow"

    def build(self, scene: Scene) -> None:
        self.add_console(scene, self.buttons)
        cover = scene.fixed("cover")
        shell = rounded_box(np.array(COVER) / 2, 0.008)
        for x, name in zip((-BUTTON_X, BUTTON_X), COVERS, strict=True):
            at = (x, -BUTTON_Y, PLATE_Z + COVER[2] / 2)
            scene.box(cover, name, COVER, at, None)
            scene.shell(cover, f"{name}_shell", shell.vertices + at, shell.faces, MAGENTA)
            scene.watch(name, name)
        for button in (name for names in self.buttons for name in names):
            scene.spec.add_exclude(bodyname1="cover", bodyname2=button)  # the cap stands inside the cover

    @property
    def observation(self) -> tuple[Spec, ...]:
        """Components of the `state` track: nothing of the cover."""
        return tuple(spec for spec in super().observation if not spec.name.startswith("cover_"))

    def observe(self, simulation: SimulationData) -> dict[str, np.ndarray]:
        found = super().observe(simulation)
        return {spec.name: found[spec.name] for spec in self.observation if spec.name in found}

    def poses(self) -> dict[str, tuple[float, float, float]]:
        return {"console": (0.0, 0.0, 0.0), "cover": (0.0, 0.0, 0.0)}

    def shown_by(self) -> str:
        return "cover"

    def measure(self, simulation: Simulation) -> Measurement:
        found = super().measure(simulation)
        return found._replace(illegal=np.max([found.illegal, *map(simulation.force, COVERS)], axis=0))
