"""Draws recorded states: one fast picture for policies and videos, or a soft-lit still for a page.

The physics model reads the state row; only the poses (`qpos` and the fixed objects' `mocap` poses) go to
the dressed model (`look.py`), which is placed and drawn but never stepped.
"""

from types import TracebackType
from typing import NamedTuple, Protocol, Self

import mujoco
import numpy as np

from . import gl, look
from .errors import BimodalError, unknown_name
from .meshes import BUDGETS
from .streams import stream

SMALLEST, LARGEST = 96, 640
"""Limits of a picture's width and height [pixels]."""
_STATE = mujoco.mjtState.mjSTATE_INTEGRATION


class Lighting(NamedTuple):
    """The light of one quality of picture; colours are linear rgb or grey."""

    ambient: float
    headlight: float
    key: float
    fill: float
    shadows: int
    """Side of the shadow map [pixels]; 0 draws no shadows."""
    reach: float
    """Half the width of the shadowed square [m]."""
    samples: int
    """Samples of a pixel."""


LIGHTING = {
    "policy": Lighting(ambient=0.34, headlight=0.20, key=0.46, fill=0.20, shadows=0, reach=1.4, samples=0),
    "video": Lighting(ambient=0.30, headlight=0.18, key=0.52, fill=0.22, shadows=2048, reach=1.4, samples=4),
    "still": Lighting(ambient=0.26, headlight=0.16, key=0.60, fill=0.40, shadows=2048, reach=1.0, samples=4),
}
"""Quality -> light."""
_KEY = np.array([-0.38, 0.42, -1.0])
"""Direction of the key light."""
_FILL = np.array([-0.8, -0.7, -0.9])
"""Direction of the fill light, outside stills."""
_SKY = np.array([0.95, 1.0, 1.08])
"""Tint of the light from the sky in stills."""
_SOFT = 0.055
"""Spread of the key light's direction in stills."""


class DrawnTask(Protocol):
    """What a renderer needs to know of a task."""

    def spec(self) -> mujoco.MjSpec:
        """Return the physics scene."""
        ...


class Renderer:
    """Pictures of one task's recorded states; close it, or use it in a `with` statement."""

    def __init__(self, task: DrawnTask, width: int = 640, height: int = 480, quality: str = "video") -> None:
        """Compile the scene, dress it and open a window-less context.

        Args:
            task: gives the physics scene.
            width: of the pictures, 96..640 [pixels].
            height: of the pictures, 96..640 [pixels].
            quality: "policy" (no shadows, fast), "video" (shadows) or "still" (fine meshes, for `still`).

        Raises:
            BimodalError: a size or quality that does not exist, or no OpenGL (see `gl.py`).
        """
        if quality not in LIGHTING:
            raise unknown_name("quality", quality, LIGHTING)
        for side, pixels in (("width", width), ("height", height)):
            if not SMALLEST <= pixels <= LARGEST:
                raise BimodalError(f"{side} {pixels} is outside {SMALLEST}..{LARGEST} pixels")
        self._lighting = LIGHTING[quality]
        spec = task.spec()
        self._physics = spec.compile()
        self._physics_data = mujoco.MjData(self._physics)
        self.model = look.dress(spec, BUDGETS[quality]).compile()
        """The dressed model."""
        self._data = mujoco.MjData(self.model)
        self._width, self._height = width, height
        self._light()
        self._open()

    # -------------------------------------------------------------------------------------- pictures

    def frame(self, state: np.ndarray, camera: str = "front") -> np.ndarray:
        """Return the picture of one `mjSTATE_INTEGRATION` row of the physics model, (H, W, 3) uint8."""
        self._pose(state)
        self._aim(camera)
        return self._draw()

    def still(self, state: np.ndarray, camera: str = "front", passes: int = 32) -> np.ndarray:
        """Return a picture with soft shadows, the mean of `passes` pictures, (H, W, 3) uint8.

        Each pass moves the key light a little, takes its fill light from another part of the sky and
        shifts the picture by a part of a pixel. The shifts are the same for every still.
        """
        if passes < 1:
            raise BimodalError(f"a still needs at least 1 pass, got {passes}")
        self._pose(state)
        self._aim(camera)
        total = np.zeros((self._height, self._width, 3), np.float32)
        for key, sky, shift in _jitter(passes):
            self._turn("key", key)
            self._turn("fill", sky)
            total += self._draw(shift)
        self._light()
        return np.round(total / passes).astype(np.uint8)

    def _pose(self, state: np.ndarray) -> None:
        size = mujoco.mj_stateSize(self._physics, _STATE)
        if np.shape(state) != (size,):
            raise BimodalError(f"a state of this task has shape ({size},), got {np.shape(state)}")
        source, target = self._physics_data, self._data
        mujoco.mj_setState(self._physics, source, np.asarray(state, np.float64), _STATE)
        target.qpos[:], target.time = source.qpos, source.time
        target.mocap_pos[:], target.mocap_quat[:] = source.mocap_pos, source.mocap_quat
        mujoco.mj_kinematics(self.model, target)
        mujoco.mj_comPos(self.model, target)
        mujoco.mj_camlight(self.model, target)

    def _aim(self, camera: str) -> None:
        if camera not in look.CAMERAS:
            raise unknown_name("camera", camera, look.CAMERAS)
        self._camera.type = mujoco.mjtCamera.mjCAMERA_FIXED
        self._camera.fixedcamid = self.model.camera(camera).id

    def _draw(self, shift: np.ndarray | None = None) -> np.ndarray:
        """Draw the posed scene; `shift` moves the picture by parts of a pixel, (2,)."""
        everything = mujoco.mjtCatBit.mjCAT_ALL
        mujoco.mjv_updateScene(self.model, self._data, self._option, None, self._camera, everything, self._scene)
        self._scene.flags[mujoco.mjtRndFlag.mjRND_SHADOW] = self._lighting.shadows > 0
        self._scene.flags[mujoco.mjtRndFlag.mjRND_HAZE] = True
        self._scene.flags[mujoco.mjtRndFlag.mjRND_REFLECTION] = False
        if shift is not None:
            self._shift(shift)
        self._context.make_current()
        picture = np.empty((self._height, self._width, 3), np.uint8)
        mujoco.mjr_render(self._rectangle, self._scene, self._buffers)
        mujoco.mjr_readPixels(picture, None, self._rectangle, self._buffers)
        return picture[::-1].copy()

    def _shift(self, shift: np.ndarray) -> None:
        for eye in self._scene.camera:
            pixel = (eye.frustum_top - eye.frustum_bottom) / self._height
            eye.frustum_center += shift[0] * pixel
            eye.frustum_top += shift[1] * pixel
            eye.frustum_bottom += shift[1] * pixel

    # ----------------------------------------------------------------------------------------- light

    def _light(self) -> None:
        """Set the lights of this quality."""
        light, model = self._lighting, self.model
        head = model.vis.headlight
        head.ambient[:], head.diffuse[:], head.specular[:] = light.ambient, light.headlight, 0.05
        model.vis.map.shadowclip = light.reach
        model.vis.quality.shadowsize = max(light.shadows, 1)
        model.vis.quality.offsamples = light.samples
        model.vis.global_.offwidth, model.vis.global_.offheight = self._width, self._height
        soft = light is LIGHTING["still"]
        for name, direction, grey, shine in (("key", _KEY, light.key, 0.25), ("fill", _FILL, light.fill, 0.0)):
            lamp = model.light(name)
            lamp.diffuse[:], lamp.specular[:] = grey * (_SKY if soft and name == "fill" else 1.0), shine
            lamp.castshadow[:] = light.shadows > 0 and (soft or name == "key")
            self._turn(name, direction)

    def _turn(self, name: str, direction: np.ndarray) -> None:
        """Let a light shine along `direction` (3,) on the workspace."""
        lamp = self.model.light(name)
        lamp.dir[:] = direction / np.linalg.norm(direction)
        lamp.pos[:] = look.lamp_position(direction)
        self._data.light_xdir[lamp.id], self._data.light_xpos[lamp.id] = lamp.dir, lamp.pos

    # --------------------------------------------------------------------------------------- context

    def _open(self) -> None:
        self._camera, self._option = mujoco.MjvCamera(), mujoco.MjvOption()
        self._option.geomgroup[:] = 0
        self._option.geomgroup[look.SHOWN] = 1
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


def _jitter(passes: int) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Return key direction (3,), sky direction (3,) and pixel shift (2,) of each pass, evenly spread.

    The sky is a hemisphere; parts of it high above the table are drawn more often, as they light it more.
    """
    offset = stream("look", "still").random(6)
    golden = np.array([0.8191725, 0.6710436, 0.5497005, 0.4503002, 0.3688763, 0.3021754])
    result = []
    for index in range(passes):
        a, b, c, d, e, f = (offset + index * golden) % 1.0
        disc = np.sqrt(a) * np.array([np.cos(2 * np.pi * b), np.sin(2 * np.pi * b), 0.0])
        height = (1.0 - c) ** (1.0 / 3.0)  # density of cos^2 over the hemisphere
        wide = np.sqrt(1.0 - height**2)
        sky = -np.array([wide * np.cos(2 * np.pi * d), wide * np.sin(2 * np.pi * d), max(height, 0.12)])
        result.append((_KEY + 2 * _SOFT * disc, sky, np.array([e, f]) - 0.5))
    return result
