"""What the vision policies share: they read pictures and the hand, and learn in two stages.

1. *Encoder*: the encoder and the trunk learn together, from the method's own loss and, as an auxiliary loss,
   from the poses of the objects, which the simulator states. Poses are labels of the training alone: a policy
   is given none.
2. *Trunk*: the encoder is frozen, each picture is encoded once, and the trunk learns on from the features,
   with the method's own loss alone.

No encoder is shared among methods: a regression's was shaped by its regression, a flow's by its flow.
"""

from pathlib import Path
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import mse_loss

from ...tasks.core.task import Task
from ...tasks.demonstrations.record import Demonstrations
from ..core import checkpoint as checkpoints
from ..core.chunk_policy import ChunkPolicy, Fit, GetBatch, Learned
from ..core.dataset import Batch, Extent, Windows
from ..core.policy import Needs
from .encoder import VisionNetwork, encode
from .picture_windows import make_picture_windows

HAND_JITTER = 0.02
"""Noise on the hand's normalised values while the encoder learns, so that it reads the pictures."""
FEATURE_JITTER = 0.03
"""Noise on the features while the trunk learns: those of scenes never seen are a little off."""
NOISES = 4
"""How often a step of the trunk's stage learns from each of its windows, every time with other noise."""


class VisionPolicy(ChunkPolicy):
    """Base of the vision policies, to stand before a method: `class VisionFlow(VisionPolicy, Flow)`."""

    cameras = ("front_image", "wrist_image")
    episodes = 900
    training_steps = 3000
    learning_rate = 2e-3
    half_precision = True
    stages = 2
    encoder_share: ClassVar[float] = 1 / 6
    """Steps of the first stage, as a share of those of the second."""
    pose_weight: ClassVar[float] = 1.0
    """Weight of the objects' poses in the encoder's loss; 0 leaves the simulator's labels out."""

    def __init__(self, task: Task, checkpoint: Path, n_action_steps: int | None = None) -> None:
        """Load trained weights; arguments and errors as in `ChunkPolicy`."""
        super().__init__(task, checkpoint, n_action_steps)
        assert isinstance(self.network, VisionNetwork) and self.config.vision is not None
        self.encoder = self.network
        self.vision = self.config.vision

    @classmethod
    def build(cls, config: checkpoints.Config, generator: torch.Generator) -> nn.Module:
        """Return encoders and a trunk with fresh weights."""
        return VisionNetwork(config, generator)

    @classmethod
    def windows(cls, path: Path, demonstrations: Demonstrations, extent: Extent) -> Windows:
        """Return the windows of which there are pictures; see `make_picture_windows`."""
        return make_picture_windows(path, demonstrations, cls.cameras, extent)

    @classmethod
    def stage_steps(cls, steps: int) -> tuple[int, ...]:
        """Return the steps of the encoder's stage and of the trunk's."""
        return max(1, round(cls.encoder_share * steps)), steps

    @classmethod
    def learn(
        cls, network: nn.Module, get_batch: GetBatch, count: int, generator: torch.Generator, fit: Fit
    ) -> Learned:
        """Train the encoder, and then the trunk on what it says."""
        assert isinstance(network, VisionNetwork)
        weights, _ = fit(_encoder_stage(cls, network.encoder_rate), get_batch)
        network.load_state_dict({name: part.half().float() for name, part in weights.items()})
        return cls.learn_trunk(network, get_batch, count, generator, fit)

    @classmethod
    def learn_trunk(
        cls, network: nn.Module, get_batch: GetBatch, count: int, generator: torch.Generator, fit: Fit
    ) -> Learned:
        """Freeze the encoder, encode every picture once, and train the trunk on the features."""
        assert isinstance(network, VisionNetwork)
        for name, parameter in network.named_parameters():
            parameter.requires_grad_(name.startswith("trunk."))
        features = _all_features(network, get_batch, count)

        def get_features(rows: Tensor) -> Batch:
            batch = get_batch(rows)
            seen = features[rows.to(features.device)].repeat(NOISES, 1)
            seen = seen + FEATURE_JITTER * torch.randn(seen.shape, generator=generator).to(seen.device)
            given = batch.condition.repeat(NOISES, 1)
            return batch._replace(
                chunk=batch.chunk.repeat(NOISES, 1), condition=torch.cat([seen, given], 1), pictures=None
            )

        return fit(cls, get_features)

    def needs(self) -> Needs:
        """Return the pictures and what is known of the hand."""
        needs = super().needs()
        names = (*needs.observations, *self.vision.cameras)
        return Needs(
            names, needs.action, needs.n_action_steps, False, self.vision.image_size, 1, needs.n_obs_steps
        )

    def estimated_poses(self, observation: dict[str, np.ndarray]) -> np.ndarray:
        """Return where the encoder believes the objects are, (N, P): called by studies, never to act.

        The numbers are those of `config.vision.poses`, side by side, in the units of the observation.
        """
        features = torch.from_numpy(self._features(observation, super()._conditions(observation)))
        with torch.inference_mode():
            return self.vision.pose_normaliser.restore(self.encoder.pose(features).numpy())

    def _conditions(self, observation: dict[str, np.ndarray]) -> np.ndarray:
        """Return features, the normalised hand and the labels of the modes to take, (N, C)."""
        given = super()._conditions(observation)
        return np.concatenate([self._features(observation, given), given], 1)

    def _features(self, observation: dict[str, np.ndarray], given: np.ndarray) -> np.ndarray:
        pictures = np.stack([observation[name] for name in self.vision.cameras], 1)
        with torch.inference_mode():
            return encode(self.encoder, torch.from_numpy(pictures), torch.from_numpy(given)).numpy()


def _encoder_stage(kind: type[VisionPolicy], rate: float) -> type[ChunkPolicy]:
    """Return the first stage of a method: its loss on features that learn too, and the loss of the poses.

    At its learning rate, times `rate`.
    """

    class Encoder(kind):
        method = "encoder"
        learning_rate = rate * kind.learning_rate

        @staticmethod
        def loss(network: nn.Module, batch: Batch, generator: torch.Generator) -> Tensor:
            assert isinstance(network, VisionNetwork) and batch.pictures is not None
            shaken = batch.condition + HAND_JITTER * torch.randn(batch.condition.shape, generator=generator)
            features = network.look(batch.pictures, shaken, mixed=True)
            condition = torch.cat([features, batch.condition], 1)
            loss = kind.loss(network, batch._replace(condition=condition), generator)
            if not kind.pose_weight or batch.poses is None:
                return loss
            return loss + kind.pose_weight * mse_loss(network.pose(features), batch.poses)

    return Encoder


def _all_features(network: VisionNetwork, get_batch: GetBatch, count: int) -> Tensor:
    """Return the features of all windows, (count, FEATURES)."""
    found = []
    with torch.no_grad():
        for rows in torch.arange(count).split(1024):
            batch = get_batch(rows)
            assert batch.pictures is not None
            found.append(encode(network, batch.pictures, batch.condition))
    return torch.cat(found)
