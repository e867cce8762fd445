"""Flow matching of chunks: the policy that draws one mode and commits to it."""

from pathlib import Path
from typing import ClassVar

import torch
from torch import Tensor

from ..envs.errors import BimodalError
from ..tasks.core.task import Task
from .core.chunk_policy import ChunkPolicy
from .core.dataset import Batch
from .generative.losses import flow_loss
from .generative.samplers import flow_euler
from .networks.layers import Trunk


class Flow(ChunkPolicy):
    """A flow from normal noise to chunks; the noise decides the mode."""

    name = "flow"
    method = "flow"
    description = "Flow matching of action chunks: draws one of them."
    training_steps = 2500
    passes: ClassVar[int] = 10
    """Euler steps of a decision, unless a policy is built with another number."""

    def __init__(
        self, task: Task, checkpoint: Path, n_action_steps: int | None = None, steps: int | None = None
    ) -> None:
        """Load trained weights; arguments and errors as in `ChunkPolicy`.

        Further args:
            steps: Euler steps from the noise to a chunk, 1 or more; None takes the method's.
        """
        super().__init__(task, checkpoint, n_action_steps)
        self.steps = self.passes if steps is None else steps
        if self.steps < 1:
            raise BimodalError(f"cannot sample in {self.steps} steps; 1 or more are possible")

    @staticmethod
    def loss(network: Trunk, batch: Batch, generator: torch.Generator) -> Tensor:
        """Draw noise and times, and return the flow-matching loss."""
        noise = torch.randn(batch.chunk.shape, generator=generator)
        time = torch.rand(len(batch.chunk), generator=generator)
        return flow_loss(network, batch.chunk, batch.condition, noise, time)

    def sample(self, noise: Tensor, condition: Tensor) -> Tensor:
        """Return the end of the Euler steps from the noise."""
        return flow_euler(self.network, noise, condition, self.steps)


class OneStepFlow(Flow):
    """The weights of `flow`, followed for a single step: nearly regression, and a foil for `reflow`.

    At t = 0 the input is noise alone, which says nothing of the chunk, so the prediction is the mean chunk
    but for what a briefly trained network lets through of the noise.
    """

    name = "flow_1step"
    description = "One Euler step of `flow`, without straightening it: the mean again."
    passes = 1


class HistoryFlow(Flow):
    """`flow` that sees the last 16 control steps, which may show what the present does not."""

    name = "flow_history"
    method = "flow_history"
    description = "Flow matching of action chunks that sees the last 16 control steps."
    least_obs_steps = 16
    half_precision = True
