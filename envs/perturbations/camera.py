"""What a camera does to a picture: acts on components whose name ends in `_image`, uint8 (N, H, W, 3)."""

import numpy as np
from PIL import Image, ImageFilter

from ..random_streams import stream
from ..scene_generation.episode_context import EpisodeContext
from .core.perturbation import Perturbation


class _Camera(Perturbation):
    """Base: changes every picture of every camera."""

    camera = True

    def picture(self, image: np.ndarray, camera: str, row: int, step: int) -> np.ndarray:
        """Return what a camera gives of one picture, (H, W, 3) uint8."""
        raise NotImplementedError

    def perturb_observation(self, seen: dict[str, np.ndarray], step: int) -> dict[str, np.ndarray]:
        if not self.magnitude:
            return seen
        images = {
            name: np.stack([self.picture(image, name, row, step) for row, image in enumerate(images)])
            for name, images in seen.items()
            if name.endswith("_image")
        }
        return seen | images


class CameraNoise(_Camera):
    """Every pixel scatters."""

    name = "sensing.camera_noise"
    unit = "grey levels of 255"
    levels = (0.0, 8.0, 16.0, 32.0)

    def draw_numbers(self, episode: EpisodeContext) -> np.ndarray:
        """Return the seed of the episode's noise, (1,)."""
        return episode.rng.integers(0, 2**62, 1)

    def picture(self, image: np.ndarray, camera: str, row: int, step: int) -> np.ndarray:
        rng = stream("camera noise", camera, int(self.draws[row, 0]), step)
        noisy = image + self.magnitude * rng.standard_normal(image.shape)
        return np.clip(np.rint(noisy), 0, 255).astype(np.uint8)


class CameraBlur(_Camera):
    """The lens is out of focus."""

    name = "sensing.camera_blur"
    unit = "pixels of 96"
    levels = (0.0, 0.75, 1.5, 3.0)

    def picture(self, image: np.ndarray, camera: str, row: int, step: int) -> np.ndarray:
        """Blur with a Gaussian of this standard deviation, scaled with the picture."""
        radius = self.magnitude * image.shape[0] / 96
        return np.asarray(Image.fromarray(image).filter(ImageFilter.GaussianBlur(radius)))


class CameraExposure(_Camera):
    """The picture is too bright or too dark, by one factor an episode."""

    name = "sensing.camera_exposure"
    unit = "stops"
    levels = (0.0, 0.5, 1.0, 1.5)

    def draw_numbers(self, episode: EpisodeContext) -> np.ndarray:
        """Return which of the two, (1,)."""
        return episode.rng.choice([-1.0, 1.0], 1)

    def picture(self, image: np.ndarray, camera: str, row: int, step: int) -> np.ndarray:
        """Scale the light by 2 to the power of the stops."""
        light = image * 2.0 ** (self.magnitude * self.draws[row, 0])
        return np.clip(np.rint(light), 0, 255).astype(np.uint8)
