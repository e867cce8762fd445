"""Bidirectional decoding, `bid(flow)`: of several drawn chunks, the one that goes on with what was begun.

Liu et al. 2024, arXiv 2408.17355. No training: the weights are those of the policy inside.
"""

import numpy as np

from ..envs.errors import WrongUse
from ..envs.fixed_grid import settle
from .core.chunk_policy import ChunkPolicy
from .core.policy import Decision, Episodes, PlanRecord, Policy
from .core.wrapper import ChunkWrapper

COMPARED = 3
"""K, the most coherent chunks of either policy that the forward contrast compares with."""
_FINE = 2.0**-20
"""Losses are rounded to this, so that no last bit of a sum decides."""


class BidirectionalDecoding(ChunkWrapper):
    """Draws candidates at every decision and takes the one that is nearest to the rest of its last choice.

    Drawn anew at every step, a chunk goes now to one mode and now to the other. Here the candidates still do,
    and the choice does not.
    """

    wrapper = "bid"

    def __init__(
        self,
        policy: Policy,
        n_action_steps: int = 1,
        candidates: int = 16,
        decay: float = 0.5,
        delay: int = 0,
        weak: Policy | None = None,
    ) -> None:
        """Choose among the chunks of `policy`.

        Args:
            policy: a policy that draws chunks: flow, diffusion, gmm, reflow or a `ChunkPolicy` of one's own.
            n_action_steps: actions executed of each choice.
            candidates: chunks drawn at each decision.
            decay: weight of a step of the future against the step before it, above 0, 1 at most.
            delay: age of an observation when its answer is executed [control steps], see `ChunkWrapper`.
            weak: a worse policy, such as an early checkpoint of the same method, to keep away from (the
                paper's forward contrast); None for coherence alone.

        Raises:
            WrongUse: the policy does not draw chunks, or a number is out of its range.
        """
        super().__init__(
            policy, f"The most coherent of {candidates} draws is executed.", n_action_steps, delay
        )
        self._strong = drawing_policy(policy, self.wrapper)
        self._weak = None if weak is None else drawing_policy(weak, self.wrapper)
        self.require_length(self._strong.config.chunk_size)
        if candidates < 1:
            raise WrongUse(f"bid(...): cannot choose among {candidates} chunks; 1 or more are possible")
        if not 0 < decay <= 1:
            raise WrongUse(f"bid(...): decay is {decay:g}; it must be above 0, and 1 at most")
        self.candidates = candidates
        self.decay = decay
        self._last: np.ndarray | None = None

    def artifacts(self) -> dict[str, str]:
        """Return the files of both policies."""
        weak = {} if self._weak is None else self._weak.artifacts()
        return {f"weak/{name}": digest for name, digest in weak.items()} | super().artifacts()

    def reset(self, episodes: Episodes) -> None:
        """Begin N new episodes, without a choice to go on with."""
        super().reset(episodes)
        if self._weak is not None:
            self._weak.reset(episodes)
        self._last = None

    def act(self, observation: dict[str, np.ndarray]) -> Decision:
        """Return the due part of the chunk of the least loss, and in the record where each one leads."""
        moment = self.next_moment()
        # 1. candidates, and how far each is from the rest of the last choice
        drawn = self._strong.draw(observation, self.candidates)
        chunks = self._normalised(drawn)
        rest = chunks[:, 0, :0] if self._last is None else self._last[:, moment.shift :]
        loss = backward_coherence(chunks, rest, self.decay)
        # 2. the contrast of those that are most coherent, of either policy
        if self._weak is not None:
            others = self._normalised(self._weak.draw(observation, self.candidates))
            near = least(chunks, loss, COMPARED)
            far = least(others, backward_coherence(others, rest, self.decay), COMPARED)
            loss = loss + forward_contrast(chunks, near, far)
        # 3. the choice
        loss = settle(loss, _FINE)
        chosen = loss.argmin(axis=1)
        rows = np.arange(len(drawn))
        self._last = chunks[rows, chosen]
        ends = drawn[:, :, [drawn.shape[2] // 2, -1], :3].astype(np.float32)
        record = PlanRecord(candidates=ends, scores=loss, chosen=chosen)
        return Decision(drawn[rows, chosen, moment.age :], record)

    def _normalised(self, chunks: np.ndarray) -> np.ndarray:
        """Return chunks in the units of the normalised actions, so that metres and rotations compare."""
        return self._strong.config.action_normaliser.normalise(chunks).astype(np.float64)


def drawing_policy(policy: Policy, wrapper: str) -> ChunkPolicy:
    """Return a policy if it draws chunks as `ChunkPolicy` does.

    Raises:
        WrongUse: it makes its decisions in another way.
    """
    if isinstance(policy, ChunkPolicy) and type(policy).act is ChunkPolicy.act:
        return policy
    raise WrongUse(
        f"{wrapper}(...) needs a policy that draws chunks (flow, diffusion, gmm, reflow); "
        f"{type(policy).__qualname__} does not"
    )


def backward_coherence(chunks: np.ndarray, rest: np.ndarray, decay: float) -> np.ndarray:
    """Return L_B = sum_j decay^j |a_j - rest_j|_2 of chunks (N, K, H, A), (N, K).

    `rest` (N, L, A) is what is not executed yet of the last choice; j counts the steps that both have.
    """
    shared = min(chunks.shape[2], rest.shape[1])
    apart = _distances(chunks[:, :, :shared], rest[:, None, :shared])
    return (decay ** np.arange(shared) * apart).sum(axis=-1)


def forward_contrast(chunks: np.ndarray, near: np.ndarray, far: np.ndarray) -> np.ndarray:
    """Return L_F of chunks (N, K, H, A): how much nearer they are to `far` than to `near`, (N, K).

    L_F = 1/K (sum over a+ in near of |a - a+|  -  sum over a- in far of |a - a-|), where |a - b| is the sum
    of |a_j - b_j|_2 over the steps; near and far (N, M, H, A) hold chunks of the strong and the weak policy.
    """
    losses = [
        _distances(chunks[:, :, None], others[:, None]).sum(axis=-1).sum(axis=-1) for others in (near, far)
    ]
    return (losses[0] - losses[1]) / chunks.shape[1]


def least(chunks: np.ndarray, loss: np.ndarray, count: int) -> np.ndarray:
    """Return the chunks (N, count, H, A) of least loss (N, K); the first of equals."""
    order = np.argsort(settle(loss, _FINE), axis=1, kind="stable")[:, :count]
    return np.take_along_axis(chunks, order[:, :, None, None], axis=1)


def _distances(chunks: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Return the Euclidean distance of actions (..., A)."""
    return np.sqrt(np.square(chunks - others).sum(axis=-1))
