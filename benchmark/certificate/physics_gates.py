"""Gates 1 to 3 of a certificate: runs experts, averages of them, zero and random; nothing learns yet."""

from collections.abc import Iterator
from itertools import combinations

import numpy as np

from ...policies import load_policy
from ...tasks.core.task import Task
from ...tasks.demonstrations.regimes import schedule
from .certificate import Check, bars, counted, zone_text
from .trials import Blend, lengths, parting, run_trial

EXPERT_FLOOR = 0.98
"""Gate 1: least success of an expert."""
CEILING = 0.02
"""Gates 2 and 3: most success of what must fail."""
LATEST_ACT = 6
"""Gate 2: last control step after the parting at which the average may fail (the first is 0). A policy
that executes 8 actions looks again at step 8."""
DEAD = 0.10
"""Gate 2: a mixture is dead below this success."""
DEAD_ZONE = (0.35, 0.65)
"""Gate 2: the least dead zone of a task."""
MIXTURES = np.arange(1, 20) / 20
"""Gate 2: the mixtures alpha that are tried; 0 were the first mode of a pair, 1 the second."""
ZONE_SEEDS = 12
"""Gate 2: least episodes of a mixture."""
ZONE_SHARE = 0.1
"""Gate 2: their share of the panel, which several pairs of modes divide."""
PAIR_SHARE = 0.25
"""Gate 2: share of the panel in which the average of two of several modes is tried."""
FLOOR_SHARE = 0.25
"""Gate 3: share of the panel in which zero and random are tried."""
FEWEST = 20
"""Least episodes of those; a quick panel is used whole."""


def expert_checks(task: Task, seeds: range, episodes: int) -> list[Check]:
    """Gate 1: every mode can be done, cleanly and in the same time, and a coin chooses it.

    The coin cannot depend on the state, because the demonstrations show every scene once in each mode.

    Args:
        task: the task.
        seeds: one episode each, in every mode.
        episodes: number of demonstrations.
    """
    k = len(task.modes)
    checks = []
    # 1. every mode succeeds, with no force on what must not be touched
    forces = np.zeros(2)
    for name, weights in zip(task.modes, np.eye(k), strict=True):
        result = run_trial(task, Blend(task, weights), seeds)
        wins = int((result.success & (result.mode == task.modes.index(name))).sum())
        value = counted(wins, result.n, interval=True)
        passed = wins >= EXPERT_FLOOR * result.n
        checks.append(Check(1, name, "successes, 95 % interval", value, ">= 98 %", passed))
        forces = np.maximum(forces, [result.illegal.max(), result.table.max()])
    touched = f"{forces[0]:.3g} N, {forces[1]:.3g} N"
    # 2. all plans are equally long
    steps = lengths(task, seeds[0])
    plans = ", ".join(map(str, steps))
    same = len(set(steps)) == 1 and steps[0] <= task.max_episode_steps
    # 3. every scene is shown once in each mode
    paired, scenes = paired_seeds(*schedule(task, "bi50", episodes, 0), k)
    return [
        *checks,
        Check(1, "contact", "force on forbidden and table", touched, "0 N", not forces.any()),
        Check(
            1, "duration", "control steps of the plans", plans, f"equal, <= {task.max_episode_steps}", same
        ),
        Check(1, "coin", "scenes shown in each mode", f"{paired} of {scenes}", "all", paired == scenes),
    ]


def average_checks(task: Task, seeds: range) -> list[Check]:
    """Gate 2: the average of the modes fails, soon after they part, and does not lift anything.

    In a task of several choices two modes may part at a later one; then their average must fail there.
    """
    few = seeds[: max(FEWEST, int(PAIR_SHARE * len(seeds)))]
    checks = []
    for name, weights in averages(len(task.modes)):  # that of all modes comes first
        averaged = np.flatnonzero(weights)
        later = len(set(task.first_choices()[averaged].tolist())) == 1
        step = parting(task, averaged.tolist(), seeds[0]) if later else task.shared_steps
        tried = few if checks else seeds
        result = run_trial(task, Blend(task, weights), tried, acts_from=step if later else 0)
        # 1. neither succeeds nor lifts
        wins = int(result.success.sum())
        lifts = int(result.lifted.sum())
        value = f"{counted(wins, result.n)}; {counted(lifts, result.n)}"
        passed = max(wins, lifts) <= CEILING * result.n
        checks.append(Check(2, name, "successes; lifts", value, "<= 2 %", passed))
        # 2. fails within the first executed block
        checks.append(_acts_check(f"{name} acts", result.acted, step))
    return checks


def _acts_check(name: str, acted: np.ndarray, parted: int) -> Check:
    """Ask that every episode act within `LATEST_ACT` control steps after the modes part; -1 is never."""
    step = acted - parted
    always = bool((acted >= 0).all())
    value = (
        f"{step.min()} to {step.max()}" if always else f"in {counted(int((acted >= 0).sum()), len(acted))}"
    )
    passed = bool(always and step.min() >= 0 and step.max() <= LATEST_ACT)
    bound = f"0 to {LATEST_ACT}, always"
    return Check(2, name, "contact, steps after parting", value, bound, passed)


def dead_zone_checks(task: Task, seeds: range) -> list[Check]:
    """Gate 2: more than the very middle is dead, and the zone that the task states is no wider.

    The sparkline in the value shows the success of all mixtures.
    """
    k = len(task.modes)
    checks = []
    pairs = list(combinations(range(k), 2))
    seeds = seeds[: max(ZONE_SEEDS, int(ZONE_SHARE * len(seeds) / len(pairs)))]
    for first, second in pairs:
        name = "dead zone" if k == 2 else f"dead zone {first}-{second}"
        blends = [(1 - alpha) * np.eye(k)[first] + alpha * np.eye(k)[second] for alpha in MIXTURES]
        success = np.array([run_trial(task, Blend(task, weights), seeds).rate for weights in blends])
        zone = dead_zone(success)
        value = f"{zone_text(zone)} {bars(success)}"
        bound = f"covers {zone_text(DEAD_ZONE)}"
        checks.append(Check(2, name, "mixtures below 10 % success", value, bound, contains(zone, DEAD_ZONE)))
        value = zone_text(task.dead_zone)
        bound = f"in {zone_text(zone)}"
        honest = contains(zone, task.dead_zone)
        checks.append(Check(2, f"stated {name}", "mixtures the task calls dead", value, bound, honest))
    return checks


def floor_checks(task: Task, seeds: range) -> list[Check]:
    """Gate 3: doing nothing and doing anything are not rewarded."""
    seeds = seeds[: max(FEWEST, int(FLOOR_SHARE * len(seeds)))]
    checks = []
    for name in ("zero", "random"):
        wins = int(run_trial(task, load_policy(name, task), seeds).success.sum())
        passed = wins <= CEILING * len(seeds)
        checks.append(Check(3, name, "successes", counted(wins, len(seeds)), "<= 2 %", passed))
    return checks


def averages(k: int) -> Iterator[tuple[str, np.ndarray]]:
    """Yield name and weights (k,) of the average of all modes, and of every pair when there are more."""
    yield "average", np.full(k, 1 / k)
    for pair in combinations(range(k), 2) if k > 2 else ():
        yield f"average {pair[0]}-{pair[1]}", np.eye(k)[list(pair)].mean(0)


def paired_seeds(seeds: np.ndarray, modes: np.ndarray, k: int) -> tuple[int, int]:
    """Return how many distinct seeds occur exactly once in each of k modes, and how many there are."""
    names = np.unique(seeds)
    return sum(sorted(modes[seeds == seed].tolist()) == list(range(k)) for seed in names), len(names)


def dead_zone(success: np.ndarray) -> tuple[float, float]:
    """Return the stretch of dead mixtures around the middle one; (NaN, NaN) when that is alive.

    Args:
        success: share of successes at each of `MIXTURES`.
    """
    dead = success < DEAD
    low = high = len(MIXTURES) // 2
    if not dead[low]:
        return float("nan"), float("nan")
    while low > 0 and dead[low - 1]:
        low -= 1
    while high < len(dead) - 1 and dead[high + 1]:
        high += 1
    return float(MIXTURES[low]), float(MIXTURES[high])


def contains(outer: tuple[float, float], inner: tuple[float, float]) -> bool:
    """Return whether an interval contains another, to the grid's rounding; an empty one (NaN) does not."""
    return outer[0] <= inner[0] + 1e-9 and inner[1] <= outer[1] + 1e-9
