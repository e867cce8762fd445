"""Pictures of the rows of a Gymnasium environment, drawn when `render` is called."""

from collections.abc import Sequence

import numpy as np

from ...envs.errors import unknown_name
from ...envs.perturbations.core.variant import Variant
from ...envs.rendering.render import Renderer
from ...envs.simulation import Simulation
from ..core.task import Task


class Pictures:
    """Renderers that are opened by the first picture: one, or one an episode where a variant shows."""

    def __init__(
        self, task: Task, mode: str | None, camera: str, width: int, height: int, variant: str
    ) -> None:
        if mode not in (None, "rgb_array"):
            raise unknown_name("render mode", mode, ("rgb_array",))
        self._task = task
        self._on = mode is not None
        self._camera = camera
        self._size = (width, height)
        self._variant = variant
        shown = Variant(variant)
        self._shows = bool(shown.having("perturb_scene") or shown.having("perturb_appearance"))
        self._renderers: dict[int, Renderer] = {}

    def of(
        self,
        simulations: Sequence[Simulation],
        chosen: Sequence[int] | None = None,
        camera: str | None = None,
    ) -> list[np.ndarray] | None:
        """Return a picture (H, W, 3) uint8 of every row's present state, or of the chosen rows'.

        `camera` None is that of the environment. None is returned without a render mode.
        """
        if not self._on:
            return None
        rows = [
            (int(seed), state) for s in simulations for seed, state in zip(s.seeds, s.state(), strict=True)
        ]
        if chosen is not None:
            rows = [rows[index] for index in chosen]
        seeds = {seed if self._shows else 0 for seed, _ in rows}
        for seed in self._renderers.keys() - seeds:
            self._renderers.pop(seed).close()
        for seed in seeds - self._renderers.keys():
            world = {"variant": Variant(self._variant), "seed": seed} if self._shows else {}
            self._renderers[seed] = Renderer(self._task, *self._size, **world)
        return [
            self._renderers[seed if self._shows else 0].frame(state, camera or self._camera)
            for seed, state in rows
        ]

    def close(self) -> None:
        """Give the graphics memory back; the next picture opens it again."""
        while self._renderers:
            self._renderers.popitem()[1].close()
