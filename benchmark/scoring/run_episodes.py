"""The episodes of a finished run as typed columns; read once, by everything that shows or scores a run."""

import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ...envs.errors import BimodalError, WrongUse
from ...envs.perturbations.core.variant import Variant
from ...tasks import load_task, task_names
from ...tasks.core.outcomes import OUTCOMES
from ...tasks.core.registry import TASKS
from ..records.checksums import changed_files
from ..records.run_folder import read_run_record
from ..records.run_record import RunRecord, SuiteRecord
from ..suites import suite_from_record
from .episode_columns import Cell, EpisodeColumns, instructed

if TYPE_CHECKING:
    import pyarrow as pa

MOST_ROWS = 1_000_000
"""Episodes of a run that are read at most, whatever its suite says."""
_VARIANT = re.compile(r"[a-z][a-z0-9_.+:=]*")
_COLUMNS = {
    "seed": "seeds",
    "label": "labels",
    "mode": "modes",
    "steps": "steps",
    "shard": "shards",
    "alpha": "alphas",
    "switches": "switches",
    "clipped": "clipped",
    "fault": "faults",
    "digest": "digests",
}
"""Columns of episodes.parquet that are read, and the fields that hold them."""


@dataclass(frozen=True, eq=False)
class RunEpisodes(EpisodeColumns):
    """The episodes of one task in one variant of a run, sorted by seed."""

    shards: np.ndarray
    """Number of the shard that holds each episode, (N,) int."""
    alphas: np.ndarray
    """Where between the modes the hand first acted, NaN if it never did, (N,)."""
    switches: np.ndarray
    """How often it changed from one mode to another, (N,) int."""
    clipped: np.ndarray
    """Control steps in which an action out of range was clipped, as the policy's class asks for, (N,) int."""
    faults: np.ndarray
    """What the policy did wrong, "" for nothing, (N,) object."""


class Run(NamedTuple):
    """A run folder in memory."""

    folder: Path
    """Where it lies."""
    record: RunRecord
    """`run.json`."""
    cells: dict[Cell, RunEpisodes]
    """The episodes of each (task, variant), in the suite's order."""


def read_run(run_dir: Path | str) -> Run:
    """Read a run folder.

    Raises:
        BimodalError: a file is missing or was changed, or the suite's cells are not all there.
    """
    from ..records.parquet_tables import read_episode_table  # PyArrow, which a board does not need

    folder = Path(run_dir)
    record = read_run_record(folder)
    if record.part:
        raise WrongUse(f"{folder} is {record.part} of a run; join the parts first: bimodal merge")
    file = folder / "episodes.parquet"
    if not file.is_file():
        raise BimodalError(f"{folder} has no episodes.parquet; run the same evaluation to its end first")
    if changed := changed_files(folder, ("run.json", "episodes.parquet")):
        raise BimodalError(
            f"{folder / changed[0]} is damaged or not a run of ours: SHA256SUMS says another sum; "
            "run the same evaluation again to mend it"
        )
    _check_names(record.suite, folder)
    try:
        table = read_episode_table(file, ("task", "variant", *_COLUMNS), _most_rows(record.suite))
    except (OSError, ValueError, KeyError) as error:
        text = f"{file} is damaged or not a run of ours; run the same evaluation again to mend it"
        raise BimodalError(text) from error
    _check_table(record.suite, table, folder)
    return Run(folder, record, _cells(record.suite, table, folder))


def faults(run: Run) -> list[str]:
    """Return what the policy did wrong, each kind once with its count, the most frequent first.

    Faults that differ in their numbers only are of one kind, and the first speaks for all.
    """
    first: dict[str, str] = {}
    kinds: Counter[str] = Counter()
    for text in (text for cell in run.cells.values() for text in cell.faults if text):
        kind = re.sub(r"= \S+", "=", text)
        first.setdefault(kind, text)
        kinds[kind] += 1
    return [f"{n} episode{'s' if n > 1 else ''}: {first[kind]}" for kind, n in kinds.most_common()]


def clipping(run: Run) -> str:
    """Return how often actions were clipped, "" for never; said under every table of a run."""
    steps = sum(int(cell.clipped.sum()) for cell in run.cells.values())
    episodes = sum(int((cell.clipped > 0).sum()) for cell in run.cells.values())
    where = f"{steps} control steps of {episodes} episode{'s' if episodes > 1 else ''}"
    return f"actions out of range were clipped in {where}" if steps else ""


def mode_names(task: str, modes: np.ndarray) -> list[str | None]:
    """Return the names of mode numbers, None for -1."""
    names = load_task(task).modes
    return [names[mode] if mode >= 0 else None for mode in modes]


def mode_numbers(task: str, names: Sequence[str | None]) -> np.ndarray:
    """Return the numbers of mode names, -1 for None and for what is no mode of the task, (N,) int."""
    known = load_task(task).modes
    return np.array([known.index(name) if name in known else -1 for name in names], int)


def _most_rows(suite: SuiteRecord) -> int:
    """Return how many episodes a suite has at most; a file of a few kilobytes can hold millions of rows."""
    found = suite_from_record(suite)
    return min(sum(len(found.panel(variant)) for _, variant in found.cells()), MOST_ROWS)


def _check_names(suite: SuiteRecord, folder: Path) -> None:
    """Refuse a suite with a task or variant that nothing here can have run.

    Raises:
        BimodalError: an unknown task or variant.
    """
    if foreign := [name for name in suite.tasks if name not in task_names()]:
        raise BimodalError(
            f"{folder} has episodes of {foreign[0]!r:.80}, a task that is not known here; name its file"
            f" in {TASKS.variable}, or install its package"
        )
    if not all(_VARIANT.fullmatch(name) for name in suite.variants):
        raise BimodalError(f"{folder} is damaged or not a run of ours: a variant has no possible name")


def _check_table(suite: SuiteRecord, table: "pa.Table", folder: Path) -> None:
    """Refuse rows that no run of ours writes; a run folder from elsewhere is hostile until checked.

    Raises:
        BimodalError: an unknown task, variant or verdict, or a mode or a length that its task has not.
    """
    known = {"task": suite.tasks, "variant": suite.variants, "label": OUTCOMES}
    sound = all(set(table[name].unique().to_pylist()) <= set(names) for name, names in known.items())
    if sound:
        cells = table.group_by(["task", "variant"]).aggregate(
            [("mode", "min"), ("mode", "max"), ("steps", "min"), ("steps", "max")]
        )
        sound = all(_is_possible(**row) for row in cells.to_pylist())
    if not sound:
        raise BimodalError(
            f"{folder} is damaged or not a run of ours: a task, verdict, mode or length is unknown"
        )


def _is_possible(
    task: str, variant: str, mode_min: int, mode_max: int, steps_min: int, steps_max: int
) -> bool:
    """Whether episodes of a task can end in these modes, after so many control steps."""
    found = load_task(task)
    most = Variant(variant).episode_steps(found.max_episode_steps)
    return mode_min >= -1 and mode_max < len(found.modes) and steps_min >= 0 and steps_max <= most


def _cells(suite: SuiteRecord, table: "pa.Table", folder: Path) -> dict[tuple[str, str], RunEpisodes]:
    """Return the episodes of each task and variant of the suite, sorted by seed."""
    table = table.sort_by("seed")
    arrays = {field: table[name].to_numpy() for name, field in _COLUMNS.items()}
    rows = defaultdict(list)
    for row, cell in enumerate(zip(table["task"].to_pylist(), table["variant"].to_pylist(), strict=True)):
        rows[cell].append(row)
    cells = {}
    for task, variant in suite_from_record(suite).cells():
        if not rows[task, variant]:
            raise BimodalError(f"{folder} has no episodes of {task} ({variant}); run it to the end first")
        cell = RunEpisodes(**{name: a[rows[task, variant]] for name, a in arrays.items()})
        cells[task, variant] = instructed(task, cell) if suite.instructed else cell
    return cells
