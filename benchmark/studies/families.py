"""Measures what each method buys on which family of tasks: `bimodal results --families`, docs/families.md.

Each cell is one policy on one task of a family, on episodes of seeds that are in no panel, with the weights
that `bimodal train` has made here, or else with those that come with the package.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ...envs.perturbations.core.variant import CLEAN
from ...envs.seed_ranges import VALIDATION
from ...policies import load_policy
from ...policies.core.checkpoint import checkpoint_path
from ...policies.core.registry import SHIPPED_CHECKPOINTS
from ...tasks import load_task
from ...tasks.core.fingerprint import fingerprint
from ...tasks.core.outcomes import succeeded
from ..certificate.trials import run_trial
from ..metrics import METRICS, Episodes
from ..provenance import versions
from ..records.measurement_store import MeasurementStore, measure_into
from ..records.run_folder import RUNS
from ..statistics.over_tasks import Value

FOLDER = RUNS / "families"
"""Where what was measured lies, a file a task, relative to the working directory."""
CHECKPOINTS = RUNS / "checkpoints"
"""Where `bimodal train` puts weights, relative to the working directory."""
FAMILIES = {
    "PandaLiftDumbbell-v1": "two ways",
    "PandaPressBothButtons-v1": "memory",
    "PandaLiftMovingDumbbell-v1": "it moves",
    "PandaLiftFreeGrip-v1": "a free way",
    "PandaPressMatchingPair-v1": "composition",
    "PandaLiftRing-v1": "eight ways",
    "PandaInsertCuedPeg-v1": "what follows",
    "TwoPandaPressSameSide-v1": "two arms",
}
"""Tasks of the study, and what each asks of a policy."""
EPISODES = VALIDATION[:100]
"""Of a cell."""
BEYOND = {
    "PandaLiftFreeGrip-v1": ("feasible_choice", "coverage", "mode_entropy"),
    "PandaPressMatchingPair-v1": ("coverage", "mode_entropy"),
    "PandaLiftRing-v1": ("coverage", "mode_entropy"),
}
"""Tasks of more than two modes, and what is asked there beside success: names of metrics."""
_KNOCKED = ("PandaLiftDumbbell-v1", "TwoPandaHandover-v1")
WORLDS = {"PandaLiftMovingDumbbell-v1": CLEAN, **dict.fromkeys(_KNOCKED, "contact.knock=3")}
"""Tasks whose object moves, by itself or in a variant: there the number of executed actions is changed."""
LENGTHS = (1, 2, 4, 8)
"""Actions executed of each chunk there."""
FEWER = VALIDATION[:50]
"""Episodes of such a cell."""


class Contender(NamedTuple):
    """A policy of the study, and what it is an alternative to."""

    name: str
    """What it is called on the page."""
    instead: str
    """The one that it is compared with, "" for none."""
    uri: str
    """How it is loaded."""
    weights: tuple[str, ...]
    """Methods whose weights it uses."""


def _around(wrapper: str, *more: str, options: str = "") -> Contender:
    return Contender(f"{wrapper}(flow)", "flow", f"{wrapper}(flow{options})", ("flow", *more))


def plain(name: str, instead: str = "", method: str = "") -> Contender:
    """Return a policy as it is loaded by its name; `method` has its weights, unless it is the name."""
    return Contender(name, instead, name, (method or name,))


CONTENDERS = (
    plain("mse", ""),
    plain("flow", "mse"),
    plain("diffusion", "mse"),
    plain("bet", "mse"),
    plain("act_sampled", "mse"),
    plain("flow_1step", "flow", "flow"),
    plain("reflow", "flow_1step"),
    plain("shortcut", "flow_1step"),
    plain("mars", "flow"),
    plain("flow_history", "flow"),
    plain("diffusion_history", "diffusion"),
    _around("bid", options=", n_action_steps=8"),
    _around("rtc", options=", n_action_steps=8"),
    _around("best_of_n", "critic"),
)
"""All that is compared; every one executes 8 actions of a chunk."""
RUNNERS = {
    "flow": "bid(flow, candidates=1",
    "diffusion": "bid(diffusion, candidates=1",
    "bet": "bid(bet, candidates=1",
    "bid(flow)": "bid(flow",
    "rtc(flow)": "rtc(flow",
}
"""What is compared where the object moves, and how its URI begins; one candidate is the policy itself."""


def executing(name: str, n_action_steps: int) -> Contender:
    """Return one of `RUNNERS` that executes so many actions of each chunk."""
    method = name.removesuffix(")").rpartition("(")[2]
    return Contender(name, "", f"{RUNNERS[name]}, n_action_steps={n_action_steps})", (method,))


class FamilyCell(NamedTuple):
    """The episodes of a cell, in the order of the seeds."""

    labels: tuple[str, ...]
    """How each ended."""
    modes: tuple[int, ...]
    """The mode that each realised, -1 for none."""
    steps: tuple[int, ...]
    """How long each was [control steps]."""
    k: int
    """Number of the task's modes."""

    @property
    def won(self) -> np.ndarray:
        """Whether each succeeded, (N,) bool."""
        return succeeded(self.labels)

    def metric(self, name: str) -> Value:
        """Return a metric of these episodes."""
        episodes = Episodes(self.labels, np.array(self.modes), np.array(self.steps), self.k)
        return METRICS[name].compute(episodes)


def weights_folder(contender: Contender, task_id: str) -> Path | None:
    """Return the folder of checkpoints that has all weights of a policy; None if there is none."""
    for folder in (CHECKPOINTS, SHIPPED_CHECKPOINTS):
        if all(checkpoint_path(folder, task_id, method).is_file() for method in contender.weights):
            return folder
    return None


def cell_name(contender: Contender, task_id: str, folder: Path) -> str:
    """Return how the name of a cell in its file begins; other weights are another cell."""
    files = [checkpoint_path(folder, task_id, method) for method in contender.weights]
    digest = sha256(b"".join(sha256(file.read_bytes()).digest() for file in files))
    return f"{contender.uri}, weights {digest.hexdigest()[:12]}"


def try_contender(task_id: str, uri: str, folder: Path, seeds: range, variant: str = CLEAN) -> FamilyCell:
    """Return the episodes of a policy on a task with the weights in a folder of checkpoints."""
    task = load_task(task_id)
    result = run_trial(task, load_policy(uri, task, folder), seeds, variant=variant).without_faults(uri)
    labels, modes, steps = (tuple(one.tolist()) for one in (result.label, result.mode, result.steps))
    return FamilyCell(labels, modes, steps, len(task.modes))


class Plan(NamedTuple):
    """What is measured of a task."""

    contenders: Sequence[Contender]
    """Policies, each with a URI of its own."""
    seeds: range
    """Episodes of each."""
    variant: str
    """Their world."""


def measure_families(
    tasks: Iterable[str] = tuple(FAMILIES),
    workers: int = 1,
    fresh: bool = False,
    progress: Callable[[str, int, int], None] | None = None,
    folder: Path = FOLDER,
) -> dict[str, dict[str, FamilyCell]]:
    """Measure what is not known yet, of the policies whose weights are here; by task and policy.

    Args:
        tasks: task ids.
        workers: processes; the cells do not depend on them.
        fresh: whether to measure again what the folder holds.
        progress: called with what was done last, the number of cells done, and their total.
        folder: where cells are kept as they come.
    """
    plan = Plan(CONTENDERS, EPISODES, CLEAN)
    found = measure_plans(dict.fromkeys(tasks, plan), workers, fresh, progress, folder)
    return {
        task: {one.name: cells[one.uri] for one in CONTENDERS if one.uri in cells}
        for task, cells in found.items()
    }


def measure_lengths(
    workers: int = 1,
    fresh: bool = False,
    progress: Callable[[str, int, int], None] | None = None,
    folder: Path = FOLDER,
) -> dict[str, dict[tuple[str, int], FamilyCell]]:
    """Measure what the number of executed actions does, by task of `WORLDS`, policy and number.

    Args:
        workers: processes; the cells do not depend on them.
        fresh: whether to measure again what the folder holds.
        progress: called with what was done last, the number of cells done, and their total.
        folder: where cells are kept as they come.
    """
    runners = {(name, n): executing(name, n) for name in RUNNERS for n in LENGTHS}
    plans = {task: Plan(tuple(runners.values()), FEWER, variant) for task, variant in WORLDS.items()}
    found = measure_plans(plans, workers, fresh, progress, folder)
    return {
        task: {key: cells[one.uri] for key, one in runners.items() if one.uri in cells}
        for task, cells in found.items()
    }


def measure_plans(
    plans: Mapping[str, Plan],
    workers: int,
    fresh: bool,
    progress: Callable[[str, int, int], None] | None,
    folder: Path,
) -> dict[str, dict[str, FamilyCell]]:
    """Measure what is not known yet of plans, as `measure_families`; return the cells by task and URI."""
    stores = {
        task: MeasurementStore(folder / f"{task}.json", _measured_on(task), FamilyCell) for task in plans
    }
    names: dict[str, dict[str, str]] = {task: {} for task in plans}
    calls = {}
    for task, (contenders, seeds, variant) in plans.items():
        for one in contenders:
            if place := weights_folder(one, task):
                world = f"{len(seeds)} episodes, {variant}"
                name = names[task][one.uri] = f"{cell_name(one, task, place)}, {world}"
                if stores[task].missing([name], fresh):
                    calls[task, name] = partial(try_contender, task, one.uri, place, seeds, variant)
    measure_into(stores, calls, workers, progress)
    known = {task: store.values() for task, store in stores.items()}
    return {task: {uri: known[task][name] for uri, name in one.items()} for task, one in names.items()}


def _measured_on(task_id: str) -> dict[str, Any]:
    """Return what must be the same for a kept value to count."""
    return {"fingerprint": fingerprint(load_task(task_id)), "versions": versions()}
