"""What every learned chunk policy shares: observation in, chunk of 16 actions out, same bits in any batch."""

from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from ...envs.errors import BimodalError
from ...envs.fixed_grid import settle
from ...envs.random_streams import stream
from ...envs.robot.inverse_kinematics import columns_from_rotation, rotation_from_columns
from ...envs.specs import ACTIONS, ROTATION, bounds, size
from ...tasks.core.task import Task
from ...tasks.demonstrations.record import Demonstrations
from ..networks.film_resnet import ResFiLM
from . import checkpoint as checkpoints
from .dataset import CHUNK_SIZE, EPISODES, Batch, Extent, Windows, make_windows
from .micro_batches import MANY_ROWS, Sample, in_micro_batches
from .policy import Decision, Episodes, Needs, Policy

GetBatch = Callable[[Tensor], Batch]
"""Returns the windows of the given rows (B,) as a batch."""
Learned = tuple[dict[str, Tensor], float]
"""Weights, and the loss at the end."""
Fit = Callable[[type["ChunkPolicy"], GetBatch], Learned]
"""`fit(kind, get_batch)` minimises the loss of `kind`, from the present weights on, for all its steps."""
DECIDED = 2.0**-9
"""What networks say is rounded to this share of half the range of an action (a third of a millimetre)."""


class ChunkPolicy(Policy):
    """Base of the learned policies; a method is networks, a loss, a sampler and a training budget."""

    method: ClassVar[str]
    """Registered name."""
    training_steps: ClassVar[int]
    """Default training budget of a stage [optimiser steps]."""
    stages: ClassVar[int] = 1
    """How often `learn` fits the network."""
    cameras: ClassVar[tuple[str, ...]] = ()
    """Names of the pictures that it reads; () for a method that reads the state."""
    learning_rate: ClassVar[float] = 3e-3
    """Of AdamW at the first step; it falls to zero along a half cosine."""
    least_obs_steps: ClassVar[int] = 1
    """Control steps whose observations it reads at least."""
    labelled: ClassVar[bool] = False
    """Whether the condition ends with the wanted mode (an oracle; ordinary policies must choose)."""
    chunk_size: ClassVar[int] = CHUNK_SIZE
    """Actions in a chunk."""
    n_action_steps: int = 8
    """Actions executed of a chunk, unless a policy is built with another number."""
    planned: ClassVar[range] = range(0)
    """Frames from the present one whose observations the method plans; none for a method of actions alone."""
    regime: ClassVar[str] = "bi50"
    """Demonstrations that it learns from; planners that weigh outcomes need `graded` ones."""
    episodes: ClassVar[int] = EPISODES
    """How many."""
    half_precision: ClassVar[bool] = False
    """Whether the weights are rounded to 16 bits after training, so that twice as many fit on a disk."""

    def __init__(self, task: Task, checkpoint: Path, n_action_steps: int | None = None) -> None:
        """Load trained weights.

        Args:
            task: the task to act in.
            checkpoint: the .safetensors file; its .json lies beside it.
            n_action_steps: actions executed of each chunk; None keeps the checkpoint's.

        Raises:
            BimodalError: the checkpoint is missing, damaged or made for something else.
        """
        super().__init__(task)
        torch.set_num_threads(1)
        loaded = checkpoints.load(checkpoint, task.id, self.method)
        config = loaded.config
        checkpoints.check_specs(config, task.observation, self.label_count(), task.arms)
        self.config = config
        self.checkpoint = checkpoint
        self.training = config.training
        self.parameters = config.parameters
        self.n_action_steps = config.n_action_steps if n_action_steps is None else n_action_steps
        if not 1 <= self.n_action_steps <= config.chunk_size:
            limit = config.chunk_size
            raise BimodalError(f"cannot execute {self.n_action_steps} of {limit} actions; 1 to {limit} are")
        self.network = self.build(config, torch.Generator())
        try:
            self.network.load_state_dict(loaded.weights)
        except RuntimeError:
            raise BimodalError(
                f"checkpoint {checkpoint} is damaged: the weights do not fit their config"
            ) from None
        self._labels = mode_labels(np.zeros(0, np.int64), config.modes)
        self._decision = 0

    @classmethod
    def build(cls, config: checkpoints.Config, generator: torch.Generator) -> nn.Module:
        """Return the method's networks for a config, with fresh weights; one trunk unless it needs more."""
        return ResFiLM(config.chunk_values, config.condition_size, generator, config.width, config.blocks)

    @staticmethod
    def loss(network: nn.Module, batch: Batch, generator: torch.Generator) -> Tensor:
        """Return the training loss of a batch; all noise comes from the generator."""
        raise NotImplementedError

    @classmethod
    def windows(cls, path: Path, demonstrations: Demonstrations, extent: Extent) -> Windows:
        """Return what it learns from, of demonstrations that were read from a file; see `make_windows`."""
        return make_windows(demonstrations, extent.reach, extent.n_obs_steps)

    @classmethod
    def stage_steps(cls, steps: int) -> tuple[int, ...]:
        """Return the optimiser steps of each stage, for a budget of so many."""
        return (steps,) * cls.stages

    @classmethod
    def learn(
        cls, network: nn.Module, get_batch: GetBatch, count: int, generator: torch.Generator, fit: Fit
    ) -> Learned:
        """Return the trained weights; a method that learns in stages, or without a loss, says so here.

        The network is what `build` returned, `count` the number of windows; all noise comes from the
        generator.
        """
        return fit(cls, get_batch)

    def noise_size(self) -> int:
        """Return how many standard normal numbers a decision takes; one for each value of a chunk."""
        return self.config.chunk_values

    def sample(self, noise: Tensor, condition: Tensor) -> Tensor:
        """Return normalised chunks (B, H*A) for normal noise (B, noise_size) and conditions (B, C)."""
        raise NotImplementedError

    def needs(self) -> Needs:
        """Return the components that the checkpoint was trained on."""
        config = self.config
        names = tuple(component.name for component in config.observations)
        return Needs(names, config.action, self.n_action_steps, n_obs_steps=config.n_obs_steps)

    def artifacts(self) -> dict[str, str]:
        """Return the sha256 of the weights and of their config."""
        files = (self.checkpoint, self.checkpoint.with_suffix(".json"))
        return {f"{self.task.id}/{file.name}": sha256(file.read_bytes()).hexdigest() for file in files}

    def reset(self, episodes: Episodes) -> None:
        """Start new episodes; a labelled policy that is told no mode draws the one that it is to take."""
        self._keys = np.asarray(episodes.noise_keys, np.uint64)
        self._decision = 0
        self._wanted = self._drawn_modes() if episodes.asked is None else episodes.asked
        self._labels = mode_labels(self._wanted, self.config.modes)

    def label_count(self) -> int:
        """Return how many labels a labelled policy tells apart: one a mode, unless it says otherwise."""
        return len(self.task.modes)

    def _drawn_modes(self) -> np.ndarray:
        """Return a mode of each episode, drawn evenly by its noise key, (N,) int; 0 without labels."""
        k = len(self.task.modes) if self.config.modes else 0
        drawn = [int(stream("wanted mode", int(key)).integers(k)) if k else 0 for key in self._keys]
        return np.array(drawn, np.int64)

    def act(self, observation: dict[str, np.ndarray]) -> Decision:
        """Return one chunk (N, H, A) for each episode: SI units, orthonormal rotations, within the bounds."""
        return Decision(self.draw(observation, 1)[:, 0])

    def draw(
        self,
        observation: dict[str, np.ndarray],
        count: int,
        sample: Sample | None = None,
        wanted: np.ndarray | None = None,
    ) -> np.ndarray:
        """Decide, and return so many chunks (N, count, H, A), of which the first is what `act` returns.

        Called by what chooses among several chunks, or guides one; the others do not change the first.

        Args:
            observation: as in `act`.
            count: chunks of each episode.
            sample: draws the first chunk in place of the policy's own `sample`.
            wanted: numbers that follow the noise which it is given, (N, S) float32.
        """
        condition = self._conditions(observation)
        noise = self._noise(count)
        first = noise[:, 0] if wanted is None else np.concatenate([noise[:, 0], wanted], axis=1)
        chunks = in_micro_batches(sample or self.sample, first, condition)[:, None]
        if count > 1:
            others = noise[:, 1:].reshape(-1, noise.shape[2])
            more = in_micro_batches(self.sample, others, condition.repeat(count - 1, axis=0), MANY_ROWS)
            chunks = np.concatenate([chunks, more.reshape(len(chunks), count - 1, -1)], axis=1)
        self._decision += 1
        actions = self._actions(chunks)
        return actions.reshape(len(condition), count, *actions.shape[1:])

    def _conditions(self, observation: dict[str, np.ndarray]) -> np.ndarray:
        """Return the condition of each episode's decision, (N, C) float32."""
        return self._condition(self._observed(observation))

    def _observed(self, observation: dict[str, np.ndarray]) -> np.ndarray:
        """Return what it was trained on, (N, state_size), or (N, n_obs_steps, state_size) with a past."""
        parts = [np.asarray(observation[c.name], np.float64) for c in self.config.observations]
        return np.concatenate(parts, axis=-1)

    def _condition(self, observed: np.ndarray) -> np.ndarray:
        """Return what is observed, normalised, and the labels of the modes to take, (N, condition_size)."""
        seen = self.config.observation_normaliser.normalise(observed)
        return np.concatenate([seen.reshape(len(seen), -1), self._labels], axis=1)

    def _actions(self, chunks: np.ndarray) -> np.ndarray:
        """Return the actions (N, H, A) of normalised flat chunks, in SI units and within the bounds.

        Rounded first, or the last bits of a matrix product, which every processor has its own, would decide.
        """
        chunks = settle(chunks, DECIDED).reshape(-1, self.config.chunk_size, self.config.action_size)
        return valid_actions(self.config.action_normaliser.restore(chunks), self.config.action)

    def _noise(self, count: int) -> np.ndarray:
        """Return the noise of so many chunks an episode, (N, count, noise_size) float32.

        It depends on the episode's key and the decision alone, that of the first chunk not on the count.
        """
        size = self.noise_size()
        streams = (stream("chunk", int(key), self._decision) for key in self._keys)
        drawn = [rng.standard_normal((count, size)) for rng in streams]
        return np.array(drawn, np.float32).reshape(-1, count, size)


def mode_labels(wanted: np.ndarray, modes: int) -> np.ndarray:
    """Return labels (N, label_size) float32 of modes (N,): -1 or +1 for two modes, one-hot for more.

    A mode of -1, unknown, is all zeros.
    """
    if modes == 2:
        labels = 2 * wanted[:, None] - 1
    else:
        labels = np.eye(modes)[wanted] if modes else np.zeros((len(wanted), 0))
    return np.where(wanted[:, None] < 0, 0.0, labels).astype(np.float32)


def valid_actions(actions: np.ndarray, space: str) -> np.ndarray:
    """Return actions (N, H, A) float64 with orthonormal rotation columns, clipped to the space's bounds."""
    specs = ACTIONS[space]
    valid = np.array(actions, np.float64).reshape(*actions.shape[:-1], -1, size(specs))  # arm by arm
    if space == "ee_absolute":
        valid[..., ROTATION] = columns_from_rotation(rotation_from_columns(valid[..., ROTATION]))
    return np.clip(valid, *bounds(specs)).reshape(actions.shape)
