"""What every policy around another policy shares; its name is read by `wrapping.py`."""

from typing import ClassVar, NamedTuple

from ...envs.errors import WrongUse
from ...tasks.core.registry import private_copy
from .policy import Episodes, Needs, Policy, plain_needs
from .source_digest import source_digest


class Wrapper(Policy):
    """Has the answers of an inner policy, and makes something else of them."""

    wrapper: ClassVar[str]
    """What stands before the parentheses, see `wrapping.WRAPPERS`."""

    def __init__(self, policy: Policy, description: str) -> None:
        """Stand around `policy`, which is built for its task already.

        Args:
            policy: the inner policy.
            description: a sentence that follows its own.
        """
        super().__init__(private_copy(policy.task))
        self.policy = policy
        self.description = f"{policy.description} {description}"
        self.training = policy.training
        self.parameters = policy.parameters
        self.clip = policy.clip
        self.assumed = policy.assumed
        self.called = policy.called and f"{self.wrapper}({policy.called})"

    def needs(self) -> Needs:
        """Return what the inner policy needs."""
        return plain_needs(self.policy.needs())

    def artifacts(self) -> dict[str, str]:
        """Return the files that make up the inner policy."""
        kind = type(self.policy)
        own = source_digest(kind) if kind.__module__.split(".")[0] != "bimodal" else {}
        return own | dict(self.policy.artifacts())

    def reset(self, episodes: Episodes) -> None:
        """Begin N new episodes."""
        self.policy.reset(episodes)


class Moment(NamedTuple):
    """When a decision falls."""

    age: int
    """Control steps since what is observed; the chunk's first so many actions are in the past."""
    shift: int
    """Control steps from the observation of the decision before to this one's."""


class ChunkWrapper(Wrapper):
    """Decides more often than the inner policy, and executes each chunk from the action that is due.

    An observation that is `delay` control steps old (a sensor's latency, the time that a decision takes, or
    an actuator's) is answered by a chunk whose first `delay` actions are in the past. Whoever executes those
    goes back in time at every decision, and the hand slows down.
    """

    def __init__(self, policy: Policy, description: str, n_action_steps: int, delay: int) -> None:
        """Stand around `policy`.

        Args:
            policy: the inner policy.
            description: a sentence that follows its own.
            n_action_steps: actions executed of each decision.
            delay: age of an observation when its answer is executed [control steps].

        Raises:
            WrongUse: no action is executed, or the delay is negative.
        """
        super().__init__(policy, description)
        if n_action_steps < 1:
            raise WrongUse(f"{self.wrapper}(...): n_action_steps is {n_action_steps}; it must be 1 or more")
        if delay < 0:
            raise WrongUse(f"{self.wrapper}(...): delay is {delay}; it must be 0 or more control steps")
        self.n_action_steps = n_action_steps
        self.delay = delay
        self._steps = 0
        self._age = 0

    def needs(self) -> Needs:
        """Return what the inner policy needs, with the executed length of this one."""
        return super().needs()._replace(n_action_steps=self.n_action_steps)

    def require_length(self, chunk_size: int) -> None:
        """Refuse chunks that are over before the next decision is executed.

        Raises:
            WrongUse: they are.
        """
        if self.n_action_steps + self.delay > chunk_size:
            raise WrongUse(
                f"{self.wrapper}(...): n_action_steps and delay are {self.n_action_steps} and {self.delay}; "
                f"together they must be {chunk_size} or less, the actions of a chunk"
            )

    def reset(self, episodes: Episodes) -> None:
        """Begin N new episodes, at control step 0."""
        super().reset(episodes)
        self._steps = 0
        self._age = 0

    def next_moment(self) -> Moment:
        """Return when the present decision falls; called once in each `act`.

        Before control step `delay` the oldest observation is that of the start.
        """
        age = min(self.delay, self._steps)
        begun = self._steps > 0
        moment = Moment(age, self.n_action_steps - age + self._age if begun else 0)
        self._steps += self.n_action_steps
        self._age = age
        return moment
