"""Videos of a run, drawn afterwards from the traces: what a policy does right, and what goes wrong.

Scoring never waits for a picture, and a video never shows another episode than the one that was scored: its
states are replayed from the record (`replay.py`).
"""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np

from ...envs.errors import WrongUse
from ...envs.rendering.gl import configure_gl
from ...envs.specs import CONTROL_HZ
from ..processes import Report, watch_calls
from .filmed_episodes import FilmedEpisode, episodes_to_film
from .video_frames import write_videos

Progress = Callable[[int, int], None]


def render_videos(
    run_dir: Path | str,
    camera: str = "closeup",
    size: tuple[int, int] = (640, 480),
    fps: int = CONTROL_HZ,
    progress: Progress | None = None,
    processes: int = 2,
    anew: bool = False,
    brief: bool = False,
) -> list[Path]:
    """Write the videos of a finished run into its folder; those that exist are kept.

    Args:
        run_dir: the run's folder.
        camera: one of `cameras.CAMERAS`; the wrist camera's picture is set into a corner.
        size: width and height, even numbers within 96..1280 [pixels].
        fps: frames a second, one for each control step; 20 is real time.
        progress: called with (videos there, videos).
        processes: side by side; 0 or 1 to stay in this process. More are started afresh (spawn) and import
            the caller's main module: a script that calls this needs `if __name__ == "__main__":`.
        anew: draw those that exist, too.
        brief: only one of each outcome.

    Returns:
        All videos of `episodes_to_film`, in its order.

    Raises:
        BimodalError: not a finished run, no OpenGL, or a full disk; what is finished is kept.
    """
    _check_format(size, fps)
    configure_gl()
    episodes = episodes_to_film(folder := Path(run_dir), brief)
    files = [folder / "videos" / episode.file for episode in episodes]
    missing = [one for one, file in zip(episodes, files, strict=True) if anew or not file.exists()]
    there = len(episodes) - len(missing)
    if progress:
        progress(there, len(episodes))
    parts = [partial(_film, folder, part, camera, size, fps) for part in _share_out(missing, processes)]
    _side_by_side(parts, lambda done: progress(there + done, len(episodes)) if progress else None)
    return files


def _check_format(size: tuple[int, int], fps: int) -> None:
    if size[0] % 2 or size[1] % 2 or fps < 1:
        raise WrongUse(
            f"a video of {size[0]}x{size[1]} at {fps} fps cannot be written; sides must be even, fps >= 1"
        )


def _film(
    folder: Path,
    episodes: list[FilmedEpisode],
    camera: str,
    size: tuple[int, int],
    fps: int,
    report: Report,
) -> None:
    """Write the videos of some episodes and report each."""
    for done, _ in enumerate(write_videos(folder, episodes, camera, size, fps), 1):
        report(done)


def _side_by_side(parts: list[Callable[[Report], None]], tell: Callable[[int], None]) -> None:
    """Run the parts, one in this process or each in its own; tell how many videos they have written."""
    if len(parts) == 1:
        parts[0](tell)
        return
    done = dict.fromkeys(range(len(parts)), 0)
    for part, state in watch_calls(dict(enumerate(parts)), len(parts)):
        if state.error is not None:
            raise state.error
        if state.done > done[part]:
            done[part] = state.done
            tell(sum(done.values()))


def _share_out(episodes: list[FilmedEpisode], processes: int) -> list[list[FilmedEpisode]]:
    """Cut the episodes into sequences of about equally many frames, so that few tasks are set up twice."""
    episodes = sorted(episodes, key=lambda episode: episode.task)
    length = np.array([one.steps + (one.twin.steps if one.twin else 0) for one in episodes], float)
    middle = np.cumsum(length) - length / 2
    part = (middle * max(processes, 1) / max(length.sum(), 1)).astype(int)
    return [[episodes[i] for i in np.flatnonzero(part == number)] for number in np.unique(part)]
