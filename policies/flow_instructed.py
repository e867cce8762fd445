"""Flow matching of chunks by a policy that reads in an instruction which mode to take."""

import numpy as np
import torch
from torch import Tensor, nn

from ..envs.errors import WrongUse
from ..envs.images import ANY, INSTRUCTION
from ..tasks import load_task
from .core import checkpoint as checkpoints
from .core.chunk_policy import Sample, mode_labels
from .core.dataset import Batch
from .core.policy import Episodes, Needs
from .flow import Flow
from .networks.instruction_reader import InstructionReader
from .networks.layers import Trunk


class ReadingTrunk(nn.Module):
    """The trunk of `flow`, told a mode, and beside it what reads the mode from a sentence."""

    def __init__(self, trunk: nn.Module, reader: InstructionReader) -> None:
        """Put both side by side."""
        super().__init__()
        self.trunk = trunk
        self.reader = reader

    def forward(self, x: Tensor, t: Tensor, c: Tensor) -> Tensor:
        """Return what the trunk says of chunks x (B, H*A), times t (B,) and conditions c (B, C)."""
        return self.trunk(x, t, c)


class InstructedFlow(Flow):
    """`flow` whose condition ends with the mode that the instruction asks for.

    Both learn at once: the flow is told the mode that a demonstration shows, the reader is shown the
    sentences to learn from (`Wording.seen`) with what they mean. An instruction for any mode leaves the
    choice to the noise, evenly over the modes.
    """

    name = "flow_instructed"
    method = "flow_instructed"
    description = "Flow matching of action chunks that takes the mode which its instruction asks for."
    labelled = True
    half_precision = True

    @classmethod
    def build(cls, config: checkpoints.Config, generator: torch.Generator) -> ReadingTrunk:
        """Return the trunk and the reader of a task's instructions.

        Raises:
            WrongUse: the task has none.
        """
        task = load_task(config.task)
        said = [task.wording(mode).seen for mode in (*task.modes, ANY)]
        return ReadingTrunk(super().build(config, generator), InstructionReader(said))

    @staticmethod
    def loss(network: Trunk, batch: Batch, generator: torch.Generator) -> Tensor:
        """Return the flow's loss and the reader's."""
        assert isinstance(network, ReadingTrunk)
        return Flow.loss(network, batch, generator) + network.reader.loss()

    def needs(self) -> Needs:
        """Return what the flow reads, and the instruction."""
        needs = super().needs()
        return needs._replace(observations=(*needs.observations, INSTRUCTION))

    def reset(self, episodes: Episodes) -> None:
        """Begin episodes; where any mode will do, the noise key draws one."""
        super().reset(episodes)
        self._drawn = self._drawn_modes()

    def draw(
        self,
        observation: dict[str, np.ndarray],
        count: int,
        sample: Sample | None = None,
        wanted: np.ndarray | None = None,
    ) -> np.ndarray:
        """Decide as `flow` does, in the mode that each episode is asked for.

        Raises:
            WrongUse: an instruction is empty.
        """
        said = [str(one) for one in np.asarray(observation[INSTRUCTION]).reshape(-1)]
        if not all(one.strip() for one in said):
            raise WrongUse("an instruction is empty; say what is to be done, e.g. the task's goal")
        assert isinstance(self.network, ReadingTrunk)
        asked = self.network.reader.read(said)
        self._labels = mode_labels(np.where(asked < 0, self._drawn, asked), self.config.modes)
        return super().draw(observation, count, sample, wanted)
