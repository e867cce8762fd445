"""What the curves of `doses.py` say: which policy feels what, from which magnitude on, and what `full` plays.

For the page docs/doses.md, and for the list of the suite.
"""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from ...envs.perturbations.core.magnitudes import Part, part_at
from ...envs.perturbations.core.perturbation import LEVELS
from ...envs.perturbations.core.registry import PERTURBATIONS, perturbations
from ...envs.perturbations.core.variant import COMBINED, COMBO, Variant
from ..number_text import short_name
from ..statistics.many_policies import holm
from ..statistics.paired import discordant, mcnemar_mid_p
from ..statistics.rates import ALPHA
from .dose_limits import Limit, axes, ladder
from .doses import METHODS, Curve, Doses

CLIFF = 0.5
"""Success that is lost between two neighbouring levels, or from the clean world to the first, at a cliff."""


class Cliff(NamedTuple):
    """Where a policy falls off between two levels of today, though the experts bear the upper one."""

    task: str
    perturbation: str
    policy: str
    doses: tuple[float, ...]
    """The lower level, what lies between, and the upper level."""
    success: tuple[float, ...]
    """Of the policy at each."""


def first_felt(found: Sequence[Doses], policy: str) -> dict[str, float | None]:
    """Return the first magnitude that a policy feels of one task's perturbations; None where it feels none.

    It feels a perturbation if it loses at the largest magnitude that the experts bear, against the same seeds
    in the clean world (McNemar's mid-p, adjusted by Holm over the perturbations). The first is the smallest
    from which on every magnitude up to there has a mid-p below `ALPHA`, not adjusted. Perturbations that
    were not measured, or of which the experts bear nothing, are not there.
    """
    p_values = {one.perturbation: losses_p(one, policy) for one in found if policy in one.curves}
    p_values = {name: values for name, values in p_values.items() if values}
    last = [list(values.values())[-1] for values in p_values.values()]
    first: dict[str, float | None] = {}
    for (name, values), adjusted in zip(p_values.items(), holm(last), strict=True):
        first[name] = None
        for magnitude, p in reversed(values.items() if adjusted < ALPHA else ()):
            if p >= ALPHA:
                break
            first[name] = magnitude
    return first


def losses_p(one: Doses, policy: str) -> dict[float, float]:
    """Return the mid-p value of every magnitude that the experts bear; 1 where the policy does not lose."""
    curve = one.curves[policy]
    found = {}
    for magnitude in one.limit.ladder[: one.limit.borne]:
        if magnitude in curve.doses:
            lost, won = discordant(curve.clean, curve.doses[magnitude])
            found[magnitude] = mcnemar_mid_p(lost, won) if lost > won else 1.0
    return found


class Choice(NamedTuple):
    """What `full` plays of one perturbation."""

    perturbation: str
    """Its name, or `combo`."""
    parts: tuple[Part, ...]
    """At which levels and magnitudes; nothing where it is left out."""
    why: str
    """The reason, in words."""


def choices(found: Sequence[Doses]) -> list[Choice]:
    """Return what `full` plays of every perturbation, from what was measured on some tasks.

    From the first magnitude that any policy feels to the last that the experts bear, with all between; over
    the tasks on which it is felt. What no policy feels is left out. What these policies cannot be asked, and
    what was not measured, has its three levels.
    """
    felt: dict[str, dict[tuple[str, str], float | None]] = {}
    for task in dict.fromkeys(one.task for one in found):
        for policy in METHODS:
            first = first_felt([one for one in found if one.task == task], policy)
            for name, magnitude in first.items():
                felt.setdefault(name, {})[task, policy] = magnitude
    limits: dict[str, dict[str, Limit]] = {}
    for one in found:
        limits.setdefault(one.perturbation, {})[one.task] = one.limit
    own = [name for name in perturbations() if PERTURBATIONS.is_own(PERTURBATIONS.source(name))]
    return [
        _unasked(name) or _choice(name, felt.get(name, {}), limits.get(name, {})) for name in (*own, COMBO)
    ]


def _unasked(name: str) -> Choice | None:
    """Return the choice for what policies without pictures and words cannot be asked; None for the rest."""
    levels = tuple(Part(name, level) for level in LEVELS[1:])
    if name == COMBO:
        return Choice(name, levels, f"not asked: it is {len(COMBINED)} of these at once")
    if name in axes():
        return None
    if Variant(str(levels[-1])).unseen(pictures=True, words=False):
        return Choice(name, (), "not asked: it changes words, which policies read in `instructed`")
    return Choice(name, levels, "not asked: it changes pictures")


def _choice(name: str, felt: Mapping[tuple[str, str], float | None], limits: Mapping[str, Limit]) -> Choice:
    """Return the choice for one perturbation: `felt` by task and policy, the experts' limits by task."""
    if not felt:
        return Choice(name, tuple(Part(name, level) for level in LEVELS[1:]), "not measured so far")
    kind = perturbations()[name]
    steps = ladder(kind)
    first = {key: steps.index(one) for key, one in felt.items() if one is not None}
    last = {task: steps.index(limits[task].last) for task, _ in felt}
    if not first:
        borne = ", ".join(f"{steps[place]:g} on {short_name(task)}" for task, place in last.items())
        return Choice(name, (), f"no policy feels it as far as the experts bear it: {borne}")
    (task, policy), low = min(first.items(), key=lambda item: item[1])
    farthest, high = max(((task, last[task]) for task, _ in first), key=lambda item: item[1])
    why = f"felt from {steps[low]:g} on: {policy} on {short_name(task)}; the experts bear {steps[high]:g}"
    why += "" if farthest == task else f" on {short_name(farthest)}"
    return Choice(name, tuple(part_at(kind, one) for one in steps[low : high + 1]), why)


def cliffs(found: Sequence[Doses]) -> list[Cliff]:
    """Return where policies fall off between two levels of today."""
    every = [(one, policy, curve) for one in found for policy, curve in one.curves.items()]
    return [cliff for one, policy, curve in every for cliff in _cliffs(one, policy, curve)]


def _cliffs(one: Doses, policy: str, curve: Curve) -> list[Cliff]:
    levels = perturbations()[one.perturbation].levels
    borne = one.limit.ladder[: one.limit.borne]
    success = rates(curve, levels[0])
    found = []
    for low, high in pairwise(levels):
        if high in borne and {low, high} <= success.keys() and success[low] - success[high] >= CLIFF:
            doses = tuple(dose for dose in success if min(low, high) <= dose <= max(low, high))
            found.append(
                Cliff(one.task, one.perturbation, policy, doses, tuple(success[dose] for dose in doses))
            )
    return found


def rates(curve: Curve, clean: float) -> dict[float, float]:
    """Return the success at every magnitude, that of the clean world first."""
    return {clean: float(np.mean(curve.clean))} | {
        dose: float(np.mean(one)) for dose, one in curve.doses.items()
    }
