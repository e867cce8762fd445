"""What sampling costs and buys: samplers against the executed block length, on the shipped weights.

Each cell is one policy on clean episodes of seeds that are in no panel: success, the rarest mode's share, and
how often the hand went over to another side. Latency is measured apart, alone, with nothing beside it.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from ...envs.files import write_json
from ...envs.seed_ranges import VALIDATION
from ...policies import Policy
from ...policies.core.checkpoint import checkpoint_path
from ...policies.core.registry import SHIPPED_CHECKPOINTS
from ...policies.training.train import METHODS
from ...tasks import load_task
from ...tasks.core.fingerprint import fingerprint
from ...tasks.core.task import Task
from ..certificate.trials import trial
from ..evaluation.evaluate import RUNS
from ..processes import run_in_processes
from ..provenance import versions
from ..rollout.latency import median_ms

FOLDER = RUNS / "sampling"
"""Where what was measured lies, one file a task, relative to the working directory."""
SEEDS = VALIDATION[:100]
"""Episodes of a cell."""
LENGTHS = (1, 4, 8, 12, 16)
"""Actions executed of each chunk."""
TASKS = ("PandaLiftDumbbell-v1", "PandaPickEitherCube-v1")
"""Tasks of the study, unless others are named."""


class Sampling(NamedTuple):
    """One way to draw a chunk."""

    name: str
    """What it is called in the tables."""
    method: str
    """Whose weights it uses."""
    options: tuple[tuple[str, Any], ...] = ()
    """What else the policy is built with."""

    def policy(self, task: Task, execute: int | None = None) -> Policy:
        """Return the policy, which executes so many actions of each chunk; None for the method's number."""
        weights = checkpoint_path(SHIPPED_CHECKPOINTS, task.id, self.method)
        return METHODS[self.method](task, weights, execute, **dict(self.options))


SAMPLINGS = (
    Sampling("regression", "mse"),
    Sampling("DDPM, 100 steps", "diffusion", (("sampler", "ddpm"), ("steps", 100))),
    *(Sampling(f"DDIM, {n} steps", "diffusion", (("steps", n),)) for n in (20, 10, 5)),
    *(Sampling(f"flow, {n} steps", "flow", (("steps", n),)) for n in (10, 4)),
    Sampling("flow, 1 step", "flow", (("steps", 1),)),
    Sampling("reflow, 1 step", "reflow", (("steps", 1),)),
)
"""All that is compared, the slowest of each method first."""


class Sampled(NamedTuple):
    """One cell."""

    name: str
    """Of the sampling."""
    execute: int
    """Actions executed of each chunk."""
    success: float
    """Share of the episodes."""
    rarest: float
    """Share of the rarest mode among the successes."""
    switches: float
    """How often the hand went over to another mode's side, per episode."""


class Study(NamedTuple):
    """All that was measured of one task."""

    task: str
    """Task id."""
    cells: tuple[Sampled, ...]
    """By sampling, then by length."""
    latency_ms: dict[str, float]
    """Median wall time of a decision for one episode on one core, by sampling."""


def try_out(task_id: str, sampling: Sampling, execute: int) -> Sampled:
    """Return one cell."""
    task = load_task(task_id)
    outcome = trial(task, sampling.policy(task, execute), SEEDS)
    rarest, switches = outcome.minority(len(task.modes)), float(outcome.switches.mean())
    return Sampled(sampling.name, execute, outcome.rate, rarest, switches)


def measure(
    tasks: Iterable[str] = TASKS,
    workers: int = 1,
    fresh: bool = False,
    progress: Callable[[str, int, int], None] | None = None,
    folder: Path = FOLDER,
) -> list[Study]:
    """Measure what is not known yet of some tasks.

    Args:
        tasks: task ids.
        workers: processes; the cells do not depend on them.
        fresh: whether to forget what the folder holds.
        progress: called with what was done last, the number of cells done, and their total.
        folder: where cells are kept as they come.
    """
    found = {task: {} if fresh else dict(_read(task, folder)[0]) for task in tasks}
    calls = {
        (task, sampling, execute): partial(try_out, task, sampling, execute)
        for task, cells in found.items()
        for sampling in SAMPLINGS
        for execute in LENGTHS
        if (sampling.name, execute) not in cells
    }
    for done, ((task, *_), cell) in enumerate(run_in_processes(calls, workers), 1):
        found[task][cell[:2]] = cell
        _write(task, found[task], _read(task, folder)[1], folder)
        if progress:
            progress(f"{cell.name}, executing {cell.execute}", done, len(calls))
    for task, cells in found.items():
        known = {} if fresh else _read(task, folder)[1]
        missing = [sampling for sampling in SAMPLINGS if sampling.name not in known]
        _write(task, cells, known | {s.name: _decision_ms(task, s) for s in missing}, folder)
    return kept(tasks, folder)


def kept(tasks: Iterable[str] = TASKS, folder: Path = FOLDER) -> list[Study]:
    """Return what is known of tasks in their present form, with the shipped weights."""
    studies = []
    for task in tasks:
        cells, latency = _read(task, folder)
        order = [(sampling.name, execute) for sampling in SAMPLINGS for execute in LENGTHS]
        studies.append(Study(task, tuple(cells[key] for key in order if key in cells), latency))
    return [study for study in studies if study.cells]


def _decision_ms(task_id: str, sampling: Sampling) -> float:
    task = load_task(task_id)
    return median_ms(task, sampling.policy(task))


def _measured_on(task_id: str) -> dict[str, Any]:
    """Return what must be the same for a kept cell to count."""
    task = load_task(task_id)
    methods = dict.fromkeys(sampling.method for sampling in SAMPLINGS)
    weights = {name: Sampling(name, name).policy(task).artifacts() for name in methods}
    return {"fingerprint": fingerprint(task), "versions": versions(), "weights": weights}


def _read(task: str, folder: Path) -> tuple[dict[tuple[str, int], Sampled], dict[str, float]]:
    try:
        data = json.loads((folder / f"{task}.json").read_text())
        present = _measured_on(task)
        if {name: data[name] for name in present} != present:
            return {}, {}
        return {(row[0], row[1]): Sampled(*row) for row in data["cells"]}, dict(data["latency_ms"])
    except (OSError, ValueError, KeyError, TypeError):
        return {}, {}


def _write(task: str, cells: Mapping[tuple, Sampled], latency: Mapping[str, float], folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    rows = [list(cell) for cell in cells.values()]
    write_json(folder / f"{task}.json", {**_measured_on(task), "cells": rows, "latency_ms": dict(latency)})
