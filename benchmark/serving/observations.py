"""Reads what a request shows: components, pictures and instructions; called for every request."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from ...envs.images import IMAGES
from .served_policy import Offered

PREFIX = "observation/"
"""Begins the names of the components in a request."""


def read_observation(
    offered: Offered, body: Mapping[str, Any], count: int, batched: bool
) -> tuple[dict[str, np.ndarray | list[str]], list[str]]:
    """Return what the policy is to see of N episodes, with an axis for them, and all that is wrong with it.

    Args:
        offered: what the policy reads of its task.
        body: the request.
        count: N.
        batched: whether the request has an axis for episodes; N is 1 without one.
    """
    seen: dict[str, np.ndarray | list[str]] = {}
    problems: list[str] = []
    axis = (count,) if batched else ()
    for spec in offered.observations:
        value = body.get(PREFIX + spec.name)
        shape = (*axis, spec.size)
        if value is None:
            problems.append(f"{PREFIX}{spec.name} is missing {shape} [{spec.unit}]")
            continue
        found, wrong = _numbers(value, shape)
        seen[spec.name] = found.reshape(count, -1)
        problems += [f"{PREFIX}{spec.name} {wrong}"] * bool(wrong)
    for name in offered.pictures.names:
        value = body.get(PREFIX + name)
        shape = (*axis, *offered.pictures.shape())
        found, wrong = _picture(value, shape) if name in IMAGES else _words(value, count, batched)
        seen[name] = found.reshape(count, *shape[len(axis) :]) if isinstance(found, np.ndarray) else found
        problems += [f"{PREFIX}{name} {wrong}"] * bool(wrong)
    return seen, problems


def _picture(value: object, shape: tuple[int, ...]) -> tuple[np.ndarray, str]:
    """Return pictures of a shape, and what is wrong with them, "" for nothing."""
    expected = f"uint8 {shape}"
    if value is None:
        return np.zeros(shape, np.uint8), f"is missing {expected}"
    if not isinstance(value, np.ndarray):
        return np.zeros(shape, np.uint8), f"is a {type(value).__name__}; expected {expected}"
    if value.dtype != np.uint8 or value.shape != shape:
        return np.zeros(shape, np.uint8), f"is {value.dtype} {value.shape}; expected {expected}"
    return value, ""


def _words(value: object, count: int, batched: bool) -> tuple[list[str], str]:
    """Return an instruction for each episode, and what is wrong with them, "" for nothing."""
    expected = f"a list of {count} texts" if batched else "a text"
    if value is None:
        return [], f"is missing, {expected}"
    said = value if batched and isinstance(value, list) else [value]
    found = [text for text in said if isinstance(text, str)]
    if len(found) != len(said) or len(found) != count or batched != isinstance(value, list):
        return [], f"is a {type(value).__name__}; expected {expected}"
    return found, "" if all(text.strip() for text in found) else "is empty"


def _numbers(value: object, shape: tuple[int, ...]) -> tuple[np.ndarray, str]:
    """Return a component as floats of its shape, and what is wrong with it, "" for nothing."""
    try:
        found = np.asarray(value, np.float64)
    except (TypeError, ValueError):
        return np.zeros(shape), f"is a {type(value).__name__}, which is no array of numbers"
    if found.shape != shape:
        return np.zeros(shape), f"has the shape {found.shape}; expected {shape}"
    return found, "" if np.isfinite(found).all() else "holds what is not finite"
