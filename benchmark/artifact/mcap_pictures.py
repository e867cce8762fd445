"""The pictures of an MCAP export: what the camera in front sees, a few times a second; see `mcap_export`."""

import base64
import io
from collections.abc import Iterator

from PIL import Image

from ...envs.perturbations.core.variant import Variant
from ...envs.rendering.render import Renderer
from ...tasks import load_task
from .replay_episode import RecordedEpisode, recorded_states

CAMERA = "front"
EVERY = 4
"""Control steps from picture to picture: five pictures a second."""
SIZE = (480, 360)
"""Width and height [pixels]."""


def pictures_of(episode: RecordedEpisode) -> Iterator[tuple[int, str]]:
    """Yield control step and picture, a JPEG in base64, from an episode's start to its end.

    Raises:
        BimodalError: nothing can be drawn here.
    """
    shard = episode.result.shard
    world = {"variant": Variant(shard.variant), "seed": shard.seeds[0]}
    states = recorded_states(episode)
    with Renderer(load_task(shard.task), *SIZE, **world) as renderer:
        for step in range(0, len(states), EVERY):
            file = io.BytesIO()
            Image.fromarray(renderer.frame(states[step], CAMERA)).save(file, "JPEG", quality=85)
            yield step, base64.b64encode(file.getvalue()).decode("ascii")
