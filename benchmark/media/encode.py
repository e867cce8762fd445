"""Writes video files and their stills, whole or not at all."""

import re
import subprocess
from collections.abc import Generator, Iterable
from pathlib import Path

import imageio_ffmpeg
import numpy as np
from PIL import Image

from ...envs.errors import BimodalError
from ...envs.storage.atomic_write import atomic_write

_CODING = ["-crf", "23", "-preset", "veryfast", "-threads", "1", "-movflags", "+faststart", "-f", "mp4"]
"""Of good quality, and the index first, so that a browser begins before it has the whole file."""


def encode(path: Path, pictures: Iterable[np.ndarray], size: tuple[int, int], fps: int) -> np.ndarray:
    """Write an H.264 video that every browser plays; return its last picture.

    Args:
        path: the .mp4 file.
        pictures: (H, W, 3) uint8 each.
        size: their width and height, even numbers [pixels].
        fps: pictures a second.

    Raises:
        BimodalError: the disk or the encoder failed; nothing is left of the file.
    """
    picture = np.zeros((0, 0, 3), np.uint8)
    sent = 0
    with atomic_write(path) as draft:
        draft.touch()  # where nothing can be written, this says why
        writer = imageio_ffmpeg.write_frames(
            str(draft.absolute()),  # of a relative `a:b/c` ffmpeg would take `a` for a protocol
            size,
            fps=fps,
            codec="libx264",
            quality=None,  # type: ignore[arg-type] (a number would add a -crf of its own)
            macro_block_size=2,
            ffmpeg_log_level="quiet",
            output_params=list(_CODING),
        )
        writer.send(None)
        try:
            for picture in pictures:
                if not _sent(writer, picture):
                    break
                sent += 1
        finally:
            writer.close()
        if not holds(draft, sent):  # the encoder's exit code is not told
            raise BimodalError(f"cannot write {path}: the encoder failed; is the disk full?")
    return picture


def _sent(writer: Generator[None, np.ndarray, None], picture: np.ndarray) -> bool:
    """Hand a picture to the encoder; return whether it still takes any."""
    try:
        writer.send(np.ascontiguousarray(picture))
    except OSError:
        return False
    return True


def holds(path: Path, count: int) -> bool:
    """Return whether a file is a video of so many pictures; called when it is finished."""
    # imageio's own count lets ffmpeg read the terminal: it took the first letter of the next command.
    words = [imageio_ffmpeg.get_ffmpeg_exe(), "-nostdin", "-i", str(path.absolute())]
    words += ["-map", "0:v:0", "-c", "copy", "-f", "null", "-"]
    told = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    return told.returncode == 0 and re.findall(r"frame= *(\d+)", told.stderr)[-1:] == [str(count)]


def save_still(path: Path, picture: np.ndarray) -> None:
    """Write the .jpg that a page shows before the video plays.

    Raises:
        BimodalError: the disk refuses.
    """
    with atomic_write(path) as draft:
        Image.fromarray(picture).save(draft, "JPEG", quality=85)
