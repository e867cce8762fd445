"""Diagnoses a finished run: which interface broke in each of its failed episodes; `bimodal diagnose RUN`."""

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ...envs.errors import WrongUse, unknown_name
from ...tasks import load_task
from ...tasks.core.outcomes import OUTCOMES
from ..isolation.builder import Builder
from ..isolation.choice import hidden_from_policies, isolation_of
from ..isolation.shapes import NOT_SHUT_IN, Isolation
from ..processes import run_in_processes
from ..scoring.run_episodes import Run, RunEpisodes
from .arms import Subject
from .causes import Causes, EpisodeCause, write_causes
from .find_causes import Found, find_causes

RERUNS = 8
"""Re-runs with new noise in every arm: the fewest with which 7 of 8 against 1 of 8 are beyond doubt after
correction for all repairs."""
FAILURES = 100
"""Failed episodes that are diagnosed at most, unless another number is asked for."""
BATCH = 28
"""Failed episodes of a batch at most: with their re-runs 252 rows side by side."""


class Batch(NamedTuple):
    """Failed episodes of one task in one variant, for one process."""

    task: str
    variant: str
    policy: str
    """URI."""
    suite_version: str
    checkpoints: Path | None
    seeds: np.ndarray
    labels: np.ndarray
    reruns: int
    isolation: Isolation
    """How the policy is shut in."""
    hidden: tuple[Path, ...]
    """Folders that it may not see."""


def diagnose(
    run: Run,
    failures: int = FAILURES,
    task: str | None = None,
    reruns: int = RERUNS,
    workers: int = 1,
    progress: Callable[[int, int], None] | None = None,
    sandbox: bool | None = None,
) -> Causes:
    """Find the causes of a run's failed episodes and write them to its `causes.json`.

    Args:
        run: a finished run.
        failures: failed episodes at most, evenly from all tasks and variants, the first seeds first.
        task: only those of this task; None for all.
        reruns: re-runs with new noise in every arm.
        workers: processes.
        progress: told how many episodes are done, and of how many.
        sandbox: whether the policy is shut in; None for shut in if it is not Bimodal's own.

    Raises:
        WrongUse: a number is too small, the run has no such task, or the policy cannot be shut in.
    """
    _refuse(run, failures, task, reruns)
    begin = time.monotonic()
    cells = {key: cell for key, cell in run.cells.items() if task in (None, key[0])}
    isolation = isolation_of(run.record.policy.uri, sandbox)
    found = _found(run, cells, _chosen(cells, failures), reruns, isolation, workers, progress)
    causes = Causes(
        schema_version=1,
        run_id=run.record.run_id,
        policy=run.record.policy.name,
        reruns=reruns,
        failures=sum(int((~cell.succeeded).sum()) for cell in cells.values()),
        wall_s=round(time.monotonic() - begin, 1),
        episodes=tuple(sorted(found, key=lambda one: (one.task, one.variant, one.seed))),
    )
    write_causes(run.folder, causes)
    return causes


def _found(
    run: Run,
    cells: dict[tuple[str, str], RunEpisodes],
    chosen: dict[tuple[str, str], np.ndarray],
    reruns: int,
    isolation: Isolation,
    workers: int,
    progress: Callable[[int, int], None] | None,
) -> list[EpisodeCause]:
    """Find the causes of the chosen rows of each cell, batch by batch."""
    found: list[EpisodeCause] = []
    total = sum(map(len, chosen.values()))
    size = min(BATCH, -(-total // max(workers, 1)))
    batches = _batches(run, cells, chosen, reruns, isolation, size) if total else {}
    calls = {key: partial(_work, batch) for key, batch in batches.items()}
    for key, part in run_in_processes(calls, workers, apart=isolation not in NOT_SHUT_IN):
        cell = cells[key[:2]]
        found += [_cause(key[0], key[1], cell, row, one) for row, one in zip(key[2], part, strict=True)]
        if progress:
            progress(len(found), total)
    return found


def _refuse(run: Run, failures: int, task: str | None, reruns: int) -> None:
    """Refuse what cannot be diagnosed."""
    if run.record.suite.instructed:
        raise WrongUse(
            "this run asks for modes in words, which no repair repeats; diagnose a run of another suite"
        )
    if failures < 1 or not 5 <= reruns <= 1000:
        raise WrongUse("--failures is at least 1, and --reruns 5 to 1000: with fewer nothing is beyond doubt")
    if task is not None and task not in run.record.suite.tasks:
        raise unknown_name("task of the run", task, run.record.suite.tasks)


def _chosen(cells: dict[tuple[str, str], RunEpisodes], most: int) -> dict[tuple[str, str], np.ndarray]:
    """Return the rows of the failed episodes of each cell that are diagnosed, evenly from all cells."""
    failed = {key: np.flatnonzero(~cell.succeeded) for key, cell in cells.items()}
    turns = sorted((place, key) for key, rows in failed.items() for place in range(len(rows)))[:most]
    return {key: rows[: sum(of == key for _, of in turns)] for key, rows in failed.items()}


def _batches(
    run: Run,
    cells: dict[tuple[str, str], RunEpisodes],
    chosen: dict[tuple[str, str], np.ndarray],
    reruns: int,
    isolation: Isolation,
    size: int,
) -> dict[tuple[str, str, tuple[int, ...]], Batch]:
    """Return what each process has to do, `size` episodes at most, by task, variant and rows."""
    record = run.record
    weights = record.options.checkpoints
    found = {}
    for (task, variant), rows in chosen.items():
        for begin in range(0, len(rows), size):
            part = rows[begin : begin + size]
            cell = cells[task, variant]
            found[task, variant, tuple(part.tolist())] = Batch(
                task,
                variant,
                record.policy.uri,
                record.suite.version,
                Path(weights) if weights else None,
                cell.seeds[part],
                cell.labels[part].astype(str),
                reruns,
                isolation,
                hidden_from_policies(run.folder),
            )
    return found


def _work(batch: Batch) -> list[Found]:
    """Find the causes of a batch; runs the policy's code. Its own breakdowns are not run again."""
    broke = np.array([OUTCOMES[label].policy_fault for label in batch.labels], bool)
    rest = np.flatnonzero(~broke)
    with Builder(batch.checkpoints, batch.isolation, batch.hidden) as builder:
        subject = Subject(load_task(batch.task), batch.policy, batch.variant, batch.suite_version, builder)
        ran = find_causes(subject, batch.seeds[rest], batch.labels[rest], batch.reruns) if len(rest) else []
    results = iter(ran)
    return [Found("fault", (), ()) if fault else next(results) for fault in broke]


def _cause(task: str, variant: str, cell: RunEpisodes, row: int, found: Found) -> EpisodeCause:
    """Return the record of one episode: symptom and cause."""
    mode = int(cell.modes[row])
    alpha = float(cell.alphas[row])
    return EpisodeCause(
        task=task,
        variant=variant,
        seed=int(cell.seeds[row]),
        label=str(cell.labels[row]),
        mode=load_task(task).modes[mode] if mode >= 0 else "",
        alpha=None if np.isnan(alpha) else round(alpha, 4),
        steps=int(cell.steps[row]),
        switches=int(cell.switches[row]),
        finding=found.finding,
        causes=found.causes,
        tried=found.tried,
    )
