"""Draws the pictures of recorded episodes: the scene, in a corner what a camera saw, text over both."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, repeat, zip_longest
from pathlib import Path
from typing import Self

import numpy as np
from PIL import Image

from ...envs.perturbations.core.variant import Variant
from ...envs.rendering.colours import OUTCOME_COLOURS, mode_colour
from ...envs.rendering.marks import Mark, hand
from ...envs.rendering.overlay import Caption, Ending, Label, overlay
from ...envs.rendering.render import SMALLEST, Renderer
from ...envs.specs import CONTROL_HZ
from ...tasks import load_task
from ...tasks.core.outcomes import OUTCOMES
from ...tasks.core.task import PAD_RADIUS
from ..measures.planned_ways import planned_ways
from ..records.replay import replay
from ..records.run_folder import read_run_record
from ..records.run_record import RunRecord
from ..records.shard_file import read_shard, shard_file
from .drawing import INK, way_lines
from .encode import encode, save_still
from .episode_story import Story, instruction, policy_views, tell_story
from .filmed_episodes import FilmedEpisode

FREEZE_S = 1.0
"""For how long the decisive moment is shown again, with a sentence [s]."""
HOLD_S = 1.2
"""For how long the last frame stays, with the verdict [s]."""
INSET = 0.28
"""Height of the wrist camera's picture, or of what the policy saw, as a share of the frame's."""
_MARGIN = 0.012  # of the inset, as a share of the frame's width
_RIM = 2  # of the inset [pixels]


class Studio:
    """Renderers, kept while the episodes that follow show the same worlds; use it in a `with` statement."""

    def __init__(self, size: tuple[int, int], camera: str) -> None:
        """Draw frames of this size [pixels] with one of `cameras.CAMERAS`."""
        self.size = size
        self.camera = camera
        self._open: dict[tuple, Renderer] = {}

    def renderer(self, episode: FilmedEpisode, size: tuple[int, int], quality: str) -> Renderer:
        """Return a renderer of an episode's world."""
        key = (*_shown_world(episode), size, quality)
        if key not in self._open:
            world = {"variant": Variant(episode.variant), "seed": episode.seed}
            self._open[key] = Renderer(load_task(episode.task), *size, quality, **world)
        return self._open[key]

    def keep(self, episodes: Iterable[FilmedEpisode]) -> None:
        """Close the renderers of other worlds than these episodes'."""
        worlds = {_shown_world(episode) for episode in episodes}
        for key in [key for key in self._open if key[:-2] not in worlds]:
            self._open.pop(key).close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.keep([])


def write_videos(
    folder: Path, episodes: Iterable[FilmedEpisode], camera: str, size: tuple[int, int], fps: int
) -> Iterator[Path]:
    """Write one video after the other, its last picture beside it; yield each file as it is finished."""
    record = read_run_record(folder)
    policy = record.policy
    (folder / "videos").mkdir(exist_ok=True)
    with Studio(size, camera) as studio:
        for episode in episodes:
            shown = [episode.twin, episode] if episode.twin else [episode]
            studio.keep(shown)
            stories = [_story(folder, one, record) for one in shown]
            path = folder / "videos" / episode.file
            if len(shown) == 1:
                pictures = frames(episode, stories[0], studio, fps, policy.name)
                last = encode(path, pictures, size, fps)
            else:
                pictures = _side_by_side(shown, stories, studio, fps, policy.name)
                wide, tall = _pane(size)
                last = encode(path, pictures, (2 * wide, tall), fps)
            save_still(path.with_suffix(".jpg"), last)
            yield path


def _story(folder: Path, episode: FilmedEpisode, record: RunRecord) -> Story:
    """Return what is shown of an episode of a run, replayed."""
    states = replayed_states(folder, episode, record.policy.action)
    story = tell_story(episode, states)
    file = shard_file(folder, episode.task, episode.variant, episode.shard)
    assert story.frame is not None
    return story._replace(
        views=policy_views(episode, states, record.policy),
        ways=planned_ways(file, episode.seed, episode.steps, record.policy, story.frame),
        said=instruction(episode, record),
    )


def _side_by_side(
    shown: Sequence[FilmedEpisode], stories: Sequence[Story], studio: Studio, fps: int, policy: str
) -> Iterator[np.ndarray]:
    """Yield the pictures of two episodes beside each other; the shorter one waits at its end."""
    pane = _pane(studio.size)
    both = [frames(one, story, studio, fps, policy, pane) for one, story in zip(shown, stories, strict=True)]
    last: list[np.ndarray] = []
    for pair in zip_longest(*both):
        last = [old if new is None else new for new, old in zip(pair, last or pair, strict=True)]
        both_shown = np.hstack(last)
        both_shown[:, pane[0] - 1 : pane[0] + 1] = 255
        yield both_shown


def _pane(size: tuple[int, int]) -> tuple[int, int]:
    """Return the size of one of two pictures side by side, three quarters of a frame's [pixels]."""
    return 2 * round(0.375 * size[0]), 2 * round(0.375 * size[1])


def frames(
    episode: FilmedEpisode,
    story: Story,
    studio: Studio,
    fps: int,
    policy: str,
    pane: tuple[int, int] | None = None,
) -> Iterator[np.ndarray]:
    """Yield the pictures of an episode, (H, W, 3) uint8 each.

    After the last one the decisive moment is shown again and held, with a sentence, then the end with the
    verdict. So up to its end a video has one frame for each control step.

    Args:
        episode: the episode.
        story: what is shown of it.
        studio: gives the renderers.
        fps: frames a second.
        policy: its name.
        pane: size of one of two pictures side by side; None for a frame with the wrist camera's in a corner.
    """
    main = studio.renderer(episode, pane or studio.size, "video")
    decided = picture = np.zeros((0, 0, 3), np.uint8)
    caption = Caption(episode.task, episode.seed, episode.variant, "", 0.0, policy=policy, said=story.said)
    insets = _insets(episode, story, studio, pane)
    for step, (state, inset) in enumerate(zip(story.states, insets, strict=True)):
        caption = caption._replace(time=step / CONTROL_HZ, hold=float(story.hold[step]))
        picture = main.frame(state, studio.camera, _marks(episode, story))
        if inset is not None:
            caption = caption._replace(said_room=1 - _set_in(picture, inset))
        if studio.camera != "wrist":
            lines = way_lines(story.ways[step : step + 1], main)
            caption = caption._replace(labels=_labels(episode, story, main), lines=lines)
        if step == story.moment:
            caption = caption._replace(contact=_contact(story, main))
            decided = overlay(picture, caption._replace(ending=Ending(story.sentence, INK)))
        yield overlay(picture, caption)
    yield from repeat(decided, round(FREEZE_S * fps))
    end = caption._replace(mode=episode.mode, ending=ending(episode.label))
    yield from repeat(overlay(picture, end), round(HOLD_S * fps))


def _insets(
    episode: FilmedEpisode, story: Story, studio: Studio, pane: tuple[int, int] | None
) -> Iterator[np.ndarray | None]:
    """Yield what stands in the corner of each frame: what the policy saw, else the wrist camera's view."""
    if story.views is not None:
        yield from story.views
    elif pane is None and studio.camera != "wrist":
        # larger than it is shown, to smooth it
        wide, tall = (max(SMALLEST, round(1.5 * INSET * side)) for side in studio.size)
        renderer = studio.renderer(episode, (wide, tall), "policy")
        yield from (renderer.frame(state, "wrist") for state in story.states)
    else:
        yield from repeat(None, len(story.states))


def _marks(episode: FilmedEpisode, story: Story) -> list[Mark]:
    """Return the open fingers of each mode, at every object at which they may act."""
    k = len(load_task(episode.task).modes)
    hands = (hand(pose, PAD_RADIUS, mode_colour(row % k)) for row, pose in enumerate(story.grasps))
    return list(chain.from_iterable(hands))


def _contact(story: Story, renderer: Renderer) -> tuple[float, float] | None:
    """Return where the last picture shows the forbidden touch: right, down [pixels]."""
    if story.contact is None:
        return None
    x, y = renderer.pixels(story.contact[None])[0]
    return float(x), float(y)


def _labels(episode: FilmedEpisode, story: Story, renderer: Renderer) -> tuple[Label, ...]:
    """Return the modes' names, each below its fingers in the last picture."""
    names = load_task(episode.task).modes
    below = renderer.pixels(story.grasps[:, :3] - [0, 0, PAD_RADIUS])
    return tuple(
        Label(names[row % len(names)], (float(x), float(y)), mode_colour(row % len(names)))
        for row, (x, y) in enumerate(below)
    )


def ending(label: str) -> Ending:
    """Return what is stamped on the last picture of an episode with this outcome."""
    outcome = OUTCOMES[label]
    words = outcome.short or "success: held for half a second"
    return Ending(words, OUTCOME_COLOURS[outcome.group])


def replayed_states(folder: Path, episode: FilmedEpisode, action_space: str) -> np.ndarray:
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


def _set_in(picture: np.ndarray, inset: np.ndarray) -> int:
    """Lay a small picture with a white rim into the upper right corner of `picture` (H, W, 3).

    Returns:
        The share of the width that it takes.
    """
    tall = round(INSET * picture.shape[0])
    wide = round(tall * inset.shape[1] / inset.shape[0])
    margin = round(_MARGIN * picture.shape[1])
    corner = picture[margin : margin + tall, -margin - wide : -margin]
    corner[:] = 255
    small = Image.fromarray(inset).resize((wide - 2 * _RIM, tall - 2 * _RIM), Image.Resampling.BOX)
    corner[_RIM:-_RIM, _RIM:-_RIM] = np.asarray(small)
    return (wide + margin) / picture.shape[1]
