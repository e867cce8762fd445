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

The return-to-go of frame t is gamma^(n - t) in an episode whose success has been held after n control
steps, 1 once it has, and 0 in an episode that does not succeed.
"""

from typing import NamedTuple

import numpy as np

from ...envs.errors import WrongUse
from ...envs.random_streams import stream
from ...envs.robot.inverse_kinematics import columns_from_rotation, rotation_from_columns
from ..core.task import Task

KINDS = ("ordinary", "slow", "regrasp", "drop", "miss", "stop", "middle")
"""What an episode is meant to be; the last four are meant to fail."""
DECK = (23, 5, 5, 2, 2, 2, 1)
"""How often each of them is dealt to 40 scenes in a row."""
GAMMA = 0.995
"""Discount of a control step: an expert who needs 66 begins with a return of 0.72."""
SPEEDS = (0.60, 0.75)
"""Range of a slow hand's speed, as a share of the expert's; faster where an episode is too short for it."""
SHUT, OPEN = 6, 3
"""Control steps for which the first try of a regrasp closes the gripper, and then waits for it to open."""
BACK = (2, 10)
"""Range of the steps of the plan by which it then backs up; fewer where an episode is too short for them."""
SHORT = 3
"""The first try is at most so many steps of the plan short of the grasp."""
DROP, STOP = (0.2, 0.5), (0.6, 0.3)
"""A drop: how far between lifting off and the plan's next act. A stop: from this share of the way to the
closing on, to this share of the way between lifting off and the next act."""
MISS_UP, MISS_ASIDE = (0.045, 0.075), 0.02
"""Range of a miss's height, and its largest distance aside [m]."""
MIDDLE = (0.4, 0.5)
"""Range of the other mode's weight."""
_WIDTH = 10
"""Values of one arm's action: position, two columns of the rotation, opening."""


class Performance(NamedTuple):
    """How N episodes are to be played for T control steps."""

    kinds: np.ndarray
    """Indices into `KINDS`, (N,) int8."""
    clock: np.ndarray
    """Where on the plan the hand is [steps of the plan], (N, T)."""
    actions: np.ndarray
    """`ee_absolute`, (N, T, A)."""


class _Marks(NamedTuple):
    """Moments of a plan [steps]."""

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


class _Script(NamedTuple):
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
    kinds = np.array([_deal(task.id, int(seed)) for seed in seeds], np.int8)
    marks = [_marks(task, row, calm) for row in plan]
    scripts = [
        _script(KINDS[kind], of, task.max_episode_steps, stream("graded", task.id, int(seed)))
        for kind, of, seed in zip(kinds, marks, seeds, strict=True)
    ]
    last = plan.shape[1] - 1
    clock = np.minimum(np.stack([script.clock for script in scripts]), last)
    grip = np.minimum(np.stack([script.grip for script in scripts]), last)
    weight = np.array([script.weight for script in scripts])[:, None, None]
    mixed = np.where(weight > 0, _tidy(plan + weight * (other - plan)), plan)
    actions = _play(mixed, clock, grip)
    offset = np.stack([np.broadcast_to(script.offset, 3) for script in scripts])
    share = np.minimum(clock / np.array([of.arrive for of in marks])[:, None], 1.0)
    _arms(actions)[..., :3] += (share[..., None] * offset[:, None])[:, :, None]
    return Performance(kinds, clock, actions)


def returns_to_go(success: np.ndarray, steps: np.ndarray, frames: int) -> np.ndarray:
    """Return the return-to-go of every frame, (N, frames) float32, for the verdicts' columns (N,)."""
    left = np.maximum(steps[:, None] - np.arange(frames), 0)
    return np.where(success[:, None], GAMMA**left, 0.0).astype(np.float32)


def frames_before_end(steps: np.ndarray, frames: int) -> np.ndarray:
    """Return which frames come before the end of their episode, (N, frames) bool."""
    return np.arange(frames) < steps[:, None]


def misfit(
    returns: np.ndarray | None, valid: np.ndarray | None, kinds: np.ndarray | None, shape: tuple[int, ...]
) -> str:
    """Return what is wrong with the grades of (episodes, frames) demonstrations, "" for nothing."""
    if returns is not None and not (_is(returns, np.float32, shape) and _within(returns, 0, 1)):
        return f"`returns` are not {shape} float32 values from 0 to 1"
    if valid is not None and not (_is(valid, bool, shape) and (valid[:, 1:] <= valid[:, :-1]).all()):
        return f"`valid` are not {shape} truth values that end once"
    if kinds is not None and not (_is(kinds, np.int8, shape[:1]) and _within(kinds, 0, len(KINDS) - 1)):
        return f"`kinds` are not {shape[:1]} int8 values below {len(KINDS)}"
    return ""


def _is(array: np.ndarray, kind: type, shape: tuple[int, ...]) -> bool:
    return array.dtype == kind and array.shape == shape


def _within(array: np.ndarray, low: int, high: int) -> bool:
    return bool(((array >= low) & (array <= high)).all())


def _deal(task: str, seed: int) -> int:
    """Return the kind of a seed's episodes: its card in a shuffled deck."""
    deck = np.repeat(np.arange(len(DECK)), DECK)
    block, place = divmod(seed, len(deck))
    return int(stream("graded deck", task, block).permutation(deck)[place])


def _arms(actions: np.ndarray) -> np.ndarray:
    """Return actions (..., A) arm by arm, (..., arms, 10); a view of contiguous ones."""
    return actions.reshape(*actions.shape[:-1], -1, _WIDTH)


def _marks(task: Task, plan: np.ndarray, calm: int) -> _Marks:
    """Return the moments of a plan (T, A)."""
    arms = _arms(plan)
    moves = np.flatnonzero((np.abs(np.diff(arms[..., :9], axis=0)) > 1e-9).any((1, 2))) + 1
    changes = np.flatnonzero(np.diff(arms[..., 9], axis=0).any(1)) + 1
    closed = np.flatnonzero((arms[..., 9] <= 0).any(1))
    close = int(closed[0]) if len(closed) else 0
    if not ((moves < close).any() and (moves >= close).any()):
        raise WrongUse(f"{task.id} cannot be graded: its experts do not come, close a gripper and go on")
    rest = int(max(moves[-1], changes[-1]) + 1)
    spare, least = task.max_episode_steps - calm - rest, SHUT + OPEN + 2 * BACK[0]
    if spare < least:
        raise WrongUse(
            f"{task.id} cannot be graded: max_episode_steps leaves {max(spare, 0)} control steps for a "
            f"second try, which needs {least}"
        )
    return _Marks(
        arrive=int(moves[moves < close][-1]),
        close=close,
        carry=int(moves[moves >= close][0]),
        act=int(changes[changes > close].min(initial=rest)),
        rest=rest,
        spare=spare,
    )


def _script(kind: str, marks: _Marks, frames: int, rng: np.random.Generator) -> _Script:
    """Draw how an episode of `kind` is played in `frames` control steps."""
    ticks = np.arange(frames)
    carrying = marks.act - marks.carry
    if kind == "slow":
        slowest = max(SPEEDS[0], marks.rest / (marks.rest + marks.spare))
        clock = rng.uniform(slowest, max(SPEEDS[1], min(slowest + 0.05, 1.0))) * ticks
        return _Script(clock, clock.astype(int))
    if kind == "regrasp":
        return _regrasp(marks, frames, rng)
    if kind == "drop":
        open_from = marks.carry + int(rng.uniform(*DROP) * carrying)
        return _Script(ticks, np.where(ticks < open_from, ticks, marks.close - 1))
    if kind == "miss":
        angle, aside = rng.uniform(0, 2 * np.pi), rng.uniform(0, MISS_ASIDE)
        offset = np.array([aside * np.cos(angle), aside * np.sin(angle), rng.uniform(*MISS_UP)])
        return _Script(ticks, ticks, offset=offset)
    if kind == "stop":
        stopped = np.minimum(ticks, int(rng.uniform(STOP[0] * marks.close, marks.carry + STOP[1] * carrying)))
        return _Script(stopped, stopped)
    return _Script(ticks, ticks, weight=rng.uniform(*MIDDLE) if kind == "middle" else 0.0)


def _regrasp(marks: _Marks, frames: int, rng: np.random.Generator) -> _Script:
    first_try = max(marks.arrive - int(rng.integers(SHORT + 1)), 0)
    most = min(BACK[1], (marks.spare - SHUT - OPEN) // 2)
    turn = max(first_try - int(rng.integers(BACK[0], most + 1)), 0)
    there, again = np.arange(first_try), np.arange(first_try, turn, -1)
    clock = np.concatenate([there, np.full(SHUT + OPEN, first_try), again, turn + np.arange(frames)])[:frames]
    grip = np.minimum(clock, marks.close - 1)
    grip[first_try : first_try + SHUT] = marks.close
    second = first_try + SHUT + OPEN + len(again)
    grip[second:] = clock[second:]
    return _Script(clock, grip)


def _play(plan: np.ndarray, clock: np.ndarray, grip: np.ndarray) -> np.ndarray:
    """Return the actions (N, T', A) of plans (N, T, A) at `clock` and `grip` (N, T')."""
    rows, before = np.arange(len(plan))[:, None], clock.astype(int)
    after = np.minimum(before + 1, plan.shape[1] - 1)
    part = (clock - before)[..., None]
    played = plan[rows, before]
    played = np.where(part > 0, _tidy(played + part * (plan[rows, after] - played)), played)
    _arms(played)[..., 9] = _arms(plan)[rows, grip][..., 9]
    return played


def _tidy(actions: np.ndarray) -> np.ndarray:
    """Return actions whose rotation columns are made orthonormal again."""
    tidy = actions.copy()
    columns = _arms(tidy)[..., 3:9]
    _arms(tidy)[..., 3:9] = columns_from_rotation(rotation_from_columns(columns))
    return tidy
