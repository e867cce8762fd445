"""Pictures are noisy, blurred or exposed wrongly by what is claimed."""

import numpy as np
import pytest
from bimodal.envs.perturbations.core.registry import perturbations
from bimodal.envs.scene_generation.episode_context import EpisodeContext
from perturbed_episodes import TASK


def pictures(name, level, image, cameras=("front_image",), n=8):
    """Return what the cameras give of one picture in n episodes, (cameras, n, H, W, 3)."""
    camera = perturbations()[name](level)
    episode = EpisodeContext(TASK, 0, np.random.default_rng(7))
    camera.reset(TASK, np.stack([camera.draw_numbers(episode) for _ in range(n)]))
    seen = camera.perturb_observation(
        {name: np.repeat(image[None], n, 0) for name in cameras} | {"x": np.ones((n, 1))}, 3
    )
    assert (seen["x"] == 1).all()
    return np.stack([seen[name] for name in cameras])


@pytest.mark.parametrize("level", [0, 1, 2, 3])
def test_pixels_scatter(level):
    grey = np.full((48, 48, 3), 128, np.uint8)
    found = pictures("sensing.camera_noise", level, grey, ("front_image", "wrist_image")).astype(float)
    spread = perturbations()["sensing.camera_noise"].levels[level]
    assert found.std() == pytest.approx(spread, rel=0.05) and found.mean() == pytest.approx(128, abs=0.5)
    if level:
        flat = found.reshape(16, -1)
        assert np.abs(np.corrcoef(flat) - np.eye(16)).max() < 0.1


@pytest.mark.parametrize("level", [0, 1, 2, 3])
def test_the_picture_is_blurred_by_so_many_pixels(level):
    dot = np.zeros((97, 97, 3), np.uint8)
    dot[44:53, 44:53] = 255
    found = pictures("sensing.camera_blur", level, dot, n=1)[0, 0, :, :, 0].astype(float)
    places = np.arange(97) - 48
    spread = (found.sum(0) @ places**2) / found.sum() - (9**2 - 1) / 12
    assert np.sqrt(max(spread, 0)) == pytest.approx(
        perturbations()["sensing.camera_blur"].levels[level], rel=0.08, abs=0.02
    )


@pytest.mark.parametrize("level", [0, 1, 2, 3])
def test_the_light_is_so_many_stops_off(level):
    grey = np.full((4, 4, 3), 64, np.uint8)
    means = pictures("sensing.camera_exposure", level, grey)[0].mean((1, 2, 3))
    stops = perturbations()["sensing.camera_exposure"].levels[level]
    assert {*np.round(np.log2(means / 64), 1)} == {stops, -stops}
