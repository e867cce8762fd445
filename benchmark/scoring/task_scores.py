"""From the episodes of a run to the numbers of a task: one place for every page, table and entry."""

import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow.parquet as pq

from ...envs.errors import BimodalError, WrongUse
from ...envs.perturbations.core.variant import CLEAN
from ...envs.storage.npz import LARGEST
from ...tasks import load_task, task_names
from ...tasks.core.outcomes import OUTCOMES, averaged, count_outcomes, succeeded
from ...tasks.core.registry import TASKS
from ..metrics import METRICS, Episodes, Latency, Value, number
from ..records.run_folder import read_run_record
from ..records.run_record import RunRecord, SuiteRecord
from ..statistics import Interval
from ..suites import suite_from_record

_VARIANT = re.compile(r"[a-z][a-z0-9_.+:]*")


@dataclass(frozen=True)
class Score:
    """The metrics of one task, or of a policy over all tasks."""

    metrics: Mapping[str, Value]
    """Every metric of `metrics.METRICS` by name."""

    def rate(self, name: str) -> Interval:
        """Return a metric that comes with its interval."""
        value = self.metrics[name]
        if not isinstance(value, Interval):
            raise TypeError(f"{name} has no interval")
        return value

    @property
    def success(self) -> Interval:
        """Share of successes."""
        return self.rate("success")

    @property
    def averaging(self) -> Interval:
        """Share of averaging failures."""
        return self.rate("averaging_rate")

    @property
    def minority_share(self) -> float | None:
        """Share of the rarest mode among successes; None without a success."""
        return number(self.metrics["minority_share"])

    @property
    def steps_mean(self) -> float:
        """Mean length of an episode [control steps]."""
        return number(self.metrics["steps_mean"]) or 0.0


@dataclass(frozen=True)
class TaskScore(Score):
    """The numbers of one task in one variant."""

    task: str
    """Task id."""
    variant: str
    """Variant; `clean` for none."""
    episodes: int
    """Episodes, all of which count."""
    successes: int
    """Episodes that succeeded."""
    modes: dict[str, int]
    """Successes in each of the task's modes, unused ones included."""
    averaging_failures: int
    """Episodes that failed between the modes."""
    labels: dict[str, int]
    """Episodes with each outcome that occurred."""


@dataclass(frozen=True)
class SuiteScore(Score):
    """The numbers of a policy over all tasks of a suite, every task weighing the same."""

    narrowest: TaskScore | None
    """The task with the smallest minority share; None when nothing succeeded anywhere."""


class Run(NamedTuple):
    """A run folder in memory."""

    folder: Path
    """Where it lies."""
    record: RunRecord
    """`run.json`."""
    cells: dict[tuple[str, str], dict[str, list]]
    """Columns of `episodes.parquet` for each (task, variant), in the suite's order, sorted by seed."""


def score_task(
    task: str,
    variant: str,
    labels: Sequence[str],
    modes: Sequence[str | None],
    steps: Sequence[int],
    latency: Latency | None = None,
) -> TaskScore:
    """Compute every metric of one task. Called for runs, and for entries when they are checked and shown.

    Args:
        task: a task id.
        variant: the variant's name.
        labels: name of each episode's outcome, (N,).
        modes: name of each episode's realised mode, None for none, (N,).
        steps: length of each episode [control steps], (N,).
        latency: wall times of a decision, if they were measured.
    """
    names = load_task(task).modes
    indices = {None: -1} | {name: index for index, name in enumerate(names)}
    # A mode that is not the task's counts as none; the check of an entry reports it.
    realised = np.array([indices.get(mode, -1) for mode in modes], int)
    episodes = Episodes(labels, realised, np.array(steps), len(names), latency)
    return TaskScore(
        metrics={name: metric.compute(episodes) for name, metric in METRICS.items()},
        task=task,
        variant=variant,
        episodes=len(labels),
        successes=int(succeeded(labels).sum()),
        modes=dict(zip(names, episodes.mode_counts.tolist(), strict=True)),
        averaging_failures=int(averaged(labels).sum()),
        labels=count_outcomes(labels),
    )


def score_suite(scores: Sequence[TaskScore]) -> SuiteScore:
    """Summarise over the tasks of the `clean` variant (over all cells if there is no such variant)."""
    cells = [cell for cell in scores if cell.variant == CLEAN] or list(scores)
    found = {
        name: metric.over_tasks([cell.metrics[name] for cell in cells]) for name, metric in METRICS.items()
    }
    shares = {i: cell.minority_share for i, cell in enumerate(cells) if cell.minority_share is not None}
    return SuiteScore(found, cells[min(shares, key=shares.__getitem__)] if shares else None)


def score_run(run: Run) -> list[TaskScore]:
    """Count every task and variant of a run, in the suite's order."""
    return [
        score_task(
            task,
            variant,
            rows["label"],
            mode_names(task, rows["mode"]),
            rows["steps"],
            run.record.latency_ms.get(task),
        )
        for (task, variant), rows in run.cells.items()
    ]


def faults(run: Run) -> list[str]:
    """Return what the policy did wrong, each kind once with its count, the most frequent first."""
    found = Counter(text for rows in run.cells.values() for text in rows["fault"] if text)
    return [f"{count} episode{'s' if count > 1 else ''}: {text}" for text, count in found.most_common()]


def mode_names(task: str, modes: Sequence[int]) -> list[str | None]:
    """Return the names of mode numbers, None for -1."""
    names = load_task(task).modes
    return [names[mode] if mode >= 0 else None for mode in modes]


def read_run(run_dir: Path | str) -> Run:
    """Read a run folder.

    Raises:
        BimodalError: a file is missing, or the suite's cells are not all there.
    """
    folder = Path(run_dir)
    record = read_run_record(folder)
    if not (folder / "episodes.parquet").is_file():
        raise BimodalError(f"{folder} has no episodes.parquet; run the same evaluation to its end first")
    table = folder / "episodes.parquet"
    try:
        with pq.ParquetFile(table) as file:
            parts = range(file.num_row_groups)
            if (size := sum(file.metadata.row_group(part).total_byte_size for part in parts)) > LARGEST:
                raise BimodalError(f"{table} would unpack to {size} bytes; at most {LARGEST} are read")
            rows = file.read().to_pylist()
    except (OSError, ValueError) as error:
        raise BimodalError(f"{table} is damaged; run the same evaluation again to mend it") from error
    return Run(folder, record, _cells(record.suite, rows, folder))


def _check_rows(suite: SuiteRecord, rows: Sequence[dict[str, Any]], folder: Path) -> None:
    """Refuse rows that no run of ours writes; a run folder from elsewhere is hostile until checked.

    Raises:
        BimodalError: an unknown task, variant, verdict or mode, or a column is missing.
    """
    try:
        if foreign := [name for name in suite.tasks if name not in task_names()]:
            raise BimodalError(
                f"{folder} has episodes of {foreign[0]!r:.80}, a task that is not known here; name its file"
                f" in {TASKS.variable}, or install its package"
            )
        sound = all(_VARIANT.fullmatch(name) is not None for name in suite.variants)
        for row in rows:
            sound &= row["task"] in suite.tasks
            modes = load_task(row["task"]).modes
            sound &= row["variant"] in suite.variants
            sound &= row["label"] in OUTCOMES and -1 <= row["mode"] < len(modes)
            sound &= all(isinstance(row[name], int) for name in ("seed", "steps", "shard"))
    except (KeyError, TypeError, WrongUse) as error:
        raise BimodalError(f"{folder} is damaged or not a run of ours ({type(error).__name__})") from error
    if not sound:
        raise BimodalError(f"{folder} is damaged or not a run of ours: a task, verdict or mode is unknown")


def _cells(
    suite: SuiteRecord, rows: Sequence[dict[str, Any]], folder: Path
) -> dict[tuple[str, str], dict[str, list]]:
    _check_rows(suite, rows, folder)
    cells = {}
    found = defaultdict(list)
    for row in rows:
        found[row["task"], row["variant"]].append(row)
    for task, variant in suite_from_record(suite).cells():
        part = sorted(found[task, variant], key=lambda row: row["seed"])
        if not part:
            raise BimodalError(f"{folder} has no episodes of {task} ({variant}); run it to the end first")
        cells[task, variant] = {name: [row[name] for row in part] for name in part[0]}
    return cells
