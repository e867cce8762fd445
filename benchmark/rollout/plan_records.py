"""Records how a planner came to its decisions: what it planned from, tried, chose and asked for.

A policy may hand a `PlanRecord` over with a decision. It is untrusted and changes nothing: what does not fit
is left out, and what would be too much is not kept. A policy that plans nothing pays nothing.
"""

from hashlib import blake2b
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ...envs.errors import BimodalError
from ...envs.storage.atomic_write import write_arrays
from ...envs.storage.npz import read_arrays
from ...policies.core.policy import PlanRecord

LARGEST = 64 * 2**20
"""Bytes of each field of the plans that are kept of a shard; later decisions go without the field."""
_KINDS: dict[str, tuple[int, str, float | str]] = {
    "seen": (1, "<f4", np.nan),
    "candidates": (3, "<f4", np.nan),
    "scores": (1, "<f4", np.nan),
    "modes": (1, "<i1", -1),
    "chosen": (0, "<i4", -1),
    "verdict": (0, "<U80", ""),
}
"""Of each field of a `PlanRecord`: axes after that of the episodes, type on disk, what stands for nothing."""


class Plans(NamedTuple):
    """The plans of N episodes in M decisions; None for what the policy does not say."""

    seen: np.ndarray | None
    """What the planner planned from, (N, M, d) float32."""
    candidates: np.ndarray | None
    """Sampled plans, in the planner's own variables, (N, M, C, K, D) float32."""
    scores: np.ndarray | None
    """Costs of the candidates, (N, M, C) float32."""
    modes: np.ndarray | None
    """Modes of the candidates, -1 for unknown, (N, M, C) int8."""
    chosen: np.ndarray | None
    """Index of the candidate that became the plan, -1 for a blend, (N, M) int32."""
    verdict: np.ndarray | None
    """What the feasibility check said, (N, M) str."""
    asked: np.ndarray
    """The actions that the policy then asked for, on the grid of 1e-5, (N, M, execute, A) int32. The trace
    has what the robot was commanded, which differs in variants of the actuation."""
    digest: np.ndarray
    """Fingerprint of all of this, (N, M) str of 32 hex digits."""


class PlanLog:
    """Collects the plans of N episodes, decision by decision."""

    def __init__(self, n: int) -> None:
        self.n = n
        self._records: list[PlanRecord] = []
        self._asked: list[np.ndarray] = []
        self._bytes = dict.fromkeys(PlanRecord._fields, 0)

    def add(self, record: PlanRecord, asked: np.ndarray) -> None:
        """Keep one decision: its `fitting` record, and the actions (N, execute, A) that were asked for."""
        for name, field in record._asdict().items():
            size = 0 if field is None else field.nbytes
            if self._bytes[name] + size > LARGEST:
                record = record._replace(**{name: None})
            else:
                self._bytes[name] += size
        self._records.append(record)
        self._asked.append(asked.copy())

    def plans(self) -> Plans | None:
        """Return what was collected; None if no decision had a plan."""
        if all(field is None for record in self._records for field in record):
            return None
        columns = {name: self._stacked(name) for name in PlanRecord._fields}
        asked = np.stack(self._asked, axis=1)
        return Plans(**columns, asked=asked, digest=_digests([*columns.values(), asked]))

    def _stacked(self, name: str) -> np.ndarray | None:
        """Return one field of all decisions; None where no decision has it, or in another shape each time."""
        found = [getattr(record, name) for record in self._records]
        shapes = {array.shape for array in found if array is not None}
        if len(shapes) != 1:
            return None
        _, kind, nothing = _KINDS[name]
        empty = np.full(shapes.pop(), nothing, kind)
        return np.stack([empty if array is None else array for array in found], axis=1)


def fitting(plan: object, n: int) -> PlanRecord:
    """Return a policy's plan with the fields that fit N episodes, others None; runs the policy's code."""
    if not isinstance(plan, PlanRecord):
        return PlanRecord()
    return PlanRecord(**{name: _fitted(getattr(plan, name), name, n) for name in PlanRecord._fields})


def _fitted(value: object, name: str, n: int) -> np.ndarray | None:
    axes, kind, _ = _KINDS[name]
    try:
        with np.errstate(all="ignore"):
            given = np.asarray(value)
            array = given.astype(kind) if given.size <= LARGEST // 4 else None
    except (TypeError, ValueError, OverflowError):
        return None
    fits = array is not None and array.ndim == 1 + axes and len(array) == n
    return array if fits and value is not None else None


def _digests(columns: list[np.ndarray | None]) -> np.ndarray:
    given = [array for array in columns if array is not None]
    found = np.full(given[0].shape[:2], "", "<U32")
    for row, decision in np.ndindex(*found.shape):
        digest = blake2b(digest_size=16)
        for array in given:
            digest.update(array[row, decision].tobytes())
        found[row, decision] = digest.hexdigest()
    return found


def plan_file(shard_file: Path) -> Path:
    """Return where the plans of a shard lie: beside its record."""
    return shard_file.with_suffix(".plans.npz")


def write_plans(path: Path, plans: Plans) -> None:
    """Write plans, whole or not at all."""
    write_arrays(path, {name: array for name, array in plans._asdict().items() if array is not None})


def read_plans(path: Path, summary: bool = False) -> Plans:
    """Read plans; never unpickles.

    Args:
        path: their file, see `plan_file`.
        summary: leave out the big fields: `seen`, `candidates` and `asked`.

    Raises:
        BimodalError: the file is missing or damaged.
    """
    left_out = ("seen", "candidates", "asked") if summary else ()
    try:
        arrays = dict.fromkeys(Plans._fields) | read_arrays(path, left_out)
        nothing = np.zeros((*arrays["digest"].shape, 0, 0), np.int32)  # type: ignore[union-attr]
        return Plans(**arrays | ({"asked": nothing} if summary else {}))  # type: ignore[arg-type]
    except Exception as error:
        raise BimodalError(
            f"{path} is missing or damaged; run the same evaluation again to mend it"
        ) from error
