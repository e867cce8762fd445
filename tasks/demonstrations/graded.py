"""Graded demonstrations: the experts' plans played well, slowly, at the second try, or wrongly.

Planners that are told a return, or that rank plans by a value, learn nothing from success alone. Here a
plan is played along a *clock*: at control step t the hand goes where the plan is at clock(t), between two
steps if need be, and the gripper does what the plan does at grip(t).

    kind      clock                                   gripper               else
    ordinary  t                                       as planned
    slow      speed * t                               as planned
    regrasp   to the grasp or just short of it,       closes there, opens
              back a little, and on to the end        again, as planned
    drop      t                                       opens on the way up,
                                                      stays open
    miss      t                                       as planned            hand too high, and aside
    stop      stays at a drawn moment                 stays
    middle    t                                       as planned            mean with the next mode's plan

What an episode is meant to be follows from its task and seed, so the modes of a scene are played alike and
the return does not tell the mode.
"""

from typing import NamedTuple

import numpy as np

from ...envs.errors import WrongUse
from ...envs.frames import heading
from ...envs.random_streams import stream
from ...envs.robot.inverse_kinematics import columns_from_rotation, rotation_from_columns
from ...envs.specs import GRIPPER, POSITION, ROTATION, by_arm
from ..core.task import Task
from .grades import KINDS

DECK = (23, 5, 5, 2, 2, 2, 1)
"""How often each of them is dealt to 40 scenes in a row."""
SPEEDS = (0.60, 0.75)
"""Range of a slow hand's speed, as a share of the expert's; faster where an episode is too short for it."""
SHUT = 6
"""Control steps for which the first try of a regrasp closes the gripper."""
OPEN = 3
"""Control steps for which it then waits for the gripper to open."""
BACK = (2, 10)
"""Range of the steps of the plan by which it then backs up; fewer where an episode is too short for them."""
SHORT = 3
"""The first try is at most so many steps of the plan short of the grasp."""
DROP = (0.2, 0.5)
"""Range of where a drop is: how far between lifting off and the plan's next act."""
STOP = (0.6, 0.3)
"""A stop is from this share of the way to the closing on, to this share from lifting off to the next act."""
LEAST_SPARE = SHUT + OPEN + 2 * BACK[0]
"""Control steps that a second try takes at least."""
MISS_UP = (0.045, 0.075)
"""Range of a miss's height [m]."""
MISS_ASIDE = 0.02
"""Largest distance aside of a miss [m]."""
MIDDLE = (0.4, 0.5)
"""Range of the other mode's weight."""


class Performance(NamedTuple):
    """How N episodes are to be played for T control steps."""

    kinds: np.ndarray
    """Indices into `KINDS`, (N,) int8."""
    clock: np.ndarray
    """Where on the plan the hand is [steps of the plan], (N, T)."""
    actions: np.ndarray
    """`ee_absolute`, (N, T, A)."""


class Moments(NamedTuple):
    """Moments of a plan [steps]; without a gripper that closes, the first four are 0."""

    arrive: int
    """The hand is where it first grasps."""
    close: int
    """A gripper closes for the first time."""
    carry: int
    """The hand moves on."""
    act: int
    """The gripper changes again, or all is done."""
    rest: int
    """All is done."""
    spare: int
    """Control steps that an episode leaves beyond that."""

    @property
    def leaves_a_second_try(self) -> bool:
        """Whether something is grasped, and there is time to grasp it again."""
        return self.close > 0 and self.spare >= LEAST_SPARE


class Script(NamedTuple):
    """How one episode is played for T control steps."""

    clock: np.ndarray
    """(T,)."""
    grip: np.ndarray
    """The step of the plan whose gripper commands are given, (T,) int."""
    offset: np.ndarray | float = 0.0
    """What is added to the positions once the hand has arrived [m], (3,)."""
    weight: float = 0.0
    """Weight of the other mode's plan."""


def perform(task: Task, plan: np.ndarray, other: np.ndarray, seeds: np.ndarray, calm: int) -> Performance:
    """Play plans for whole episodes, each as its seed says.

    Args:
        task: the task.
        plan: the experts' actions, (N, T, A).
        other: the same in another mode, (N, T, A).
        seeds: (N,).
        calm: control steps that the episode must leave after the plan has come to rest.

    Raises:
        WrongUse: no gripper closes in a plan, or an episode leaves no time for a second try.
    """
    # 1. deal the kinds and draw how each episode is played; every row has a random stream of its own
    kinds = np.array([_deal(task.id, int(seed)) for seed in seeds], np.int8)
    marks = [_marks(task, row, calm) for row in plan]
    scripts = [
        _script(KINDS[kind], of, task.max_episode_steps, stream("graded", task.id, int(seed)))
        for kind, of, seed in zip(kinds, marks, seeds, strict=True)
    ]
    # 2. play the plans, or their mixtures, along the clocks; who is through stays at the last step
    last = plan.shape[1] - 1
    clock = np.minimum(np.stack([script.clock for script in scripts]), last)
    grip = np.minimum(np.stack([script.grip for script in scripts]), last)
    weight = np.array([script.weight for script in scripts])[:, None, None]
    mixed = np.where(weight > 0, _tidy(plan + weight * (other - plan)), plan)
    actions = along(mixed, clock, grip)
    # 3. shift what misses: more and more until the hand arrives
    offset = np.stack([np.broadcast_to(script.offset, 3) for script in scripts])
    share = np.minimum(clock / np.array([of.arrive for of in marks])[:, None], 1.0)
    by_arm(actions)[..., POSITION] += (share[..., None] * offset[:, None])[:, :, None]
    return Performance(kinds, clock, actions)


def _deal(task: str, seed: int) -> int:
    """Return the kind of a seed's episodes: its card in a shuffled deck."""
    deck = np.repeat(np.arange(len(DECK)), DECK)
    block, place = divmod(seed, len(deck))
    return int(stream("graded deck", task, block).permutation(deck)[place])


def _marks(task: Task, plan: np.ndarray, calm: int) -> Moments:
    """Return the moments of a plan (T, A) that can be played at a second try.

    Raises:
        WrongUse: it cannot.
    """
    moments = moments_of(plan, task.max_episode_steps - calm)
    if not moments.close:
        raise WrongUse(f"{task.id} cannot be graded: its experts do not come, close a gripper and go on")
    if not moments.leaves_a_second_try:
        raise WrongUse(
            f"{task.id} cannot be graded: max_episode_steps leaves {max(moments.spare, 0)} control steps "
            f"for a second try, which needs {LEAST_SPARE}"
        )
    return moments


def moments_of(plan: np.ndarray, limit: int) -> Moments:
    """Return the moments of a plan (T, A) that must be done after `limit` control steps."""
    # at which steps does a hand move, a gripper change, a gripper close?
    arms = by_arm(plan)
    poses = np.delete(arms, GRIPPER, axis=-1)
    moves = np.flatnonzero((np.abs(np.diff(poses, axis=0)) > 1e-9).any((1, 2))) + 1
    changes = np.flatnonzero(np.diff(arms[..., GRIPPER], axis=0).any(1)) + 1
    closed = np.flatnonzero((arms[..., GRIPPER] <= 0).any(1))
    close = int(closed[0]) if len(closed) else 0
    rest = int(max([*moves[-1:], *changes[-1:]], default=0)) + 1
    if not ((moves < close).any() and (moves >= close).any()):
        return Moments(0, 0, 0, 0, rest, limit - rest)
    return Moments(
        arrive=int(moves[moves < close][-1]),
        close=close,
        carry=int(moves[moves >= close][0]),
        act=int(changes[changes > close].min(initial=rest)),
        rest=rest,
        spare=limit - rest,
    )


def _script(kind: str, marks: Moments, frames: int, rng: np.random.Generator) -> Script:
    """Draw how an episode of `kind` is played in `frames` control steps."""
    ticks = np.arange(frames)
    carrying = marks.act - marks.carry  # for so long something is held and moved
    if kind == "slow":
        # fast enough to be through in the episode, even where that is faster than SPEEDS
        slowest = max(SPEEDS[0], marks.rest / (marks.rest + marks.spare))
        clock = rng.uniform(slowest, max(SPEEDS[1], min(slowest + 0.05, 1.0))) * ticks
        return Script(clock, clock.astype(int))
    if kind == "regrasp":
        return second_try(marks, frames, rng)
    if kind == "drop":
        open_from = marks.carry + int(rng.uniform(*DROP) * carrying)
        # from then on the gripper gets the command of the step before it closed: open
        return Script(ticks, np.where(ticks < open_from, ticks, marks.close - 1))
    if kind == "miss":
        angle = rng.uniform(0, 2 * np.pi)
        aside = rng.uniform(0, MISS_ASIDE)
        offset = np.array([*aside * heading(angle), rng.uniform(*MISS_UP)])
        return Script(ticks, ticks, offset=offset)
    if kind == "stop":
        stopped = np.minimum(ticks, int(rng.uniform(STOP[0] * marks.close, marks.carry + STOP[1] * carrying)))
        return Script(stopped, stopped)
    return Script(ticks, ticks, weight=rng.uniform(*MIDDLE) if kind == "middle" else 0.0)


def second_try(marks: Moments, frames: int, rng: np.random.Generator) -> Script:
    """Draw a first try that closes too early, and the way back and on to the end, in so many `frames`."""
    # 1. where it closes too early, and how far it then backs up [steps of the plan]
    first_try = max(marks.arrive - int(rng.integers(SHORT + 1)), 0)
    most = min(BACK[1], (marks.spare - SHUT - OPEN) // 2)
    turn = max(first_try - int(rng.integers(BACK[0], most + 1)), 0)
    # 2. there, wait, back, and on to the end
    there = np.arange(first_try)
    again = np.arange(first_try, turn, -1)
    clock = np.concatenate([there, np.full(SHUT + OPEN, first_try), again, turn + np.arange(frames)])[:frames]
    # 3. open but for the first try, until the hand comes a second time
    grip = np.minimum(clock, marks.close - 1)
    grip[first_try : first_try + SHUT] = marks.close
    second = first_try + SHUT + OPEN + len(again)
    grip[second:] = clock[second:]
    return Script(clock, grip)


def along(plan: np.ndarray, clock: np.ndarray, grip: np.ndarray) -> np.ndarray:
    """Return the actions (N, T', A) of plans (N, T, A) at `clock` and `grip` (N, T')."""
    rows = np.arange(len(plan))[:, None]
    # 1. the hands, between two steps of the plan where the clock is
    before = clock.astype(int)
    after = np.minimum(before + 1, plan.shape[1] - 1)
    part = (clock - before)[..., None]
    played = plan[rows, before]
    played = np.where(part > 0, _tidy(played + part * (plan[rows, after] - played)), played)
    # 2. the grippers
    by_arm(played)[..., GRIPPER] = by_arm(plan)[rows, grip][..., GRIPPER]
    return played


def _tidy(actions: np.ndarray) -> np.ndarray:
    """Return actions whose rotation columns are made orthonormal again."""
    tidy = actions.copy()
    columns = by_arm(tidy)[..., ROTATION]
    by_arm(tidy)[..., ROTATION] = columns_from_rotation(rotation_from_columns(columns))
    return tidy
