"""A task's batch simulation as LeRobot's `rollout` wants to see it; `lerobot-eval` makes it by `config.py`.

LeRobot 0.6.1 asks a vector environment for `call`, `get_attr`, `num_envs`, `metadata["render_fps"]` and
`info["is_success"]`, sends float32 actions as they come out of the network, and steps rows that have ended
until the slowest of the batch has. So here actions are clipped, and rows that have ended rest.
"""

from collections.abc import Sequence
from typing import Any

import gymnasium
import numpy as np
from bimodal.envs.specs import ROBOT_OBSERVATION
from bimodal.tasks.core.task import Task
from bimodal.tasks.gym.vector_env import TaskVectorEnv
from gymnasium.vector.utils import batch_space

TASK = "PandaLiftDumbbell-v1"
"""The task where none is named."""
FRAME = (320, 240)
"""Width and height of the pictures of LeRobot's videos."""


class LeRobotBatch(gymnasium.vector.VectorWrapper):
    """N episodes of a task; observations are `agent_pos` (hands) and `environment_state` (objects)."""

    def __init__(self, envs: TaskVectorEnv) -> None:
        """Take an environment with `clip=True` and autoreset mode Disabled."""
        super().__init__(envs)
        self._envs = envs
        sizes = feature_sizes(envs.task)
        self.single_observation_space = gymnasium.spaces.Dict(
            {key: gymnasium.spaces.Box(-2.0, 2.0, (size,), np.float64) for key, size in sizes.items()}
        )
        self.observation_space = batch_space(self.single_observation_space, self.num_envs)

    def reset(self, *, seed: Any = None, options: dict[str, Any] | None = None) -> tuple[dict, dict]:
        """Begin episode `seed[i]`, or seed + i, in row i; of the options only `reset_mask` is read."""
        observation, infos = self._envs.reset(seed=seed, options=options)
        return self._joined(observation), infos

    def step(self, actions: np.ndarray) -> tuple[dict, np.ndarray, np.ndarray, np.ndarray, dict]:
        """Advance with actions (N, A); `infos["is_success"]` tells of rows that end in this step."""
        observation, rewards, terminated, truncated, infos = self._envs.step(actions)
        return self._joined(observation), rewards, terminated, truncated, infos

    def call(self, name: str, *args: Any, **kwargs: Any) -> Sequence[Any]:
        """Return every row's attribute `name`; pictures are drawn when they are read."""
        return Pictures(self._envs) if name == "render" else self._envs.call(name, *args, **kwargs)

    def get_attr(self, name: str) -> Sequence[Any]:
        """Return every row's attribute `name`."""
        return self.call(name)

    def _joined(self, observation: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        parts = list(observation.values())
        hands = len(ROBOT_OBSERVATION) * self._envs.task.arms
        joined = (np.concatenate(some, axis=1) for some in (parts[:hands], parts[hands:]))
        return dict(zip(("agent_pos", "environment_state"), joined, strict=True))


class Pictures(Sequence):
    """A picture (H, W, 3) uint8 a row, drawn when it is read: LeRobot asks for all, and keeps a few."""

    def __init__(self, envs: TaskVectorEnv) -> None:
        self._envs = envs

    def __len__(self) -> int:
        return self._envs.num_envs

    def __getitem__(self, rows: Any) -> Any:
        chosen = range(len(self))[rows]
        if isinstance(chosen, int):
            return self[chosen : chosen + 1][0]
        drawn = self._envs.pictures(chosen)
        return [np.zeros((*FRAME[::-1], 3), np.uint8) for _ in chosen] if drawn is None else drawn


def feature_sizes(task: Task) -> dict[str, int]:
    """Return how many numbers `agent_pos` and `environment_state` have."""
    hands = sum(spec.size for spec in ROBOT_OBSERVATION) * task.arms
    return {
        "agent_pos": hands,
        "environment_state": sum(spec.size for spec in task.observation) - hands,
    }


def make_envs(
    task: str = TASK,
    n_envs: int = 1,
    variant: str = "clean",
    action_space: str = "ee_absolute",
    threads: int = 1,
    pictures: bool = True,
) -> dict[str, dict[str, LeRobotBatch]]:
    """Return {variant: {task: N episodes}}, the way in which LeRobot groups environments.

    Args:
        task: id of a task, such as "PandaLiftMug-v1".
        n_envs: rows of the batch.
        variant: shifts the world, e.g. "contact.friction:2"; then every row has a simulation of its own.
        action_space: `ee_absolute`, `ee_delta` or `joint_absolute`.
        threads: of the batch simulation.
        pictures: whether videos show the scene; black without, for machines that cannot draw.
    """
    envs = TaskVectorEnv(
        task,
        n_envs,
        action_space,
        "Disabled",
        threads,
        render_mode="rgb_array" if pictures else None,
        width=FRAME[0],
        height=FRAME[1],
        variant=variant,
        clip=True,
    )
    return {variant: {envs.task.id: LeRobotBatch(envs)}}
