"""Which magnitudes of a perturbation are played, and which the experts bear; called by `doses.py`."""

from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ...envs.errors import BimodalError
from ...envs.perturbations.core.dosed import Dosed
from ...envs.perturbations.core.magnitudes import FARTHEST, between, most
from ...envs.perturbations.core.perturbation import LEVELS, Perturbation
from ...envs.perturbations.core.registry import PERTURBATIONS, perturbations
from ...envs.perturbations.core.variant import Variant
from ...envs.seed_ranges import VALIDATION
from ...policies import Policy
from ...tasks import load_task
from ...tasks.core.fingerprint import fingerprint
from ...tasks.core.task import Task
from ..certificate.feasibility import InMode, acting
from ..certificate.trials import NOISE
from ..provenance import versions
from ..records.measurement_store import MeasurementStore
from ..rollout.shard import Shard, run_shard
from ..rollout.timeouts import Deadline
from ..scoring.feasible_cells import FLOORS, CellKey, known_cells

SEEDS = VALIDATION[:50]
"""Episodes of every magnitude; of the experts, of every mode."""
FLOOR = FLOORS[LEVELS[-1]]
"""Least success of the expert of every mode for a magnitude to be borne, unless it is one of the levels."""
BEYOND = (1.5, 2.0, FARTHEST)
"""How far beyond the third level magnitudes go, in shares of its distance from the clean world."""
DEADLINE_S = 300.0
"""Longest time that a decision may take [s]: it is not what is measured here."""


class Limit(NamedTuple):
    """How far the experts of a task go under a perturbation."""

    ladder: tuple[float, ...]
    """The magnitudes to play: all that they bear, then the first that they do not, if it is possible."""
    borne: int
    """How many of these they bear."""
    experts: dict[float, float]
    """Success of the expert of the worst mode that is not blocked, by magnitude, where it was measured."""

    @property
    def last(self) -> float:
        """The last magnitude that they bear; there is one, or no policy is asked."""
        return self.ladder[self.borne - 1]


def axes() -> dict[str, type[Perturbation]]:
    """Return the perturbations of the package that reach a policy without pictures and words, by name."""
    return {
        name: kind
        for name, kind in perturbations().items()
        if PERTURBATIONS.is_own(PERTURBATIONS.source(name))
        and not Variant(f"{name}:{LEVELS[-1]}").unseen(pictures=False, words=False)
    }


def ladder(kind: type[Perturbation]) -> tuple[float, ...]:
    """Return the magnitudes of a perturbation: its levels, halves between them, and beyond the third.

    Factors go by powers, all else by sums; nothing goes below 0, and no share beyond the whole.
    """
    clean, *levels = kind.levels
    halves = [between(kind, a, b, 0.5) for a, b in pairwise(kind.levels)]
    beyond = [min(between(kind, clean, levels[-1], share), most(kind)) for share in BEYOND]
    found = {one for one in (*levels, *halves, *beyond) if one >= 0 and one != clean}
    return tuple(sorted(found, key=lambda one: abs(one - clean)))


def play(task: Task, policy: Policy, world: Variant, seeds: range = SEEDS) -> np.ndarray:
    """Return which episodes of a world a policy succeeds in, (N,) bool."""
    shard = Shard(task.id, world.name, 0, tuple(seeds))
    deadline = Deadline(DEADLINE_S)
    return run_shard(task, policy, shard, NOISE, deadline=deadline, world=world).verdict.success


def possible(task: Task, kind: type[Perturbation]) -> list[float]:
    """Return the magnitudes of a perturbation that a task can have."""
    return [one for one in ladder(kind) if not Dosed(kind, one).impossible(task)]


def try_experts(task_id: str, name: str, seeds: range = SEEDS) -> dict[str, float]:
    """Return the success of the expert of the worst mode, by magnitude, up to the first that is not borne.

    Only where that does not follow from the levels, which are known (`scoring.feasible_cells`): below a level
    that they bear they bear all. What is impossible has a success of 0.
    """
    task = load_task(task_id)
    found: dict[str, float] = {}
    for magnitude in _unknown(task_id, perturbations()[name]):
        world = Dosed(perturbations()[name], magnitude)
        try:
            rate = 0.0 if world.impossible(task) else _worst(task, world, seeds)
        except BimodalError:  # no valid scene, or a start out of reach
            rate = 0.0
        found[f"{magnitude:g}"] = rate
        if rate < FLOOR:
            break
    return found


def _worst(task: Task, world: Variant, seeds: range) -> float:
    """Return the success of the expert of the worst mode, without the episodes in which it is blocked."""
    blocked = np.array([world.blocked_mode(task, seed) for seed in seeds])
    rates = []
    for mode in range(len(task.modes)):
        success = play(task, InMode(task, mode), world, seeds)[blocked != mode]
        rates.append(float(success.mean()) if len(success) else 1.0)
    return min(rates)


def _unknown(task_id: str, kind: type[Perturbation]) -> tuple[float, ...]:
    """Return the magnitudes between the last level that the experts bear and the first that they do not."""
    cells = known_cells([task_id])
    keys = {level: CellKey(task_id, kind.name, level) for level in LEVELS[1:]}
    worse = [level for level, key in keys.items() if key in cells and not cells[key].feasible]
    first = min(worse, default=len(LEVELS))
    borne = [level for level, key in keys.items() if key in cells and level < first]
    steps = ladder(kind)
    begin = steps.index(kind.levels[max(borne)]) + 1 if borne else 0
    end = steps.index(kind.levels[first]) if worse else len(steps)
    return steps[begin:end]


def experts_store(task: str, folder: Path) -> MeasurementStore[dict[str, float]]:
    """Return where the experts' success lies, by perturbation; policies need not be there."""
    identity = {"fingerprint": fingerprint(load_task(task)), "versions": versions()}
    return MeasurementStore(folder / f"{task}-experts.json", identity, dict[str, float])


def felt_by_experts() -> list[str]:
    """Return the perturbations that an expert, who needs no eyes, can feel."""
    return [name for name in axes() if name in acting()]


def limit_of(task_id: str, name: str, measured: dict[str, float]) -> Limit:
    """Return how far the experts go, from what `try_experts` measured and what is known of the levels."""
    kind = perturbations()[name]
    steps = possible(load_task(task_id), kind)
    cells = known_cells([task_id])
    keys = {kind.levels[level]: CellKey(task_id, name, level) for level in LEVELS[1:]}
    known = {one: cells[key] for one, key in keys.items() if key in cells and not cells[key].reason}
    experts = {one: measured[f"{one:g}"] for one in steps if f"{one:g}" in measured}
    fails = [one for one in steps if one in experts and experts[one] < FLOOR]
    fails += [one for one in steps if one in known and not known[one].feasible]
    experts = {one: cell.success for one, cell in known.items()} | experts
    borne = min((steps.index(one) for one in fails), default=len(steps))
    return Limit(tuple(steps[: borne + 1]), borne, experts)
