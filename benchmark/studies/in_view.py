"""Measures whether cameras still see the objects when a policy must decide, as a variant moves things.

Scripted experts are blind, so they cannot tell whether a perturbation of pictures leaves a task possible.
Called by `bimodal results --vision`, which writes a part of docs/vision.md.
"""

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import mujoco
import numpy as np

from ...envs.errors import BimodalError
from ...envs.images import IMAGE_SIZES
from ...envs.perturbations.core.variant import CLEAN, Variant
from ...envs.rendering.cameras import View
from ...envs.rendering.render import Renderer
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

FOLDER = RUNS / "in-view"
"""Where what was measured lies, a file a task, relative to the working directory."""
TASKS = (*SUITES["core"].tasks, *SUITES["core-vision"].tasks, "PandaPressUncoveredSide-v1")
"""The tasks that it is measured of: those of which policies of pictures are asked."""
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

_HIDDEN = 5
"""A group of geometries that is never drawn."""


class InView(NamedTuple):
    """What cameras see in a cell."""

    episodes: int
    """How many."""
    all_seen: float
    """Share of the episodes in which some camera sees every object, at both decisions."""
    least: float
    """Part of the least seen object that is not covered, in the camera that sees it best; worst episode."""


def measure_in_view(
    tasks: Iterable[str] = TASKS,
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


class SegmentRenderer(Renderer):
    """A renderer whose pictures are counted and not looked at; arguments as of `Renderer`."""

    def visible(self, state: np.ndarray, cameras: Sequence[str | View], bodies: Sequence[str]) -> np.ndarray:
        """Return how many pixels show each body, in place and as if nothing else were there.

        Args:
            state: `mjSTATE_INTEGRATION` row, (nstate,).
            cameras: C cameras, by name or as views of your own.
            bodies: names of B bodies; what hangs on a body belongs to it.

        Returns:
            (C, B, 2) int: pixels that show it, and pixels that would if it stood alone.
        """
        geoms = [self._geoms(body) for body in bodies]
        found = np.zeros((len(cameras), len(bodies), 2), np.int64)
        groups = self.model.geom_group.copy()
        self._count(state, cameras, geoms, found[..., 0])
        for index, own in enumerate(geoms):
            self.model.geom_group[~own] = _HIDDEN
            self._count(state, cameras, [own], found[:, index : index + 1, 1])
            self.model.geom_group[:] = groups
        return found

    def _count(
        self,
        state: np.ndarray,
        cameras: Sequence[str | View],
        geoms: Sequence[np.ndarray],
        counts: np.ndarray,
    ) -> None:
        """Fill counts (C, B) with the pixels that show the geometries of each body, (ngeom,) bool each."""
        self._pose(state)
        for row, camera in enumerate(cameras):
            self._aim(camera)
            colours = self._draw(np.zeros(2), ()).astype(np.int64)
            numbers = colours @ np.array([1, 2**8, 2**16])  # 0 for nothing, else 1 + the place in the scene
            drawn = self._scene.geoms[: self._scene.ngeom]
            shown = np.full(self._scene.ngeom + 1, -1)
            for geom in drawn:
                if geom.segid >= 0 and geom.objtype == mujoco.mjtObj.mjOBJ_GEOM:
                    shown[geom.segid + 1] = geom.objid
            pixels = np.bincount(shown[numbers].ravel() + 1, minlength=self.model.ngeom + 1)[1:]
            counts[row] = [pixels[own].sum() for own in geoms]

    def _geoms(self, body: str) -> np.ndarray:
        """Return which geometries belong to a body or to what hangs on it, (ngeom,) bool."""
        own = np.zeros(self.model.nbody, bool)
        own[self.model.body(body).id] = True
        for index in range(1, self.model.nbody):  # parents come first
            own[index] |= own[self.model.body_parentid[index]]
        return own[self.model.geom_bodyid]

    def _open(self) -> None:
        self.model.vis.quality.offsamples = 0  # a pixel shows one thing, not the mean of two numbers
        self._view = None  # which would show again what is hidden here
        super()._open()
        self._scene.flags[mujoco.mjtRndFlag.mjRND_SEGMENT] = True
        self._scene.flags[mujoco.mjtRndFlag.mjRND_IDCOLOR] = True
