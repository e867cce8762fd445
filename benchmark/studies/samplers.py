"""Measures samplers against the executed block length, on the shipped weights: `bimodal results --sampling`.

Each cell is one policy on clean episodes of seeds that are in no panel: success, the rarest mode's share, and
how often the hand went over to another side. Latency is measured apart, alone, with nothing beside it.
"""

from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from ...envs.seed_ranges import VALIDATION
from ...policies import Policy
from ...policies.core.checkpoint import checkpoint_path
from ...policies.core.registry import SHIPPED_CHECKPOINTS
from ...tasks import load_task
from ...tasks.core.fingerprint import fingerprint
from ...tasks.core.task import Task
from ..certificate.trials import run_trial
from ..provenance import versions
from ..records.measurement_store import MeasurementStore, measure_into
from ..records.run_folder import RUNS
from ..rollout.latency import median_ms

FOLDER = RUNS / "sampling"
"""Where what was measured lies, two files a task, relative to the working directory."""
SEEDS = VALIDATION[:100]
"""Episodes of a cell."""
LENGTHS = (1, 4, 8, 12, 16)
"""Actions executed of each chunk."""
TASKS = ("PandaLiftDumbbell-v1", "PandaPickEitherCube-v1")
"""Tasks of the study, unless others are named."""


class Sampler(NamedTuple):
    """One way to draw a chunk."""

    name: str
    """What it is called in the tables."""
    method: str
    """Whose weights it uses."""
    options: tuple[tuple[str, Any], ...] = ()
    """What else the policy is built with."""

    def policy(self, task: Task, n_action_steps: int | None = None) -> Policy:
        """Return the policy, which executes so many actions of each chunk; None for the method's number."""
        from ...policies.training.train import METHODS  # torch, only where it is used

        weights = checkpoint_path(SHIPPED_CHECKPOINTS, task.id, self.method)
        return METHODS[self.method](task, weights, n_action_steps, **dict(self.options))


SAMPLERS = (
    Sampler("regression", "mse"),
    Sampler("DDPM, 100 steps", "diffusion", (("sampler", "ddpm"), ("steps", 100))),
    *(Sampler(f"DDIM, {n} steps", "diffusion", (("steps", n),)) for n in (20, 10, 5)),
    *(Sampler(f"flow, {n} steps", "flow", (("steps", n),)) for n in (10, 4)),
    Sampler("flow, 1 step", "flow", (("steps", 1),)),
    Sampler("reflow, 1 step", "reflow", (("steps", 1),)),
)
"""All that is compared, the slowest of each method first."""
PLAN = {f"{sampler.name}, executing {n}": (sampler, n) for sampler in SAMPLERS for n in LENGTHS}
"""All cells of a task by name: sampler and executed length."""


class SamplerCell(NamedTuple):
    """One sampler with one executed length on one task."""

    name: str
    """Of the sampler."""
    n_action_steps: int
    """Actions executed of each chunk."""
    success: float
    """Share of the episodes."""
    rarest: float
    """Share of the rarest mode among the successes."""
    switches: float
    """How often the hand went over to another mode's side, per episode."""


class SamplerStudy(NamedTuple):
    """All that was measured of one task."""

    task: str
    """Task id."""
    cells: tuple[SamplerCell, ...]
    """By sampler, then by length."""
    latency_ms: dict[str, float]
    """Median wall time of a decision for one episode on one core, by sampler."""


def try_sampler(task_id: str, sampler: Sampler, n_action_steps: int) -> SamplerCell:
    """Return one cell."""
    task = load_task(task_id)
    result = run_trial(task, sampler.policy(task, n_action_steps), SEEDS)
    rarest = result.minority(len(task.modes))
    return SamplerCell(sampler.name, n_action_steps, result.rate, rarest, float(result.switches.mean()))


def measure_samplers(
    tasks: Iterable[str] = TASKS,
    workers: int = 1,
    fresh: bool = False,
    progress: Callable[[str, int, int], None] | None = None,
    folder: Path = FOLDER,
) -> list[SamplerStudy]:
    """Measure what is not known yet of some tasks.

    Args:
        tasks: task ids.
        workers: processes; the cells do not depend on them.
        fresh: whether to measure again what the folder holds.
        progress: called with what was done last, the number of cells done, and their total.
        folder: where cells are kept as they come.
    """
    stores = {task: _stores(task, folder) for task in tasks}
    # 1. success, in processes
    calls = {}
    for task, (cells, _) in stores.items():
        for name in cells.missing(PLAN, fresh):
            calls[task, name] = partial(try_sampler, task, *PLAN[name])
    measure_into({task: cells for task, (cells, _) in stores.items()}, calls, workers, progress)
    # 2. decision times, with nothing beside them
    samplers = {sampler.name: sampler for sampler in SAMPLERS}
    for task, (_, times) in stores.items():
        for name in times.missing(samplers, fresh):
            times.put(name, median_ms(load_task(task), samplers[name].policy(load_task(task))))
    return load_sampler_studies(stores, folder)


def load_sampler_studies(tasks: Iterable[str] = TASKS, folder: Path = FOLDER) -> list[SamplerStudy]:
    """Return what is known of tasks in their present form, with the shipped weights."""
    studies = []
    for task in tasks:
        cells, times = _stores(task, folder)
        known = cells.values()
        ordered = tuple(known[name] for name in PLAN if name in known)
        studies.append(SamplerStudy(task, ordered, times.values()))
    return [study for study in studies if study.cells]


def _stores(task: str, folder: Path) -> tuple[MeasurementStore[SamplerCell], MeasurementStore[float]]:
    """Return the store of a task's cells and that of its decision times [ms]."""
    measured_on = _measured_on(task)
    cells = MeasurementStore[SamplerCell](folder / f"{task}.json", measured_on, SamplerCell)
    return cells, MeasurementStore[float](folder / f"{task}-decision-ms.json", measured_on, float)


def _measured_on(task_id: str) -> dict[str, Any]:
    """Return what must be the same for a kept value to count."""
    task = load_task(task_id)
    methods = dict.fromkeys(sampler.method for sampler in SAMPLERS)
    weights = {name: Sampler(name, name).policy(task).artifacts() for name in methods}
    return {"fingerprint": fingerprint(task), "versions": versions(), "weights": weights}
