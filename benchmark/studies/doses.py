"""Measures success against the magnitude of every perturbation: `bimodal results --doses`, docs/doses.md.

Each perturbation is played at its three levels, between them, and beyond the third up to where the scripted
experts fail. Magnitudes are physical, in the perturbation's own unit, and all draw from one stream, so that
along a curve nothing else changes. Seeds are in no panel.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from itertools import product
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ...envs.errors import BimodalError
from ...envs.perturbations.core.dosed import Dosed
from ...envs.perturbations.core.magnitudes import part_at
from ...envs.perturbations.core.registry import perturbations
from ...envs.perturbations.core.variant import CLEAN, Variant
from ...policies import load_policy
from ...tasks import load_task
from ...tasks.core.fingerprint import fingerprint
from ..provenance import versions
from ..records.measurement_store import MeasurementStore, measure_into
from ..records.run_folder import RUNS
from ..suite_lists import AT_DOSES
from .dose_limits import SEEDS, Limit, axes, experts_store, felt_by_experts, limit_of, play, try_experts

FOLDER = RUNS / "doses"
"""Where what was measured lies, files of each task, relative to the working directory."""
TASKS = ("PandaLiftDumbbell-v1", "PandaPickAroundPost-v1")
"""Tasks of the study, unless others are named."""
METHODS = ("flow", "bet", "mse_labelled", "diffusion")
"""Reference policies, the quickest first: what they feel decides what `full` plays."""
OTHERS = (("gmm", "reflow", "nearest"), ("diffuser_lite", "decision_diffuser", "veteran", "diffuser"))
"""Groups of other shipped policies, each with a picture of its own."""
PLANNERS = OTHERS[-1]
"""Those that plan, which takes long: they are asked what `full` plays, and no more."""
Outcomes = dict[str, str]
"""By magnitude, or `clean`: an 0 or a 1 for each episode; nothing where no scene could be drawn."""


class Curve(NamedTuple):
    """One policy on one task under one perturbation."""

    clean: np.ndarray
    """Which episodes it succeeds in without the perturbation, (N,) bool."""
    doses: dict[float, np.ndarray]
    """And at each magnitude."""


class Doses(NamedTuple):
    """All that was measured of one task under one perturbation."""

    task: str
    """Task id."""
    perturbation: str
    """Its name."""
    limit: Limit
    """The magnitudes, and how far the experts go."""
    curves: dict[str, Curve]
    """What came out, by policy; those that were not measured are not there."""


def try_policy(
    task_id: str, method: str, name: str, magnitudes: tuple[float, ...], seeds: range = SEEDS
) -> Outcomes:
    """Return the outcomes of a shipped policy at some magnitudes of a perturbation, or in the clean world."""
    task = load_task(task_id)
    policy = load_policy(method, task)
    if name == CLEAN:
        return {CLEAN: _digits(play(task, policy, Variant(), seeds))}
    found = {}
    for magnitude in magnitudes:
        try:
            world = Dosed(perturbations()[name], magnitude)
            found[f"{magnitude:g}"] = _digits(play(task, policy, world, seeds))
        except BimodalError:  # no valid scene, or a start out of reach
            continue
    return found


def measure_doses(
    tasks: Iterable[str] = TASKS,
    workers: int = 1,
    fresh: bool = False,
    progress: Callable[[str, int, int], None] | None = None,
    folder: Path = FOLDER,
) -> list[Doses]:
    """Measure what is not known yet of some tasks, quick policies first; return what is known of them.

    Args:
        tasks: task ids.
        workers: processes; the outcomes do not depend on them.
        fresh: whether to measure again what the folder holds.
        progress: called with what was done last, the number of curves done, and their total.
        folder: where curves are kept as they come.
    """
    tasks = tuple(tasks)
    for task in tasks:
        experts = experts_store(task, folder)
        missing = experts.missing(felt_by_experts(), fresh)
        calls = {(task, name): partial(try_experts, task, name) for name in missing}
        measure_into({task: experts}, calls, workers, progress)
    for methods, task in product(groups(), tasks):
        policies = _store(task, methods, folder)
        ladders = {name: one.ladder for name, one in _limits(task, folder).items() if one.ladder}
        played = {
            CLEAN: (),
            **{name: one for name in ladders if (one := asked(methods[0], name, ladders[name]))},
        }
        keys = {_key(method, name): (method, name) for method in methods for name in played}
        missing = [keys[key] for key in policies.missing(keys, fresh)]
        runs = {(task, _key(*one)): partial(try_policy, task, *one, played[one[1]]) for one in missing}
        measure_into({task: policies}, runs, workers, progress)
    return load_doses(tasks, folder)


def groups() -> tuple[tuple[str, ...], ...]:
    """Return the policies of the study, those together that share a picture, the reference policies first."""
    return (METHODS, *OTHERS)


def asked(method: str, name: str, ladder: Sequence[float]) -> tuple[float, ...]:
    """Return at which magnitudes of a perturbation, of those in `ladder`, a policy is asked."""
    if method not in PLANNERS:
        return tuple(ladder)
    kind = perturbations()[name]
    return tuple(one for one in ladder if str(part_at(kind, one)) in AT_DOSES)


def load_doses(tasks: Iterable[str] = TASKS, folder: Path = FOLDER) -> list[Doses]:
    """Return what is known of tasks in their present form, with the shipped weights; measures nothing."""
    found = []
    for task in tasks:
        known = {}
        for methods in groups():
            known |= _store(task, methods, folder).values()
        every = [method for methods in groups() for method in methods]
        for name, limit in _limits(task, folder).items():
            curves = {one: _curve(known, one, name) for one in every if _key(one, name) in known}
            found.append(Doses(task, name, limit, curves))
    return [one for one in found if one.curves]


def _limits(task: str, folder: Path) -> dict[str, Limit]:
    """Return how far the experts of a task go, by perturbation; without those whose experts are not known."""
    measured = experts_store(task, folder).values()
    blind = {name: {} for name in axes() if name not in felt_by_experts()}
    return {name: limit_of(task, name, one) for name, one in sorted((measured | blind).items())}


def _curve(known: Mapping[str, Outcomes], method: str, name: str) -> Curve:
    doses = {float(magnitude): _read(text) for magnitude, text in known[_key(method, name)].items()}
    return Curve(_read(known[_key(method, CLEAN)][CLEAN]), doses)


def _key(method: str, name: str) -> str:
    return f"{method} {name}"


def _digits(success: np.ndarray) -> str:
    return "".join("01"[int(one)] for one in success)


def _read(digits: str) -> np.ndarray:
    return np.array(list(digits)) == "1"


def _store(task_id: str, methods: tuple[str, ...], folder: Path) -> MeasurementStore[Outcomes]:
    task = load_task(task_id)
    weights = {name: load_policy(name, task).artifacts() for name in methods}
    identity = {"fingerprint": fingerprint(task), "versions": versions(), "weights": weights}
    name = task_id if methods == METHODS else f"{task_id}-{methods[0]}"
    return MeasurementStore(folder / f"{name}.json", identity, Outcomes)
