"""Writes a Minari data set (hdf5, 0.5), every number as it is; called by `bimodal export --format minari`.

ROOT/bimodal/TASK/NAME-v0/data/main_data.hdf5    a group an episode
ROOT/bimodal/TASK/NAME-v0/data/metadata.json     spaces and environment

The format: Farama-Foundation/Minari, `minari/dataset/_storages/hdf5_storage.py`.
"""

import json
import re
from pathlib import Path
from typing import Any

import gymnasium
import mujoco
import numpy as np

from ...envs.specs import Spec
from ...envs.storage.atomic_write import write_json
from .episodes import DataSource, Episode
from .hdf5 import new_hdf5

VERSION = "0.5.4"
"""The version of Minari whose files these are."""


def minari_id(source: DataSource) -> str:
    """Return the name by which `minari.load_dataset` finds the data set under its root."""
    name = re.sub(r"[^-\w]", "_", source.name)
    return f"bimodal/{source.task.id}/{name}-v0"


def write_minari(folder: Path, source: DataSource) -> int:
    """Write the episodes of a source into a new folder `NAME-v0`, and return how many steps they have."""
    data = folder / "data"
    data.mkdir()
    steps = 0
    episodes = 0
    kind = np.dtype(np.float32)
    with new_hdf5(data / "main_data.hdf5") as file:
        for number, episode in enumerate(source.episodes):
            _write_episode(file.create_group(f"episode_{number}"), source, episode, number)
            kind = episode.actions.dtype
            steps += episode.steps
            episodes = number + 1
    size = (data / "main_data.hdf5").stat().st_size
    write_json(
        data / "metadata.json", _metadata(source, kind, episodes, steps) | {"dataset_size": size / 1e6}
    )
    return steps


def _write_episode(group: Any, source: DataSource, episode: Episode, number: int) -> None:
    group.attrs.update({"id": number, "total_steps": episode.steps} | source.told(episode))
    for name, values in episode.observations.items():
        group[f"observations/{name}"] = values
    group["actions"] = episode.actions
    group["rewards"] = episode.rewards.astype(np.float64)
    group["terminations"] = episode.ends & episode.terminated
    group["truncations"] = episode.ends & (not episode.terminated)
    if episode.returns is not None:  # one number a moment, as Minari wants infos: the last one is 0
        group["infos/return_to_go"] = np.append(episode.returns, 0.0)


def _metadata(source: DataSource, kind: np.dtype, episodes: int, steps: int) -> dict[str, Any]:
    """Return metadata.json; `kind` is the type of all numbers."""
    environment = json.loads(gymnasium.spec(f"bimodal/{source.task.id}").to_json())
    environment["kwargs"] |= {"action_space": source.action, "variant": source.variant}
    spaces = {spec.name: _box((spec,), kind) for spec in source.task.observation}
    return {
        "total_episodes": episodes,
        "total_steps": steps,
        "data_format": "hdf5",
        "jpeg_encoding": False,
        "observation_space": json.dumps({"type": "Dict", "subspaces": spaces}),
        "action_space": json.dumps(_box(source.action_specs, kind)),
        "env_spec": json.dumps(environment),
        "dataset_id": minari_id(source),
        "minari_version": VERSION,
        "algorithm_name": source.about.get("policy", "scripted experts"),
        "description": source.task.goal,
        "requirements": ["bimodal-bench", f"mujoco=={mujoco.__version__}"],
        "bimodal": source.about,
    }


def _box(specs: tuple[Spec, ...], kind: np.dtype) -> dict[str, Any]:
    """Return a box as Minari writes it down."""
    numbers = sum(spec.size for spec in specs)
    low = [spec.low for spec in specs for _ in range(spec.size)]
    high = [spec.high for spec in specs for _ in range(spec.size)]
    return {"type": "Box", "dtype": kind.name, "shape": [numbers], "low": low, "high": high}
