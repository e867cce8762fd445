"""`gymnasium.make_vec("bimodal/PandaLiftDumbbell-v1")`: many episodes of a task side by side.

The rows share one batch simulation; in a variant every row has a simulation and a thread of its own, which
costs speed. What every number means: docs/spaces.md.
"""

from collections.abc import Sequence
from typing import Any, cast

import numpy as np
from gymnasium import spaces
from gymnasium.utils import seeding
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space

from ...envs.errors import WrongUse, unknown_name
from ...envs.images import IMAGE_SIZES
from ...envs.perturbations.core.variant import CLEAN
from ...envs.seed_ranges import checked_seed
from ...envs.simulation import Simulation
from .. import load_task, task_id
from ..core.task import Task
from .env import TaskEnv
from .episodes import Episodes, Observation, draw_seed
from .extras import Extras
from .pictures import Pictures
from .separate_episodes import SeparateEpisodes
from .spaces import action_space as action_space_of
from .spaces import observation_space


class TaskVectorEnv(VectorEnv[Observation, np.ndarray, np.ndarray]):
    """`num_envs` independent rows of one batch simulation; docs/spaces.md explains every number."""

    def __init__(
        self,
        task: str,
        num_envs: int = 1,
        action_space: str = "ee_absolute",
        autoreset_mode: str | AutoresetMode = AutoresetMode.NEXT_STEP,
        threads: int = 1,
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
        """Make `num_envs` rows; `TaskEnv` explains what is not explained here.

        `autoreset_mode` is "NextStep", "SameStep" or "Disabled". The result does not depend on the number of
        simulation `threads`.
        """
        if num_envs < 1:
            raise WrongUse(f"num_envs is {num_envs}; it must be at least 1")
        self.task = load_task(task_id(task))
        self.num_envs = num_envs
        self.render_mode = render_mode
        self.autoreset_mode = _autoreset_mode(autoreset_mode)
        extras = _extras(self.task, observe, image_size, variant, num_envs)
        self._state_what_it_is(action_space, extras[0])
        if variant == CLEAN:
            rows = (self.task, num_envs, action_space, threads)
            self._episodes = Episodes(*rows, reward=reward, clip=clip, extras=extras[0])
        else:
            kind = (variant, reward, clip, extras)
            self._episodes = SeparateEpisodes(self.task, num_envs, action_space, *kind)
        self._pictures = Pictures(self.task, render_mode, camera, width, height, variant)
        self._random: list[np.random.Generator | None] = [None] * num_envs
        self._row_attributes: dict[str, tuple[Any, ...]] = {}

    def _state_what_it_is(self, action_space: str, extras: Extras) -> None:
        """Set the metadata and the spaces that Gymnasium asks for."""
        self.metadata = TaskEnv.metadata | {"autoreset_mode": self.autoreset_mode}
        self.single_observation_space = observation_space(self.task, extras)
        self.single_action_space = action_space_of(action_space, self.task.arms)
        # batch_space would sort the components.
        self.observation_space = spaces.Dict(
            [(name, batch_space(box, self.num_envs)) for name, box in self.single_observation_space.items()]
        )
        self.action_space = batch_space(self.single_action_space, self.num_envs)

    @property
    def simulation(self) -> Simulation:
        """The simulation of all rows; for whoever may read it.

        Raises:
            WrongUse: in a variant every row has its own; see `simulations`.
        """
        if isinstance(self._episodes, SeparateEpisodes):
            raise WrongUse("in a variant every row has a simulation of its own: read `simulations`")
        return self._episodes.simulation

    @property
    def simulations(self) -> tuple[Simulation, ...]:
        """The simulation of all rows, or in a variant that of every row, in their order."""
        return self._episodes.simulations

    def reset(
        self, *, seed: int | list[int | None] | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        """Begin an episode in every row, or in those of a mask.

        Args:
            seed: s begins episode s + i in row i; a list gives every row's own; None draws.
            options: {"reset_mask": (N,) bool} resets only some rows.
        """
        if seed is None:
            seeds = [None] * self.num_envs
        elif isinstance(seed, Sequence) or np.ndim(seed) == 1:
            seeds = [None if one is None else checked_seed(one) for one in seed]  # type: ignore[union-attr]
        else:
            seeds = [checked_seed(checked_seed(seed) + row) for row in range(self.num_envs)]
        if len(seeds) != self.num_envs:
            raise WrongUse(f"there are {self.num_envs} rows, got {len(seeds)} seeds")
        infos: dict[str, Any] = {}
        self._begin(self._mask(options or {}), seeds, infos)
        return _rows_of(self._episodes.observe()), infos

    def _mask(self, options: dict[str, Any]) -> np.ndarray:
        mask = np.asarray(options.get("reset_mask", np.ones(self.num_envs, bool)))
        if mask.shape != (self.num_envs,) or mask.dtype != bool or not mask.any():
            raise WrongUse(f"reset_mask must be ({self.num_envs},) bool with at least one True")
        return mask

    def _begin(self, mask: np.ndarray, seeds: Sequence[int | None], infos: dict[str, Any]) -> None:
        """Begin episodes in the rows of a mask and tell their seeds in `infos`."""
        rows = np.flatnonzero(mask)
        episodes: list[int] = []
        for row in rows.tolist():
            seed = seeds[row]
            random = self._random[row]
            if seed is not None or random is None:
                random = self._random[row] = seeding.np_random(seed)[0]
            episodes.append(draw_seed(random) if seed is None else int(seed))
            infos |= self._add_info(infos, {"seed": episodes[-1]}, row)
        self._episodes.begin(rows, episodes)

    def step(
        self, actions: np.ndarray
    ) -> tuple[Observation, np.ndarray, np.ndarray, np.ndarray, dict[str, Any]]:
        """Advance every row one control step (50 ms) with actions (N, A).

        In mode `NextStep`, a row that ended in the last step ignores its action and begins anew.
        """
        episodes = self._episodes
        drawn = [None] * self.num_envs
        before = episodes.ended.copy()
        rewards, row_infos = episodes.step(actions)
        infos: dict[str, Any] = {}
        # rows that had ended before this step begin anew
        if self.autoreset_mode is AutoresetMode.NEXT_STEP and before.any():
            self._begin(before, drawn, infos)
        terminated = episodes.terminated.copy()
        truncated = episodes.truncated.copy()
        # rows that have ended in this step begin anew at once
        over = episodes.ended & ~before
        if self.autoreset_mode is AutoresetMode.SAME_STEP and over.any():
            last = episodes.observe()
            for row in np.flatnonzero(over):
                final = {name: component[row].copy() for name, component in last.items()}
                row_infos[row] = {"final_obs": final, "final_info": row_infos[row]}
            self._begin(over, drawn, infos)
        for row, info in enumerate(row_infos):
            infos |= self._add_info(infos, info, row)
        return _rows_of(episodes.observe()), rewards, terminated, truncated, infos

    def render(self) -> tuple[np.ndarray, ...] | None:  # type: ignore[override]
        """Return a picture of every row's present state, N of (H, W, 3) uint8."""
        pictures = self.pictures(range(self.num_envs))
        return tuple(pictures) if pictures else None

    def pictures(self, rows: Sequence[int]) -> list[np.ndarray] | None:
        """Return pictures (H, W, 3) uint8 of some rows' present states; None without a render mode."""
        return self._pictures.of(self._episodes.simulations, rows)

    def call(self, name: str, *args: Any, **kwargs: Any) -> tuple[Any, ...]:
        """Return every row's attribute `name`, or its picture for "render", (N,), as `SyncVectorEnv` would.

        Raises:
            AttributeError: a row has no such attribute that others may read.
        """
        if name == "render":
            return self.render() or (None,) * self.num_envs
        if name in self._row_attributes:
            return self._row_attributes[name]
        shared = {
            "_max_episode_steps": self._episodes.max_episode_steps,
            "action_space": self.single_action_space,
            "metadata": TaskEnv.metadata,
            "observation_space": self.single_observation_space,
            "render_mode": self.render_mode,
            "task": self.task,
            "task_description": self.task.goal,
        }
        if name not in shared:
            raise AttributeError(f"a row has no attribute {name!r}; known: render, {', '.join(shared)}")
        return (shared[name],) * self.num_envs

    def get_attr(self, name: str) -> tuple[Any, ...]:
        """Return every row's attribute `name`, (N,); see `call`."""
        return self.call(name)

    def set_attr(self, name: str, values: Any) -> None:
        """Note `values` (a list or tuple is one each) with the rows; only `get_attr` reads them."""
        each = tuple(values) if isinstance(values, (list, tuple)) else (values,) * self.num_envs
        if len(each) != self.num_envs:
            raise WrongUse(f"there are {self.num_envs} rows, got {len(each)} values of {name!r}")
        if hasattr(TaskEnv, name) or name in ("task", "render_mode", "observation_space", "action_space"):
            raise WrongUse(f"{name!r} of a row is fixed: make another environment")
        self._row_attributes[name] = each

    def close_extras(self, **kwargs: Any) -> None:
        """Give the graphics memory back."""
        self._pictures.close()
        self._episodes.close()


def _autoreset_mode(mode: str | AutoresetMode) -> AutoresetMode:
    modes = {known.value: known for known in AutoresetMode}
    if mode not in (*modes, *AutoresetMode):
        raise unknown_name("autoreset mode", str(mode), modes)
    return AutoresetMode(mode)


def _rows_of(seen: Observation) -> Observation:
    """Return an observation of all rows as Gymnasium batches it: a text is a tuple of texts."""
    texts = {name: tuple(rows.tolist()) for name, rows in seen.items() if rows.dtype.kind == "U"}
    return seen | cast("Observation", texts)


def _extras(task: Task, names: Sequence[str], size: int, variant: str, n: int) -> list[Extras]:
    """Return what is observed beside the state: rows of a variant have cameras of their own."""
    return [Extras(task, names, size, variant) for _ in range(1 if variant == CLEAN else n)]
