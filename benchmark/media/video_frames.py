"""Draws the pictures of recorded episodes: the scene, the wrist camera's view in a corner, text over both."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from ...envs.perturbations.core.variant import Variant
from ...envs.rendering.colours import OUTCOME_COLOURS
from ...envs.rendering.overlay import Caption, Ending, overlay
from ...envs.rendering.render import SMALLEST, Renderer
from ...envs.specs import CONTROL_HZ
from ...tasks import load_task
from ...tasks.core.outcomes import OUTCOMES
from ..records.replay import replay
from ..records.run_folder import read_run_record
from ..records.shard_file import read_shard, shard_file
from .encode import encode, save_still
from .filmed_episodes import FilmedEpisode

HOLD_S = 1.2
"""For how long the last frame stays, with the verdict [s]."""
INSET = 0.35
"""Width of the wrist camera's picture, as a share of the frame's."""
_MARGIN = 0.012  # of the inset, as a share of the frame's width
_RIM = 2  # of the inset [pixels]


def write_videos(
    folder: Path, episodes: Iterable[FilmedEpisode], camera: str, size: tuple[int, int], fps: int
) -> Iterator[Path]:
    """Write one video after the other, its last picture beside it; yield each file as it is finished."""
    policy = read_run_record(folder).policy
    (folder / "videos").mkdir(exist_ok=True)
    renderers: tuple[Renderer, Renderer] | None = None
    world: tuple = ()
    try:
        for episode in episodes:
            if _shown_world(episode) != world or renderers is None:
                for renderer in renderers or ():
                    renderer.close()
                renderers = renderers_of(episode, size)
                world = _shown_world(episode)
            path = folder / "videos" / episode.file
            states = _states(folder, episode, policy.action)
            pictures = frames(episode, states, renderers, camera, fps, policy.name)
            last = encode(path, pictures, size, fps)
            save_still(path.with_suffix(".jpg"), last)
            yield path
    finally:
        for renderer in renderers or ():
            renderer.close()


def frames(
    episode: FilmedEpisode,
    states: np.ndarray,
    renderers: tuple[Renderer, Renderer],
    camera: str,
    fps: int,
    policy: str,
) -> Iterator[np.ndarray]:
    """Yield the pictures of an episode, (H, W, 3) uint8 each.

    Args:
        episode: the episode.
        states: before every control step and after the last, (T + 1, nstate).
        renderers: of the frame and of the wrist camera's picture.
        camera: of the frame.
        fps: frames a second.
        policy: its name.
    """
    main, wrist = renderers
    for step, state in enumerate(states):
        picture = main.frame(state, camera)
        if camera != "wrist":
            _set_in(picture, wrist.frame(state, "wrist"))
        over = step == len(states) - 1
        seconds = step / CONTROL_HZ
        caption = Caption(episode.task, episode.seed, episode.variant, "", seconds, policy=policy)
        if over:
            caption = caption._replace(mode=episode.mode, ending=ending(episode.label))
        picture = overlay(picture, caption)
        for _ in range(1 + round(HOLD_S * fps) if over else 1):
            yield picture


def ending(label: str) -> Ending:
    """Return what is stamped on the last picture of an episode with this outcome."""
    outcome = OUTCOMES[label]
    words = outcome.short or "success: held for half a second"
    return Ending(words, OUTCOME_COLOURS[outcome.group])


def _states(folder: Path, episode: FilmedEpisode, action_space: str) -> np.ndarray:
    """Replay an episode; a state that diverged cannot be drawn and is left out."""
    stored = read_shard(shard_file(folder, episode.task, episode.variant, episode.shard)).result
    row = stored.shard.seeds.index(episode.seed)
    states = replay(load_task(episode.task), stored.trace, row, episode.steps, action_space, stored.shard)
    return states[np.isfinite(states).all(axis=1)]


def _shown_world(episode: FilmedEpisode) -> tuple:
    """Return what two episodes must share to be drawn with the same renderers."""
    variant = Variant(episode.variant)
    seen = variant.having("perturb_scene") or variant.having("perturb_appearance")
    return (episode.task, episode.variant, episode.seed) if seen else (episode.task,)


def renderers_of(episode: FilmedEpisode, size: tuple[int, int]) -> tuple[Renderer, Renderer]:
    """Return the renderers of the frame and of the inset, which is drawn in double size to smooth it."""
    task = load_task(episode.task)
    world = {"variant": Variant(episode.variant), "seed": episode.seed}
    wide, tall = (max(SMALLEST, 2 * round(INSET * side)) for side in size)
    return Renderer(task, *size, "video", **world), Renderer(task, wide, tall, "policy", **world)


def _set_in(picture: np.ndarray, inset: np.ndarray) -> None:
    """Lay a small picture with a white rim into the upper right corner of `picture` (H, W, 3)."""
    tall, wide = (round(INSET * side) for side in picture.shape[:2])
    margin = round(_MARGIN * picture.shape[1])
    corner = picture[margin : margin + tall, -margin - wide : -margin]
    corner[:] = 255
    small = Image.fromarray(inset).resize((wide - 2 * _RIM, tall - 2 * _RIM), Image.Resampling.BOX)
    corner[_RIM:-_RIM, _RIM:-_RIM] = np.asarray(small)
