"""Measures samplers that re-plan, on the shipped weights: `bimodal results --replanning`, docs/replanning.md.

Each cell is one sampler with one executed length on seeds that are in no panel, clean or with observations
that are two control steps old, which the sampler is told or not.
"""

from collections.abc import Callable, Iterable
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

from ...envs.perturbations.core.variant import CLEAN
from ...envs.seed_ranges import VALIDATION
from ...policies import load_policy
from ...policies.core.wrapping import unwrapped
from ...tasks import load_task
from ...tasks.core.fingerprint import fingerprint
from ..certificate.trials import run_trial
from ..provenance import versions
from ..records.measurement_store import MeasurementStore, measure_into
from ..records.run_folder import RUNS
from .samplers import TASKS

FOLDER = RUNS / "replanning"
"""Where what was measured lies, a file a task, relative to the working directory."""
EPISODES = (50, 25)
"""Episodes of a cell; of one whose decisions draw many chunks, or need gradients."""
LENGTHS = (1, 2, 4, 8)
"""Actions executed of each chunk."""
LATENCY = "sensing.latency:2"
"""Variant in which every observation is two control steps old."""
DELAY = 2
"""Control steps that a sampler is told then."""


class Setting(NamedTuple):
    """The world in which samplers are compared."""

    name: str
    """What it is called on the page."""
    variant: str
    """Its variant."""
    delay: int
    """Control steps that the sampler is told."""


UNTOLD = Setting("Two control steps of latency, and the sampler does not know", LATENCY, 0)
"""The world in which a sampler executes what is in the past."""
SETTINGS = (
    Setting("No latency", CLEAN, 0),
    Setting("Two control steps of latency, and the sampler knows", LATENCY, DELAY),
    UNTOLD,
)
"""All worlds."""
SAMPLERS = {
    "regression": "bid(mse, candidates=1)",
    "flow": "bid(flow, candidates=1)",
    "diffusion": "bid(diffusion, candidates=1)",
    "ensemble(mse)": "ensemble(mse)",
    "ensemble(flow)": "ensemble(flow)",
    "rtc(flow)": "rtc(flow)",
    "bid(flow)": "bid(flow)",
    "bid(diffusion)": "bid(diffusion)",
}
"""Name and URI of all samplers; one candidate is the policy itself, which then can be told of a delay."""
SLOW = ("rtc(flow)", "bid(flow)", "bid(diffusion)")
"""Those whose decisions take long."""
COSTLY = ("diffusion", "bid(diffusion)")
"""Those that are measured with one executed action only."""


class Cell(NamedTuple):
    """What is measured at once."""

    sampler: str
    """Its name."""
    setting: Setting
    """The world."""
    n_action_steps: int
    """Actions executed of each chunk."""

    @property
    def uri(self) -> str:
        """URI of the policy."""
        uri = SAMPLERS[self.sampler]
        return f"{uri[:-1]}, n_action_steps={self.n_action_steps}, delay={self.setting.delay})"

    @property
    def seeds(self) -> range:
        """Episodes."""
        return VALIDATION[: EPISODES[self.sampler in SLOW]]

    @property
    def name(self) -> str:
        """Name of the cell in its file."""
        return f"{self.uri} in {self.setting.variant}, {len(self.seeds)} episodes"


_CELLS = (Cell(*one) for one in product(SAMPLERS, SETTINGS, LENGTHS))
PLAN = sorted(
    (
        one
        for one in _CELLS
        if one.n_action_steps == 1 or (one.sampler not in COSTLY and one.setting != UNTOLD)
    ),
    key=lambda one: (one.sampler in COSTLY, one.n_action_steps > 1, -one.n_action_steps),
)
"""All cells of a task; of lengths above 1 only what is quick and tells something. The costly come last."""


class Replanned(NamedTuple):
    """What came out of a cell."""

    n: int
    """Episodes."""
    success: float
    """Share of them."""
    rarest: float
    """Share of the rarest mode among the successes."""
    switches: float
    """How often the hand went over to another mode's side, per episode."""


class ReplanningStudy(NamedTuple):
    """All that was measured of one task."""

    task: str
    """Task id."""
    cells: dict[Cell, Replanned]
    """What came out, by cell."""


def try_cell(task_id: str, uri: str, variant: str, seeds: range) -> Replanned:
    """Return what a policy reaches in a variant of a task."""
    task = load_task(task_id)
    result = run_trial(task, load_policy(uri, task), seeds, variant=variant)
    return Replanned(result.n, result.rate, result.minority(len(task.modes)), float(result.switches.mean()))


def measure_replanning(
    tasks: Iterable[str] = TASKS,
    workers: int = 1,
    fresh: bool = False,
    progress: Callable[[str, int, int], None] | None = None,
    folder: Path = FOLDER,
) -> list[ReplanningStudy]:
    """Measure what is not known yet of some tasks.

    Args:
        tasks: task ids.
        workers: processes; the cells do not depend on them.
        fresh: whether to measure again what the folder holds.
        progress: called with what was done last, the number of cells done, and their total.
        folder: where cells are kept as they come.
    """
    tasks = tuple(tasks)
    stores = {task: _store(task, folder) for task in tasks}
    known = {task: {} if fresh else store.values() for task, store in stores.items()}
    calls = {
        (task, cell.name): partial(try_cell, task, cell.uri, cell.setting.variant, cell.seeds)
        for cell in PLAN
        for task in tasks
        if cell.name not in known[task]
    }
    measure_into(stores, calls, workers, progress)
    return load_replanning(tasks, folder)


def load_replanning(tasks: Iterable[str] = TASKS, folder: Path = FOLDER) -> list[ReplanningStudy]:
    """Return what is known of tasks in their present form, with the shipped weights."""
    studies = []
    for task in tasks:
        known = _store(task, folder).values()
        studies.append(ReplanningStudy(task, {cell: known[cell.name] for cell in PLAN if cell.name in known}))
    return studies


def _store(task_id: str, folder: Path) -> MeasurementStore[Replanned]:
    return MeasurementStore(folder / f"{task_id}.json", _measured_on(task_id), Replanned)


def _measured_on(task_id: str) -> dict[str, Any]:
    """Return what must be the same for a kept value to count."""
    task = load_task(task_id)
    weights = {name: load_policy(name, task).artifacts() for name in map(unwrapped, SAMPLERS.values())}
    return {"fingerprint": fingerprint(task), "versions": versions(), "weights": weights}
