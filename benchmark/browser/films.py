"""What the browser can show: a task in every mode, or the episodes of a run; each as a film of states."""

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import NamedTuple

import mujoco
import numpy as np

from ...envs.perturbations.core.variant import CLEAN, Variant
from ...tasks import load_task
from ...tasks.core.outcomes import OUTCOMES
from ...tasks.core.task import Task
from ..artifact.replay_episode import find_episode
from ..media.mode_rollouts import mode_rollouts
from ..records.replay import replay
from ..records.run_folder import read_run_record
from ..suites import suite_from_record


class Film(NamedTuple):
    """A scene and the states through which it goes."""

    spec: mujoco.MjSpec
    """The physics scene."""
    states: np.ndarray
    """At the start and after every control step, (T + 1, nstate)."""
    arms: int
    """How many arms stand in it."""
    caption: str
    """What a viewer should know, in one line."""


Films = Mapping[str, Mapping[str, Callable[[], Film]]]
"""What there is to choose from: groups, in each the names of films, made when they are asked for."""


def task_films(task: Task, seed: int) -> Films:
    """Return a scene of a task played in every mode and by their average."""
    rollouts = mode_rollouts(task, seed)
    films = {one.name: partial(Film, task.spec(), one.states, task.arms, one.caption) for one in rollouts}
    return {f"{task.id}, scene {seed}": films}


def run_films(folder: Path) -> Films:
    """Return the episodes of a run, by task and variant, each simulated again from its record when shown.

    Raises:
        BimodalError: no run, or a damaged one.
    """
    suite = suite_from_record(read_run_record(folder).suite)
    return {
        task if variant == CLEAN else f"{task} {variant}": {
            f"episode {seed}": partial(_recorded, folder, task, variant, seed)
            for seed in suite.panel(variant)
        }
        for task, variant in suite.cells()
    }


def _recorded(folder: Path, task: str, variant: str, seed: int) -> Film:
    """Simulate an episode again from its record."""
    found = find_episode(folder, seed, task, variant)
    loaded = load_task(task)
    shard = found.result.shard
    states = replay(loaded, found.result.trace, 0, found.steps, found.run.policy.action, shard)
    label = str(found.result.verdict.label[0])
    spec = Variant(variant).spec(loaded, seed)
    return Film(spec, states, loaded.arms, f"{found.run.policy.name}: {label}. {OUTCOMES[label].meaning}")
