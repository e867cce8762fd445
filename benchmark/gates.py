"""Gates 1 to 4 of a certificate: what physics alone says of a task, before anything learns."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from ..policies import load_policy
from ..tasks.demonstrations import Demonstrations, collect, schedule
from ..tasks.task import Task
from .metrics import wilson
from .probe import grouped_auc
from .trials import Blend, Outcome, plan_lengths, trial

FIRST_SEED = 500_000
"""Certificates use seeds from here on: neither the panels' nor the demonstrations'."""
EXPERT_FLOOR, AVERAGE_CEILING = 0.98, 0.02
"""Gate 1: least success of an expert. Gates 2 and 3: most success of what must fail."""
LATEST_ACT = 6
"""Gate 2: the average must have acted this many control steps after the modes part, two before a policy
that executes 8 actions looks again."""
DEAD, DEAD_ZONE = 0.10, (0.35, 0.65)
"""Gate 2: a mixture is dead below this success; the least dead zone of a task."""
MIXTURES = np.arange(21) / 20
"""Gate 2: the mixtures alpha that are tried."""

def stages(task: Task, seeds: int, episodes: int, quick: bool) -> list[Stage]:
    """Return the measurements of gates 1 to 4 in order.

    Args:
        task: the task.
        seeds: episodes of each cell; a mixture gets a quarter of them.
        episodes: demonstrations that the probe reads.
        quick: whether the probe reads few demonstrations, without process noise.
    """
    panel = range(FIRST_SEED, FIRST_SEED + seeds)
    return [
        ("experts", lambda: expert_rows(task, panel, episodes)),
        ("average of the modes", lambda: average_rows(task, panel)),
        ("dead zone", lambda: dead_zone_rows(task, panel[: max(1, seeds // 4)])),
        ("zero and random", lambda: floor_rows(task, panel)),
        ("hidden mode", lambda: hidden_rows(task, 2 * 20, episodes, quick)),
    ]


def expert_rows(task: Task, seeds: range, episodes: int) -> list[Row]:
    """Gate 1: every mode can be done, cleanly and in the same time, and a coin chooses it."""
    rows, forces = [], np.zeros(2)
    for mode, weights in enumerate(np.eye(len(task.modes))):
        outcome = trial(task, Blend(task, weights), seeds)
        wins = outcome.success & (outcome.mode == mode)
        passed = bool(wins.mean() >= EXPERT_FLOOR)
        value, bound = counted(int(wins.sum()), outcome.n, interval=True), f">= {EXPERT_FLOOR:.0%}"
        rows.append(Row(1, task.modes[mode], "successes of its expert (95 % interval)", value, bound, passed))
        forces = np.maximum(forces, [outcome.illegal.max(), outcome.table.max()])
    lengths = plan_lengths(task, seeds[0])
    paired = paired_seeds(*schedule(task, "bi50", episodes, 0), len(task.modes))
    return [
        *rows,
        Row(
            1,
            "contact",
            "largest force of the experts on the forbidden, on the table",
            f"{forces[0]:.3g} N, {forces[1]:.3g} N",
            "0 N",
            bool((forces == 0).all()),
        ),
        Row(
            1,
            "duration",
            "control steps of the modes' plans",
            ", ".join(map(str, lengths)),
            f"equal, <= {task.horizon}",
            len(set(lengths)) == 1 and max(lengths) <= task.horizon,
        ),
        Row(
            1,
            "hidden coin",
            "seeds that the demonstrations show once in each mode",
            f"{paired[0]} of {paired[1]}",
            "all",
            paired[0] == paired[1],
        ),
    ]


def average_rows(task: Task, seeds: range) -> list[Row]:
    """Gate 2: the average of the modes fails, soon after they part."""
    k, rows = len(task.modes), []
    for name, weights in averages(k):
        outcome = trial(task, Blend(task, weights), seeds)
        wins, lifts = int(outcome.success.sum()), int(outcome.lifted.sum())
        passed = max(wins, lifts) <= AVERAGE_CEILING * outcome.n
        value = f"{counted(wins, outcome.n)}, {counted(lifts, outcome.n)}"
        rows.append(Row(2, name, "successes, lifts", value, f"<= {AVERAGE_CEILING:.0%}", passed))
        after = np.where(outcome.acted < 0, task.horizon, outcome.acted) - task.trunk_steps
        touched = counted(int((outcome.acted >= 0).sum()), outcome.n)
        value = f"{after.min()} to {after.max()}" if (outcome.acted >= 0).all() else f"only in {touched}"
        passed = bool(0 <= after.min() and after.max() <= LATEST_ACT)
        measured = "control step after the parting at which it touches or acts"
        rows.append(Row(2, f"{name}: when", measured, value, f"<= {LATEST_ACT}", passed))
    return rows


def averages(k: int) -> Iterator[tuple[str, np.ndarray]]:
    """Yield name and weights (k,) of the average of all modes, and of every pair when there are more."""
    yield "average", np.full(k, 1 / k)
    if k > 2:
        for pair in combinations(range(k), 2):
            yield f"average of {pair[0]} and {pair[1]}", np.eye(k)[list(pair)].mean(0)


def dead_zone_rows(task: Task, seeds: range) -> list[Row]:
    """Gate 2: not only the very middle fails, and the zone that the task states is no wider than that."""
    rows, names = [], len(task.modes) > 2
    for first, second in combinations(range(len(task.modes)), 2):
        ends = np.eye(len(task.modes))
        blends = [(1 - alpha) * ends[first] + alpha * ends[second] for alpha in MIXTURES]
        success = np.array([trial(task, Blend(task, weights), seeds).rate for weights in blends])
        zone = dead_zone(success)
        name = f"dead zone {first}-{second}" if names else "dead zone"
        value, wide = f"{stretch(zone)} {bars(success)}", contains(zone, DEAD_ZONE)
        measured = f"mixtures alpha = 0, 0.05 .. 1 that succeed in < {DEAD:.0%} of {len(seeds)}"
        rows.append(Row(2, name, measured, value, f"covers {stretch(DEAD_ZONE)}", wide))
        claim, honest = stretch(task.dead_zone), contains(zone, task.dead_zone)
        rows.append(Row(2, f"stated {name}", "what the task calls dead", claim, f"within {stretch(zone)}", honest))
    return rows


def floor_rows(task: Task, seeds: range) -> list[Row]:
    """Gate 3: doing nothing and doing anything are not rewarded."""
    rows = []
    for name in ("zero", "random"):
        wins = int(trial(task, load_policy(name, task), seeds).success.sum())
        passed = wins <= AVERAGE_CEILING * len(seeds)
        bound = f"<= {AVERAGE_CEILING:.0%}"
        rows.append(Row(3, name, "successes of the policy", counted(wins, len(seeds)), bound, passed))
    return rows


def paired_seeds(seeds: np.ndarray, modes: np.ndarray, k: int) -> tuple[int, int]:
    """Return how many of the distinct seeds occur exactly once in each of k modes, and how many there are."""
    names = np.unique(seeds)
    whole = [sorted(modes[seeds == seed]) == list(range(k)) for seed in names]
    return sum(whole), len(names)


def dead_zone(success: np.ndarray) -> tuple[float, float]:
    """Return the stretch of dead mixtures around the middle one, (0.5, 0.5) when that is not dead.

    Args:
        success: share of successes at each of `MIXTURES`.
    """
    dead = success < DEAD
    low = high = middle = len(MIXTURES) // 2
    while dead[middle] and low > 0 and dead[low - 1]:
        low -= 1
    while dead[middle] and high < len(dead) - 1 and dead[high + 1]:
        high += 1
    return float(MIXTURES[low]), float(MIXTURES[high])


def contains(outer: tuple[float, float], inner: tuple[float, float]) -> bool:
    """Return whether an interval contains another, to the rounding of the grid."""
    return outer[0] <= inner[0] + 1e-9 and inner[1] <= outer[1] + 1e-9
