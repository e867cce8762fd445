"""What a perturbation does to a policy: every perturbed episode beside the same seed without it.

Only pairs are compared. The clean arm has the same scenes, the same policy noise and, up to the shift, the
same bits, so a difference is the perturbation's and not the panel's.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import NamedTuple

import numpy as np

from ...envs.errors import BimodalError
from ...envs.perturbations.core.variant import CLEAN, Variant
from ...tasks import load_task
from ...tasks.core.task import Task
from ..statistics.modes import mode_shares, total_variation
from ..statistics.paired import discordant, mcnemar_mid_p, paired_difference
from ..statistics.rates import Interval, mean_interval
from .feasible_cells import Feasibility, expert_fails, known_cells
from .run_episodes import EpisodeColumns

INFEASIBLE = "infeasible: so often the worst mode's expert succeeds there"
"""What the mark of an infeasible variant says."""
UNCHANGED = (
    "unchanged: every episode equals its clean twin to the last bit, the policy does not notice the shift"
)
"""What the word in place of a difference says."""


class TargetedShare(NamedTuple):
    """A share of the episodes that realise a mode, None where none does."""

    clean: float | None
    """In the clean arm."""
    perturbed: float | None
    """In the variant."""


@dataclass(frozen=True, kw_only=True)
class Effect:
    """A variant against its clean arm, on the seeds of the variant."""

    variant: str
    """Name of the variant."""
    scenes: str = ""
    """Of which scenes: those with kinds of things that are "seen" or "unseen" in train scenes, "" for all."""
    clean: float
    """Share of successes in the clean arm."""
    success: float
    """Share of successes in the variant."""
    difference: Interval
    """The second minus the first, with its paired 95 % interval (Tango 1998)."""
    broken: int
    """Episodes that succeed clean and fail here."""
    fixed: int
    """Episodes that fail clean and succeed here."""
    changed_mode: int
    """Episodes that realise a mode in both, but not the same."""
    realised: int
    """Episodes that realise a mode in both."""
    mode_shift: float
    """Total variation between the shares of realised modes."""
    targeted: TargetedShare | None = None
    """How often the mode that the variant favours or blocks is taken, where it aims at one."""
    unchanged: bool = False
    """Whether every episode equals its clean twin to the last bit: the policy does not notice the shift."""


@dataclass(frozen=True, kw_only=True)
class PerturbationEffect(Effect):
    """The effect on one task."""

    task: str
    """Task id."""
    pairs: int
    """Seeds that ran in both arms."""
    p_value: float
    """McNemar's mid-p of no difference."""
    expert: float | None = None
    """Success of the worst mode's expert where it is too low to ask a policy for success, else None."""


@dataclass(frozen=True, kw_only=True)
class MeanEffect(Effect):
    """The effect over all tasks that can have the variant: rates are means, every task weighing the same.

    Tasks in which the experts fail, too, do not count where there are others.
    """

    tasks: tuple[str, ...]
    """Ids of the tasks."""
    infeasible: tuple[str, ...]
    """Those of them in which the experts fail, too."""


def measure_effect(
    task: str, variant: str, clean: EpisodeColumns, perturbed: EpisodeColumns
) -> PerturbationEffect:
    """Compare a variant with its clean arm on the seeds of the variant.

    Args:
        task: a task id.
        variant: the variant's name.
        clean: the clean episodes.
        perturbed: those of the variant.

    Raises:
        BimodalError: a seed of the variant did not run clean.
    """
    rows = clean.rows_of(perturbed.seeds)
    if missing := perturbed.seeds[rows < 0].tolist():
        raise BimodalError(f"{task} ({variant}): seed {missing[0]} did not run clean, as a score needs")
    twins = clean.part(rows)
    before = twins.succeeded
    after = perturbed.succeeded
    old = twins.modes
    new = perturbed.modes
    both = (old >= 0) & (new >= 0)
    fixed, broken = discordant(after, before)
    return PerturbationEffect(
        task=task,
        variant=variant,
        pairs=len(old),
        clean=float(before.mean()),
        success=float(after.mean()),
        difference=paired_difference(after, before),
        broken=broken,
        fixed=fixed,
        p_value=mcnemar_mid_p(fixed, broken),
        changed_mode=int((both & (old != new)).sum()),
        realised=int(both.sum()),
        mode_shift=_mode_shift(old, new, len(load_task(task).modes)),
        targeted=_targeted(task, variant, perturbed.seeds, old, new),
        unchanged=bool((twins.digests == perturbed.digests).all()),
    )


def _targeted(
    task: str, variant: str, seeds: np.ndarray, old: np.ndarray, new: np.ndarray
) -> TargetedShare | None:
    """Return how often the mode at which the variant aims is taken without it and with it."""
    aims = _aims(load_task(task), variant, tuple(seeds.tolist()))
    if (aims < 0).all():
        return None
    shares = [(modes == aims)[modes >= 0] for modes in (old, new)]
    return TargetedShare(*(float(share.mean()) if len(share) else None for share in shares))


@cache
def _aims(task: Task, variant: str, seeds: tuple[int, ...]) -> np.ndarray:
    """Return the mode at which a variant aims in each episode, -1 for none, (N,); it is every policy's."""
    perturbation = Variant(variant)
    return np.array([perturbation.targeted_mode(task, seed) for seed in seeds])


def measure_effects(
    cells: Mapping[tuple[str, str], EpisodeColumns], feasibility: Feasibility | None = None
) -> list[PerturbationEffect]:
    """Compare every perturbed cell of a run with its clean arm, in the order of the cells.

    Scenes with seen and with unseen kinds of things are compared separately.

    Args:
        cells: the episodes of every task and variant.
        feasibility: `known_cells` of the tasks, for who compares many runs; None to read them here.

    Raises:
        BimodalError: a cell has no clean arm.
    """
    found = []
    if feasibility is None:
        feasibility = known_cells(dict.fromkeys(task for task, variant in cells if variant != CLEAN))
    for (task, variant), rows in cells.items():
        if variant == CLEAN:
            continue
        if (task, CLEAN) not in cells:
            raise BimodalError(
                f"{task} ({variant}) has no clean arm; a perturbed score counts only beside it"
            )
        expert = expert_fails(feasibility, task, variant)
        for scenes, some in _by_scenes(task, variant, rows).items():
            one = measure_effect(task, variant, cells[task, CLEAN], some)
            found.append(replace(one, scenes=scenes, expert=expert))
    return found


def mean_effects(effects: Sequence[PerturbationEffect], all_count: bool = False) -> list[MeanEffect]:
    """Return every variant's comparison over the tasks, in the order of the variants.

    `all_count` says whether tasks count in which the experts fail, too: where the question is not success.
    """
    groups: dict[tuple[str, str], list[PerturbationEffect]] = {}
    for one in effects:
        groups.setdefault((one.variant, one.scenes), []).append(one)
    return [_mean_effect(*key, every, all_count) for key, every in groups.items()]


def _mean_effect(
    variant: str, scenes: str, every: Sequence[PerturbationEffect], all_count: bool
) -> MeanEffect:
    some = [one for one in every if all_count or one.expert is None] or every

    def mean(name: str) -> float:
        return float(np.mean([getattr(one, name) for one in some]))

    def total(name: str) -> int:
        return sum(getattr(one, name) for one in some)

    return MeanEffect(
        variant=variant,
        scenes=scenes,
        **{name: mean(name) for name in ("clean", "success", "mode_shift")},
        **{name: total(name) for name in ("broken", "fixed", "changed_mode", "realised")},
        difference=mean_interval([one.difference for one in some]),
        targeted=_mean([one.targeted for one in some if one.targeted]),
        unchanged=all(one.unchanged for one in some),
        tasks=tuple(one.task for one in every),
        infeasible=tuple(one.task for one in every if one.expert is not None),
    )


def _mean(shares: Sequence[TargetedShare]) -> TargetedShare | None:
    """Return the mean shares over tasks, of those in which both arms realise a mode."""
    whole = [one for one in shares if one.clean is not None and one.perturbed is not None]
    return TargetedShare(*np.array(whole).mean(0).tolist()) if whole else None


def _by_scenes(task: str, variant: str, episodes: EpisodeColumns) -> dict[str, EpisodeColumns]:
    """Return the episodes with seen and those with unseen kinds in their scenes, or "" for all of them."""
    kinds = scene_kinds(load_task(task), variant, tuple(episodes.seeds.tolist()))
    return {kind: episodes.part(kinds == kind) for kind in dict.fromkeys(kinds.tolist())}


@cache
def scene_kinds(task: Task, variant: str, seeds: tuple[int, ...]) -> np.ndarray:
    """Return which kinds of things each episode shows, (N,) str; the same for every policy."""
    names = {None: "", False: "seen", True: "unseen"}
    perturbation = Variant(variant)
    return np.array([names[perturbation.has_unseen_kinds(task, seed)] for seed in seeds])


def _mode_shift(old: np.ndarray, new: np.ndarray, k: int) -> float:
    """Return the total variation between the shares of realised modes; 0 where one arm realised none."""
    before, after = (np.bincount(modes[modes >= 0], minlength=k) for modes in (old, new))
    if not before.sum() or not after.sum():
        return 0.0
    return float(total_variation(mode_shares(after), mode_shares(before)))
