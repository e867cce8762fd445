"""The Gymnasium face of the tasks: `gymnasium.make("bimodal/PandaLiftDumbbell-v1")` and `make_vec`.

Both faces are one batch simulation: `TaskEnv` of a single row, `TaskVectorEnv` of `num_envs` rows; in a
variant every row has a simulation of its own. Actions are checked and put on the evaluator's grid, so a row
replays the evaluator's episode of the same seed and variant bit for bit. What every number means:
docs/spaces.md, which `spaces.py` writes.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import gymnasium
import mujoco
import numpy as np
from gymnasium import spaces
from gymnasium.utils import seeding
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space

from ...envs.errors import WrongUse, unknown_name
from ...envs.perturbations.core.variant import CLEAN, Variant
from ...envs.rendering.render import Renderer
from ...envs.simulation import Simulation
from ...envs.specs import CONTROL_HZ, RANGE_SLACK, from_grid, to_grid
from .. import load_task, task_id
from ..core import episode_step
from ..core.outcomes import OUTCOMES
from ..core.referee import Referee
from ..core.task import Measurement, Task
from .spaces import FREE_SEEDS, observation_space
from .spaces import action_space as action_space_of

Observation = dict[str, np.ndarray]
_NOT_BEGUN = "no episode has begun: call reset() before step()"


# ------------------------------------------------------------------------------------------ episodes


class _Group(NamedTuple):
    """Rows that began together and share a referee."""

    rows: np.ndarray
    referee: Referee
    running: np.ndarray
    """Which of the rows are still in the episode that this referee judges."""


class _Episodes:
    """N rows of one batch simulation; each begins and ends episodes on its own.

    A variant remembers what happened since its episode began, so it is for a single row.
    """

    def __init__(
        self, task: Task, n: int, action: str, threads: int, variant: str = CLEAN, first: int = 0
    ) -> None:
        self.task, self.n, self.action, self.first = task, n, action, first
        self.variant = Variant(variant)
        self.simulation = Simulation(task, n, threads, self.variant)
        self._step, self._seen = 0, None
        self.ended = np.ones(n, bool)
        self.terminated, self.truncated = np.zeros(n, bool), np.zeros(n, bool)
        self.begun = False
        self._box = action_space_of(action, task.arms)
        self._grid = np.zeros((n, *self._box.shape), np.int32)
        self._groups: list[_Group] = []

    def begin(self, rows: np.ndarray, seeds: list[int]) -> None:
        """Begin episodes `seeds` in `rows` (k,); the other rows go on."""
        simulation = self.simulation
        if len(rows) == self.n:
            simulation.reset(seeds)
        else:
            fresh = Simulation(self.task, len(rows))
            fresh.reset(seeds)
            states = simulation.state()
            states[rows] = fresh.state()
            simulation.batch.reset(rows, stage=mujoco.mjtStage.mjSTAGE_NONE.value)  # clears their warnings
            simulation.restore(states)
            simulation.frame[rows], simulation.seeds[rows] = fresh.frame, fresh.seeds
        for group in self._groups:
            group.running[np.isin(group.rows, rows)] = False
        self._groups = [group for group in self._groups if group.running.any()]
        referee = Referee(self.task, len(rows), self.variant.horizon(self.task.max_episode_steps))
        self._groups.append(_Group(rows, referee, np.ones(len(rows), bool)))
        self.ended[rows] = self.terminated[rows] = self.truncated[rows] = False
        self.begun = True
        self._step, self._seen = 0, None

    def step(self, actions: np.ndarray) -> tuple[np.ndarray, list[dict[str, Any]]]:
        """Advance one control step; return rewards (N,) and infos, {} for rows that had ended."""
        if not self.begun:
            raise WrongUse(_NOT_BEGUN)
        live = ~self.ended
        self._grid[live] = self.checked(actions, live)[live]
        commands = episode_step.command(self.simulation, self._grid, self.action, self._step)
        episode_step.advance(self.simulation, from_grid(commands), self._step, self.action)
        self._step, self._seen = self._step + 1, None
        seen = episode_step.measure(self.task, self.simulation)
        diverged = self.simulation.diverged
        rewards = np.zeros(self.n)
        infos = [_measured(seen, row) if live[row] else {} for row in range(self.n)]
        for group in self._groups:
            theirs = Measurement(*(column[group.rows] for column in seen))
            group.referee.see(theirs, diverged[group.rows])
            self._judge(group, rewards, infos)
        self._groups = [group for group in self._groups if group.running.any()]
        return rewards, infos

    def _judge(self, group: _Group, rewards: np.ndarray, infos: list[dict[str, Any]]) -> None:
        """Record how the episodes of a group that have just ended went."""
        over = np.flatnonzero(group.referee.done & group.running)
        if not len(over):
            return
        verdict = group.referee.verdict()
        for index in over:
            row = group.rows[index]
            outcome = OUTCOMES[verdict.label[index]]
            self.terminated[row] = outcome.terminates
            self.truncated[row] = not outcome.terminates
            rewards[row] = float(outcome.success)
            infos[row] |= {
                "is_success": outcome.success,
                "label": outcome.name,
                "mode": int(verdict.mode[index]),
                "alpha": float(verdict.alpha[index]),
                "steps": int(verdict.steps[index]),
            }
        self.ended[group.rows[over]] = True
        group.running[over] = False

    def checked(self, actions: np.ndarray, live: np.ndarray) -> np.ndarray:
        """Return actions (N, A) as whole multiples of `GRID`; refuse what the evaluator would refuse."""
        actions = np.asarray(actions, np.float64)
        if actions.shape != self._grid.shape:
            raise WrongUse(f"an action of {self.action} has shape {self._box.shape}, got {actions.shape[1:]}")
        low, high = self._box.low, self._box.high
        wrong = ~((actions >= low - RANGE_SLACK) & (actions <= high + RANGE_SLACK)) & live[:, None]
        if wrong.any():
            row, column = np.argwhere(wrong)[0]
            raise WrongUse(
                f"action of row {self.first + row}, column {column} of {self.action} is "
                f"{actions[row, column]:g}; allowed {low[column]:g} to {high[column]:g}"
            )
        return to_grid(np.where(live[:, None], actions, 0.0))

    def observe(self) -> Observation:
        """Return every component within its declared range, each (N, d)."""
        if self._seen is None:  # what a variant remembers is asked for once a step
            step = min(self._step, self.task.max_episode_steps - 1)
            seen = episode_step.observe(self.simulation, step) if self.begun else self.simulation.observe()
            self._seen = {s.name: np.clip(seen[s.name], s.low, s.high) for s in self.task.observation}
        return dict(self._seen)

    @property
    def simulations(self) -> tuple[Simulation, ...]:
        """The simulations of the rows, in their order."""
        return (self.simulation,)


class _Apart:
    """N rows of a variant, each with a simulation of its own."""

    def __init__(self, task: Task, n: int, action: str, variant: str) -> None:
        self._rows = [_Episodes(task, 1, action, 1, variant, row) for row in range(n)]
        self._action, self._shape = action, action_space_of(action, task.arms).shape

    def begin(self, rows: np.ndarray, seeds: list[int]) -> None:
        """Begin episodes `seeds` in `rows` (k,); the other rows go on."""
        for row, seed in zip(rows.tolist(), seeds, strict=True):
            self._rows[row].begin(np.array([0]), [seed])

    def step(self, actions: np.ndarray) -> tuple[np.ndarray, list[dict[str, Any]]]:
        """Advance one control step; rows that have ended stay as they are."""
        actions = np.asarray(actions, np.float64)
        if actions.shape != (len(self._rows), *self._shape):
            raise WrongUse(f"an action of {self._action} has shape {self._shape}, got {actions.shape[1:]}")
        if not any(row.begun for row in self._rows):
            raise WrongUse(_NOT_BEGUN)
        live = [index for index, row in enumerate(self._rows) if not row.ended[0]]
        for index in live:  # before any row goes on
            self._rows[index].checked(actions[[index]], np.ones(1, bool))
        rewards, infos = np.zeros(len(self._rows)), [{} for _ in self._rows]
        for index in live:
            reward, info = self._rows[index].step(actions[[index]])
            rewards[index], infos[index] = reward[0], info[0]
        return rewards, infos

    def observe(self) -> Observation:
        """Return every component within its declared range, each (N, d)."""
        seen = [row.observe() for row in self._rows]
        return {name: np.concatenate([one[name] for one in seen]) for name in seen[0]}

    @property
    def simulations(self) -> tuple[Simulation, ...]:
        """The simulations of the rows, in their order."""
        return tuple(row.simulation for row in self._rows)

    @property
    def ended(self) -> np.ndarray:
        """Which rows' episodes have ended, (N,) bool."""
        return np.concatenate([row.ended for row in self._rows])

    @property
    def terminated(self) -> np.ndarray:
        """Which of them ended by what happened, (N,) bool."""
        return np.concatenate([row.terminated for row in self._rows])

    @property
    def truncated(self) -> np.ndarray:
        """Which of them ended by time, (N,) bool."""
        return np.concatenate([row.truncated for row in self._rows])


def _measured(seen: Measurement, row: int) -> dict[str, Any]:
    """Return what is told of every step."""
    return {
        "is_success": False,
        "lift": float(seen.lift[row]),
        "held": bool(seen.in_hand[row]),
        "illegal_force": float(seen.illegal[row]),
        "table_force": float(seen.table[row]),
    }


def _draw(random: np.random.Generator) -> int:
    """Draw the seed of an episode."""
    return int(random.integers(*FREE_SEEDS))


class _Pictures:
    """Renderers that are opened by the first picture: one, or one an episode where a variant shows."""

    def __init__(
        self, task: Task, mode: str | None, camera: str, width: int, height: int, variant: str
    ) -> None:
        if mode not in (None, "rgb_array"):
            raise unknown_name("render mode", mode, ("rgb_array",))
        self._task, self._on, self._camera, self._size = task, mode is not None, camera, (width, height)
        self._variant = variant
        shown = Variant(variant)
        self._shows = bool(shown.having("scene") or shown.having("look"))
        self._renderers: dict[int, Renderer] = {}

    def of(self, simulations: Sequence[Simulation]) -> list[np.ndarray] | None:
        """Return a picture (H, W, 3) uint8 of every row's present state; None without a render mode."""
        if not self._on:
            return None
        rows = [
            (int(seed), state) for s in simulations for seed, state in zip(s.seeds, s.state(), strict=True)
        ]
        seeds = {seed if self._shows else 0 for seed, _ in rows}
        for seed in self._renderers.keys() - seeds:
            self._renderers.pop(seed).close()
        for seed in seeds - self._renderers.keys():
            world = {"variant": Variant(self._variant), "seed": seed} if self._shows else {}
            self._renderers[seed] = Renderer(self._task, *self._size, **world)
        return [
            self._renderers[seed if self._shows else 0].frame(state, self._camera) for seed, state in rows
        ]

    def close(self) -> None:
        """Give the graphics memory back; the next picture opens it again."""
        while self._renderers:
            self._renderers.popitem()[1].close()


# ------------------------------------------------------------------------------------------ environments


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
    ) -> None:
        """Make the environment.

        Args:
            task: id of the task, or its file.
            action_space: `ee_absolute`, `ee_delta` or `joint_absolute`.
            render_mode: "rgb_array", or None for no pictures.
            camera: a name of `bimodal.envs.rendering.appearance.CAMERAS`.
            width: of the pictures, 96..640 [pixels].
            height: of the pictures, 96..640 [pixels].
            variant: shifts the world, e.g. "contact.friction:2+sensing.latency:1".
        """
        self.task, self.render_mode = load_task(task_id(task)), render_mode
        self.observation_space = observation_space(self.task)
        self.action_space = action_space_of(action_space, self.task.arms)
        self._episodes = _Episodes(self.task, 1, action_space, 1, variant)
        self._pictures = _Pictures(self.task, render_mode, camera, width, height, variant)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        """Begin episode `seed`, or one drawn from `FREE_SEEDS`."""
        super().reset(seed=seed)
        episode = _draw(self.np_random) if seed is None else seed
        self._episodes.begin(np.array([0]), [episode])
        return self._observe(), {"seed": episode}

    def step(self, action: np.ndarray) -> tuple[Observation, float, bool, bool, dict[str, Any]]:
        """Advance one control step (50 ms) with an action (A,)."""
        episodes = self._episodes
        if episodes.begun and episodes.ended[0]:
            raise WrongUse("the episode has ended: call reset() before step()")
        rewards, infos = episodes.step(np.asarray(action)[None])
        flags = bool(episodes.terminated[0]), bool(episodes.truncated[0])
        return self._observe(), float(rewards[0]), *flags, infos[0]

    @property
    def simulation(self) -> Simulation:
        """The simulation, with one row; for whoever may read it."""
        return self._episodes.simulation

    def _observe(self) -> Observation:
        return {name: component[0] for name, component in self._episodes.observe().items()}

    def render(self) -> np.ndarray | None:
        """Return a picture of the present state, (H, W, 3) uint8."""
        pictures = self._pictures.of(self._episodes.simulations)
        return pictures[0] if pictures else None

    def close(self) -> None:
        """Give the graphics memory back."""
        self._pictures.close()


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
    ) -> None:
        """Make the environments.

        Args:
            task: id of the task, or its file.
            num_envs: number of rows N.
            action_space: `ee_absolute`, `ee_delta` or `joint_absolute`.
            autoreset_mode: "NextStep", "SameStep" or "Disabled".
            threads: simulation threads; the result does not depend on it.
            render_mode: "rgb_array", or None for no pictures.
            camera: a name of `bimodal.envs.rendering.appearance.CAMERAS`.
            width: of the pictures, 96..640 [pixels].
            height: of the pictures, 96..640 [pixels].
            variant: shifts the world, e.g. "contact.friction:2+sensing.latency:1". Every row then has a
                simulation and one thread of its own, which costs speed.
        """
        if num_envs < 1:
            raise WrongUse(f"num_envs is {num_envs}; it must be at least 1")
        modes = {mode.value: mode for mode in AutoresetMode}
        if autoreset_mode not in (*modes, *AutoresetMode):
            raise unknown_name("autoreset mode", str(autoreset_mode), modes)
        self.task, self.num_envs, self.render_mode = load_task(task_id(task)), num_envs, render_mode
        self.autoreset_mode = AutoresetMode(autoreset_mode)
        self.metadata = TaskEnv.metadata | {"autoreset_mode": self.autoreset_mode}
        self.single_observation_space = observation_space(self.task)
        self.single_action_space = action_space_of(action_space, self.task.arms)
        # batch_space would sort the components.
        self.observation_space = spaces.Dict(
            [(name, batch_space(box, num_envs)) for name, box in self.single_observation_space.items()]
        )
        self.action_space = batch_space(self.single_action_space, num_envs)
        self._episodes = (
            _Apart(self.task, num_envs, action_space, variant)
            if variant != CLEAN
            else _Episodes(self.task, num_envs, action_space, threads)
        )
        self._pictures = _Pictures(self.task, render_mode, camera, width, height, variant)
        self._random: list[np.random.Generator | None] = [None] * num_envs

    @property
    def simulation(self) -> Simulation:
        """The simulation of all rows; for whoever may read it.

        Raises:
            WrongUse: in a variant every row has its own; see `simulations`.
        """
        if isinstance(self._episodes, _Apart):
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
        if isinstance(seed, (int, np.integer)):
            seed = [int(seed) + row for row in range(self.num_envs)]
        seeds = [None] * self.num_envs if seed is None else seed
        if len(seeds) != self.num_envs:
            raise WrongUse(f"there are {self.num_envs} rows, got {len(seeds)} seeds")
        infos: dict[str, Any] = {}
        self._begin(self._mask(options or {}), seeds, infos)
        return self._episodes.observe(), infos

    def _mask(self, options: dict[str, Any]) -> np.ndarray:
        mask = np.asarray(options.get("reset_mask", np.ones(self.num_envs, bool)))
        if mask.shape != (self.num_envs,) or mask.dtype != bool or not mask.any():
            raise WrongUse(f"reset_mask must be ({self.num_envs},) bool with at least one True")
        return mask

    def _begin(self, mask: np.ndarray, seeds: Sequence[int | None], infos: dict[str, Any]) -> None:
        """Begin episodes in the rows of a mask and tell their seeds in `infos`."""
        rows, episodes = np.flatnonzero(mask), []
        for row in rows.tolist():
            seed, random = seeds[row], self._random[row]
            if seed is not None or random is None:
                random = self._random[row] = seeding.np_random(seed)[0]
            episodes.append(_draw(random) if seed is None else int(seed))
            infos |= self._add_info(infos, {"seed": episodes[-1]}, row)
        self._episodes.begin(rows, episodes)

    def step(
        self, actions: np.ndarray
    ) -> tuple[Observation, np.ndarray, np.ndarray, np.ndarray, dict[str, Any]]:
        """Advance every row one control step (50 ms) with actions (N, A).

        In mode `NextStep`, a row that ended in the last step ignores its action and begins anew.
        """
        episodes, drawn = self._episodes, [None] * self.num_envs
        before = episodes.ended.copy()
        rewards, row_infos = episodes.step(actions)
        infos: dict[str, Any] = {}
        if self.autoreset_mode is AutoresetMode.NEXT_STEP and before.any():
            self._begin(before, drawn, infos)
        terminated, truncated = episodes.terminated.copy(), episodes.truncated.copy()
        over = episodes.ended & ~before
        if self.autoreset_mode is AutoresetMode.SAME_STEP and over.any():
            last = episodes.observe()
            for row in np.flatnonzero(over):
                final = {name: component[row].copy() for name, component in last.items()}
                row_infos[row] = {"final_obs": final, "final_info": row_infos[row]}
            self._begin(over, drawn, infos)
        for row, info in enumerate(row_infos):
            infos |= self._add_info(infos, info, row)
        return episodes.observe(), rewards, terminated, truncated, infos

    def render(self) -> tuple[np.ndarray, ...] | None:  # type: ignore[override]
        """Return a picture of every row's present state, N of (H, W, 3) uint8."""
        pictures = self._pictures.of(self._episodes.simulations)
        return tuple(pictures) if pictures else None

    def close_extras(self, **kwargs: Any) -> None:
        """Give the graphics memory back."""
        self._pictures.close()
