"""Writes the HDF5 file that robomimic trains from; called by `bimodal export --format robomimic`.

data/demo_0/actions, rewards, dones, states, obs/NAME, next_obs/NAME; mask/train, mask/valid

The format: ARISE-Initiative/robomimic 0.5, `docs/datasets/overview.md` and `robomimic/utils/dataset.py`.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np

from .episodes import DataSource, Episode
from .hdf5 import new_hdf5

ACTION = "ee_delta"
"""The only action space: robomimic refuses numbers beyond -1 and 1."""
GYM = 2
"""robomimic's number of a Gymnasium environment."""
VALID = 10
"""Every tenth scene is for validation."""


def write_robomimic(path: Path, source: DataSource) -> int:
    """Write the episodes of a source into a new file, and return how many steps they have."""
    scenes: dict[int, int] = {}
    masks: dict[str, list[bytes]] = {"train": [], "valid": []}
    steps = 0
    with new_hdf5(path) as file:
        data = file.create_group("data")
        for number, episode in enumerate(source.episodes):
            name = f"demo_{number}"
            _write_episode(data.create_group(name), source, episode)
            # a scene's episodes, one in each mode, are all in one part
            scene = scenes.setdefault(episode.seed, len(scenes))
            masks["valid" if scene % VALID == VALID - 1 else "train"].append(name.encode())
            steps += episode.steps
        # no attribute of `data` but these two: robomimic reads them
        data.attrs["total"] = steps
        data.attrs["env_args"] = json.dumps(_environment(source))
        for part, names in masks.items():
            file[f"mask/{part}"] = np.array(names, dtype=f"S{max(map(len, names), default=1)}")
        file.attrs["bimodal"] = json.dumps(source.about)
    return steps


def _write_episode(group: Any, source: DataSource, episode: Episode) -> None:
    group.attrs.update({"num_samples": episode.steps} | source.told(episode))
    group["actions"] = episode.actions.astype(np.float32)
    group["rewards"] = episode.rewards
    group["dones"] = episode.ends.astype(np.int64)
    group["states"] = np.zeros((episode.steps, 0))
    for name, values in episode.observations.items():
        group[f"obs/{name}"] = values[:-1].astype(np.float32)
        group[f"next_obs/{name}"] = values[1:].astype(np.float32)


def _environment(source: DataSource) -> dict[str, Any]:
    return {
        "env_name": f"bimodal/{source.task.id}",
        "type": GYM,
        "env_kwargs": {"action_space": source.action, "variant": source.variant},
    }
