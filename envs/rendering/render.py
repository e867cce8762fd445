"""Draws recorded states: one fast picture for policies and videos, or a soft-lit still for a page.

The physics model reads the state row; only the poses (`qpos` and the fixed objects' `mocap` poses) go to
the dressed model (`look.py`), which is placed and drawn but never stepped.
"""

from types import TracebackType
from typing import NamedTuple, Self

import mujoco
import numpy as np

from ..errors import BimodalError, unknown_name
from ..perturbations.core.variant import Variant
from ..task_protocol import TaskProtocol
from . import appearance as look
from . import gl
from .meshes import BUDGETS

SMALLEST, LARGEST = 96, 640
"""Limits of a picture's width and height [pixels]."""
_STATE = mujoco.mjtState.mjSTATE_INTEGRATION


class Lighting(NamedTuple):
    """The light of one quality of picture."""

    ambient: float
    """Brightness of light from everywhere."""
    head: float
    """Brightness of the lamp on the camera."""
    key: float
    """Brightness of the main lamp, which casts the shadows."""
    fill: float
    """Brightness of the second lamp; in stills it is a piece of the sky and casts shadows too."""
    sky: bool
    """Whether the second lamp wanders over the sky."""
    shadows: int
    """Side of the shadow map [pixels]; 0 draws no shadows."""
    passes: int
    """Pictures averaged into one; they soften shadows and edges."""


LIGHTING = {
    "policy": Lighting(ambient=0.30, head=0.17, key=0.53, fill=0.28, sky=False, shadows=0, passes=1),
    "video": Lighting(ambient=0.30, head=0.17, key=0.53, fill=0.28, sky=False, shadows=1024, passes=2),
    "still": Lighting(ambient=0.26, head=0.16, key=0.60, fill=0.40, sky=True, shadows=2048, passes=32),
}
"""Quality -> light."""
_KEY, _FILL = np.array([-0.38, 0.42, -1.0]), np.array([-0.8, -0.7, -0.9])
"""Directions of the lamps."""
_SKY = np.array([0.95, 1.0, 1.08])
"""Tint of the sky."""
_SOFT = 0.08
"""Radius of the key lamp's disc, as a share of its distance."""


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
        """Compile the scene, dress it and open a window-less context.

        Args:
            task: gives the physics scene.
            width: of the pictures, 96..640 [pixels].
            height: of the pictures, 96..640 [pixels].
            quality: "policy" (no shadows, fast), "video" (shadows) or "still" (fine meshes, for `still`).
            variant: what is shifted; None for nothing.
            seed: of the episode whose scene and look it is.

        Raises:
            BimodalError: a size or quality that does not exist, or no OpenGL (see `gl.py`).
        """
        if quality not in LIGHTING:
            raise unknown_name("quality", quality, LIGHTING)
        for side, pixels in (("width", width), ("height", height)):
            if not SMALLEST <= pixels <= LARGEST:
                raise BimodalError(f"{side} {pixels} is outside {SMALLEST}..{LARGEST} pixels")
        self._lighting = LIGHTING[quality]
        variant = variant or Variant()
        spec = variant.drawn(task, seed)
        self._physics = spec.compile()
        self._physics_data = mujoco.MjData(self._physics)
        self.model = dressed(spec, quality)
        """The dressed model."""
        lamps = {name: self.model.light(name).dir.copy() for name in ("key", "fill")}
        variant.perturb_appearance(self.model, task, seed)
        self._turned = {name: _between(way, self.model.light(name).dir) for name, way in lamps.items()}
        self.model.vis.global_.offwidth, self.model.vis.global_.offheight = width, height
        self._data = mujoco.MjData(self.model)
        self._width, self._height = width, height
        self._open()

    # -------------------------------------------------------------------------------------- pictures

    def frame(self, state: np.ndarray, camera: str | look.View = "front") -> np.ndarray:
        """Return the picture of one `mjSTATE_INTEGRATION` row of the physics model, (H, W, 3) uint8.

        Args:
            state: (nstate,).
            camera: one of `look.CAMERAS`, or a view of your own.
        """
        return self._average(state, camera, self._lighting.passes)

    def still(self, state: np.ndarray, camera: str | look.View = "front", passes: int = 32) -> np.ndarray:
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
        self._option.geomgroup[look.ROBOT] = shown

    def _average(self, state: np.ndarray, camera: str | look.View, passes: int) -> np.ndarray:
        """Average pictures that differ in where the light comes from and by parts of a pixel."""
        self._pose(state)
        self._aim(camera)
        total = np.zeros((self._height, self._width, 3), np.uint32)
        for key, sky, shift in _wander(passes):
            self._turn("key", key)
            self._turn("fill", sky if self._lighting.sky else _FILL)
            total += self._draw(shift)
        return ((total + passes // 2) // passes).astype(np.uint8)

    def _pose(self, state: np.ndarray) -> None:
        size = mujoco.mj_stateSize(self._physics, _STATE)
        if np.shape(state) != (size,):
            raise BimodalError(f"a state of this task has shape ({size},), got {np.shape(state)}")
        mujoco.mj_setState(self._physics, self._physics_data, np.asarray(state, np.float64), _STATE)
        pose(self.model, self._data, self._physics_data)

    def _aim(self, camera: str | look.View) -> None:
        if isinstance(camera, look.View):
            self._camera.type = mujoco.mjtCamera.mjCAMERA_FREE
            self._camera.lookat[:] = camera.lookat
            self._camera.distance = camera.distance
            self._camera.azimuth, self._camera.elevation = camera.azimuth, camera.elevation
            self._camera.orthographic = camera.height > 0
            self.model.vis.global_.fovy = camera.height or look.FOVY
            return
        if camera not in look.CAMERAS:
            raise unknown_name("camera", camera, look.CAMERAS)
        self._camera.type = mujoco.mjtCamera.mjCAMERA_FIXED
        self._camera.fixedcamid = self.model.camera(camera).id

    def _draw(self, shift: np.ndarray) -> np.ndarray:
        """Draw the posed scene, moved by `shift` (2,) parts of a pixel."""
        scene, everything = self._scene, mujoco.mjtCatBit.mjCAT_ALL
        mujoco.mjv_updateScene(self.model, self._data, self._option, None, self._camera, everything, scene)
        scene.flags[mujoco.mjtRndFlag.mjRND_SHADOW] = self._lighting.shadows > 0
        scene.flags[mujoco.mjtRndFlag.mjRND_HAZE] = True
        scene.flags[mujoco.mjtRndFlag.mjRND_REFLECTION] = False
        for eye in scene.camera:
            right, up = shift * (eye.frustum_top - eye.frustum_bottom) / self._height
            eye.frustum_center += right
            eye.frustum_top += up
            eye.frustum_bottom += up
        self._context.make_current()
        picture = np.empty((self._height, self._width, 3), np.uint8)
        mujoco.mjr_render(self._rectangle, self._scene, self._buffers)
        mujoco.mjr_readPixels(picture, None, self._rectangle, self._buffers)
        return picture[::-1].copy()

    # ----------------------------------------------------------------------------------------- light

    def _turn(self, name: str, direction: np.ndarray) -> None:
        """Let a light shine along `direction` (3,) on the workspace, as the variant turns it."""
        if (turned := self._turned[name]) is not None:
            direction = turned @ direction
        lamp = self.model.light(name)
        lamp.dir[:] = direction / np.linalg.norm(direction)
        lamp.pos[:] = look.lamp_position(direction)
        self._data.light_xdir[lamp.id], self._data.light_xpos[lamp.id] = lamp.dir, lamp.pos

    # --------------------------------------------------------------------------------------- context

    def _open(self) -> None:
        self._camera, self._option = mujoco.MjvCamera(), mujoco.MjvOption()
        self._option.geomgroup[:] = 0
        self._option.geomgroup[[look.SHOWN, look.ROBOT]] = 1
        self._option.sitegroup[:] = 0
        self._scene = mujoco.MjvScene(self.model, maxgeom=self.model.ngeom + 10)
        self._rectangle = mujoco.MjrRect(0, 0, self._width, self._height)
        self._context = gl.open_context(self._width, self._height)
        self._context.make_current()
        self._buffers = mujoco.MjrContext(self.model, mujoco.mjtFontScale.mjFONTSCALE_100)
        mujoco.mjr_setBuffer(mujoco.mjtFramebuffer.mjFB_OFFSCREEN, self._buffers)

    def close(self) -> None:
        """Give the graphics memory back; calling it twice does no harm."""
        if self._buffers is not None:
            self._context.make_current()
            self._buffers.free()
            self._context.free()
            self._buffers = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def dressed(spec: mujoco.MjSpec, quality: str) -> mujoco.MjModel:
    """Return the model that is drawn of a physics scene, with the lamps of a quality of picture."""
    model, light = look.dress(spec, BUDGETS[quality]).compile(), LIGHTING[quality]
    head = model.vis.headlight
    head.ambient[:], head.diffuse[:], head.specular[:] = light.ambient, light.head, 0.05
    model.vis.quality.shadowsize = max(light.shadows, 1)
    model.vis.quality.offsamples = 0  # the passes smooth the edges
    for name, brightness, shine, way in (("key", light.key, 0.25, _KEY), ("fill", light.fill, 0.0, _FILL)):
        lamp = model.light(name)
        lamp.diffuse[:] = brightness * (_SKY if light.sky and name == "fill" else 1.0)
        lamp.specular[:] = shine
        lamp.castshadow[:] = light.shadows > 0 and (light.sky or name == "key")
        lamp.dir[:], lamp.pos[:] = way / np.linalg.norm(way), look.lamp_position(way)
    return model


def pose(model: mujoco.MjModel, target: mujoco.MjData, source: mujoco.MjData) -> None:
    """Place everything in a dressed model's data as it is in the physics model's."""
    target.qpos[:], target.time = source.qpos, source.time
    target.mocap_pos[:], target.mocap_quat[:] = source.mocap_pos, source.mocap_quat
    mujoco.mj_kinematics(model, target)
    mujoco.mj_comPos(model, target)
    mujoco.mj_camlight(model, target)


def _between(way: np.ndarray, other: np.ndarray) -> np.ndarray | None:
    """Return the rotation (3, 3) that turns one direction (3,) into another, None where they are the same."""
    if np.array_equal(way, other):
        return None
    axis = np.cross(way, other)
    cross = np.array([[0, -axis[2], axis[1]], [axis[2], 0, -axis[0]], [-axis[1], axis[0], 0]])
    return np.eye(3) + cross + cross @ cross / (1 + way @ other)


def _wander(passes: int) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Return key direction (3,), sky direction (3,) and pixel shift (2,) of each pass, evenly spread.

    The key lamp is a disc. The sky is a hemisphere whose zenith is drawn most (cos^2), as it lights a
    table most. A single pass takes the middle of all three.
    """
    if passes == 1:
        return [(_KEY, np.array([0.0, 0.0, -1.0]), np.zeros(2))]
    index = np.arange(passes)
    a, b, c, d = ((index + 0.5) * step % 1.0 for step in (0.6180340, 0.7548777, 0.5698403, 0.3819660))
    wide = _SOFT * np.sqrt((index + 0.5) / passes)
    disc = np.stack([wide * np.cos(2 * np.pi * a), wide * np.sin(2 * np.pi * a), 0 * a], axis=1)
    height = np.clip(1.0 - b, 0.002, 1.0) ** (1.0 / 3.0)
    level = np.sqrt(1.0 - height**2)
    sky = -np.stack([level * np.cos(2 * np.pi * c), level * np.sin(2 * np.pi * c), height], axis=1)
    shift = np.stack([(index + 0.5) / passes, d], axis=1) - 0.5
    return list(zip(_KEY + disc, sky, shift, strict=True))
