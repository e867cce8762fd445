"""Human-like demonstrations: what several operators do, each at a pace and in a style of its own.

The experts of the other regimes show each scene in every mode, all equally fast and all by one straight way.
People do not. Here every scene is shown once, in a mode that a coin decides, by one of three operators:

    pace      all slower than the expert, and now slower, now faster
    pauses    the hand stands still for a moment, anywhere
    second    closes the gripper too early or in the wrong place, opens it, backs up and tries again
    sway      the hand leaves the expert's way to the grasp by some millimetres, and comes back to it

So demonstrations are unpaired and of unequal length, and the same observation is followed by unequal actions
even in one mode. What fails is marked and not learnt from, as people's failed demonstrations are thrown away.
"""

from typing import NamedTuple

import numpy as np

from ...envs.random_streams import stream
from ...envs.specs import POSITION, by_arm
from ..core.task import Task
from .graded import Moments, along, moments_of, second_try


class Operator(NamedTuple):
    """How one person demonstrates."""

    name: str
    """What the operator is called in tables."""
    share: float
    """Of the demonstrations."""
    pace: tuple[float, float]
    """Range of the mean pace, as a share of the expert's."""
    unsteady: float
    """How far the pace goes up and down around its mean, as a share of it."""
    pauses: float
    """Mean number of pauses."""
    second: float
    """Probability of a second try."""
    sway: float
    """Largest distance from the expert's way along an axis [m]."""


OPERATORS = (
    Operator("practised", 0.4, (0.90, 1.00), 0.10, 0.2, 0.05, 0.004),
    Operator("careful", 0.3, (0.60, 0.80), 0.20, 0.8, 0.10, 0.006),
    Operator("new", 0.3, (0.65, 0.95), 0.35, 1.5, 0.30, 0.012),
)
"""Who demonstrates."""
PAUSE = (4, 16)
"""Range of a pause [control steps]."""
WAVE = (20, 50)
"""Range of the periods of pace and sway [control steps]."""
EASE = 8
"""Control steps of the plan in which sway begins, and in which it ends before the hand arrives."""
MOST_PAUSED = 0.5
"""Share of the time that an episode leaves which may be spent in pauses."""


class HumanPerformance(NamedTuple):
    """How N episodes are played for T control steps."""

    operators: np.ndarray
    """Indices into `OPERATORS`, (N,) int8."""
    clock: np.ndarray
    """Where on the plan the hand is [steps of the plan], (N, T)."""
    actions: np.ndarray
    """`ee_absolute`, (N, T, A)."""


def perform(task: Task, plan: np.ndarray, seeds: np.ndarray, calm: int) -> HumanPerformance:
    """Play plans as people would; each row follows from its task and seed alone.

    Args:
        task: the task.
        plan: the experts' actions, (N, T, A).
        seeds: (N,).
        calm: control steps that the episode must leave after the plan has come to rest.
    """
    frames = task.max_episode_steps
    last = plan.shape[1] - 1
    shares = [operator.share for operator in OPERATORS]
    operators: list[int] = []
    clocks: list[np.ndarray] = []
    grips: list[np.ndarray] = []
    sways: list[np.ndarray] = []
    for row, seed in zip(plan, seeds, strict=True):
        rng = stream("human", task.id, int(seed))
        number = int(rng.choice(len(OPERATORS), p=shares))
        moments = moments_of(row, frames - calm)
        clock, grip = _timed(OPERATORS[number], moments, frames, rng)
        operators.append(number)
        clocks.append(np.minimum(clock, last))
        grips.append(np.minimum(grip, last))
        sways.append(_sway(OPERATORS[number], moments, clocks[-1], task.arms, rng))
    clock = np.stack(clocks)
    actions = along(plan, clock, np.stack(grips))
    by_arm(actions)[..., POSITION] += np.stack(sways)
    return HumanPerformance(np.array(operators, np.int8), clock, actions)


def _timed(
    operator: Operator, moments: Moments, frames: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Return where on the plan the hand is, (T,), and of which of its steps the gripper is, (T,) int."""
    # 1. what is done, at the expert's pace: with a second try, if there is a grasp and time for one
    grip = np.arange(frames)
    clock = grip.astype(float)
    again = rng.random() < operator.second
    extra = 0
    if again and moments.leaves_a_second_try:
        script = second_try(moments, frames, rng)
        grip = script.grip
        clock = script.clock.astype(float)
        extra = int(np.argmax(clock >= moments.rest)) - moments.rest
    # 2. how much time pauses take, and how slow the rest may be then
    left = max(moments.spare - extra, 0)
    pauses = rng.integers(*PAUSE, size=rng.poisson(operator.pauses))
    pauses = pauses[np.cumsum(pauses) <= MOST_PAUSED * left]
    need = moments.rest + extra
    slowest = need / (need + left - pauses.sum())
    pace = max(rng.uniform(*operator.pace), slowest)
    # 3. along a pace that rises and falls, which stands still in pauses, and is mended where time runs out
    ticks = np.arange(frames)
    rate = pace * (1 + operator.unsteady * _wave(ticks, rng))
    for length, at in zip(pauses, rng.uniform(0, need / pace, len(pauses)), strict=True):
        rate[int(at) : int(at) + length] = 0.0
    deadline = need + left
    done = np.concatenate([[0.0], np.cumsum(rate)[:-1]])
    behind = max(need / max(done[min(deadline, frames - 1)], 1.0), 1.0)
    tau = np.minimum(done * behind, frames - 1)
    return np.interp(tau, ticks, clock), grip[tau.astype(int)]


def _sway(
    operator: Operator, moments: Moments, clock: np.ndarray, arms: int, rng: np.random.Generator
) -> np.ndarray:
    """Return how far the hands are from the expert's way, (T, arms, 3) [m]; nothing from the grasp on."""
    waves = np.stack([_wave(np.arange(len(clock)), rng) for _ in range(3 * arms)], -1)
    size = operator.sway * np.clip(np.minimum(clock, moments.arrive - clock) / EASE, 0, 1)
    return size[:, None, None] * waves.reshape(len(clock), arms, 3)


def _wave(ticks: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return the mean of two waves of drawn periods and phases, -1 to 1, (T,)."""
    periods = rng.uniform(*WAVE, 2)
    phases = rng.uniform(0, 2 * np.pi, 2)
    return np.sin(2 * np.pi * ticks[:, None] / periods + phases).mean(-1)
