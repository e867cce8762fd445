"""Puts known faults into good policies and diagnoses what then fails; the tables of docs/diagnosis.md."""

import time
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ....envs.seed_ranges import VALIDATION
from ....policies import load_policy
from ....tasks import load_task
from ...processes import run_in_processes
from ...records.measurement_store import MeasurementStore
from ..arms import Subject
from ..find_causes import find_causes
from ..rerun import Arm, rerun
from .known_faults import SINGLE, TASKS, WEAK, WEAK_TASKS, KnownFault

PUBLISHED = Path(__file__).parent / "validation.json"
"""What was measured; it comes with the package."""
VERSION = "validation of the diagnosis 1"
"""Part of the policies' noise keys, as a suite's version is."""
RERUNS = 8
"""Re-runs of every repair, as `bimodal diagnose` makes."""
SINGLE_SCREENED = 12
WEAK_SCREENED = 40
"""Episodes that run with and without a fault, to find those that fail of it."""
DIAGNOSED = 5
"""Of these, how many are diagnosed."""


class Diagnosed(NamedTuple):
    """What the diagnosis said of the episodes of one task that a known fault made fail."""

    cause: str
    """The interface that was broken."""
    screened: int
    """Episodes that ran with and without the fault."""
    good: int
    """Of these, successes without it."""
    failed: int
    """Of the latter, failures with it."""
    found: dict[str, int]
    """How many episodes were said to have failed of what: an interface, or a finding that names none."""
    cpu_s: float
    """CPU time of the diagnosis [s]."""

    @property
    def n(self) -> int:
        """Episodes that were diagnosed."""
        return sum(self.found.values())


def diagnosed(fault: KnownFault, task_id: str, screened: int) -> Diagnosed:
    """Put a fault into a good policy, and diagnose episodes that fail of it and succeed without it."""
    task = load_task(task_id)
    seeds = np.asarray(VALIDATION[:screened])
    with_fault = Subject(task, fault.policy, fault.variant, VERSION)
    # 1. the same episodes with the same noise, without the fault and with it
    arm = Arm(fault.without, lambda task: load_policy(fault.good, task))
    good = rerun(task, arm, seeds, VERSION, range(1)).success[:, 0]
    ended = rerun(task, Arm(fault.variant, with_fault.build), seeds, VERSION, range(1))
    failed = np.flatnonzero(good & ~ended.success[:, 0])
    # 2. the diagnosis, which is not told
    begin = time.process_time()
    chosen = failed[:DIAGNOSED]
    found = find_causes(with_fault, seeds[chosen], ended.labels[chosen, 0].astype(str), RERUNS)
    spent = time.process_time() - begin
    names = [one.causes[0] if one.finding == "cause" else one.finding for one in found]
    counts = {str(name): names.count(name) for name in sorted(set(names))}
    return Diagnosed(fault.cause, screened, int(good.sum()), len(failed), counts, round(spent, 1))


def measure_validation(workers: int = 1, file: Path = PUBLISHED) -> None:
    """Measure what the file does not hold yet, cell by cell."""
    store = _store(file)
    calls = {
        name: partial(diagnosed, fault, task, screened)
        for name, fault, task, screened in _plan()
        if store.get(name) is None
    }
    for name, cell in run_in_processes(calls, workers):
        store.put(name, cell)


def load_validation(file: Path = PUBLISHED) -> dict[str, Diagnosed]:
    """Return what was measured, by `FAULT on TASK`."""
    return _store(file).values()


def _plan() -> Iterable[tuple[str, KnownFault, str, int]]:
    """Return every cell: its name, fault, task and how many episodes are screened."""
    for faults, tasks, screened in ((SINGLE, TASKS, SINGLE_SCREENED), (WEAK, WEAK_TASKS, WEAK_SCREENED)):
        for name, fault in faults.items():
            for task in tasks:
                yield f"{name} on {task}", fault, task, screened


def _store(file: Path) -> MeasurementStore[Diagnosed]:
    return MeasurementStore(file, {"study": VERSION, "reruns": RERUNS, "diagnosed": DIAGNOSED}, Diagnosed)
