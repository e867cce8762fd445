"""From demonstrations to training windows: observations up to t, and actions and observations from t on."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ...envs.errors import BimodalError, WrongUse
from ...envs.images import IMAGE_SIZES
from ...envs.specs import ACTIONS, size
from ...tasks.demonstrations import collect as demonstrations
from ...tasks.demonstrations.collect import Demonstrations
from .policy import CHUNK_SIZE

if TYPE_CHECKING:
    import torch

ACTION = "ee_absolute"
"""Action space of the demonstrations."""
EPISODES = 300
"""Demonstrations that a method learns from, unless it says otherwise."""


class Component(NamedTuple):
    """One observation component."""

    name: str
    """Its name, as in the task's specs."""
    size: int
    """Number of values."""


class Extent(NamedTuple):
    """How much of the demonstrations a window shows."""

    reach: int
    """R, frames from t on."""
    n_obs_steps: int = 1
    """K, frames up to t of which a policy sees what it is given."""
    image_size: int = IMAGE_SIZES[0]
    """Width and height of the pictures at t, for a method that reads any [pixels]."""


@dataclass(frozen=True)
class Windows:
    """One row for each frame of each episode that is learnt from; M rows, not normalised."""

    components: tuple[Component, ...]
    """Observation components in file order."""
    observations: np.ndarray
    """(M, C) float32: all components side by side, seen at t."""
    actions: np.ndarray
    """(M, A) float32: action at t."""
    ahead: np.ndarray
    """(M, R) int64: the rows of t .. t+R-1, the episode's last one repeated past its end."""
    behind: np.ndarray
    """(M, K) int64: the rows of t-K+1 .. t, the episode's first one repeated before its beginning."""
    modes: np.ndarray
    """(M,) int64: mode that the episode shows; -1 for none."""
    returns: np.ndarray
    """(M,) float32: return to come, in [0, 1]; 0 where the demonstrations state none."""
    pictures: np.ndarray | None = None
    """(M, cameras, H, W, 3) uint8: seen at t; None for what learns from the state."""
    poses: np.ndarray | None = None
    """(M, P) float32: poses of the objects at t, labels of a training that is not shown them."""
    pose_components: tuple[Component, ...] = ()
    """What these are."""

    @property
    def count(self) -> int:
        """How many windows there are, M."""
        return len(self.modes)

    @property
    def chunks(self) -> np.ndarray:
        """Actions t .. t+R-1, (M, R, A) float32."""
        return self.actions[self.ahead]


class Batch(NamedTuple):
    """What one training step learns from: B normalised windows."""

    chunk: "torch.Tensor"
    """Actions t .. t+H-1, flat, (B, H*A)."""
    condition: "torch.Tensor"
    """What a policy is given at t: observations, the oldest first, and the mode label of a labelled method,
    (B, C)."""
    states: "torch.Tensor"
    """Observations at the frames that the method plans (`ChunkPolicy.planned`), flat, (B, P*C)."""
    label: "torch.Tensor"
    """Mode label, whether or not the method is given it, (B, L)."""
    returns: "torch.Tensor"
    """Return to come, in [0, 1], (B,)."""
    pictures: "torch.Tensor | None" = None
    """What cameras see at t, (B, cameras, H, W, 3) uint8."""
    poses: "torch.Tensor | None" = None
    """Poses of the objects at t, labels for an encoder of pictures, (B, P)."""


def load_demonstrations(path: Path, task: str | None = None) -> Demonstrations:
    """Read demonstrations and check that one can learn `task` from them.

    Args:
        path: an npz file as `bimodal demos` writes it.
        task: the task id it must be of; None accepts any.

    Raises:
        WrongUse: the file is missing, damaged or of another task.
        BimodalError: its arrays do not fit together, or it holds no successful episode.
    """
    demos = demonstrations.load(path)
    found = demos.meta.get("task")
    if task is not None and found != task:
        raise WrongUse(f"the demonstrations {path} show {found}, not {task}")
    wrong = _problem(demos)
    if wrong:
        raise BimodalError(f"the demonstrations {path} cannot be learnt from: {wrong}")
    return demos


def make_windows(demos: Demonstrations, reach: int = CHUNK_SIZE, n_obs_steps: int = 1) -> Windows:
    """Cut every episode into one window a frame, from the first frame to the last.

    Args:
        demos: with returns, every episode is learnt from, up to its end; without, the successful ones.
        reach: R, how many frames a window looks ahead.
        n_obs_steps: K, how many frames a policy sees, this one and those before.
    """
    graded = demos.returns is not None
    kept = np.ones_like(demos.success) if graded else demos.success
    shape = (int(kept.sum()), demos.actions.shape[1])
    valid = np.ones(shape, bool) if demos.valid is None else demos.valid[kept]
    actions = demos.actions[kept].astype(np.float32)
    observations = np.concatenate(
        [values[kept] for values in demos.observations.values()], 2, dtype=np.float32
    )
    lengths = valid.sum(1)
    rows = np.arange(lengths.sum())[:, None]
    last = np.repeat(np.cumsum(lengths) - 1, lengths)[:, None]
    first = np.repeat(np.cumsum(lengths) - lengths, lengths)[:, None]
    returns = np.zeros(shape) if demos.returns is None else demos.returns[kept]
    return Windows(
        components=tuple(Component(name, values.shape[2]) for name, values in demos.observations.items()),
        observations=observations[valid],
        actions=actions[valid],
        ahead=np.minimum(rows + np.arange(reach), last),
        behind=np.maximum(rows + np.arange(1 - n_obs_steps, 1), first),
        modes=np.repeat(demos.modes[kept].astype(np.int64), lengths),
        returns=returns[valid].astype(np.float32),
    )


def batches(rows: int, batch: int, steps: int, generator: "torch.Generator") -> Iterator["torch.Tensor"]:
    """Yield `steps` index tensors (batch,) that walk through fresh shuffles of all rows without a gap."""
    import torch

    passes = -(-steps * batch // rows)
    order = torch.cat([torch.randperm(rows, generator=generator) for _ in range(passes)])
    yield from order[: steps * batch].view(steps, batch)


def _problem(demos: Demonstrations) -> str:
    """Return what is wrong with the arrays, "" for nothing."""
    episodes = len(demos.seeds)
    width = size(ACTIONS[ACTION])
    if demos.success.shape != (episodes,) or demos.success.dtype != bool or demos.modes.shape != (episodes,):
        return f"`success` and `modes` must have one value for each of the {episodes} episodes"
    shape = demos.actions.shape
    if len(shape) != 3 or shape[0] != episodes or shape[2] % width or not shape[2]:
        return f"`actions` has shape {shape}, not ({episodes}, steps, {width} for each arm)"
    for name, values in {"actions": demos.actions, **demos.observations}.items():
        if values.ndim != 3 or values.shape[:2] != demos.actions.shape[:2]:
            return f"`{name}` has shape {values.shape}, not {demos.actions.shape[:2]} and a size"
        if values.dtype.kind != "f" or not np.isfinite(values).all():
            return f"`{name}` holds something that is not a finite number"
    if not demos.observations:
        return "no observation was recorded"
    if not demos.success.any():
        return "no episode succeeded"
    return "a successful episode shows no mode" if demos.modes[demos.success].min() < 0 else ""
