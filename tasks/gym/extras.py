"""Pictures and words in the observations of a Gymnasium environment, where `observe=` asks for them."""

import string
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from gymnasium import spaces

from ...envs.errors import WrongUse, unknown_name
from ...envs.images import ANY, IMAGE_SIZES, IMAGES, INSTRUCTION
from ...envs.perturbations.core.variant import CLEAN, Variant
from ...envs.simulation import Simulation
from ..core.instructions import LONGEST
from ..core.task import Task

if TYPE_CHECKING:
    from ...envs.rendering.episode_pictures import EpisodePictures


class Extras:
    """What is observed beside the state, in the order in which it is named."""

    def __init__(
        self, task: Task, names: Sequence[str] = (), size: int = IMAGE_SIZES[0], variant: str = CLEAN
    ) -> None:
        """Check the names; nothing is drawn before the first observation.

        Raises:
            WrongUse: a picture or a size that does not exist.
        """
        for name in names:
            if name not in (*IMAGES, INSTRUCTION):
                raise unknown_name("observation", name, (*IMAGES, INSTRUCTION))
        if size not in IMAGE_SIZES:
            raise WrongUse(f"image_size is {size!r:.20}; it must be in {IMAGE_SIZES}")
        if why := Variant(variant).impossible(task, pictures=any(name in IMAGES for name in names)):
            raise WrongUse(f"{task.id}: {why}")
        if Variant(variant).having("perturb_instruction") and INSTRUCTION not in names:
            raise WrongUse(f"{variant} changes the instruction, which is not observed; add it to observe=")
        self._task = task
        self._names = tuple(names)
        self._size = size
        self._variant = variant
        self._drawn: EpisodePictures | None = None

    def spaces(self) -> dict[str, spaces.Space]:
        """Return the space of each."""
        box = spaces.Box(0, 255, (self._size, self._size, 3), np.uint8)
        return {
            name: _text_space(self._task, self._variant) if name == INSTRUCTION else box
            for name in self._names
        }

    def pictures(self, simulation: Simulation) -> dict[str, np.ndarray]:
        """Return what the cameras see of every row, each (N, H, W, 3) uint8."""
        images = [name for name in self._names if name in IMAGES]
        if not images:
            return {}
        from ...envs.rendering.episode_pictures import EpisodePictures  # most environments draw nothing

        drawn = self._drawn or EpisodePictures(self._task, Variant(self._variant), images, self._size)
        self._drawn = drawn
        return drawn.take(simulation.seeds, simulation.state(), np.ones(simulation.n, bool))

    def of(self, seen: dict[str, np.ndarray], simulation: Simulation) -> dict[str, np.ndarray]:
        """Return the extras of every row, of what was `seen` and told."""
        return {name: self._told(simulation) if name == INSTRUCTION else seen[name] for name in self._names}

    def _told(self, simulation: Simulation) -> np.ndarray:
        seeds = simulation.seeds.tolist()
        return np.array([simulation.variant.instruction(self._task, seed, ANY) for seed in seeds])

    def close(self) -> None:
        """Give the graphics memory back."""
        if self._drawn:
            self._drawn.close()


def _text_space(task: Task, variant: str) -> spaces.Text:
    """Return the space of the instruction."""
    if Variant(variant).having("perturb_instruction"):
        return spaces.Text(2 * LONGEST, charset=string.printable)
    return spaces.Text(len(task.goal), charset="".join(sorted(set(task.goal))))
