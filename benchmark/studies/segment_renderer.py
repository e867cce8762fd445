"""Tells which object each pixel shows: called where it is measured whether objects are in view."""

from collections.abc import Sequence

import mujoco
import numpy as np

from ...envs.rendering.cameras import View
from ...envs.rendering.render import Renderer

_HIDDEN = 5
"""A group of geometries that is never drawn."""


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
