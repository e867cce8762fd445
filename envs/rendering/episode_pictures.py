"""Pictures of N episodes side by side, for policies and Gymnasium: each is drawn of its own row alone."""

from collections.abc import Sequence
from hashlib import sha256
from typing import NamedTuple

import mujoco
import numpy as np

from ..errors import BimodalError, WrongUse, unknown_name
from ..images import IMAGE_SIZES, IMAGES
from ..perturbations.core.variant import Variant
from ..physics_state import STATE, state_size
from ..task_protocol import TaskProtocol
from . import gl
from .render import Renderer


class SceneRenderers:
    """Renderers of one task in one variant, opened by their first picture.

    One draws all episodes, or each has its own where the variant generates scenes or looks.
    """

    def __init__(
        self, task: TaskProtocol, variant: Variant, width: int, height: int, quality: str = "policy"
    ) -> None:
        self._world = (task, width, height, quality, variant)
        self._shows = bool(variant.having("perturb_scene") or variant.having("perturb_appearance"))
        self._open: dict[int, Renderer] = {}

    def of(self, seeds: Sequence[int] | np.ndarray) -> list[Renderer]:
        """Return the renderer of each episode; those of other episodes are closed."""
        wanted = [int(seed) if self._shows else 0 for seed in seeds]
        for seed in self._open.keys() - set(wanted):
            self._open.pop(seed).close()
        for seed in wanted:
            if seed not in self._open:
                self._open[seed] = Renderer(*self._world, seed)
        return [self._open[seed] for seed in wanted]

    def close(self) -> None:
        """Give the graphics memory back; the next picture opens it again."""
        while self._open:
            self._open.popitem()[1].close()


class EpisodePictures:
    """What cameras see of N episodes, as components of an observation."""

    def __init__(self, task: TaskProtocol, variant: Variant, names: Sequence[str], size: int) -> None:
        """Note what is drawn; nothing is opened before the first picture.

        Args:
            task: of the episodes.
            variant: of the episodes.
            names: of `images.IMAGES`.
            size: width and height, one of `images.IMAGE_SIZES` [pixels].

        Raises:
            BimodalError: a camera or a size that does not exist.
        """
        for name in names:
            if name not in IMAGES:
                raise unknown_name("picture", name, IMAGES)
        if size not in IMAGE_SIZES:
            raise no_such_size(size)
        self._names = tuple(names)
        self._cameras = [IMAGES[name] for name in names]
        self._renderers = SceneRenderers(task, variant, size, size)
        self._size = size
        self._seen = np.zeros(0, np.uint8)

    def take(self, seeds: np.ndarray, states: np.ndarray, rows: np.ndarray) -> dict[str, np.ndarray]:
        """Return the pictures of N episodes by name, each (N, H, W, 3) uint8.

        Args:
            seeds: of the episodes' scenes, (N,).
            states: `mjSTATE_INTEGRATION` rows, (N, nstate).
            rows: which are drawn, (N,) bool; the others show their last picture again.
        """
        shape = (len(self._names), len(seeds), self._size, self._size, 3)
        if self._seen.shape != shape:
            self._seen = np.zeros(shape, np.uint8)
        renderers = self._renderers.of(seeds)
        for row in np.flatnonzero(rows):
            self._seen[:, row] = renderers[row].frames(states[row], self._cameras)
        return {name: self._seen[index].copy() for index, name in enumerate(self._names)}

    def close(self) -> None:
        """Give the graphics memory back."""
        self._renderers.close()


def no_such_size(size: object) -> WrongUse:
    """Build the error for a size of pictures that does not exist."""
    return WrongUse(f"pictures of {size!r:.20} pixels do not exist: {', '.join(map(str, IMAGE_SIZES))} do")


# ----------------------------------------------------------------------------------- what draws them


class RenderFingerprint(NamedTuple):
    """What a machine draws with; only on equal ones are pictures of one state equal to the last bit."""

    vendor: str
    """Who made the driver."""
    name: str
    """Its name and version, and the processor or card."""
    picture: str
    """sha256 of the test picture."""


def render_fingerprint(task: TaskProtocol) -> RenderFingerprint:
    """Draw what every camera sees of a task's scene as it is compiled, and return what it was drawn with.

    Raises:
        BimodalError: no OpenGL; the message says how to install it, and who can do without.
    """
    try:
        gl.configure_gl()
    except BimodalError as error:
        raise BimodalError(f"{error} (policies that read no pictures need none)") from None
    model = task.spec().compile()
    data = mujoco.MjData(model)
    state = np.empty((1, state_size(model)))
    mujoco.mj_getState(model, data, state[0], STATE)
    pictures = EpisodePictures(task, Variant(), tuple(IMAGES), IMAGE_SIZES[0])
    seen = pictures.take(np.zeros(1, np.int64), state, np.ones(1, bool))
    pictures.close()
    from OpenGL.GL import GL_RENDERER, GL_VENDOR, GL_VERSION, glGetString  # ready once something is drawn

    told = (GL_VENDOR, GL_RENDERER, GL_VERSION)
    vendor, renderer, version = ((glGetString(what) or b"").decode() for what in told)
    digest = sha256(b"".join(seen[name].tobytes() for name in IMAGES))
    return RenderFingerprint(vendor, f"{renderer}, OpenGL {version}", digest.hexdigest())
