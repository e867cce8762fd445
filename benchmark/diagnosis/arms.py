"""The ways in which an episode runs again, each with one thing repaired; for `find_causes`."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from ...envs.errors import BimodalError, WrongUse
from ...envs.perturbations.core.variant import CLEAN
from ...policies import Policy
from ...policies.experts import Tracking
from ...tasks.core.task import Task
from ..isolation.builder import Builder
from .interfaces import RESTORED, disturbed, without
from .one_mode import OneMode
from .rerun import Arm, noise_of, rerun
from .shaken import Shaken

NOTHING = "nothing"
"""The arm without a repair."""
EVERYTHING = "everything"
"""The arm in which all that the variant disturbs is restored."""
KEYS = 8
"""Noise keys that are tried to see whether a policy draws anything from them."""


class Subject(NamedTuple):
    """What is diagnosed: the failed episodes of one policy on one task in one variant."""

    task: Task
    policy: str | type[Policy]
    """URI or class of the policy."""
    variant: str
    """Name of the variant."""
    suite_version: str
    """Part of the policy's noise keys."""
    builder: Builder = Builder()
    """Builds it, with its weights, in this process or shut in."""

    def build(self, task: Task) -> Policy:
        """Return the policy for the task."""
        return self.builder.build(self.policy, task)


def arms_of(subject: Subject, seeds: np.ndarray) -> dict[str, Arm]:
    """Return the ways to run the episodes of some seeds again that change anything of them, by name."""
    variant = subject.variant
    where = disturbed(variant)
    build = varied(subject, seeds)
    arms = {NOTHING: Arm(variant, build)}
    for name in (*RESTORED, "evaluation"):
        if name in where or name == "data coverage":
            arms[name] = Arm(without(variant, {name}), build, name == "data coverage")
    if (told := _told_mode(subject)) is not None:
        arms["representation"] = Arm(variant, told)
    arms["planning"] = Arm(variant, Tracking)
    if len(where) > 1:
        arms[EVERYTHING] = Arm(CLEAN, build)
    return arms


def varied(subject: Subject, seeds: np.ndarray) -> Callable[[Task], Policy]:
    """Return what builds the policy, shaken in re-runs with new noise if it draws none itself."""
    if not len(seeds) or not draws_nothing(subject, seeds[:1]):
        return subject.build
    still = [int(noise_of(subject.suite_version, subject.task, int(seed), 0)) for seed in seeds]
    return lambda task: Shaken(subject.build(task), still)


def draws_nothing(subject: Subject, seed: np.ndarray) -> bool:
    """Return whether the policy plays an episode, its seed (1,), the same to the bit with any noise."""
    arm = Arm(subject.variant, subject.build)
    played = rerun(subject.task, arm, seed, subject.suite_version, range(KEYS)).digests[0]
    return len(set(played)) == 1


def _told_mode(subject: Subject) -> Callable[[Task], Policy] | None:
    """Return what builds the policy with its choice of a mode made for it; None where that cannot be.

    A policy `NAME` has a labelled sibling if `NAME_labelled` is a policy with weights, or if its class names
    one as `labelled_sibling`. Else the mode is chosen among samples of the policy's own.
    """
    builder = subject.builder
    try:
        if (sibling := builder.labelled_sibling(subject.policy)) is not None:
            builder.build(sibling, subject.task)
            return lambda task: builder.build(sibling, task)
    except (BimodalError, WrongUse):
        pass  # there is none of that name, or it has no weights
    try:
        OneMode(subject.build(subject.task))
    except BimodalError:
        return None
    return lambda task: OneMode(subject.build(task))
