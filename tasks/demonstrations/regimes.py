"""Regimes of demonstrations: which scenes are shown, and in which mode.

bi50  every seed is shown once in each mode (paired)
bi70, bi90  70 or 90 of 100 seeds are shown in the first mode, the rest in the others
rare  one mode is rare: 90 and 10 of 100 seeds in two modes, 70, 20 and 10 in three
unpaired  every seed once, all modes equally often
uni   only the first mode
ctx   the mode follows from an observed variable: the part of the table on which the scene lies
graded  as bi50, but not all succeed, and not all at once; with returns (see `graded.py`)
human  every seed once, in the mode of a coin, by operators who differ (see `human.py`)
"""

import numpy as np

from ...envs.errors import WrongUse, unknown_name
from ...envs.random_streams import stream
from ...envs.seed_ranges import TRAIN, TRAIN_SET
from ..core.task import Task

REGIMES = ("bi50", "bi70", "bi90", "uni", "ctx")
"""Regimes in which the experts do their best."""
GRADED = "graded"
"""The regime in which some are slow, need a second try, or fail."""
HUMAN = "human"
"""The regime of people: unpaired, of unequal length and style."""
RARE = "rare"
"""The regime in which one mode is rare."""
RARE_SHARES = {2: (0.9, 0.1), 3: (0.7, 0.2, 0.1)}
"""How often it shows each mode, by the number of modes."""
UNPAIRED = "unpaired"
"""The regime in which no scene is shown twice."""
ALL = (*REGIMES, GRADED, HUMAN, RARE, UNPAIRED)
"""Every regime."""
_LAST_SET = (2**63 - 1 - TRAIN.start) // TRAIN_SET - 1
"""The last set of demonstrations whose seeds are 63-bit numbers."""


def whole_scenes(task: Task, episodes: int) -> int:
    """Return how many of so many demonstrations show whole scenes: each once in every mode."""
    return episodes - episodes % len(task.modes)


def schedule(task: Task, regime: str, episodes: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the seeds (E,) and modes (E,) of a regime."""
    if regime not in ALL:
        raise unknown_name("regime", regime, ALL)
    k = len(task.modes)
    if episodes < k:
        raise WrongUse(f"episodes is {episodes}; at least {k} are needed, one a mode")
    if not 0 <= seed <= _LAST_SET:
        raise WrongUse(f"the demonstration set is {seed}; it must be 0 to {_LAST_SET}")
    first = TRAIN.start + TRAIN_SET * seed
    paired = regime in ("bi50", GRADED)
    if paired and episodes % k:
        raise WrongUse(f"episodes is {episodes}; in {regime} it must be a multiple of {k}, one a mode")
    if paired:
        index = np.arange(episodes)
        return first + index // k, (index % k).astype(np.int8)
    seeds = first + np.arange(episodes)
    if regime == "uni":
        return seeds, np.zeros(episodes, np.int8)
    if regime == HUMAN:
        return seeds, stream("regime", task.id, regime, seed).integers(k, size=episodes).astype(np.int8)
    if regime == "ctx":
        frames = [task.start(stream("start", task.id, int(s))).frame for s in seeds]
        return seeds, task.context(np.stack(frames))
    # each mode has its share; then the order is drawn
    modes = _by_shares(k, regime, episodes).astype(np.int8)
    return seeds, stream("regime", task.id, regime, seed).permutation(modes)


def _by_shares(k: int, regime: str, episodes: int) -> np.ndarray:
    """Return the modes of a regime that gives each of k a share of its own, in order, (E,)."""
    if regime == UNPAIRED:
        return np.arange(episodes) % k
    if regime == RARE:
        if k not in RARE_SHARES:
            raise WrongUse(f"{RARE} has shares for {' or '.join(map(str, RARE_SHARES))} modes, not for {k}")
        ends = np.rint(np.cumsum(RARE_SHARES[k]) * episodes)
        return np.searchsorted(ends, np.arange(episodes), side="right")
    share = {"bi70": 0.7, "bi90": 0.9}[regime]
    rest = np.arange(episodes) - round(share * episodes)
    return np.where(rest < 0, 0, 1 + rest % (k - 1))  # the others take turns in the rest
