"""Generated looks: light, materials, cameras. They change pictures and nothing else."""

import mujoco
import numpy as np
from PIL import Image

from ..frames import heading
from ..robot.model_files import ROBOSUITE_MODELS
from ..scene_generation.distributions import Family, choice, uniform
from ..scene_generation.episode_context import EpisodeContext
from .core.perturbation import Perturbation

TABLES = Family(
    ("blue-wood", "dark-wood", "gray-woodgrain", "green-wood", "red-wood"),
    ("ceramic", "clay", "gray-felt", "metal", "pink-plaster", "steel-brushed", "wood-varnished-panels"),
)
"""robosuite's pictures that cover the table: woods are seen in train scenes, other materials are not."""
_MIXED = {"floor": 0.2, "edge": 0.3}  # share of the drawn colour in these materials; half in objects'
LAMPS = ("key", "fill")


class Lighting(Perturbation):
    """The lamps shine from elsewhere, brighter or darker, warmer or colder.

    Their directions turn by up to the magnitude; brightness and colour change by up to as many percent.
    """

    name = "scene.lighting"
    unit = "degrees at most"
    levels = (0.0, 15.0, 30.0, 45.0)

    def perturb_appearance(self, model: mujoco.MjModel, episode: EpisodeContext) -> None:
        if not self.level:
            return
        for name in LAMPS:
            turn, rise, bright, warm = self.magnitude * uniform(episode.rng, -np.ones(4), 1.0)
            lamp = model.light(name)
            lamp.dir[:] = _turned(lamp.dir, turn, rise / 2)
            tint = 1 + warm / 100 * np.array([0.5, 0.0, -0.5])
            lamp.diffuse[:] *= (1 + bright / 100) * tint
        around = 1 + float(uniform(episode.rng, -self.magnitude, self.magnitude)) / 100
        model.vis.headlight.ambient[:] *= around
        model.vis.headlight.diffuse[:] *= around


def _turned(direction: np.ndarray, turn: float, rise: float) -> np.ndarray:
    """Return a direction turned about z and raised [degrees], still downwards."""
    yaw = np.arctan2(direction[1], direction[0]) + np.radians(turn)
    steep = np.arcsin(np.clip(-direction[2] / np.linalg.norm(direction), -1, 1)) + np.radians(rise)
    steep = np.clip(steep, np.radians(25), np.radians(88))
    return np.array([*(np.cos(steep) * heading(yaw)), -np.sin(steep)])


class Texture(Perturbation):
    """The table is of another material, floor and objects of other colours, by a share of the way."""

    name = "scene.texture"
    unit = "% of the way to another look"
    levels = (0.0, 33.0, 67.0, 100.0)
    family = TABLES

    def perturb_appearance(self, model: mujoco.MjModel, episode: EpisodeContext) -> None:
        if not self.level:
            return
        share = self.magnitude / 100
        kinds = TABLES.kinds(episode.seed)
        _cover(model, kinds[choice(episode.rng, len(kinds))], share)
        for index in range(model.nmat):
            name = model.mat(index).name
            drawn = uniform(episode.rng, np.full(3, 0.1), 0.95)
            part = 0.5 if name.startswith("paint ") else _MIXED.get(name, 0.0)
            colour = model.mat_rgba[index, :3].copy()
            model.mat_rgba[index, :3] = colour + part * share * (drawn - colour)


def _cover(model: mujoco.MjModel, kind: str, share: float) -> None:
    """Mix the table's picture with another one."""
    texture = model.tex("wood")
    wide = int(texture.width[0])
    tall = int(texture.height[0])
    begin = int(texture.adr[0])
    with Image.open(ROBOSUITE_MODELS / "textures" / f"{kind}.png") as image:
        other = np.asarray(image.convert("RGB").resize((wide, tall)), float)
    data = model.tex_data[begin : begin + other.size]
    data[:] = np.rint((1 - share) * data + share * other.ravel()).astype(np.uint8)


class Camera(Perturbation):
    """The cameras that stand still stand elsewhere.

    They go around the point that they look at by up to the magnitude, up or down by half of it, nearer or
    farther by as many percent; their opening angle changes by up to a fifth of it.
    """

    name = "scene.camera"
    unit = "degrees at most"
    levels = (0.0, 5.0, 10.0, 20.0)

    def perturb_appearance(self, model: mujoco.MjModel, episode: EpisodeContext) -> None:
        if not self.level:
            return
        from ..rendering.cameras import views  # which needs what simulations do not

        turn, rise, away, wide = self.magnitude * uniform(episode.rng, -np.ones(4), 1.0)
        for name, view in views(episode.task.arms).items():
            camera = model.camera(name)
            elevation = float(np.clip(view.elevation + rise / 2, -89.9, -4.0))
            moved = view._replace(
                azimuth=view.azimuth + turn, elevation=elevation, distance=view.distance * (1 + away / 100)
            )
            place, axes = moved.frame()
            camera.pos[:] = place
            mujoco.mju_mat2Quat(camera.quat, axes.ravel())
            camera.fovy[:] += wide / 5
