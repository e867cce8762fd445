"""Measures vision policies beside those of the state: `bimodal results --vision`, a part of docs/vision.md.

Each cell is one policy on one task, with shipped weights, or those that were trained here, and seeds that
are in no panel.
"""

from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ...envs.perturbations.core.variant import Variant
from ...envs.rendering.episode_pictures import EpisodePictures
from ...envs.seed_ranges import VALIDATION
from ...envs.simulation import Simulation
from ...policies import load_policy
from ...policies.core.registry import SHIPPED_CHECKPOINTS
from ...tasks import load_task
from ...tasks.core import episode_step
from ...tasks.core.fingerprint import fingerprint
from ...tasks.core.task import Task
from ..certificate.trials import run_trial
from ..provenance import versions
from ..records.measurement_store import MeasurementStore, measure_into
from ..records.run_folder import RUNS
from ..suites import SUITES

if TYPE_CHECKING:
    from ...policies.vision.vision_policy import VisionPolicy

FOLDER = RUNS / "vision"
"""Where what was measured lies, a file a task, relative to the working directory."""
EPISODES = 50
"""Of a cell."""
METHODS = ("vision_flow", "vision_flow_no_pose", "flow", "vision_diffusion", "diffusion", "vision_mse", "mse")
"""Each policy that sees, and the one that reads poses with the same trunk."""
TRAINED_HERE = ("vision_flow_no_pose",)
"""Those of them whose weights are not shipped: measured where `bimodal train` has made them."""
CHECKPOINTS = RUNS / "checkpoints"
"""Where it puts them, relative to the working directory."""


class VisionScore(NamedTuple):
    """What came out of a cell."""

    n: int
    """Episodes."""
    success: float
    """Share of them."""
    rarest: float
    """Share of the rarest mode among the successes."""
    pose_error: float | None
    """Median distance of an object from where it is believed to be at the start [m]; None without labels."""


def measure_vision(
    tasks: Iterable[str] = SUITES["core"].tasks,
    workers: int = 1,
    fresh: bool = False,
    progress: Callable[[str, int, int], None] | None = None,
    folder: Path = FOLDER,
    episodes: int = EPISODES,
) -> dict[str, dict[str, VisionScore]]:
    """Measure what is not known yet of some tasks; return the scores by task and policy.

    Args:
        tasks: task ids.
        workers: processes; the cells do not depend on them.
        fresh: whether to measure again what the folder holds.
        progress: called with what was done last, the number of cells done, and their total.
        folder: where cells are kept as they come.
        episodes: of a cell.
    """
    shipped = {task: _store(task, folder, episodes, None) for task in tasks}
    trained = {task: _store(task, folder / "trained-here", episodes, CHECKPOINTS) for task in shipped}
    for stores, weights in ((shipped, None), (trained, CHECKPOINTS)):
        calls = {
            (task, name): partial(try_policy, task, name, VALIDATION[:episodes], weights)
            for task, store in stores.items()
            for name in store.missing(_there(task, weights), fresh)
        }
        measure_into(stores, calls, workers, progress)
    return {task: store.values() | trained[task].values() for task, store in shipped.items()}


def try_policy(task_id: str, name: str, seeds: range, weights: Path | None = None) -> VisionScore:
    """Return what a policy reaches on a task, and how well it sees; `weights` is None for shipped ones."""
    from ...policies.vision.vision_policy import VisionPolicy  # torch, only where it is used

    task = load_task(task_id)
    policy = load_policy(name, task, weights)
    result = run_trial(task, policy, seeds)
    error = None
    if isinstance(policy, VisionPolicy) and policy.pose_weight > 0:
        error = float(np.median(pose_errors(task, policy, seeds)))
    return VisionScore(result.n, result.rate, result.minority(len(task.modes)), error)


def pose_errors(task: Task, policy: "VisionPolicy", seeds: range) -> np.ndarray:
    """Return how far the objects are from where the encoder believes them at the start, (N, objects) [m]."""
    # 1. what the policy sees of the first control step
    simulation = Simulation(task, len(seeds))
    simulation.reset(seeds)
    pictures = EpisodePictures(task, Variant(), policy.vision.cameras, policy.vision.image_size)
    shown = pictures.take(np.array(seeds), simulation.state(), np.ones(len(seeds), bool))
    pictures.close()
    seen = episode_step.observe(simulation, 0, shown)
    # 2. where it believes the objects are: the components in metres
    metres = {spec.name for spec in task.observation if spec.unit == "m"}
    sizes = np.cumsum([0, *(pose.size for pose in policy.vision.poses)])
    believed = policy.estimated_poses(seen)
    distances = [
        np.linalg.norm(believed[:, begin : begin + pose.size] - seen[pose.name], axis=1)
        for pose, begin in zip(policy.vision.poses, sizes, strict=False)
        if pose.name in metres
    ]
    return np.stack(distances, 1)


def weights_digest(task_id: str, folder: Path | None = None) -> dict[str, str]:
    """Return the first digits of the sha256 of the vision policies' weights for a task, by name.

    Of the shipped ones, or of those of `TRAINED_HERE` in a folder.
    """
    task = load_task(task_id)
    return {
        name: digest[:8]
        for name in _there(task_id, folder)
        if name.startswith("vision")
        for file, digest in load_policy(name, task, folder).artifacts().items()
        if file.endswith(".safetensors")
    }


def _there(task_id: str, folder: Path | None) -> list[str]:
    """Return the policies of which there are weights for a task: shipped ones, or those in a folder."""
    there = {file.stem for file in ((folder or SHIPPED_CHECKPOINTS) / task_id).glob("*.safetensors")}
    return [name for name in METHODS if name in there and (folder is None or name in TRAINED_HERE)]


def _store(task_id: str, folder: Path, episodes: int, weights: Path | None) -> MeasurementStore[VisionScore]:
    identity = _measured_on(task_id, episodes, weights)
    return MeasurementStore(folder / f"{task_id}.json", identity, VisionScore)


def _measured_on(task_id: str, episodes: int, folder: Path | None) -> dict[str, Any]:
    """Return what must be the same for a kept value to count."""
    task = load_task(task_id)
    weights = {name: load_policy(name, task, folder).artifacts() for name in _there(task_id, folder)}
    return {
        "fingerprint": fingerprint(task),
        "versions": versions(),
        "weights": weights,
        "episodes": episodes,
    }
