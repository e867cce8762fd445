"""Best of N, `best_of_n(flow)`: of several drawn chunks, the one that a learned critic expects most of.

Hansen-Estruch et al. 2023 (IDQL), arXiv 2304.10573; Chen et al. 2022, arXiv 2209.14548. The weights are those
of the policy inside and of a critic, which lie beside each other: `bimodal train critic`.
"""

import numpy as np

from ..envs.errors import WrongUse
from ..envs.fixed_grid import settle
from .bidirectional_decoding import drawing_policy
from .core.chunk_policy import DECIDED
from .core.micro_batches import MANY_ROWS, in_micro_batches
from .core.policy import Decision, Episodes, PlanRecord, Policy
from .core.wrapper import Wrapper
from .critic import Critic


class BestOfN(Wrapper):
    """Draws candidates at every decision and executes the one of the highest return to come.

    A critic that is asked about chunks that nobody demonstrated says anything. So it only chooses among what
    a policy draws, and what it holds to be as good as the first one leaves that in place.
    """

    wrapper = "best_of_n"

    def __init__(self, policy: Policy, candidates: int = 16) -> None:
        """Choose among the chunks of `policy`.

        Args:
            policy: a policy that draws chunks from the state: flow, diffusion, gmm or one of one's own.
            candidates: N, chunks drawn at each decision; the first is the one that `policy` would execute.

        Raises:
            WrongUse: the policy draws no such chunks, or there is no critic beside its weights.
        """
        super().__init__(policy, f"The best of {candidates} draws by a critic is executed.")
        if candidates < 1:
            raise WrongUse(f"best_of_n(...): cannot choose among {candidates} chunks; 1 or more are possible")
        self._drawing = drawing_policy(policy, self.wrapper)
        self._critic = Critic(policy.task, self._drawing.checkpoint.with_name(f"{Critic.method}.safetensors"))
        self._require_fit()
        self.candidates = candidates
        self.parameters = (policy.parameters or 0) + (self._critic.parameters or 0)

    def _require_fit(self) -> None:
        """Refuse a policy that does not see what the critic does, or draws other chunks than it knows.

        Raises:
            WrongUse: it is such a policy.
        """
        inner = self._drawing.config
        critic = self._critic.config
        if unseen := [part.name for part in critic.observations if part not in inner.observations]:
            raise WrongUse(f"best_of_n(...): the critic reads {unseen[0]}, which {inner.method} does not")
        if (inner.action, inner.chunk_size) != (critic.action, critic.chunk_size):
            raise WrongUse(
                f"best_of_n(...): the critic knows chunks of {critic.chunk_size} actions in {critic.action}, "
                f"{inner.method} draws {inner.chunk_size} in {inner.action}"
            )

    def artifacts(self) -> dict[str, str]:
        """Return the files of the policy and of the critic."""
        return super().artifacts() | self._critic.artifacts()

    def reset(self, episodes: Episodes) -> None:
        """Begin N new episodes."""
        super().reset(episodes)
        self._critic.reset(episodes)

    def act(self, observation: dict[str, np.ndarray]) -> Decision:
        """Return the best chunk (N, H, A), and in the record where each one leads."""
        drawn = self._drawing.draw(observation, self.candidates)
        value = settle(self._values(observation, drawn), DECIDED)
        chosen = value.argmax(axis=1)
        ends = drawn[:, :, [drawn.shape[2] // 2, -1], :3].astype(np.float32)
        record = PlanRecord(candidates=ends, scores=-value, chosen=chosen)
        return Decision(drawn[np.arange(len(drawn)), chosen], record)

    def _values(self, observation: dict[str, np.ndarray], drawn: np.ndarray) -> np.ndarray:
        """Return what the critic expects of chunks (N, K, H, A), (N, K)."""
        if self._drawing.config.n_obs_steps > 1:  # the critic sees the present control step alone
            observation = {name: values[:, -1] for name, values in observation.items()}
        condition = self._critic._conditions(observation).repeat(self.candidates, axis=0)
        chunks = self._critic.config.action_normaliser.normalise(drawn).reshape(len(condition), -1)
        found = in_micro_batches(self._critic.sample, chunks, condition, MANY_ROWS)
        return found.reshape(drawn.shape[:2]).astype(np.float64)
