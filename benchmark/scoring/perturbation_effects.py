"""What a shift of the world does: every perturbed episode beside the same seed without the perturbation.

Only pairs are compared. The clean arm has the same scenes, the same policy noise and, up to the shift, the
same bits, so a difference is the perturbation's and not the panel's.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from ...envs.errors import BimodalError
from ...envs.perturbations.core.variant import CLEAN, Variant
from ...tasks import load_task
from ...tasks.core.outcomes import succeeded
from .. import metrics
from ..certificate.feasibility_store import expert_fails, known
from ..metrics import Interval

INFEASIBLE = "infeasible: so often the worst mode's expert succeeds there"
"""What the mark of an infeasible variant says."""
_READ = ("seed", "label", "mode")  # columns of a cell


class Pair(NamedTuple):
    """A share of the episodes that realise a mode, None where none does."""

    clean: float | None
    """In the clean arm."""
    shifted: float | None
    """In the variant."""


class Shifted(NamedTuple):
    """One task in one variant, against its clean arm."""

    task: str
    """Task id."""
    variant: str
    """Name of the variant."""
    pairs: int
    """Seeds that ran in both."""
    clean: float
    """Share of successes in the clean arm, of these seeds."""
    success: float
    """Share of successes in the variant."""
    difference: Interval
    """The second minus the first, with its paired 95 % interval (Newcombe 1998, method 10)."""
    broken: int
    """Episodes that succeed clean and fail here."""
    fixed: int
    """Episodes that fail clean and succeed here."""
    p_value: float
    """McNemar's mid-p of no difference."""
    changed_mode: int
    """Episodes that realise a mode in both, but not the same."""
    realised: int
    """Episodes that realise a mode in both."""
    mode_shift: float
    """Total variation between the shares of realised modes."""
    aimed: Pair | None = None
    """How often the mode that the variant favours or blocks is taken, where it aims at one."""
    scenes: str = ""
    """Of which scenes: those with kinds of things that are "seen" or "unseen" in train scenes, "" for all."""
    expert: float | None = None
    """Success of the worst mode's expert where it is too low to ask a policy for success, else None."""


class Overall(NamedTuple):
    """One variant against its clean arm over all tasks that can have it, every task weighing the same."""

    variant: str
    """Name of the variant."""
    scenes: str
    """Of which scenes; see `Shifted`."""
    clean: float
    """Mean share of successes in the clean arm."""
    success: float
    """Mean share of successes in the variant."""
    difference: Interval
    """The second minus the first, with its paired 95 % interval."""
    broken: int
    """Episodes that succeed clean and fail here."""
    fixed: int
    """Episodes that fail clean and succeed here."""
    changed_mode: int
    """Episodes that realise a mode in both, but not the same."""
    realised: int
    """Episodes that realise a mode in both."""
    mode_shift: float
    """Mean total variation between the shares of realised modes."""
    aimed: Pair | None
    """Mean of how often the mode that the variant favours or blocks is taken, where it aims at one."""
    tasks: tuple[str, ...]
    """Ids of the tasks."""
    infeasible: tuple[str, ...]
    """Those of them in which the experts fail, too."""


def compare(
    task: str, variant: str, clean: Mapping[str, Sequence[Any]], shifted: Mapping[str, Sequence[Any]]
) -> Shifted:
    """Compare a variant with its clean arm on the seeds of the variant.

    Args:
        task: a task id.
        variant: the variant's name.
        clean: columns `seed`, `label` and `mode` (number, -1 for none) of the clean episodes.
        shifted: the same of the variant's.

    Raises:
        BimodalError: a seed of the variant has no clean twin.
    """
    place = {seed: index for index, seed in enumerate(clean["seed"])}
    if missing := [seed for seed in shifted["seed"] if seed not in place]:
        raise BimodalError(
            f"{task} ({variant}): seed {missing[0]} did not run clean; a perturbed score needs that"
        )
    rows = [place[seed] for seed in shifted["seed"]]
    before = succeeded(clean["label"][row] for row in rows)
    after = succeeded(shifted["label"])
    old, new = np.array([clean["mode"][row] for row in rows]), np.array(shifted["mode"])
    both, k = (old >= 0) & (new >= 0), len(load_task(task).modes)
    fixed, broken = metrics.discordant(after, before)
    return Shifted(
        task=task,
        variant=variant,
        pairs=len(rows),
        clean=float(before.mean()),
        success=float(after.mean()),
        difference=metrics.paired_difference(after, before),
        broken=broken,
        fixed=fixed,
        p_value=metrics.mcnemar_mid_p(fixed, broken),
        changed_mode=int((both & (old != new)).sum()),
        realised=int(both.sum()),
        mode_shift=_mode_shift(old, new, k),
        aimed=_aimed(task, variant, shifted["seed"], old, new),
    )


def _aimed(task: str, variant: str, seeds: Sequence[int], old: np.ndarray, new: np.ndarray) -> Pair | None:
    """Return how often the mode at which the variant aims is taken without it and with it."""
    shift, place = Variant(variant), load_task(task)
    aims = np.array([shift.aimed(place, seed) for seed in seeds])
    if (aims < 0).all():
        return None
    shares = [(modes == aims)[modes >= 0] for modes in (old, new)]
    return Pair(*(float(share.mean()) if len(share) else None for share in shares))


def compare_all(cells: Mapping[tuple[str, str], Mapping[str, Sequence[Any]]]) -> list[Shifted]:
    """Compare every perturbed cell of a run with its clean arm, in the order of the cells.

    Scenes with seen and with unseen kinds of things are compared separately.

    Raises:
        BimodalError: a cell has no clean arm.
    """
    found, feasibility = [], known(dict.fromkeys(task for task, variant in cells if variant != CLEAN))
    for (task, variant), rows in cells.items():
        if variant == CLEAN:
            continue
        if (task, CLEAN) not in cells:
            raise BimodalError(
                f"{task} ({variant}) has no clean arm; a perturbed score counts only beside it"
            )
        expert = expert_fails(feasibility, task, variant)
        for scenes, some in by_scenes(task, variant, rows).items():
            one = compare(task, variant, cells[task, CLEAN], some)
            found.append(one._replace(scenes=scenes, expert=expert))
    return found


def over_tasks(shifts: Sequence[Shifted]) -> list[Overall]:
    """Return every variant's comparison over the tasks, in the order of the variants."""
    groups: dict[tuple[str, str], list[Shifted]] = {}
    for one in shifts:
        groups.setdefault((one.variant, one.scenes), []).append(one)
    return [_overall(*key, some) for key, some in groups.items()]


def _overall(variant: str, scenes: str, some: Sequence[Shifted]) -> Overall:
    return Overall(
        variant=variant,
        scenes=scenes,
        clean=float(np.mean([one.clean for one in some])),
        success=float(np.mean([one.success for one in some])),
        difference=metrics.mean_interval([one.difference for one in some]),
        broken=sum(one.broken for one in some),
        fixed=sum(one.fixed for one in some),
        changed_mode=sum(one.changed_mode for one in some),
        realised=sum(one.realised for one in some),
        mode_shift=float(np.mean([one.mode_shift for one in some])),
        aimed=_mean([one.aimed for one in some if one.aimed]),
        tasks=tuple(one.task for one in some),
        infeasible=tuple(one.task for one in some if one.expert is not None),
    )


def _mean(pairs: Sequence[Pair]) -> Pair | None:
    """Return the mean shares over tasks, of those in which both arms realise a mode."""
    whole = [(one.clean, one.shifted) for one in pairs if one.clean is not None and one.shifted is not None]
    return Pair(*np.array(whole).mean(0).tolist()) if whole else None


def by_scenes(task: str, variant: str, rows: Mapping[str, Sequence[Any]]) -> dict[str, dict[str, list[Any]]]:
    """Return a cell's columns, one part for scenes with seen and with unseen kinds, or "" for all of them."""
    names, shifted = {None: "", False: "seen", True: "unseen"}, Variant(variant)
    kinds = [names[shifted.unseen(load_task(task), seed)] for seed in rows["seed"]]
    return {
        kind: {name: [x for x, its in zip(rows[name], kinds, strict=True) if its == kind] for name in _READ}
        for kind in dict.fromkeys(kinds)
    }


def _mode_shift(old: np.ndarray, new: np.ndarray, k: int) -> float:
    """Return the total variation between the shares of realised modes; 0 where one arm realised none."""
    before, after = (np.bincount(modes[modes >= 0], minlength=k) for modes in (old, new))
    if not before.sum() or not after.sum():
        return 0.0
    return float(metrics.total_variation(metrics.mode_shares(after), metrics.mode_shares(before)))
