"""Draws one replayed episode into a video; called by `bimodal replay --video`."""

from pathlib import Path

import numpy as np

from ...envs.errors import unknown_name
from ...envs.rendering.cameras import CAMERAS
from ...envs.rendering.gl import configure_gl
from ...envs.specs import CONTROL_HZ
from .drawing import check_ending
from .encode import encode
from .episode_story import tell_story
from .filmed_episodes import FilmedEpisode
from .video_frames import Studio, frames

SIZE = (640, 480)
"""Width and height [pixels]."""


def check_video(out: Path, camera: str) -> None:
    """Refuse, before anything is simulated, a video that cannot be written.

    Raises:
        WrongUse: another ending than .mp4, or an unknown camera.
        BimodalError: nothing can be drawn here.
    """
    check_ending(out, (".mp4",))
    if camera not in CAMERAS:
        raise unknown_name("camera", camera, CAMERAS)
    configure_gl()


def write_replay_video(
    out: Path, episode: FilmedEpisode, states: np.ndarray, camera: str, policy: str
) -> Path:
    """Write the video of an episode and return its path; a state that diverged is left out.

    Args:
        out: the .mp4 file; see `check_video`.
        episode: what is shown, for the caption.
        states: before every control step and after the last, (T + 1, nstate).
        camera: one of `CAMERAS`.
        policy: name of the policy, for the caption.
    """
    story = tell_story(episode, states[np.isfinite(states).all(axis=1)])
    with Studio(SIZE, camera) as studio:
        encode(out, frames(episode, story, studio, CONTROL_HZ, policy), SIZE, CONTROL_HZ)
    return out
