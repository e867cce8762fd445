"""`gymnasium.make("bimodal/PandaLiftDumbbell-v1")`: one episode of a task at a time.

What every number means: docs/spaces.md, which `spaces.py` writes.
"""

from collections.abc import Sequence
from typing import Any, cast

import gymnasium
import numpy as np

from ...envs.errors import WrongUse
from ...envs.images import IMAGE_SIZES
from ...envs.perturbations.core.variant import CLEAN
from ...envs.seed_ranges import checked_seed
from ...envs.simulation import Simulation
from ...envs.specs import CONTROL_HZ
from .. import load_task, task_id
from .episodes import Episodes, Observation, draw_seed
from .extras import Extras
from .pictures import Pictures
from .spaces import action_space as action_space_of
from .spaces import observation_space


class TaskEnv(gymnasium.Env[Observation, np.ndarray]):
    """One episode of one task at a time; docs/spaces.md explains every number it takes and gives."""

    metadata: dict[str, Any] = {"render_modes": ["rgb_array"], "render_fps": CONTROL_HZ}  # noqa: RUF012

    def __init__(
        self,
        task: str,
        action_space: str = "ee_absolute",
        render_mode: str | None = None,
        camera: str = "front",
        width: int = 640,
        height: int = 480,
        variant: str = CLEAN,
        reward: str = "sparse",
        clip: bool = False,
        observe: Sequence[str] = (),
        image_size: int = IMAGE_SIZES[0],
    ) -> None:
        """Make the environment.

        Args:
            task: id of the task, or its file.
            action_space: `ee_absolute`, `ee_delta` or `joint_absolute`.
            render_mode: "rgb_array", or None for no pictures.
            camera: a name of `bimodal.envs.rendering.cameras.CAMERAS`.
            width: of the pictures, 96..640 [pixels].
            height: of the pictures, 96..640 [pixels].
            variant: shifts the world, e.g. "contact.friction:2+sensing.latency:1".
            reward: "sparse" or "dense", see `dense_reward.py`.
            clip: actions out of range are clipped and counted (`info["clipped"]`), and what is no action at
                all ends its episode as the policy's fault; both are refused without it.
            observe: besides the state: `front_image`, `side_image`, `wrist_image`, `instruction`.
            image_size: width and height of these images, 96, 128 or 224 [pixels].
        """
        self.task = load_task(task_id(task))
        self.render_mode = render_mode
        extras = Extras(self.task, observe, image_size, variant)
        # Gymnasium declares its `Dict` as a space of spaces, not of the arrays that it holds.
        self.observation_space = cast("gymnasium.Space[Observation]", observation_space(self.task, extras))
        self.action_space = action_space_of(action_space, self.task.arms)
        self._episodes = Episodes(
            self.task, 1, action_space, 1, variant, reward=reward, clip=clip, extras=extras
        )
        self._pictures = Pictures(self.task, render_mode, camera, width, height, variant)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        """Begin episode `seed`, or one drawn from `seed_ranges.UNNAMED`."""
        seed = None if seed is None else checked_seed(seed)
        super().reset(seed=seed)
        episode = draw_seed(self.np_random) if seed is None else seed
        self._episodes.begin(np.array([0]), [episode])
        return self._observe(), {"seed": episode}

    def step(self, action: np.ndarray) -> tuple[Observation, float, bool, bool, dict[str, Any]]:
        """Advance one control step (50 ms) with an action (A,)."""
        episodes = self._episodes
        if episodes.begun and episodes.ended[0]:
            raise WrongUse("the episode has ended: call reset() before step()")
        rewards, infos = episodes.step(np.asarray(action)[None])
        terminated = bool(episodes.terminated[0])
        truncated = bool(episodes.truncated[0])
        return self._observe(), float(rewards[0]), terminated, truncated, infos[0]

    @property
    def task_description(self) -> str:
        """What is to be done, in words."""
        return self.task.goal

    @property
    def _max_episode_steps(self) -> int:
        """Control steps after which an episode is truncated; the name is that of Gymnasium's `TimeLimit`."""
        return self._episodes.max_episode_steps

    @property
    def simulation(self) -> Simulation:
        """The simulation, with one row; for whoever may read it."""
        return self._episodes.simulation

    def _observe(self) -> Observation:
        return {name: component[0] for name, component in self._episodes.observe().items()}

    def render(self) -> np.ndarray | None:
        """Return a picture of the present state, (H, W, 3) uint8."""
        return self.picture()

    def picture(self, camera: str | None = None) -> np.ndarray | None:
        """Return the present state's picture of a camera, (H, W, 3) uint8; None is the environment's."""
        pictures = self._pictures.of(self._episodes.simulations, camera=camera)
        return pictures[0] if pictures else None

    def close(self) -> None:
        """Give the graphics memory back."""
        self._pictures.close()
        self._episodes.close()
