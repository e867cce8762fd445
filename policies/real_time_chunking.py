"""Real-time chunking, `rtc(flow)`: a flow whose new chunk is drawn towards the rest of the last one.

Black, Galliker and Levine 2025, arXiv 2506.07339. No training: the weights are those of the flow inside.
"""

from math import e, exp

import numpy as np
import torch
from torch import Tensor

from ..envs.errors import WrongUse
from .core.policy import Decision, Episodes, Policy
from .core.wrapper import ChunkWrapper, Moment
from .flow import Flow
from .networks.layers import Trunk


class RealTimeChunking(ChunkWrapper):
    """Inpaints a chunk: what is executed before it is ready is given, and the rest of the last one is a wish.

    With `delay` d, the first d actions of a chunk have been commanded already when it is ready; they are
    written into it. The steps after them are drawn towards the last chunk, the less the later they are.
    """

    wrapper = "rtc"

    def __init__(
        self, policy: Policy, n_action_steps: int = 1, delay: int = 0, guidance: float = 5.0
    ) -> None:
        """Guide the flow `policy`.

        Args:
            policy: a flow of two steps or more, such as `flow`.
            n_action_steps: actions executed of each chunk, s in the paper.
            delay: age of an observation when its answer is executed, d [control steps], see `ChunkWrapper`.
            guidance: beta, the largest weight of the guidance.

        Raises:
            WrongUse: the policy is no such flow, or a number is out of its range.
        """
        super().__init__(policy, "Guided towards its last chunk.", n_action_steps, delay)
        if not isinstance(policy, Flow) or policy.steps < 2:
            what = type(policy).__qualname__
            raise WrongUse(f"rtc(...) needs a flow of two steps or more, such as flow; {what} is none")
        if not guidance >= 0:
            raise WrongUse(f"rtc(...): guidance is {guidance:g}; it must be 0 or more")
        self.require_length(policy.config.chunk_size)
        self.guidance = guidance
        self._flow = policy
        self._last: np.ndarray | None = None

    def reset(self, episodes: Episodes) -> None:
        """Begin N new episodes, without a chunk to go on with."""
        super().reset(episodes)
        self._last = None

    def act(self, observation: dict[str, np.ndarray]) -> Decision:
        """Return the due part of the guided chunk (N, H, A)."""
        moment = self.next_moment()
        config = self._flow.config
        rows = len(next(iter(observation.values())))
        shape = (rows, config.chunk_size, config.action_size)
        # 1. what is wanted of each step, and how much
        rest = np.zeros(shape)[:, :0] if self._last is None else self._last[:, moment.shift :]
        wanted = np.zeros(shape, np.float32)
        wanted[:, : rest.shape[1]] = config.action_normaliser.normalise(rest)
        mask = soft_mask(config.chunk_size, rest.shape[1], moment)
        weight = torch.from_numpy(np.repeat(mask, config.action_size).astype(np.float32))

        # 2. the chunk
        def sample(noise: Tensor, condition: Tensor) -> Tensor:
            noise, target = noise.chunk(2, dim=1)
            how = (target, weight, self.guidance)
            return guided_flow(self._flow.network, noise, condition, self._flow.steps, *how)

        chunk = self._flow.draw(observation, 1, sample, wanted.reshape(rows, -1))[:, 0]
        # 3. what has been commanded is not to be changed
        frozen = min(moment.age, rest.shape[1])
        chunk[:, :frozen] = rest[:, :frozen]
        self._last = chunk
        return Decision(chunk[:, moment.age :])


def soft_mask(size: int, overlap: int, moment: Moment) -> np.ndarray:
    """Return the weight W_i of each of the `size` steps of a chunk, (size,); equation 5 of the paper.

    1 for the d steps that are frozen; c_i (e^c_i - 1) / (e - 1) with c_i = (L - i) / (L - d + 1) for the rest
    of the L steps that the last chunk has, too; 0 for those beyond.
    """
    frozen = min(moment.age, overlap)
    c = [(overlap - i) / (overlap - frozen + 1) for i in range(overlap)]
    soft = [1.0 if i < frozen else c[i] * (exp(c[i]) - 1) / (e - 1) for i in range(overlap)]
    return np.array(soft + [0.0] * (size - overlap))


def guided_flow(
    trunk: Trunk,
    noise: Tensor,
    condition: Tensor,
    steps: int,
    wanted: Tensor,
    weight: Tensor,
    guidance: float,
) -> Tensor:
    """Follow a flow as `flow_euler` does, drawn towards `wanted` chunks (B, H*A); equations 2 to 4.

    The paper's network predicts the velocity v, and x1 = x + (1 - t) v is its estimate of the chunk:

        v <- v + min(beta, (1 - t) / (t r^2)) (wanted - x1)^T diag(W) dx1/dx,
        r^2 = (1 - t)^2 / (t^2 + (1 - t)^2).

    Ours predicts the chunk itself, x1 = pi(x, t, c), from which v = (pi - x) / (1 - t). So dx1/dx is the
    derivative of the trunk, and a step of length 1/n adds 1/n min(...) times the same product.

    Further args:
        weight: W, of every value of a chunk, (H*A,).
        guidance: beta.
    """
    with torch.inference_mode(False), torch.enable_grad():
        x = noise.clone()
        condition = condition.clone()
        for step in range(steps):
            t = step / steps
            x.requires_grad_(True)
            clean = trunk(x, noise.new_full((len(noise),), t), condition)
            pull = weight * (wanted - clean.detach())
            (towards,) = torch.autograd.grad(clean, x, pull)
            # (1 - t) / (t r^2) = (t^2 + (1 - t)^2) / (t (1 - t)), endless at t = 0
            size = min(guidance, (t * t + (1 - t) ** 2) / (t * (1 - t))) if step else guidance
            x = torch.lerp(x.detach(), clean.detach(), 1 / (steps - step)) + size / steps * towards
    return x
