"""Magnitudes between and beyond the levels of a perturbation: which there are, and how they are written."""

import re
from functools import cache
from typing import NamedTuple

import numpy as np

from ...errors import WrongUse
from .perturbation import LEVELS, Perturbation
from .registry import perturbations

FARTHEST = 3.0
"""How far magnitudes go, in distances of the last level from the clean world."""


class Part(NamedTuple):
    """One perturbation at one level, or at a magnitude that is none of its levels'."""

    perturbation: str
    """Its name."""
    level: int
    """0 to 3; at a magnitude that is none of its levels' it draws as at the last one."""
    magnitude: float | None = None
    """In the perturbation's own unit; None for that of the level."""

    def __str__(self) -> str:
        """Return it as it is written in a variant's name."""
        value = f":{self.level}" if self.magnitude is None else f"={written(self.magnitude)}"
        return self.perturbation + value

    def built(self) -> Perturbation:
        """Return the perturbation, ready to run."""
        kind = perturbations()[self.perturbation]
        return (kind if self.magnitude is None else at(kind, self.magnitude))(self.level)


def part_at(kind: type[Perturbation], magnitude: float) -> Part:
    """Return a perturbation at a magnitude, which is its level where it has one of this magnitude."""
    if magnitude in kind.levels[1:]:
        return Part(kind.name, kind.levels.index(magnitude, 1))
    return Part(kind.name, LEVELS[-1], magnitude)


def read_part(kind: type[Perturbation], text: str) -> Part:
    """Return a perturbation at the magnitude that somebody wrote, such as "2.5".

    Raises:
        WrongUse: it is no number, or the perturbation has no such magnitude.
    """
    asked = f"variant {f'{kind.name}={text}'!r}"
    if kind.levels_alone:
        raise WrongUse(
            f"{asked}: {kind.name} has levels alone; write {kind.name}:1, {kind.name}:2 or {kind.name}:3"
        )
    clean = kind.levels[0]
    end = farthest(kind)
    number = float(text) if re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,9})?", text) else np.nan
    inside = min(clean, end) <= number <= max(clean, end) and number != clean
    if not inside or (is_whole(kind) and number != round(number)):
        steps = " in whole numbers" if is_whole(kind) else ""
        raise WrongUse(
            f"{asked} has no such magnitude; {kind.name} goes from {written(clean)}, the clean world, "
            f"which is excluded, to {written(end)}{steps} ({kind.unit})"
        )
    return part_at(kind, int(number) if is_whole(kind) else number)


def written(magnitude: float) -> str:
    """Return a magnitude as it is written in a variant's name, with all its digits."""
    return np.format_float_positional(float(magnitude), trim="-")


def is_whole(kind: type[Perturbation]) -> bool:
    """Return whether the magnitudes of a perturbation are whole numbers: those of its levels are."""
    return all(isinstance(one, int) for one in kind.levels)


def between(kind: type[Perturbation], a: float, b: float, share: float) -> float:
    """Return the magnitude that is a share of the way from one to another, to three digits.

    Factors go by powers, all else by sums.
    """
    value = a * (b / a) ** share if kind.unit == "x" else a + (b - a) * share
    return round(value) if is_whole(kind) else float(f"{value:.3g}")


def farthest(kind: type[Perturbation]) -> float:
    """Return the last magnitude: `FARTHEST` times as far as the last level, not below 0, not above all."""
    value = between(kind, kind.levels[0], kind.levels[-1], FARTHEST)
    return max(min(value, most(kind)), 0)


def most(kind: type[Perturbation]) -> float:
    """Return the largest number that the unit of a perturbation has."""
    return 1 if kind.unit.startswith("share") else 100 if kind.unit.startswith("%") else np.inf


@cache  # the generator of scenes remembers classes, so one magnitude has one class
def at(kind: type[Perturbation], magnitude: float) -> type[Perturbation]:
    """Return a perturbation with one magnitude at every level but the clean one."""
    members = {
        "levels": (kind.levels[0], magnitude, magnitude, magnitude),
        "label": f"{kind.name}={written(magnitude)}",
        "__doc__": kind.__doc__,
    }
    return type(kind.__name__, (kind,), members)
