"""Trace archives: the recorded actions of an entry's episodes in a few megabytes, one npz file.

From them `verify.py` simulates every episode again, without the policy. Kept are the actions, each as its
difference from the one before, the positions of all joints every half second, on a grid, and the whole
fingerprints. Lengths and outcomes stand in the entry. Files come from strangers: bounded, never unpickled.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Literal, NamedTuple

import numpy as np
from pydantic import Field, ValidationError

from ...benchmark.records.field_types import Record, Sha256, Text, problems
from ...benchmark.records.run_record import RunRecord, SuiteRecord
from ...benchmark.records.shard_file import read_shard, shard_file
from ...benchmark.rollout.shard import STATE_EVERY, ShardResult
from ...benchmark.suites import suite_from_record
from ...envs.errors import BimodalError
from ...envs.perturbations.core.variant import Variant
from ...envs.storage.atomic_write import write_arrays
from ...envs.storage.npz import read_arrays
from ...tasks import load_task

FORMAT = "bimodal-trace"
GRID = 2.0**-21
"""Positions are rounded to multiples of this [m] or [rad], 0.5 micrometres."""
_NOTHING = np.zeros(0, np.uint8)
LARGEST = 50_000_000
"""Bytes of an archive that are read at most."""


class TraceHeader(Record):
    """What an archive is of."""

    format: Literal["bimodal-trace"]
    """What kind of file it is."""
    schema_version: Annotated[int, Field(ge=1, le=1)]
    """Version of the format."""
    suite: SuiteRecord
    """What was asked."""
    policy: Text
    """Name of the policy."""
    artifacts: Annotated[dict[Annotated[Text, Field(max_length=200)], Sha256], Field(max_length=500)]
    """sha256 of every file that the policy loads."""


class CellTrace(NamedTuple):
    """The record of N episodes of one task in one variant; the rows of an episode follow one another."""

    actions: np.ndarray
    """What the robot was commanded, on the grid of `specs.GRID`, (sum of steps, A) int32."""
    positions: np.ndarray
    """All joints before control steps 0, 10, 20, ..., in units of `GRID`, (their number, nq) int32."""
    digests: np.ndarray
    """Whole fingerprints, (N,) str of 32 hex digits."""


def write_archive(path: Path, record: RunRecord, run: Path) -> None:
    """Write the archive of a finished run; called by `bimodal submit`.

    Raises:
        BimodalError: a shard is missing or damaged.
    """
    header = TraceHeader(
        format=FORMAT,
        schema_version=1,
        suite=record.suite,
        policy=record.policy.name,
        artifacts=record.policy.artifacts,
    )
    arrays = {"header": np.frombuffer(json.dumps(header.plain()).encode(), np.uint8)}
    suite = suite_from_record(record.suite)
    for number, cell in enumerate(suite.cells()):
        shards = (shard_file(run, *shard[:3]) for shard in suite.shards() if shard[:2] == cell)
        arrays |= pack_cell(number, (read_shard(file).result for file in shards))
    write_arrays(path, arrays, level=9)


def pack_cell(number: int, shards: Iterable[ShardResult]) -> dict[str, np.ndarray]:
    """Return what an archive holds of a cell, by name, as bytes; the shards are of one task and variant."""
    actions = []
    joints = []
    digests = []
    for found in shards:
        task, variant = found.shard[:2]
        positions = slice(1, 1 + Variant(variant).spec(load_task(task), seed=0).compile().nq)
        for row, steps in enumerate(found.verdict.steps.tolist()):
            actions.append(found.trace.actions[row, :steps])
            joints.append(on_grid(found.trace.states[row, : -(-steps // STATE_EVERY), positions]))
        digests += found.digests.tolist()
    packed = (_bytes_of(actions), _bytes_of(joints), np.frombuffer(bytes.fromhex("".join(digests)), np.uint8))
    return {f"{number:03d}.{name}": array for name, array in zip(CellTrace._fields, packed, strict=True)}


def read_archive(path: Path) -> tuple[TraceHeader, dict[str, np.ndarray]]:
    """Return the header of an archive and its arrays, not yet unpacked.

    Raises:
        BimodalError: no such file, too large, or damaged.
    """
    try:
        if path.stat().st_size > LARGEST:
            raise BimodalError(f"{path} is larger than {LARGEST // 10**6} MB")
        arrays = read_arrays(path)
        return TraceHeader.model_validate_json(arrays.pop("header").tobytes()), arrays
    except BimodalError:
        raise
    except ValidationError as error:
        raise BimodalError(f"{path} is no trace archive: {problems(error)[0]}") from None
    except Exception as error:  # whatever NumPy and zipfile raise for a file that is missing or damaged
        raise BimodalError(f"{path} is missing or no trace archive ({type(error).__name__})") from None


def cell_trace(arrays: Mapping[str, np.ndarray], number: int, width: int, steps: np.ndarray) -> CellTrace:
    """Unpack the record of a cell.

    Args:
        arrays: of the archive.
        number: the cell's place among those of the suite.
        width: values of an action.
        steps: length of each episode, as the entry says, (N,) int.

    Raises:
        BimodalError: it is missing, damaged, or of episodes of other lengths.
    """
    actions, positions, digests = (arrays.get(f"{number:03d}.{name}", _NOTHING) for name in CellTrace._fields)
    states = -(-steps // STATE_EVERY)
    shapes = (actions.shape, positions.shape[:1] + positions.shape[2:], digests.shape)
    if any(part.dtype != np.uint8 for part in (actions, positions, digests)) or shapes != (
        (4, width if steps.any() else 0, int(steps.sum())),
        (4, int(states.sum())),
        (16 * len(steps),),
    ):
        raise BimodalError("the trace archive has no record of episodes of these lengths")
    text = digests.tobytes().hex()
    return CellTrace(
        actions=_numbers_of(actions, steps).reshape(-1, width),
        positions=_numbers_of(positions, states),
        digests=np.array([text[start : start + 32] for start in range(0, len(text), 32)]),
    )


def on_grid(positions: np.ndarray) -> np.ndarray:
    """Return positions in units of `GRID`, int32; a state that diverged counts as far away."""
    far = 2.0**30
    return np.rint(np.clip(np.nan_to_num(positions / GRID, nan=far), -far, far)).astype(np.int32)


def _bytes_of(episodes: Sequence[np.ndarray]) -> np.ndarray:
    """Return whole numbers, (K, D) int32 an episode, as bytes that pack well, (4, D, sum of K) uint8.

    Each number is its difference from the one before in the episode; small ones of either sign have small
    bytes; the lowest bytes of all of them come first.
    """
    steps = [np.diff(one, axis=0, prepend=np.int32(0)) for one in episodes if len(one)]
    found = np.concatenate(steps or [np.zeros((0, 0), np.int32)]).T.astype(np.int32)
    folded = ((found << 1) ^ (found >> 31)).astype("<u4")
    return np.ascontiguousarray(
        np.moveaxis(np.ascontiguousarray(folded).view(np.uint8).reshape(*found.shape, 4), 2, 0)
    )


def _numbers_of(content: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """Undo `_bytes_of`; returns (sum of lengths, D) int32."""
    folded = np.ascontiguousarray(np.moveaxis(content, 0, 2)).view("<u4")[..., 0]
    differences = ((folded >> 1).astype(np.int32) ^ -(folded & 1).astype(np.int32)).T
    ends = np.cumsum(lengths)[:-1]
    parts = [np.cumsum(part, axis=0, dtype=np.int32) for part in np.split(differences, ends)]
    return np.concatenate(parts)
