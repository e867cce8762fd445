"""Draws recorded states: one fast picture for policies and videos, or a soft-lit still for a page.

The physics model reads the state row; only the poses (`qpos` and the fixed objects' `mocap` poses) go to
the drawn model (`appearance.py`), which is placed and drawn but never stepped.
"""

from collections.abc import Iterable, Sequence
from typing import Self

import mujoco
import numpy as np
from PIL import Image, ImageFilter

from ..errors import BimodalError, unknown_name
from ..perturbations.core.variant import Variant
from ..physics_state import set_state, state_size
from ..task_protocol import TaskProtocol
from . import gl
from .appearance import ROBOT, SHOWN
from .cameras import CAMERAS, FOVY, View
from .drawn_model import ViewCut, copy_pose, visual_model
from .lighting import (
    FILL_DIRECTION,
    LIGHTING_PRESETS,
    LightPass,
    lamp_position,
    light_passes,
    rotation_between,
)
from .marks import Mark, lay

SMALLEST = 96
LARGEST = 1280
"""Limits of a picture's width and height [pixels]."""
_ROOM = 150  # for marks in a scene
_STILL = np.zeros(2)  # of a picture that is not moved


class Renderer:
    """Pictures of one task's recorded states; close it, or use it in a `with` statement."""

    def __init__(
        self,
        task: TaskProtocol,
        width: int = 640,
        height: int = 480,
        quality: str = "video",
        variant: Variant | None = None,
        seed: int = 0,
    ) -> None:
        """Compile the scene that is drawn and open a context without a window.

        Args:
            task: gives the physics scene.
            width: of the pictures, 96..1280 [pixels].
            height: of the pictures, 96..1280 [pixels].
            quality: "policy" (no shadows, fast), "video" (shadows) or "still" (fine meshes, for `still`).
            variant: what is shifted; None for nothing.
            seed: of the episode.

        Raises:
            BimodalError: a size or quality that does not exist, or no OpenGL (see `gl.py`).
        """
        _check(quality, width, height)
        self._lighting = LIGHTING_PRESETS[quality]
        self._width = width
        self._height = height
        variant = variant or Variant()
        spec = variant.drawn(task, seed)
        self._physics = spec.compile()
        self._physics_data = mujoco.MjData(self._physics)
        self.model = visual_model(spec, quality, max(width, height))  # the drawn model
        lamps = {name: self.model.light(name).dir.copy() for name in ("key", "fill")}
        variant.perturb_appearance(self.model, task, seed)
        turned = {name: self.model.light(name).dir for name in lamps}
        self._turned = {name: rotation_between(way, turned[name]) for name, way in lamps.items()}
        self._data = mujoco.MjData(self.model)
        self._light(light_passes(1)[0])
        self._view = None if self._lighting.shadows else ViewCut(self.model, width / height)
        self._open()

    # -------------------------------------------------------------------------------------- pictures

    def frame(
        self, state: np.ndarray, camera: str | View = "front", marks: Iterable[Mark] = ()
    ) -> np.ndarray:
        """Return the picture of one `mjSTATE_INTEGRATION` row of the physics model, (H, W, 3) uint8.

        Args:
            state: (nstate,).
            camera: one of `cameras.CAMERAS`, or a view of your own.
            marks: laid into the scene.
        """
        return self._average(state, camera, self._lighting.passes, marks)

    def frames(self, state: np.ndarray, cameras: Sequence[str]) -> np.ndarray:
        """Return one state as several cameras see it, in a single pass, (C, H, W, 3) uint8."""
        self._pose(state)
        pictures = np.empty((len(cameras), self._height, self._width, 3), np.uint8)
        for index, camera in enumerate(cameras):
            self._aim(camera)
            pictures[index] = self._draw(_STILL, ())
        return pictures

    def pixels(self, points: np.ndarray) -> np.ndarray:
        """Return where the last picture shows world points (P, 3) [m]: right, down [pixels], (P, 2)."""
        eye = self._scene.camera[0]
        ahead = np.array(eye.forward, float)
        up = np.array(eye.up, float)
        offset = np.asarray(points) - (np.array(eye.pos) + self._scene.camera[1].pos) / 2
        scale = self._height * eye.frustum_near / (eye.frustum_top - eye.frustum_bottom) / (offset @ ahead)
        right = self._width / 2 + scale * (offset @ np.cross(ahead, up))
        return np.stack([right, self._height / 2 - scale * (offset @ up)], -1)

    def still(self, state: np.ndarray, camera: str | View = "front", passes: int = 32) -> np.ndarray:
        """Return a picture with soft shadows and the light of the sky, (H, W, 3) uint8.

        Raises:
            BimodalError: this renderer's quality is not "still".
        """
        if not self._lighting.sky:
            raise BimodalError('a still needs Renderer(..., quality="still")')
        if passes < 1:
            raise BimodalError(f"a still needs at least 1 pass, got {passes}")
        return self._average(state, camera, passes)

    def show_robot(self, shown: bool) -> None:
        """Draw the robot in the pictures that follow, or leave it out."""
        self._option.geomgroup[ROBOT] = shown

    def _average(
        self, state: np.ndarray, camera: str | View, passes: int, marks: Iterable[Mark] = ()
    ) -> np.ndarray:
        """Average pictures that differ in where the light comes from and by parts of a pixel."""
        self._pose(state)
        self._aim(camera)
        total = np.zeros((), np.uint32 if passes > 1 else np.uint8)
        for one in light_passes(passes):
            self._light(one)
            total = total + self._draw(one.shift, marks)
        self._light(light_passes(1)[0])
        picture = np.ascontiguousarray((total + passes // 2) // passes, np.uint8)
        if not self._lighting.blur:
            return picture
        return np.array(Image.fromarray(picture).filter(ImageFilter.BoxBlur(self._lighting.blur)))

    def _pose(self, state: np.ndarray) -> None:
        size = state_size(self._physics)
        if np.shape(state) != (size,):
            raise BimodalError(f"a state of this task has shape ({size},), got {np.shape(state)}")
        set_state(self._physics, self._physics_data, state)
        copy_pose(self.model, self._data, self._physics_data)

    def _aim(self, camera: str | View) -> None:
        if isinstance(camera, View):
            self._camera.type = mujoco.mjtCamera.mjCAMERA_FREE
            self._camera.lookat[:] = camera.lookat
            self._camera.distance = camera.distance
            self._camera.azimuth = camera.azimuth
            self._camera.elevation = camera.elevation
            self._camera.orthographic = camera.height > 0
            self.model.vis.global_.fovy = camera.height or FOVY
            return
        if camera not in CAMERAS:
            raise unknown_name("camera", camera, CAMERAS)
        self._camera.type = mujoco.mjtCamera.mjCAMERA_FIXED
        self._camera.fixedcamid = self.model.camera(camera).id

    def _draw(self, shift: np.ndarray, marks: Iterable[Mark]) -> np.ndarray:
        """Draw the posed scene, moved by `shift` (2,) parts of a pixel."""
        scene = self._scene
        everything = mujoco.mjtCatBit.mjCAT_ALL
        if self._view:
            self._view.cut(self._data, self._camera)
        mujoco.mjv_updateScene(self.model, self._data, self._option, None, self._camera, everything, scene)
        for mark in marks:
            lay(scene, mark)
        scene.flags[mujoco.mjtRndFlag.mjRND_SHADOW] = self._lighting.shadows > 0
        scene.flags[mujoco.mjtRndFlag.mjRND_FOG] = self._lighting.air
        scene.flags[mujoco.mjtRndFlag.mjRND_SKYBOX] = self._lighting.air
        scene.flags[mujoco.mjtRndFlag.mjRND_HAZE] = False
        scene.flags[mujoco.mjtRndFlag.mjRND_REFLECTION] = False
        for eye in scene.camera if shift.any() else ():
            right, up = shift * (eye.frustum_top - eye.frustum_bottom) / self._rectangle.height
            eye.frustum_center += right
            eye.frustum_top += up
            eye.frustum_bottom += up
        gl.thread_context()
        mujoco.mjr_setBuffer(mujoco.mjtFramebuffer.mjFB_OFFSCREEN, self._buffers)
        picture = np.empty((self._rectangle.height, self._rectangle.width, 3), np.uint8)
        mujoco.mjr_render(self._rectangle, scene, self._buffers)
        mujoco.mjr_readPixels(picture, None, self._rectangle, self._buffers)
        return picture[::-1]

    # ----------------------------------------------------------------------------------------- light

    def _light(self, one: LightPass) -> None:
        self._turn("key", one.key)
        self._turn("fill", one.sky if self._lighting.sky else FILL_DIRECTION)

    def _turn(self, name: str, direction: np.ndarray) -> None:
        """Let a light shine along `direction` (3,) on the workspace, as the variant turns it."""
        if (turned := self._turned[name]) is not None:
            direction = turned @ direction
        lamp = self.model.light(name)
        lamp.dir[:] = direction / np.linalg.norm(direction)
        lamp.pos[:] = lamp_position(direction)
        self._data.light_xdir[lamp.id] = lamp.dir
        self._data.light_xpos[lamp.id] = lamp.pos

    # --------------------------------------------------------------------------------------- context

    def _open(self) -> None:
        wide = self.model.vis.global_.offwidth = self._width
        tall = self.model.vis.global_.offheight = self._height
        self._camera = mujoco.MjvCamera()
        self._option = mujoco.MjvOption()
        self._option.geomgroup[:] = 0
        self._option.geomgroup[[SHOWN, ROBOT]] = 1
        self._option.sitegroup[:] = 0
        self._scene = mujoco.MjvScene(self.model, maxgeom=self.model.ngeom + _ROOM)
        self._rectangle = mujoco.MjrRect(0, 0, wide, tall)
        gl.thread_context()
        self._buffers = mujoco.MjrContext(self.model, mujoco.mjtFontScale.mjFONTSCALE_50)

    def close(self) -> None:
        """Give the graphics memory back; calling it twice does no harm."""
        if self._buffers is not None:
            gl.thread_context()
            self._buffers.free()
            self._buffers = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _check(quality: str, width: int, height: int) -> None:
    """Refuse a quality or a size of pictures that does not exist."""
    if quality not in LIGHTING_PRESETS:
        raise unknown_name("quality", quality, LIGHTING_PRESETS)
    for side, pixels in (("width", width), ("height", height)):
        if not SMALLEST <= pixels <= LARGEST:
            raise BimodalError(f"{side} {pixels} is outside {SMALLEST}..{LARGEST} pixels")
