"""What the curves of `doses.py` say: which policy feels what, and from which magnitude on; for its page."""

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from ...envs.perturbations.core.registry import perturbations
from ..statistics.many_policies import holm
from ..statistics.paired import discordant, mcnemar_mid_p
from ..statistics.rates import ALPHA
from .doses import Curve, Doses

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
