"""Refuses to compare what is not the same experiment, and says what differs; called before any number."""

from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np

from ...envs.errors import NotComparable
from .arm import VERSIONS, Arm

SAME_START = 1e-9
"""Largest difference of a number of an initial state, divided by the number itself where that is above 1."""


def check_comparable(arms: Sequence[Arm]) -> None:
    """Refuse arms that do not hold the same episodes of the same simulation.

    Raises:
        NotComparable: with everything that differs, and in which of the files.
    """
    for first, second in pairwise(arms):
        if found := list(_differences(first, second)):
            raise NotComparable(f"{first.source} and {second.source} do not compare: {'; '.join(found)}")


def _differences(a: Arm, b: Arm) -> Iterator[str]:
    """Yield how the experiments behind two arms differ; later checks only where earlier ones pass."""
    asked = list(_asked(a, b))
    yield from asked
    for arm in (a, b):
        if arm.run and (stop := arm.run.record.early_stop):
            yield (
                f"{arm.source} ended as soon as it was decided against {stop.against}: "
                "no test of a fixed panel holds for it"
            )
    for name in VERSIONS:
        pair = [arm.versions.get(name, "unknown") for arm in (a, b)]
        if pair[0] != pair[1]:
            yield f"{name} {' and '.join(pair)}"
    if not asked:
        yield from _held(a, b)


def _asked(a: Arm, b: Arm) -> Iterator[str]:
    """Yield how the suites differ: the hash covers tasks, seeds, variants, constants and MuJoCo."""
    one = a.suite
    other = b.suite
    if (one.name, one.version) != (other.name, other.version):
        yield f"suite {one.name} v{one.version} and {other.name} v{other.version}"
    if one.tasks != other.tasks:
        yield f"tasks {', '.join(one.tasks)} and {', '.join(other.tasks)}"
    if one.seeds != other.seeds:
        first, second = (
            f"{panel.start}..{panel.start + panel.count - 1}" for panel in (one.seeds, other.seeds)
        )
        yield f"seeds {first} and {second}" if first != second else "other seeds of the variants"
    if one.variants != other.variants:
        yield f"variants {', '.join(one.variants)} and {', '.join(other.variants)}"
    if one.hash != other.hash:
        yield f"hash of the suite {one.hash} and {other.hash}: a task, a perturbation or a constant changed"


def _held(a: Arm, b: Arm) -> Iterator[str]:
    """Yield the first cell whose episodes or initial states are not the same in both."""
    for cell in dict.fromkeys((*a.cells, *b.cells)):
        where = f"{cell[0]} ({cell[1]})"
        if cell not in a.cells or cell not in b.cells:
            yield f"{where} is in one of them only"
            return
        if not np.array_equal(a.cells[cell].seeds, b.cells[cell].seeds):
            yield f"the seeds of {where}"
            return
        one = a.start(*cell)
        other = b.start(*cell)
        if one is None or other is None or not (one.size and other.size):
            continue
        if one.shape != other.shape or _distance(one, other) > SAME_START:
            yield f"the initial states of {where}: the same seeds did not give the same scenes"
            return


def _distance(one: np.ndarray, other: np.ndarray) -> float:
    return float((np.abs(one - other) / np.maximum(1.0, np.abs(one))).max())
