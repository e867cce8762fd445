"""The pictures of a LeRobot data set: one video of many episodes for each camera, and what is said of it."""

from collections.abc import Generator
from pathlib import Path
from typing import Any, NamedTuple

import imageio_ffmpeg
import numpy as np

from ...envs.errors import BimodalError
from ...envs.perturbations.core.variant import Variant
from ...envs.rendering.render import Renderer
from ...envs.specs import CONTROL_HZ
from ..media.encode import holds
from .episodes import DataSource, Episode
from .parquet_series import Place
from .statistics import statistics

SIZE = 224
"""Width and height of the pictures [pixels]; what most vision encoders take."""
FRAMES = 20_000
"""Pictures after which a file is closed and the next one begun; about 100 MB."""
TEMPLATE = "videos/{video_key}/chunk-{chunk_index:03d}/file-{file_index:03d}.mp4"
_CODING = [
    *("-crf", "18", "-preset", "veryfast", "-threads", "1"),
    *("-bf", "0", "-g", "2", "-movflags", "+faststart"),
]
"""H.264; every second picture stands alone, so that single ones are read quickly."""
_SAMPLED = 8
"""Every so many pictures, and every so many of their rows and columns, make the statistics."""


def key_of(camera: str) -> str:
    """Return the key of a camera's pictures."""
    return f"observation.images.{camera}"


def plain_feature() -> dict[str, Any]:
    """Return what info.json says of a video."""
    info = {
        "video.height": SIZE,
        "video.width": SIZE,
        "video.codec": "h264",
        "video.pix_fmt": "yuv420p",
        "video.fps": CONTROL_HZ,
        "video.channels": 3,
        "video.is_depth_map": False,
        "has_audio": False,
    }
    return {
        "dtype": "video",
        "shape": [SIZE, SIZE, 3],
        "names": ["height", "width", "channels"],
        "info": info,
    }


class Told(NamedTuple):
    """What the table of episodes says of one camera's pictures of one episode."""

    place: Place
    begin: float
    """Where in the file they begin [s]."""
    end: float
    statistics: dict[str, np.ndarray]


class Videos:
    """Draws and writes the pictures of episodes, one camera beside the other."""

    def __init__(self, folder: Path, source: DataSource) -> None:
        """Note what is drawn; nothing is opened before the first episode."""
        self._source = source
        self._variant = Variant(source.variant)
        self._renderer: tuple[int, Renderer] | None = None
        self._files = {camera: _VideoSeries(folder / "videos" / key_of(camera)) for camera in source.cameras}
        self._samples: dict[str, list[np.ndarray]] = {camera: [] for camera in source.cameras}

    def write(self, episode: Episode) -> dict[str, Told]:
        """Draw the pictures of an episode; return what is to be said of them, by key.

        Raises:
            BimodalError: nothing can be drawn here, or the encoder failed.
        """
        if episode.states is None or not self._files:
            return {}
        renderer = self._renderer_of(episode.seed)
        places = {camera: (file.place, file.frames) for camera, file in self._files.items()}
        sampled: dict[str, list[np.ndarray]] = {camera: [] for camera in self._files}
        for step, state in enumerate(episode.states):
            pictures = renderer.frames(state, self._source.cameras)
            for camera, picture in zip(self._source.cameras, pictures, strict=True):
                self._files[camera].write(picture)
                if step % _SAMPLED == 0:
                    sampled[camera].append(picture[::_SAMPLED, ::_SAMPLED].reshape(-1, 3))
        told = {}
        for camera, file in self._files.items():
            place, first = places[camera]
            self._samples[camera].append(np.concatenate(sampled[camera]))
            numbers = of_pictures(self._samples[camera][-1], episode.steps)
            told[key_of(camera)] = Told(
                place, first / CONTROL_HZ, (first + episode.steps) / CONTROL_HZ, numbers
            )
            file.end_episode()
        return told

    def statistics(self, frames: int) -> dict[str, dict[str, np.ndarray]]:
        """Return the numbers of all pictures by key."""
        return {
            key_of(camera): of_pictures(np.concatenate(parts), frames)
            for camera, parts in self._samples.items()
        }

    def _renderer_of(self, seed: int) -> Renderer:
        """Return what draws an episode: the same for all where the variant changes nothing that is seen."""
        shows = self._variant.having("perturb_scene") or self._variant.having("perturb_appearance")
        wanted = seed if shows else 0
        if self._renderer is None or self._renderer[0] != wanted:
            self._close_renderer()
            task = self._source.task
            self._renderer = (wanted, Renderer(task, SIZE, SIZE, "policy", self._variant, wanted))
        return self._renderer[1]

    def _close_renderer(self) -> None:
        if self._renderer:
            self._renderer[1].close()
            self._renderer = None

    def close(self) -> None:
        """Finish the files and give the graphics memory back."""
        self._close_renderer()
        for file in self._files.values():
            file.close()


def of_pictures(pixels: np.ndarray, frames: int) -> dict[str, np.ndarray]:
    """Return the numbers of pixels (n, 3) uint8, from 0 to 1, each (3, 1, 1) as LeRobot wants them."""
    numbers = {name: values.reshape(-1, 1, 1) for name, values in statistics(pixels / 255.0).items()}
    return numbers | {"count": np.array([frames])}


class _VideoSeries:
    """Video files of limited size, numbered as LeRobot does; an episode is whole in one file."""

    def __init__(self, folder: Path) -> None:
        self.place = Place(0, 0)
        """Where the next picture goes."""
        self.frames = 0
        """Pictures that the file has."""
        self._folder = folder
        self._writer: Generator[None, np.ndarray, None] | None = None

    @property
    def _path(self) -> Path:
        return self.place.path(self._folder, ".mp4")

    def write(self, picture: np.ndarray) -> None:
        """Write a picture (H, W, 3) uint8."""
        if self._writer is None:
            self._writer = self._begun()
        self._writer.send(np.ascontiguousarray(picture))
        self.frames += 1

    def _begun(self) -> Generator[None, np.ndarray, None]:
        """Begin a file; return what takes its pictures."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        writer = imageio_ffmpeg.write_frames(
            str(self._path.absolute()),  # of a relative `a:b/c` ffmpeg would take `a` for a protocol
            (SIZE, SIZE),
            fps=CONTROL_HZ,
            codec="libx264",
            quality=None,  # type: ignore[arg-type] (a number would add a -crf of its own)
            macro_block_size=2,
            ffmpeg_log_level="quiet",
            output_params=_CODING,
        )
        next(writer)
        return writer

    def end_episode(self) -> None:
        """Close the file if it has become large; by pictures, because the encoder writes when it likes."""
        if self.frames >= FRAMES:
            self.close()
            self.place = self.place.after()
            self.frames = 0

    def close(self) -> None:
        """Finish the file that is open.

        Raises:
            BimodalError: the encoder failed, whose exit code is not told.
        """
        if self._writer is None:
            return
        self._writer.close()
        self._writer = None
        if not holds(self._path, self.frames):
            raise BimodalError(f"cannot write {self._path}: the encoder failed; is the disk full?")
