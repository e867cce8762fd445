"""Counts the results of every method for `bimodal results` and docs/results.md.

Everything is counted from run folders (`bimodal evaluate METHOD`); only decision times are measured here, one
method after another with nothing beside them.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ...envs.errors import BimodalError
from ...envs.perturbations.core.variant import CLEAN
from ...policies import load_policy
from ...policies.core.registry import own_names
from ...tasks import load_task
from ...tasks.core.outcomes import SUCCESS
from ..provenance import versions
from ..records.measurement_store import MeasurementStore
from ..records.run_folder import RUNS
from ..rollout.latency import median_ms
from ..scoring.run_episodes import Run, RunEpisodes, read_run
from ..scoring.task_scores import TaskScore, score_suite, score_task
from ..statistics.over_tasks import number
from ..statistics.rates import Interval
from ..suites import SUITES, find_suite

TIMED_ON = "PandaLiftDumbbell-v1"
"""The task on which decisions are timed."""
TIMES = RUNS / "results" / "decision-ms"
"""Where decision times are kept, a file a method, relative to the working directory."""


class Failure(NamedTuple):
    """How a method fails most often."""

    label: str
    """The verdict, "" when nothing failed."""
    share: float
    """Of all its failures."""
    task: str
    """The task on which it is most frequent, and a seed of it that can be watched."""
    seed: int


class MethodResult(NamedTuple):
    """One method on the clean cells of a suite."""

    policy: str
    """Its name."""
    parameters: int | None
    """Learned values of the first task's weights."""
    n_action_steps: int
    """Actions executed of each decision."""
    success: Interval
    """Mean over tasks."""
    averaging: Interval
    """Share of averaging failures, mean over tasks."""
    commitment: float | None
    """Share of episodes in which any mode was realised, mean over tasks."""
    coverage: float | None
    """Share of modes that succeed at least now and then, mean over tasks."""
    rarest: float | None
    """Smallest share of a mode among the successes of any task."""
    switches: float
    """How often the hand went over to another side, per episode."""
    cells: tuple[TaskScore, ...]
    """Task by task."""
    failure: Failure


def runs_of(suite: str = "core", folder: Path = RUNS) -> list[Run]:
    """Return the finished runs of registered policies on a suite as it is today, in the registry's order.

    Where there is no run of the whole suite, one of its clean episodes alone will do.
    """
    places = {"": SUITES[suite].hash(), "-part": find_suite(suite, variants=()).hash()}
    found = []
    for name in own_names():
        runs = (finished(folder / f"{suite}{part}-{name}", today) for part, today in places.items())
        found += [run for run in runs if run][:1]
    return found


def training_runs(policy: str, suite: str = "core", folder: Path = RUNS) -> list[Run]:
    """Return the finished runs of a policy's training seeds on the suite's clean episodes, by folder.

    They lie where `bimodal evaluate POLICY@seed0..2 --variant clean` puts them.
    """
    today = find_suite(suite, variants=()).hash()
    paths = sorted([*folder.glob(f"{suite}-{policy}-seed-*"), *folder.glob(f"{suite}-part-{policy}-seed-*")])
    return [run for run in (finished(path, today) for path in paths) if run]


def seed_runs(policy: str, suite: str = "core", folder: Path = RUNS) -> list[Run]:
    """Return those of other training seeds than 0, the seed of the shipped weights."""
    runs = training_runs(policy, suite, folder)
    return [run for run in runs if not run.folder.name.endswith("-seed-0")]


def finished(path: Path, suite_hash: str) -> Run | None:
    """Return the run in a folder if it is whole and of that suite."""
    try:
        run = read_run(path)
    except BimodalError:
        return None
    return run if run.record.suite.hash == suite_hash else None


def method_result(run: Run) -> MethodResult:
    """Count the clean cells of a run."""
    clean = {task: cell for (task, variant), cell in run.cells.items() if variant == CLEAN}
    cells = tuple(score_task(task, CLEAN, cell) for task, cell in clean.items())
    whole = score_suite(cells)
    policy = run.record.policy
    return MethodResult(
        policy=policy.name,
        parameters=policy.parameters,
        n_action_steps=policy.execute,
        success=whole.success,
        averaging=whole.averaging,
        commitment=number(whole.metrics["commitment"]),
        coverage=number(whole.metrics["coverage"]),
        rarest=whole.minority_share,
        switches=float(np.mean([cell.switches.mean() for cell in clean.values()])),
        cells=cells,
        failure=most_frequent_failure(clean),
    )


def most_frequent_failure(clean: dict[str, RunEpisodes]) -> Failure:
    """Return the verdict, other than success, of most clean episodes, and where to see it."""
    labels = Counter(label for cell in clean.values() for label in cell.labels if label != SUCCESS)
    if not labels:
        return Failure("", 0.0, "", -1)
    label, count = labels.most_common(1)[0]
    task = max(clean, key=lambda name: (clean[name].labels == label).sum())
    seed = clean[task].seeds[clean[task].labels == label][0]
    return Failure(label, count / labels.total(), task, int(seed))


def decision_ms(
    names: Sequence[str], progress: Callable[[str], None] | None = None, folder: Path = TIMES
) -> dict[str, float]:
    """Return the median wall time [ms] of a decision for one episode on one core, by policy.

    What was measured before, of the same weights and with the same versions, is not measured again.
    """
    task = load_task(TIMED_ON)
    times = {}
    for name in names:
        policy = load_policy(name, task)
        measured_on = {"artifacts": policy.artifacts(), "versions": versions()}
        store = MeasurementStore[float](folder / f"{name}.json", measured_on, float)
        if store.get("ms") is None:
            if progress:
                progress(name)
            store.put("ms", median_ms(task, policy))
        times[name] = store.values()["ms"]
    return times
