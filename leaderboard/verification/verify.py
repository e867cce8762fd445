"""Simulates an entry's episodes again from its trace archive, without its policy: `bimodal verify`.

Every episode begins in the scene of its seed, in the variant that the entry claims, and the recorded actions
are all that moves it. What comes out is compared with the archive (positions of all joints every half second)
and with the entry (outcome, mode, length); `replay_cell.py` says how.
"""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ...benchmark.number_text import DECIMALS, short_name
from ...benchmark.processes import run_in_processes
from ...benchmark.provenance import cores, kernels, machine, versions
from ...benchmark.records.same_machine import compare_machines
from ...benchmark.records.shard_file import sha256
from ...benchmark.scoring.run_episodes import Cell
from ...benchmark.suites import suite_from_record
from ...envs.errors import BimodalError
from ...envs.perturbations.core.variant import CLEAN
from ..entry import read_entry
from ..entry_model import Entry
from .replay_cell import CellResult, replay_cell
from .trace_archive import read_archive


class Verification(NamedTuple):
    """What came out."""

    level: str
    """replayed, or reported where it does not follow from its actions."""
    reason: str
    """What came out, in one sentence."""
    lines: tuple[str, ...]
    """One line for each task and variant."""
    progress: dict[str, float] | None = None
    """Mean progress of the clean episodes by task; None where some do not follow from their actions."""


def verify(
    path: Path,
    archive: Path | None = None,
    workers: int | None = None,
    progress: Callable[[int, int], None] = lambda *_: None,
) -> Verification:
    """Simulate the episodes of the entry at `path` again; called by `bimodal verify`.

    Args:
        path: the entry's file.
        archive: its trace archive; None for the one beside it.
        workers: processes; None for one a core.
        progress: called with the episodes that are done, and all.

    Raises:
        BimodalError: the entry is unsound, or the archive is not the one that it names.
    """
    entry = read_entry(path)
    arrays = _archive_of(entry, archive or archive_beside(path))
    cells = entry.cells
    calls = {}
    for number, key in enumerate(suite_from_record(entry.suite).cells()):
        own = {name: array for name, array in arrays.items() if name.startswith(f"{number:03d}.")}
        calls[key] = partial(replay_cell, key, cells[key], entry.policy.action, own, number)
    found = {}
    for key, result in run_in_processes(calls, cores() if workers is None else workers):
        found[key] = result
        progress(sum(one.episodes for one in found.values()), sum(len(one.seeds) for one in cells.values()))
    return _judge(entry, {key: found[key] for key in calls})


def archive_beside(path: Path) -> Path:
    """Return where an entry's trace archive lies."""
    return path.with_suffix(".trace.npz")


def known_archive(path: Path, entry: Entry) -> Path | None:
    """Return the trace archive beside the entry at `path`, None unless it is the one that the entry names."""
    archive = archive_beside(path)
    named = entry.trace is not None and archive.is_file() and sha256(archive) == entry.trace.sha256
    return archive if named else None


def _archive_of(entry: Entry, path: Path) -> dict[str, np.ndarray]:
    """Return the arrays of an entry's archive."""
    if entry.trace is None:
        raise BimodalError(
            f"the entry of {entry.policy.name} names no trace archive; only its policy can prove it"
        )
    if not path.exists():
        where = entry.trace.url or "to be had from its authors, or by `bimodal reproduce`"
        raise BimodalError(f"there is no {path}; the archive is {where}: name it with --trace FILE")
    if sha256(path) != entry.trace.sha256:
        raise BimodalError(
            f"{path} is another archive than the entry names (sha256 {entry.trace.sha256[:12]}...)"
        )
    header, arrays = read_archive(path)
    same = (header.suite, header.policy, header.artifacts)
    if same != (entry.suite, entry.policy.name, entry.policy.artifacts):
        raise BimodalError(
            f"{path} is the archive of {header.policy} on {header.suite.name}, not of this entry"
        )
    return arrays


# ---------------------------------------------------------------------------------------- the verdict


def _judge(entry: Entry, cells: dict[Cell, CellResult]) -> Verification:
    """Return what the results of all cells amount to."""
    lines = tuple(_line(key, one) for key, one in cells.items())
    counts = np.array([one[:4] for one in cells.values()])
    total, exact, near, drifted = counts.sum(axis=0).tolist()
    if strays := total - exact - near - drifted:
        (task, variant), first = next((key, one) for key, one in cells.items() if one.problem)
        where = f"{short_name(task)} ({variant}) {first.problem}"
        return Verification(
            "reported", f"{strays} of {total} episodes do not follow from their actions: {where}", lines
        )
    progress = {task: round(one.progress, DECIMALS) for (task, name), one in cells.items() if name == CLEAN}
    if exact == total:
        return Verification("replayed", f"all {total} episodes come out to the last bit", lines, progress)
    made = (entry.provenance.machine.plain(), entry.provenance.versions)
    same, told = compare_machines(made, ({**machine(), "kernels": kernels()}, versions()))
    bits = f"{exact} of {total} episodes come out to the last bit, {near} within a micrometre"
    if drifted and same:
        return Verification(
            "reported", f"{bits}, {drifted} only within a millimetre; {told}, and there none may", lines
        )
    more = f", {drifted} within a millimetre with the same outcome, mode and length" if drifted else ""
    return Verification("replayed", f"{bits}{more} ({told})", lines, progress)


def _line(key: Cell, one: CellResult) -> str:
    task, variant = key
    counts = (f"{count} {name}" for name, count in zip(("near", "drifted"), one[2:4], strict=True) if count)
    parts = [f"{one.exact}/{one.episodes} episodes to the last bit", *counts]
    if one.strays:
        parts.append(f"{one.strays} stray, such as {one.problem}")
    return f"{short_name(task)} ({variant}): {', '.join(parts)}"
