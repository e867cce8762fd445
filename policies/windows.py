"""From a file of demonstrations to training windows: the observation at t, and actions t .. t+H-1."""

import io
import json
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

from ..envs.errors import BimodalError

HORIZON = 16
"""Actions in a chunk (0.8 s at 20 Hz)."""
DAMAGE = (
    KeyError,
    TypeError,
    AttributeError,
    ValueError,
    EOFError,
    OSError,
    RuntimeError,
    zipfile.BadZipFile,
    zlib.error,
)
"""What numpy may raise on a file that is not a sound npz without pickles."""


class Component(NamedTuple):
    """One observation component of the file."""

    name: str
    """Its name, as in the task's specs."""
    size: int
    """Number of values."""


@dataclass(frozen=True)
class Demonstrations:
    """The successful episodes of one file; E episodes of T control steps."""

    task: str
    """Task id."""
    regime: str
    """How the mode was chosen, e.g. `balanced`."""
    sha256: str
    """Of the file."""
    components: tuple[Component, ...]
    """Observation components in file order."""
    observations: np.ndarray
    """(E, T, C) float32: all components side by side, seen before action t."""
    actions: np.ndarray
    """(E, T, A) float32: recorded targets."""
    modes: np.ndarray
    """(E,) int64: mode shown, from 0."""


@dataclass(frozen=True)
class Windows:
    """One row for each frame of each episode; M = E * T."""

    observations: np.ndarray
    """(M, C) float32: seen at t, not normalised."""
    chunks: np.ndarray
    """(M, H, A) float32: actions t .. t+H-1, the last one repeated past the end."""
    modes: np.ndarray
    """(M,) int64."""


def load_demonstrations(path: Path, task: str | None = None) -> Demonstrations:
    """Read and check a demonstrations file; failed episodes are left out.

    Args:
        path: an npz file as `bimodal demos` writes it.
        task: the task id it must be of; None accepts any.

    Raises:
        BimodalError: the file is missing, damaged, of another task, or holds no successful episode.
    """
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise BimodalError(
            f"no demonstrations at {path} ({error.strerror}); give the path of an .npz file"
        ) from None
    try:
        with np.load(io.BytesIO(raw), allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        meta = json.loads(str(arrays["meta"]))
        found, regime = str(meta["task"]), str(meta.get("regime", ""))
        success, actions, modes = arrays["success"], arrays["actions"], arrays["modes"]
        observed = {name.removeprefix("obs."): arrays[name] for name in arrays if name.startswith("obs.")}
    except DAMAGE as error:
        raise BimodalError(f"demonstrations {path} are damaged ({_line(error)}); record them again") from None
    if task is not None and found != task:
        raise BimodalError(f"demonstrations {path} show {found}, not {task}")
    _check(path, success, modes, actions, observed)
    kept = success.astype(bool)
    return Demonstrations(
        task=found,
        regime=regime,
        sha256=sha256(raw).hexdigest(),
        components=tuple(Component(name, values.shape[2]) for name, values in observed.items()),
        observations=np.concatenate([values[kept] for values in observed.values()], axis=2, dtype=np.float32),
        actions=actions[kept].astype(np.float32),
        modes=modes[kept].astype(np.int64),
    )


def make_windows(demonstrations: Demonstrations, horizon: int = HORIZON) -> Windows:
    """Cut every episode into one window a frame, from the first frame to the last."""
    observations, actions = demonstrations.observations, demonstrations.actions
    episodes, frames = actions.shape[:2]
    reach = np.minimum(np.arange(frames)[:, None] + np.arange(horizon), frames - 1)
    return Windows(
        observations=observations.reshape(episodes * frames, -1),
        chunks=actions[:, reach].reshape(episodes * frames, horizon, -1),
        modes=np.repeat(demonstrations.modes, frames),
    )


def batches(rows: int, size: int, steps: int, generator: torch.Generator) -> Iterator[torch.Tensor]:
    """Yield `steps` index tensors (size,) that walk through fresh shuffles of all rows without a gap."""
    passes = -(-steps * size // rows)
    order = torch.cat([torch.randperm(rows, generator=generator) for _ in range(passes)])
    yield from order[: steps * size].view(steps, size)


def _check(
    path: Path, success: np.ndarray, modes: np.ndarray, actions: np.ndarray, observed: dict[str, np.ndarray]
) -> None:
    """Raise unless the arrays of a file fit together."""
    episodes = len(success) if success.ndim == 1 else -1
    wrong = ""
    if not observed:
        wrong = "no array obs.<name>"
    elif success.dtype != bool or modes.shape != success.shape:
        wrong = "`success` and `modes` must be (episodes,), the first of them bool"
    elif actions.ndim != 3 or actions.shape[0] != episodes or 0 in actions.shape:
        wrong = f"`actions` has shape {actions.shape}, not ({episodes}, steps, size)"
    for name, values in {"actions": actions, **observed}.items():
        if not wrong and (values.ndim != 3 or values.shape[:2] != actions.shape[:2]):
            wrong = f"{name!r} has shape {values.shape}, not {actions.shape[:2]} + (size,)"
        if not wrong and (values.dtype.kind != "f" or not np.isfinite(values).all()):
            wrong = f"{name!r} holds something that is not a finite number"
    if wrong:
        raise BimodalError(f"demonstrations {path} are damaged ({wrong}); record them again")
    if not success.any():
        raise BimodalError(f"demonstrations {path} hold no successful episode to learn from")
    if modes[success].min() < 0:
        raise BimodalError(f"demonstrations {path} hold a successful episode without a mode")


def _line(error: Exception) -> str:
    """Return what went wrong in at most one short line."""
    text = str(error).splitlines()
    return (text[0] if text else type(error).__name__)[:100]
