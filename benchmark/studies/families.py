"""Measures what each method buys on which family of tasks: `bimodal results --families`, docs/families.md.

Each cell is one policy on one task of a family, on clean episodes of seeds that are in no panel, with the
weights that `bimodal train` has made here, or else with those that come with the package.
"""

from collections.abc import Callable, Iterable
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

from ...envs.seed_ranges import VALIDATION
from ...policies import load_policy
from ...policies.core.checkpoint import checkpoint_path
from ...policies.core.registry import SHIPPED_CHECKPOINTS
from ...tasks import load_task
from ...tasks.core.fingerprint import fingerprint
from ..certificate.trials import run_trial
from ..provenance import versions
from ..records.measurement_store import MeasurementStore, measure_into
from ..records.run_folder import RUNS

FOLDER = RUNS / "families"
"""Where what was measured lies, a file a task, relative to the working directory."""
CHECKPOINTS = RUNS / "checkpoints"
"""Where `bimodal train` puts weights, relative to the working directory."""
FAMILIES = {
    "PandaLiftDumbbell-v1": "two ways",
    "PandaPressBothButtons-v1": "memory",
    "PandaLiftRing-v1": "eight ways",
}
"""Tasks of the study, and what each asks of a policy."""
EPISODES = VALIDATION[:100]
"""Of a cell."""


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


def _plain(name: str, instead: str, method: str = "") -> Contender:
    return Contender(name, instead, name, (method or name,))


CONTENDERS = (
    _plain("mse", ""),
    _plain("flow", "mse"),
    _plain("diffusion", "mse"),
    _plain("bet", "mse"),
    _plain("act_sampled", "mse"),
    _plain("flow_1step", "flow", "flow"),
    _plain("reflow", "flow_1step"),
    _plain("shortcut", "flow_1step"),
    _plain("mars", "flow"),
    _plain("flow_history", "flow"),
    _plain("diffusion_history", "diffusion"),
    _around("bid", options=", n_action_steps=8"),
    _around("rtc", options=", n_action_steps=8"),
    _around("best_of_n", "critic"),
)
"""All that is compared; every one executes 8 actions of a chunk."""


class FamilyCell(NamedTuple):
    """What came out of a cell."""

    won: tuple[bool, ...]
    """Whether each episode succeeded, in the order of the seeds."""
    rarest: float
    """Share of the rarest mode among the successes."""


def weights_folder(contender: Contender, task_id: str) -> Path | None:
    """Return the folder of checkpoints that has all weights of a policy; None if there is none."""
    for folder in (CHECKPOINTS, SHIPPED_CHECKPOINTS):
        if all(checkpoint_path(folder, task_id, method).is_file() for method in contender.weights):
            return folder
    return None


def cell_name(contender: Contender, task_id: str, folder: Path) -> str:
    """Return the name of a cell in its file; other weights are another cell."""
    files = [checkpoint_path(folder, task_id, method) for method in contender.weights]
    digest = sha256(b"".join(sha256(file.read_bytes()).digest() for file in files))
    return f"{contender.uri}, weights {digest.hexdigest()[:12]}"


def try_contender(task_id: str, uri: str, folder: Path, seeds: range) -> FamilyCell:
    """Return what a policy reaches on a task with the weights in a folder of checkpoints."""
    task = load_task(task_id)
    result = run_trial(task, load_policy(uri, task, folder), seeds)
    return FamilyCell(tuple(map(bool, result.success)), result.minority(len(task.modes)))


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
    stores = {
        task: MeasurementStore(folder / f"{task}.json", _measured_on(task), FamilyCell) for task in tasks
    }
    names = {task: _cells(task) for task in stores}
    calls = {
        (task, cell): partial(try_contender, task, one.uri, place, EPISODES)
        for task, store in stores.items()
        for cell, (one, place) in names[task].items()
        if store.missing([cell], fresh)
    }
    measure_into(stores, calls, workers, progress)
    found = {}
    for task, store in stores.items():
        known = store.values()
        found[task] = {one.name: known[cell] for cell, (one, _) in names[task].items()}
    return found


def _cells(task_id: str) -> dict[str, tuple[Contender, Path]]:
    """Return the cells of a task that can be measured, by name: the policy and its folder of weights."""
    places = [(one, weights_folder(one, task_id)) for one in CONTENDERS]
    return {cell_name(one, task_id, place): (one, place) for one, place in places if place is not None}


def _measured_on(task_id: str) -> dict[str, Any]:
    """Return what must be the same for a kept value to count."""
    return {"fingerprint": fingerprint(load_task(task_id)), "versions": versions(), "n": len(EPISODES)}
