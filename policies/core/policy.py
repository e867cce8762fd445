"""What a policy is. Subclass `Policy`, write `act`, and every evaluator of the suite can run it."""

from typing import TYPE_CHECKING, Any, NamedTuple, TypeGuard

import numpy as np

from ...envs.errors import WrongUse
from ...envs.images import IMAGE_SIZES, MOST_IMAGE_FRAMES, MOST_OBS_STEPS
from ...envs.simulation import Simulation
from ...tasks.core.task import Task

CHUNK_SIZE = 16
"""Actions in a chunk (0.8 s at 20 Hz)."""


class _Needs(NamedTuple):
    observations: tuple[str, ...] = ()
    """Names of the observation components it reads, in its own order; () for all but pictures and words."""
    action: str = "ee_absolute"
    """Action space: `ee_absolute`, `ee_delta` or `joint_absolute`."""
    n_action_steps: int = 8
    """Actions executed of each chunk before the next decision."""
    privileged: bool = False
    """Whether it reads the simulator itself (experts, MPC); scored on a track of its own."""
    image_size: int = IMAGE_SIZES[0]
    """Width and height of the pictures that it reads: 96, 128 or 224 [pixels]."""
    image_frames: int = 1
    """Control steps whose pictures it is shown, this one and those before; beyond 1 they have an axis of
    their own, the oldest first, (N, frames, H, W, 3)."""
    n_obs_steps: int = 1
    """Control steps of which it is shown everything else; beyond 1 each component is (N, n_obs_steps, d), the
    oldest first. What lies before the first step of an episode shows that step."""


class Needs(_Needs):
    """What a policy wants to see and what it emits; checked before the first episode."""

    __slots__ = ()

    if not TYPE_CHECKING:

        def __new__(cls, *values: Any, **fields: Any) -> "Needs":
            """Refuse the name that `n_action_steps` had before, in one line."""
            if "execute" in fields:
                raise WrongUse("Needs has no `execute`: its name is now `n_action_steps`")
            return super().__new__(cls, *values, **fields)


def plain_needs(said: object) -> Needs:
    """Return what `needs()` returned, made of plain values; called wherever a policy is asked.

    Raises:
        WrongUse: not a `Needs`, or a field of another type.
    """
    if type(said) is not Needs:
        raise WrongUse(f"needs() returned {said!r:.80}; it must be a Needs")
    names, action, steps, privileged, side, frames, past = tuple(said)
    if not isinstance(names, tuple | list) or any(type(name) is not str for name in names):
        raise WrongUse(f"needs().observations is {names!r:.80}; it must be a tuple of names")
    if type(action) is not str:
        raise WrongUse(f"needs().action is {action!r:.80}; it must be the name of an action space")
    if not _whole(steps):
        raise WrongUse(f"needs().n_action_steps is {steps!r:.80}; it must be a whole number")
    if not isinstance(privileged, bool | np.bool_):
        raise WrongUse(f"needs().privileged is {privileged!r:.80}; it must be True or False")
    if not _whole(side) or side not in IMAGE_SIZES:
        raise WrongUse(f"needs().image_size is {side!r:.80}; it must be {_one_of(IMAGE_SIZES)} [pixels]")
    if not _whole(frames) or not 1 <= frames <= MOST_IMAGE_FRAMES:
        raise WrongUse(f"needs().image_frames is {frames!r:.80}; it must be 1 to {MOST_IMAGE_FRAMES}")
    if not _whole(past) or not 1 <= past <= MOST_OBS_STEPS:
        raise WrongUse(f"needs().n_obs_steps is {past!r:.80}; it must be 1 to {MOST_OBS_STEPS}")
    return Needs(tuple(names), action, int(steps), bool(privileged), int(side), int(frames), int(past))


def _whole(number: object) -> TypeGuard[int]:
    return isinstance(number, int | np.integer) and not isinstance(number, bool)


def _one_of(numbers: tuple[int, ...]) -> str:
    *first, last = map(str, numbers)
    return f"{', '.join(first)} or {last}"


class Episodes(NamedTuple):
    """What a policy may know of the N episodes that it is about to control."""

    noise_keys: np.ndarray
    """Keys of the policy's own noise, independent of the scene, (N,) uint64."""
    simulation: Simulation | None = None
    """The simulator, for privileged policies only."""
    deadline_s: float | None = None
    """Longest time that a decision, or a request to a server, may take [s]; None where nobody says."""
    asked: np.ndarray | None = None
    """Number of the mode that each episode is asked for, (N,) int; for Bimodal's own oracles only, see
    docs/language.md. None for everybody else, and where nobody asks."""


class PlanRecord(NamedTuple):
    """How a planner came to a decision in each of N episodes; it is written down and changes nothing."""

    seen: np.ndarray | None = None
    """What the planner planned from, as numbers of its own choice, (N, d)."""
    candidates: np.ndarray | None = None
    """Sampled plans: C splines of K knots with D values each, in the planner's variables, (N, C, K, D)."""
    scores: np.ndarray | None = None
    """Cost of each candidate, lower is better, (N, C)."""
    modes: np.ndarray | None = None
    """Mode to which each candidate goes, -1 where that is unknown, (N, C) int."""
    chosen: np.ndarray | None = None
    """Index of the candidate that became the plan, -1 for a blend of several, (N,) int."""
    verdict: np.ndarray | None = None
    """What the feasibility check said, `pass`, `repaired: <rule>` or `rejected: <rule>`, (N,) str."""


class RowFault(NamedTuple):
    """Why there is no decision for one episode, which ends with it; the other episodes go on."""

    label: str
    """`POLICY_ERROR`, `POLICY_TIMEOUT` or `POLICY_INVALID_ACTION`."""
    text: str
    """What went wrong, one line."""


class Decision(NamedTuple):
    """What a policy wants to do next in each of N episodes."""

    actions: np.ndarray
    """A chunk of H >= n_action_steps actions for each episode, (N, H, A)."""
    plan: PlanRecord | None = None
    """How the policy came to it, for the records; None where it does not plan."""
    faults: dict[int, RowFault] | None = None
    """Episodes for which there is no decision, by their row; None for none."""


class Policy:
    """Base of every policy: N episodes in lock-step, one decision every `n_action_steps` control steps."""

    name: str = ""
    """Registered name, stated by the class itself; "" for one that is named by its file or module."""
    description: str = ""
    """One sentence for the leaderboard."""
    training: dict | None = None
    """What it was trained on, for the leaderboard."""
    parameters: int | None = None
    """Number of learned parameters."""
    clip: bool = False
    """Whether actions out of range are clipped to it, and counted, instead of ending the episode."""
    called: str = ""
    """Its name in records where the class's own says nothing; "" for that of the class."""
    assumed: tuple[str, ...] = ()
    """What is taken for granted of the server that answers for it, a line each; shown before a run."""

    def __init__(self, task: Task) -> None:
        self.task = task

    def needs(self) -> Needs:
        """Return what the policy reads and emits."""
        return Needs()

    def reset(self, episodes: Episodes) -> None:
        """Begin N new episodes."""

    def act(self, observation: dict[str, np.ndarray]) -> Decision:
        """Return the next chunk of actions.

        Args:
            observation: the components named in `needs().observations`, each (N, d), SI units, or
                (N, n_obs_steps, d) with a past; pictures and words as docs/vision.md has them.
        """
        raise NotImplementedError

    def artifacts(self) -> dict[str, str]:
        """Return the files that make up the policy, {name: sha256}."""
        return {}
