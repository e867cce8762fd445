"""The record `Demonstrations`, its arrays by their names in a file, and the digest of its content."""

import hashlib
from typing import NamedTuple

import numpy as np

OBSERVED = "obs."
"""What the names of the observations begin with in a file."""


class Demonstrations(NamedTuple):
    """E demonstrations of T control steps."""

    meta: dict
    """Task, regime, counts, versions and the digest of the content."""
    seeds: np.ndarray
    """(E,) int64."""
    modes: np.ndarray
    """(E,) int8."""
    success: np.ndarray
    """(E,) bool."""
    observations: dict[str, np.ndarray]
    """Observed before each action, (E, T, d) float32 each."""
    actions: np.ndarray
    """The clean plan, `ee_absolute`, (E, T, A) float32."""
    returns: np.ndarray | None = None
    """Return to come before each action, in [0, 1], (E, T) float32; None where every episode is good."""
    valid: np.ndarray | None = None
    """Whether a frame lies before its episode's end, (E, T) bool; None for all."""
    kinds: np.ndarray | None = None
    """What each episode was meant to be, index into `grades.KINDS`, (E,) int8; None where all are good."""
    operators: np.ndarray | None = None
    """Who demonstrated each episode, index into `human.OPERATORS`, (E,) int8; None for the expert."""


def arrays_of(demos: Demonstrations) -> dict[str, np.ndarray]:
    """Return all arrays that are there, by their names in the file."""
    named = demos._asdict()
    observations = {f"{OBSERVED}{name}": array for name, array in named.pop("observations").items()}
    del named["meta"]
    return {name: array for name, array in named.items() if array is not None} | observations


def from_arrays(meta: dict, arrays: dict[str, np.ndarray]) -> Demonstrations:
    """Return demonstrations of the arrays by their names in the file."""
    return Demonstrations(
        meta=meta,
        seeds=arrays["seeds"],
        modes=arrays["modes"],
        success=arrays["success"],
        observations={n.removeprefix(OBSERVED): a for n, a in arrays.items() if n.startswith(OBSERVED)},
        actions=arrays["actions"],
        returns=arrays.get("returns"),
        valid=arrays.get("valid"),
        kinds=arrays.get("kinds"),
        operators=arrays.get("operators"),
    )


def content_digest(demos: Demonstrations) -> str:
    """Return the sha256 of the arrays, independent of the file's packing."""
    sha = hashlib.sha256()
    arrays = {name.removeprefix(OBSERVED): array for name, array in arrays_of(demos).items()}
    for name, array in sorted(arrays.items()):
        sha.update(f"{name}{array.dtype.str}{array.shape}".encode())
        sha.update(np.ascontiguousarray(array).tobytes())
    return sha.hexdigest()


def signed(demos: Demonstrations) -> Demonstrations:
    """Return demonstrations whose `meta` states the digest of their content."""
    return demos._replace(meta=demos.meta | {"digest": content_digest(demos)})
