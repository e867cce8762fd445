"""Videos of a run, drawn afterwards from the traces: what a policy does right, and what goes wrong.

Of every task one success in each mode is shown and one episode of every kind of failure, always the one
with the lowest seed. Scoring never waits for a picture, and a video never shows another episode than the
one that was scored: its states are replayed from the record (`replay.py`).
"""

import json
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import imageio_ffmpeg
import numpy as np
from PIL import Image

from ...envs.errors import BimodalError, WrongUse
from ...envs.files import disk_error
from ...envs.perturbations.core.variant import CLEAN, Variant
from ...envs.rendering.gl import configure_gl
from ...envs.rendering.overlay import AMBER, GREEN, RED, Caption, Ending, overlay
from ...envs.rendering.render import SMALLEST, Renderer
from ...envs.specs import CONTROL_HZ
from ...tasks import load_task
from ...tasks.core.outcomes import OUTCOMES
from ..records.replay import replay
from ..records.run_folder import read_run_record
from ..records.shard_file import read_shard, shard_file, slug
from ..scoring.task_scores import read_run

HOLD_S = 1.2
"""For how long the last frame stays, with the verdict [s]."""
INSET = 0.35
"""Width of the wrist camera's picture, as a share of the frame's."""
_MARGIN, _RIM = 0.012, 2  # of the inset: share of the frame's width, pixels
_CRF, _PRESET = "23", "veryfast"
_CHILD = "from bimodal.benchmark.media.videos import main; main()"


class Shot(NamedTuple):
    """An episode to be filmed."""

    task: str
    variant: str
    seed: int
    shard: int
    """Number of the shard that holds it."""
    label: str
    mode: str
    """Name of the realised mode, "" for none."""
    steps: int
    """Its length [control steps]."""

    @property
    def file(self) -> str:
        """Name of its video, as `gallery.py` reads it."""
        variant = [] if self.variant == CLEAN else [slug(self.variant)]
        mode = [self.mode.replace(" ", "_")] if self.mode else []
        return "-".join([self.task, *variant, str(self.seed), self.label, *mode]) + ".mp4"


def choose(run_dir: Path | str) -> list[Shot]:
    """Return what is worth seeing of a finished run: clean, one episode of each way to end, task by task; of
    every variant, one that it broke.

    Raises:
        BimodalError: not a finished run.
    """
    chosen: dict[tuple[str, ...], Shot] = {}
    won: set[tuple[str, int]] = set()
    for (task, variant), rows in read_run(run_dir).cells.items():
        columns = ("seed", "shard", "label", "mode_name", "steps")
        for values in zip(*(rows[name] for name in columns), strict=True):
            shot = Shot(task, variant, *values)
            success = OUTCOMES[shot.label].success
            if variant == CLEAN and success:
                won.add((task, shot.seed))
            if shot.steps > 0 and variant == CLEAN:
                kind = shot.mode if success else ""
                chosen.setdefault((task, variant, shot.label, kind), shot)
            elif shot.steps > 0 and not success and (task, shot.seed) in won:
                chosen.setdefault((variant,), shot)
    return list(chosen.values())


def render_videos(
    run_dir: Path | str,
    camera: str = "front",
    size: tuple[int, int] = (640, 480),
    fps: int = CONTROL_HZ,
    progress: Callable[[int, int], None] | None = None,
    processes: int = 2,
) -> list[Path]:
    """Write the videos of a finished run into its folder; those that exist are kept.

    Args:
        run_dir: the run's folder.
        camera: one of `cameras.CAMERAS`; the wrist camera's picture is set into a corner.
        size: width and height, even numbers within 96..640 [pixels].
        fps: frames a second, one for each control step; 20 is real time.
        progress: called with (videos there, videos).
        processes: side by side; 0 or 1 to stay in this process.

    Returns:
        All videos of `choose`, in its order.

    Raises:
        BimodalError: not a finished run, no OpenGL, or a full disk; what is finished is kept.
    """
    if size[0] % 2 or size[1] % 2 or fps < 1:
        raise WrongUse(
            f"a video of {size[0]}x{size[1]} at {fps} fps cannot be written; sides must be even, fps >= 1"
        )
    configure_gl()
    folder = Path(run_dir)
    shots = choose(folder)
    missing = [shot for shot in shots if not (folder / "videos" / shot.file).exists()]
    finished = len(shots) - len(missing)
    turn = threading.Lock()

    def count() -> None:
        nonlocal finished
        with turn:
            finished += 1
            if progress:
                progress(finished, len(shots))

    if progress:
        progress(finished, len(shots))
    parts = _share_out(missing, processes)
    if len(parts) <= 1:
        for _ in film(folder, missing, camera, size, fps):
            count()
    else:
        with ThreadPoolExecutor(len(parts)) as pool:
            jobs = [pool.submit(_film_in_child, folder, part, camera, size, fps, count) for part in parts]
            for job in jobs:
                job.result()
    return [folder / "videos" / shot.file for shot in shots]


def film(folder: Path, shots: Iterable[Shot], camera: str, size: tuple[int, int], fps: int) -> Iterator[Path]:
    """Write one video after the other, its last picture beside it; yield each as it is finished."""
    action_space = read_run_record(folder).policy.action
    (folder / "videos").mkdir(exist_ok=True)
    cameras: tuple[Renderer, Renderer] | None = None
    world: tuple = ()
    try:
        for shot in shots:
            if _world(shot) != world or cameras is None:
                for renderer in cameras or ():
                    renderer.close()
                cameras, world = _open(shot, size), _world(shot)
            path = folder / "videos" / shot.file
            states = _states(folder, shot, action_space)
            last = encode(path, frames(shot, states, cameras, camera, fps), size, fps)
            _save_poster(path.with_suffix(".jpg"), last)
            yield path
    finally:
        for renderer in cameras or ():
            renderer.close()


def frames(
    shot: Shot, states: np.ndarray, renderers: tuple[Renderer, Renderer], camera: str, fps: int
) -> Iterator[np.ndarray]:
    """Yield the pictures of an episode, (H, W, 3) uint8 each.

    Args:
        shot: the episode.
        states: before every control step and after the last, (T + 1, nstate).
        renderers: of the frame and of the wrist camera's picture.
        camera: of the frame.
        fps: frames a second.
    """
    main, wrist = renderers
    for step, state in enumerate(states):
        picture = main.frame(state, camera)
        if camera != "wrist":
            _set_in(picture, wrist.frame(state, "wrist"))
        over = step == len(states) - 1
        seconds = step / CONTROL_HZ
        caption = Caption(shot.task, shot.seed, shot.variant, "", seconds)
        if over:
            caption = caption._replace(mode=shot.mode, ending=ending(shot.label))
        picture = overlay(picture, caption)
        for _ in range(1 + round(HOLD_S * fps) if over else 1):
            yield picture


def ending(label: str) -> Ending:
    """Return what is stamped on the last picture of an episode with this outcome.

    Green is for success, red for an average of two modes, amber for every other failure.
    """
    outcome = OUTCOMES[label]
    words = f"{label}  ·  {outcome.short}" if outcome.short else label
    return Ending(words, GREEN if outcome.success else RED if outcome.averaging else AMBER)


def encode(path: Path, pictures: Iterable[np.ndarray], size: tuple[int, int], fps: int) -> np.ndarray:
    """Write an H.264 video that every browser plays, whole or not at all; return its last picture.

    Raises:
        BimodalError: the encoder failed; mostly a full disk.
    """
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    picture = ["-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{size[0]}x{size[1]}", "-r", str(fps)]
    coding = ["-c:v", "libx264", "-pix_fmt", "yuv420p", "-crf", _CRF, "-preset", _PRESET, "-threads", "1"]
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-y", "-v", "error", *picture, "-i", "-", *coding]
    command += ["-movflags", "+faststart", "-f", "mp4", str(partial)]
    try:
        with subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE) as encoder:
            last, said = _feed(encoder, pictures)
        if encoder.returncode:
            raise BimodalError(f"cannot write {path}: {said or f'ffmpeg ended with {encoder.returncode}'}")
        partial.replace(path)
        return last
    except OSError as error:
        raise disk_error(path.parent.parent, error) from error
    finally:
        partial.unlink(missing_ok=True)


def _feed(encoder: subprocess.Popen[bytes], pictures: Iterable[np.ndarray]) -> tuple[np.ndarray, str]:
    """Send pictures to the encoder; return the last one, and the last line that the encoder complained in."""
    assert encoder.stdin and encoder.stderr
    picture = np.zeros((0, 0, 3), np.uint8)
    try:
        for picture in pictures:
            encoder.stdin.write(picture.tobytes())
        encoder.stdin.close()
    except BrokenPipeError:
        pass  # it has ended before its time and says why
    except BaseException:
        encoder.kill()
        raise
    lines = encoder.stderr.read().decode(errors="replace").strip().splitlines()
    return picture, lines[-1] if lines else ""


def _save_poster(path: Path, picture: np.ndarray) -> None:
    """Write the still that a page shows before the video plays, whole or not at all."""
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        Image.fromarray(picture).save(partial, "JPEG", quality=85)
        partial.replace(path)
    except OSError as error:
        raise disk_error(path.parent.parent, error) from error
    finally:
        partial.unlink(missing_ok=True)


def _states(folder: Path, shot: Shot, action_space: str) -> np.ndarray:
    """Replay an episode; a state that diverged cannot be drawn and is left out."""
    stored = read_shard(shard_file(folder, shot.task, shot.variant, shot.shard)).result
    row = stored.shard.seeds.index(shot.seed)
    states = replay(load_task(shot.task), stored.trace, row, shot.steps, action_space, stored.shard)
    return states[np.isfinite(states).all(axis=1)]


def _world(shot: Shot) -> tuple:
    """Return what two shots must share to be drawn with the same renderers."""
    variant = Variant(shot.variant)
    seen = variant.having("perturb_scene") or variant.having("perturb_appearance")
    return (shot.task, shot.variant, shot.seed) if seen else (shot.task,)


def _open(shot: Shot, size: tuple[int, int]) -> tuple[Renderer, Renderer]:
    """Return the renderers of the frame and of the inset, which is drawn in double size to smooth it."""
    task, world = load_task(shot.task), {"variant": Variant(shot.variant), "seed": shot.seed}
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


# ------------------------------------------------------------------------------------------- processes


def _share_out(shots: list[Shot], processes: int) -> list[list[Shot]]:
    """Cut the shots into runs of about equally many frames, so that few tasks are set up twice."""
    length = np.array([shot.steps for shot in shots], float)
    middle = np.cumsum(length) - length / 2
    part = (middle * max(processes, 1) / max(length.sum(), 1)).astype(int)
    return [[shots[i] for i in np.flatnonzero(part == number)] for number in np.unique(part)]


def _film_in_child(
    folder: Path, shots: list[Shot], camera: str, size: tuple[int, int], fps: int, count: Callable[[], None]
) -> None:
    """Let a child process write the videos of `shots`; it says a line for each."""
    order = {"folder": str(folder), "shots": shots, "camera": camera, "size": size, "fps": fps}
    command = [sys.executable, "-c", _CHILD, json.dumps(order)]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    with tempfile.TemporaryFile("w+") as complaints:
        with subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=complaints,
            env=environment,
            text=True,
        ) as child:
            try:
                for _ in child.stdout or ():
                    count()
            except BaseException:
                child.kill()
                raise
        complaints.seek(0)
        said = complaints.read().strip().splitlines()
    if child.returncode:
        raise BimodalError(said[-1] if said else f"drawing the videos failed (exit code {child.returncode})")


def main() -> None:
    """Film what the argument says (JSON); one line on stdout for every finished video."""
    order = json.loads(sys.argv[1])
    shots = [Shot(*shot) for shot in order["shots"]]
    try:
        for path in film(Path(order["folder"]), shots, order["camera"], tuple(order["size"]), order["fps"]):
            sys.stdout.write(f"{path.name}\n")
            sys.stdout.flush()
    except BimodalError as error:
        sys.exit(str(error))
