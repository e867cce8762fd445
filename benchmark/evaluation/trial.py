"""A short trial of a policy: all that is wrong with what it says and does, at once.

`try_policy` runs the policy's code, in a worker process; `policy_check` asks for it and reads the answer.
"""

import re
from difflib import get_close_matches

import numpy as np

from ...envs.errors import BimodalError
from ...envs.perturbations.core.variant import CLEAN
from ...envs.robot.action_check import ActionCheck
from ...envs.specs import CONTROL_HZ, PREFIXES, RANGE_SLACK, ROTATION, by_arm
from ...policies import Policy
from ...policies.core.answers import InvalidAnswer, actions_of
from ...policies.core.policy import Decision, Episodes, Needs
from ...tasks import Task
from ...tasks.core.referee import Referee
from ..isolation.source import PolicySource
from ..records.field_types import Many, Record
from ..rollout.shard import Shard, ShardResult, check_needs, run_shard
from ..rollout.timeouts import Deadline
from .guessed_shape import reshaped, spaces_of, transposed

STEPS = 20
"""Control steps of an episode of the trial (1 s)."""
_SEEDS = (0, 1)
"""Episodes that are played again and again."""
_BETWEEN = (2,)
"""The episode that is played in between, alone, as where decisions are timed."""
_TILTED = "start.joints:3"
"""The variant in which it is played once more, with hands that do not point straight down."""
_PAGE = 'see docs/policies.md, "When it is called"'


class Trial(Record):
    """What came out of a trial."""

    problems: Many[str]
    """What is wrong, a line each."""
    assumed: Many[str] = ()
    """What the server that answers does not say and is taken for granted, a line each."""
    decision_ms: float | None = None
    """Median wall time of a decision for one episode [ms]; None where there was none."""
    budget_ms: float | None = None
    """Time that the robot takes to execute the actions of a decision [ms]."""


class _Watched(Policy):
    """A policy that goes on after an action out of range, and notes what the evaluator does not see."""

    clip = True

    def __init__(self, policy: Policy, needs: Needs) -> None:
        super().__init__(policy.task)
        self.inner = policy
        self.written: dict[str, None] = {}
        """Components of the observation that were written to."""
        self.wrong: dict[str, None] = {}
        """What else is wrong with what it reads and answers, a line each."""
        self.turns: list[tuple[np.ndarray, np.ndarray]] = []
        """Of every decision the rotations that were observed and asked for, both (N, 6), arm by arm."""
        self._needs = needs
        self._check = ActionCheck(needs.action, policy.task.arms)
        self._asked = np.clip(np.zeros(len(self._check.low)), self._check.low, self._check.high)
        """Of every column the value that lay furthest beyond its range, (A,)."""

    def needs(self) -> Needs:
        return self._needs

    def reset(self, episodes: Episodes) -> None:
        self.inner.reset(episodes)

    def act(self, observation: dict[str, np.ndarray]) -> Decision:
        given = {name: array.copy() for name, array in observation.items()}
        n = len(next(iter(given.values())))
        answer = None
        try:
            answer = self.inner.act(dict(given))
            actions = actions_of(answer)
        except InvalidAnswer as error:
            if error.mended is None:
                raise
            actions = error.mended
            self.wrong[f"act returned {error}; expected {self._expected(n)} numbers"] = None
        except Exception as error:
            self._note_missing(error, given)
            raise
        for name, array in observation.items():
            if not np.array_equal(given[name], array, equal_nan=True):
                self.written[name] = None
        actions = self._shaped(actions, n)
        if actions.ndim == 3 and actions.shape[2] == len(self._asked):
            self._note(actions[:, : self._needs.n_action_steps].reshape(-1, len(self._asked)))
            self._note_turns(actions[:, 0], given)
        return Decision(actions, getattr(answer, "plan", None), getattr(answer, "faults", None))

    def _expected(self, n: int) -> str:
        return f"({n}, >={self._needs.n_action_steps}, {len(self._asked)})"

    def _shaped(self, actions: np.ndarray, n: int) -> np.ndarray:
        """Return actions as they are probably meant; that they have another shape is noted."""
        shaped = reshaped(actions, n, self._needs.n_action_steps, len(self._asked))
        if shaped is not actions:
            self.wrong[f"act returned actions of shape {actions.shape}; expected {self._expected(n)}"] = None
        if shaped is None and (spaces := spaces_of(actions.shape[-1:], self.task.arms)):
            self.wrong[f"{actions.shape[-1]} numbers are an action of {spaces}: name it in needs()"] = None
        return actions if shaped is None else shaped

    def _note_missing(self, error: Exception, given: dict[str, np.ndarray]) -> None:
        """Note a component that the policy reads and does not get."""
        found = re.fullmatch(r"'(\w+)'", str(error))
        name = found[1] if found and type(error).__name__ == "KeyError" else ""
        known = [spec.name for spec in self.task.observation]
        near = get_close_matches(name, known, 1)
        if name in known and name not in given:
            line = f"act reads {name!r}, which needs() does not name ({', '.join(given)}): add it"
            self.wrong[line] = None
        elif near and name not in given:
            line = f"act reads {name!r}, which {self.task.id} does not have: did you mean {near[0]}?"
            self.wrong[line] = None

    def _note(self, actions: np.ndarray) -> None:
        """Keep the value of each column of some actions (B, A) that lies furthest beyond its range."""
        finite = np.where(np.isfinite(actions), actions, self._check.low)
        every = np.vstack([self._asked, finite])
        self._asked = every[self._beyond(every).argmax(axis=0), np.arange(len(self._asked))]

    def _note_turns(self, actions: np.ndarray, given: dict[str, np.ndarray]) -> None:
        """Keep how hands are observed to be turned, and how actions (N, A) would turn them."""
        names = [f"{prefix}tcp_rotation" for prefix in PREFIXES[: self.task.arms]]
        if self._needs.action == "ee_absolute" and set(names) <= set(given):
            for name, asked in zip(names, by_arm(actions).swapaxes(0, 1), strict=True):
                now = given[name].reshape(len(asked), -1, 6)[:, -1]  # of a past the last
                self.turns.append((now, asked[:, ROTATION]))

    def _beyond(self, values: np.ndarray) -> np.ndarray:
        return np.maximum(self._check.low - values, values - self._check.high)

    def problems(self) -> list[str]:
        """Return what was noted, a line each."""
        found = [*self.wrong]
        if self.written:
            found.append(f"act writes into its observation ({', '.join(self.written)}): compute on a copy")
        beyond = self._beyond(self._asked)
        for column in np.flatnonzero(beyond > RANGE_SLACK) if self.inner.clip is not True else ():
            allowed = f"{self._check.low[column]:g} to {self._check.high[column]:g}"
            asked = f"{self._check.names[column]} = {self._asked[column]:.8g} in column {column}"
            found.append(
                f"act asked for {asked} of {self._needs.action}, {beyond[column]:.2g} beyond the "
                f"allowed {allowed}: clip it, or set clip = True in the class"
            )
        return found


def try_policy(source: PolicySource, task: Task, deadline: Deadline, build_s: float) -> Trial:
    """Build a policy and play 20 control steps of a few episodes; runs its code.

    The same two episodes are played three times: before another one, after it by a new object, and again by
    the first object. Their fingerprints differ where something is remembered that must not be.

    Raises:
        BimodalError: there is no such policy, or its file cannot be imported.
    """
    found: list[str] = []
    building = deadline.building(build_s)
    with building.watch():
        source.find()
    assumed: tuple[str, ...] = ()
    try:
        assumed = source.introduce(task, building).assumed
    except BimodalError as error:
        found += str(error).splitlines()

    def built() -> _Watched:
        with building.watch():
            made, _ = source.build(task)
            return _Watched(made, check_needs(task, made.needs()))

    try:
        first = built()
    except (Exception, SystemExit):  # its introduction said so
        return Trial(problems=tuple(found))
    played = _play(task, first, _SEEDS, deadline)
    other = built()
    alone = _play(task, other, _BETWEEN, deadline)
    found += (_faults(played) or _faults(alone)) + (first.problems() or other.problems())
    found += _transposed(task, built(), deadline)
    if not any(played.faults):
        found += _remembered(
            played, _play(task, built(), _SEEDS, deadline), _play(task, first, _SEEDS, deadline)
        )
    budget_ms = 1e3 * first.needs().n_action_steps / CONTROL_HZ
    problems = tuple(dict.fromkeys(found))
    return Trial(problems=problems, assumed=assumed, decision_ms=_decision_ms(alone), budget_ms=budget_ms)


def _play(
    task: Task, policy: Policy, seeds: tuple[int, ...], deadline: Deadline, variant: str = CLEAN
) -> ShardResult:
    referee = Referee(task, len(seeds), STEPS)
    shard = Shard(task.id, variant, 0, seeds)
    return run_shard(task, policy, shard, "trial", deadline=deadline, referee=referee)


def _transposed(task: Task, policy: _Watched, deadline: Deadline) -> list[str]:
    """Play with tilted hands; return whether a policy that keeps them as they are gives rows for columns."""
    _play(task, policy, _SEEDS, deadline, _TILTED)
    if not policy.turns:
        return []
    seen, asked = (np.concatenate(part) for part in zip(*policy.turns, strict=True))
    if not transposed(seen, asked):
        return []
    return [
        "act asks for the transpose of the observed rotation: give the first two columns of the matrix, "
        "matrix[:, 0] and then matrix[:, 1], not its rows"
    ]


def _decision_ms(result: ShardResult) -> float | None:
    """Return the median wall time [ms] of a shard's decisions, without the first where there are more."""
    times = [decision.latency_ms for decision in result.decisions]
    return round(float(np.median(times[1:] or times)), 3) if times else None


def _faults(result: ShardResult) -> list[str]:
    """Return what the policy did wrong in the episodes of a shard."""
    return [str(text) for text in result.faults if text]


def _remembered(played: ShardResult, by_another: ShardResult, again: ShardResult) -> list[str]:
    """Return what the fingerprints of the same episodes tell of what a policy remembers."""
    if not np.array_equal(played.digests, by_another.digests):
        return [
            "the same episodes came out differently after another one was played: the policy keeps something "
            "in its module or class, or draws from a generator that noise_keys does not seed, so scores "
            f"depend on the number of workers; {_PAGE}"
        ]
    if not np.array_equal(played.digests, again.digests):
        return [
            "the same object played the same episodes differently the second time: reset(episodes) must set "
            f"back all that an episode changes; {_PAGE}"
        ]
    return []
