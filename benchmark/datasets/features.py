"""Which columns a LeRobot data set of ours has, and what one episode holds in each; for writer and reader."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from ...envs.specs import CONTROL_HZ, ROBOT_OBSERVATION, Spec, elements, of_arms
from ...tasks import Task
from .episodes import DataSource, Episode

STATE = "observation.state"
ENVIRONMENT = "observation.environment_state"
ACTION = "action"
RETURN = "return_to_go"
INDICES = ("frame_index", "episode_index", "index", "task_index")
"""Columns that LeRobot itself wants, beside `timestamp`."""
FLOORS = {"m": 2e-3, "1": 5e-2, "rad": 5e-2, "m/s": 2e-2}
"""Smallest standard deviation that is stated of a number of each unit. LeRobot divides by it: numbers that
hardly change, such as those of a rotation, would otherwise fill most of a loss."""


class Feature(NamedTuple):
    """One column, T rows an episode."""

    dtype: str
    names: tuple[str, ...] = ()
    """Of its numbers; () for a plain number."""
    floors: tuple[float, ...] = (0.0,)
    """Smallest standard deviation of each number."""

    @property
    def size(self) -> int:
        """Numbers in a row."""
        return len(self.names) or 1

    def plain(self) -> dict:
        """Return it as it stands in info.json."""
        return {"dtype": self.dtype, "shape": [self.size], "names": list(self.names) or None}


def observed(task: Task) -> dict[str, tuple[Spec, ...]]:
    """Return which components of a task's observation stand side by side in a column."""
    robot = {spec.name for spec in of_arms(ROBOT_OBSERVATION, task.arms)}
    columns = {
        STATE: tuple(spec for spec in task.observation if spec.name in robot),
        ENVIRONMENT: tuple(spec for spec in task.observation if spec.name not in robot),
    }
    return {key: specs for key, specs in columns.items() if specs}


def features_of(task: Task, action: tuple[Spec, ...], graded: bool = False) -> dict[str, Feature]:
    """Return the columns of a data set by their keys.

    Args:
        task: says what is observed.
        action: components of an action.
        graded: whether there are returns.
    """
    vectors = observed(task) | {ACTION: action}
    plain = {"next.reward": "float32", "next.success": "bool", "next.done": "bool"}
    plain |= {RETURN: "float32"} if graded else {}
    plain |= {"timestamp": "float32"} | dict.fromkeys(INDICES, "int64")
    return {key: _vector(specs) for key, specs in vectors.items()} | {
        key: Feature(dtype) for key, dtype in plain.items()
    }


def _vector(specs: tuple[Spec, ...]) -> Feature:
    names = [f"{spec.name}.{element}".rstrip(".") for spec in specs for element in elements(spec)]
    floors = [FLOORS[spec.unit] for spec in specs for _ in range(spec.size)]
    return Feature("float32", tuple(name.replace(" ", "_") for name in names), tuple(floors))


def columns_of(source: DataSource, episode: Episode, number: int, first: int) -> dict[str, np.ndarray]:
    """Return what an episode holds in each column, (T, n) or (T,).

    Args:
        source: of the episode.
        episode: T control steps.
        number: of the episode in the data set.
        first: frames before it.
    """
    steps = episode.steps
    frames = np.arange(steps)
    columns = {
        key: _side_by_side(episode.observations, specs)[:steps].astype(np.float32)
        for key, specs in observed(source.task).items()
    } | {
        ACTION: episode.actions.astype(np.float32),
        "next.reward": episode.rewards,
        "next.success": episode.rewards > 0,
        "next.done": episode.ends,
        "timestamp": (frames / CONTROL_HZ).astype(np.float32),
        "frame_index": frames,
        "episode_index": np.full(steps, number),
        "index": first + frames,
        "task_index": np.zeros(steps, np.int64),
    }
    return columns | ({} if episode.returns is None else {RETURN: episode.returns})


def _side_by_side(observations: Mapping[str, np.ndarray], specs: tuple[Spec, ...]) -> np.ndarray:
    return np.concatenate([observations[spec.name] for spec in specs], axis=1)
