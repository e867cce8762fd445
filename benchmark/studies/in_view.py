"""Measures whether cameras still see the objects when a policy must decide, as a variant moves things.

Scripted experts are blind, so they cannot tell whether a perturbation of pictures leaves a task possible.
Called by `bimodal results --vision`, which writes a part of docs/vision.md.
"""

from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ...envs.errors import BimodalError
from ...envs.images import IMAGE_SIZES
from ...envs.perturbations.core.variant import CLEAN, Variant
from ...envs.seed_ranges import VALIDATION
from ...envs.simulation import Simulation
from ...policies.core.policy import Needs
from ...tasks import load_task
from ...tasks.core import episode_step
from ...tasks.core.fingerprint import fingerprint
from ...tasks.core.task import Task
from ..provenance import versions
from ..records.measurement_store import MeasurementStore, measure_into
from ..records.run_folder import RUNS
from ..suites import SUITES, ladder
from .segment_renderer import SegmentRenderer

FOLDER = RUNS / "in-view"
"""Where what was measured lies, a file a task, relative to the working directory."""
MOVING = ("scene.camera", "scene.distractors")
"""Perturbations that move a camera, or put something before an object."""
COLOURING = (
    "scene.lighting",
    "scene.texture",
    "sensing.camera_noise",
    "sensing.camera_blur",
    "sensing.camera_exposure",
)
"""Those that change colours and move nothing: each pixel shows what it shows in the clean world."""
VARIANTS = (CLEAN, *(f"{name}:{level}" for name in MOVING for level in (1, 2, 3)))
"""All that is measured."""
CAMERAS = ("front", "wrist")
"""Cameras of Bimodal's own vision policies."""
EPISODES = 20
"""Of a cell."""
PIXELS = 16
"""Fewest pixels, of 96 x 96, that show an object: 4 x 4, one patch of the vision policies' encoder."""
SHARE = 0.5
"""Least part of the pixels that would show it if nothing stood before it."""


class InView(NamedTuple):
    """What cameras see in a cell."""

    episodes: int
    """How many."""
    all_seen: float
    """Share of the episodes in which some camera sees every object, at both decisions."""
    least: float
    """Part of the least seen object that is not covered, in the camera that sees it best; worst episode."""


def measure_in_view(
    tasks: Iterable[str] = SUITES["core"].tasks,
    workers: int = 1,
    fresh: bool = False,
    progress: Callable[[str, int, int], None] | None = None,
    folder: Path = FOLDER,
    episodes: int = EPISODES,
) -> dict[str, dict[str, InView]]:
    """Measure what is not known yet of some tasks; return it by task and variant.

    Args:
        tasks: task ids.
        workers: processes; the cells do not depend on them.
        fresh: whether to measure again what the folder holds.
        progress: called with what was done last, the number of cells done, and their total.
        folder: where cells are kept as they come.
        episodes: of a cell.
    """
    stores = {task: _store(task, folder, episodes) for task in tasks}
    calls = {
        (task, variant): partial(see, task, variant, VALIDATION[:episodes])
        for task, store in stores.items()
        for variant in store.missing(VARIANTS, fresh)
    }
    measure_into(stores, calls, workers, progress)
    return {task: store.values() for task, store in stores.items()}


def see(task_id: str, variant: str, seeds: range) -> InView:
    """Return what cameras see of the objects of some episodes; nothing where no scene can be drawn."""
    task = load_task(task_id)
    try:
        seen = pixels(task, variant, seeds)
    except BimodalError:  # no valid scene
        return InView(len(seeds), 0.0, 0.0)
    shown = seen[..., 0]
    alone = seen[..., 1]
    part = np.where(shown >= PIXELS, shown / np.maximum(alone, 1), 0.0)
    best = part.max(axis=2)  # (N, decisions, objects): of the camera that sees it best
    return InView(len(seeds), float((best >= SHARE).all(axis=(1, 2)).mean()), float(best.min()))


def pixels(task: Task, variant: str, seeds: range) -> np.ndarray:
    """Return how many pixels show each object at the first decision and at that before the modes part.

    The expert of the first mode plays; until the modes part all experts do the same.

    Returns:
        (N, 2, cameras, objects, 2) int, the last axis as of `SegmentRenderer.visible`.
    """
    # 1. the states at both decisions
    simulation = Simulation(task, len(seeds), variant=Variant(variant))
    simulation.reset(seeds)
    plan = task.plan(simulation, np.zeros(len(seeds), np.int64))
    every = Needs().n_action_steps
    last = task.shared_steps // every * every
    states = [simulation.state()]
    for step in range(last):
        episode_step.advance(simulation, plan[:, step], step)
    states.append(simulation.state())
    # 2. what each camera sees in them
    side = IMAGE_SIZES[0]
    found = []
    for row, seed in enumerate(seeds):
        with SegmentRenderer(task, side, side, "policy", Variant(variant), seed) as renderer:
            found.append([renderer.visible(state[row], CAMERAS, task.objects) for state in states])
    return np.array(found)


def _store(task_id: str, folder: Path, episodes: int) -> MeasurementStore[InView]:
    identity = {
        "fingerprint": fingerprint(load_task(task_id)),
        "versions": versions(),
        "variants": {variant: ladder(variant) for variant in VARIANTS},
        "asked": [CAMERAS, PIXELS, SHARE],
        "episodes": episodes,
    }
    return MeasurementStore(folder / f"{task_id}.json", identity, InView)
