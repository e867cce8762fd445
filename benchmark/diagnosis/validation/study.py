"""Puts known faults into good policies and diagnoses what then fails; the tables of docs/diagnosis.md."""

import time
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ....envs.seed_ranges import VALIDATION
from ....tasks import load_task
from ...processes import run_in_processes
from ...records.measurement_store import MeasurementStore
from ..arms import Subject, varied
from ..find_causes import find_causes
from ..rerun import Arm, Reruns, rerun
from .known_faults import SINGLE, TASKS, WEAK, WEAK_TASKS, KnownFault

PUBLISHED = Path(__file__).parent / "validation.json"
"""What was measured; it comes with the package."""
VERSION = "validation of the diagnosis 2"
"""Part of the policies' noise keys, as a suite's version is."""
RERUNS = 8
"""Re-runs of every repair, as `bimodal diagnose` makes."""
SINGLE_SCREENED = 12
WEAK_SCREENED = 40
"""Episodes that run with and without a fault, to find those that fail of it."""
DRAWN_AGAIN = 12
"""Of these, how many are drawn again with new noise, to see whether the fault decides them."""
DRAWS = range(1000, 1008)
"""Which re-runs those are: none that a diagnosis makes."""
DECIDES = 6
"""In how many of them, at least, an episode fails with the fault, and in how many it succeeds without it."""
DIAGNOSED = 5
"""Of the episodes that the fault decides, how many are diagnosed; and as many of the others."""


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
    drawn: int
    """Of these, how many were drawn again."""
    decided: int
    """Of these, how many the fault decides, whatever the noise: those of which the cause is known."""
    found: dict[str, int]
    """How many of the latter were said to have failed of what: an interface, or a finding that names none."""
    otherwise: dict[str, int]
    """The same of episodes that end either way with the fault, or without it."""
    cpu_s: float
    """CPU time of the diagnosis of what is in `found` [s]."""

    @property
    def n(self) -> int:
        """Episodes that were diagnosed, of known cause."""
        return sum(self.found.values())


def diagnosed(fault: KnownFault, task_id: str, screened: int) -> Diagnosed:
    """Put a fault into a good policy, and diagnose episodes that fail of it and succeed without it."""
    task = load_task(task_id)
    seeds = np.asarray(VALIDATION[:screened])
    faulty = Subject(task, fault.policy, fault.variant, VERSION)
    sound = Subject(task, fault.good, fault.without, VERSION)
    # 1. the same episodes with the same noise, without the fault and with it
    good = _played(sound, seeds, range(1)).success[:, 0]
    ended = _played(faulty, seeds, range(1))
    failed = np.flatnonzero(good & ~ended.success[:, 0])
    labels = ended.labels[:, 0].astype(str)
    # 2. of which the fault decides, with noise that the diagnosis does not use
    drawn = failed[:DRAWN_AGAIN]
    lost = ~_played(faulty, seeds[drawn], DRAWS).success
    kept = _played(sound, seeds[drawn], DRAWS).success
    decided = (lost.sum(1) >= DECIDES) & (kept.sum(1) >= DECIDES)
    # 3. the diagnosis, which is not told
    begin = time.process_time()
    found = _found(faulty, seeds, labels, drawn[decided][:DIAGNOSED])
    spent = time.process_time() - begin
    otherwise = _found(faulty, seeds, labels, drawn[~decided][:DIAGNOSED])
    counts = (screened, int(good.sum()), len(failed), len(drawn), int(decided.sum()))
    return Diagnosed(fault.cause, *counts, found, otherwise, round(spent, 1))


def _played(subject: Subject, seeds: np.ndarray, numbers: range) -> Reruns:
    """Play episodes of a subject, with some of their noise."""
    if not len(seeds):
        nothing = np.zeros((0, len(numbers)))
        return Reruns(nothing.astype(str), nothing.astype(bool), nothing.astype(bool), nothing.astype(str))
    arm = Arm(subject.variant, varied(subject, seeds))
    return rerun(subject.task, arm, seeds, VERSION, numbers)


def _found(subject: Subject, seeds: np.ndarray, labels: np.ndarray, chosen: np.ndarray) -> dict[str, int]:
    """Diagnose some episodes (rows); return how often what was said."""
    found = find_causes(subject, seeds[chosen], labels[chosen], RERUNS)
    names = [str(one.causes[0] if one.finding == "cause" else one.finding) for one in found]
    return {name: names.count(name) for name in sorted(set(names))}


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
    return MeasurementStore(
        file, {"study": VERSION, "reruns": RERUNS, "draws": len(DRAWS), "diagnosed": DIAGNOSED}, Diagnosed
    )
