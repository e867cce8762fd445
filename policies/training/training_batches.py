"""What a method is trained on: the config of its future checkpoint, and batches; called by `train`."""

from importlib.metadata import version
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ...envs.errors import BimodalError
from ...envs.specs import ACTIONS, of_arms, size
from ..core import checkpoint as checkpoints
from ..core.chunk_policy import ChunkPolicy, GetBatch, mode_labels
from ..core.dataset import ACTION, Batch, Windows
from ..core.normaliser import Normaliser
from .presets import USUAL, find_preset


def training_settings(
    steps: int, seed: int, preset: str = USUAL, device: str = "cpu", seeing: bool = False
) -> dict[str, Any]:
    """Return what a checkpoint says of how it was trained; of preset and device only unusual ones."""
    settings = {"seed": seed, "steps": steps, "batch": find_preset(preset, seeing).batch}
    usual = {"preset": USUAL, "device": "cpu"}
    chosen = {"preset": preset, "device": device}
    return settings | {name: value for name, value in chosen.items() if value != usual[name]}


def make_config(
    kind: type[ChunkPolicy], meta: dict, windows: Windows, settings: dict[str, Any]
) -> checkpoints.Config:
    """Return the config of a method to be trained on all observation components, in file order.

    The windows are cut from the demonstrations file of this `meta`; for settings see `training_settings`.
    """
    modes = int(windows.modes.max()) + 1 if kind.labelled else 0
    if kind.labelled and modes < 2:
        raise BimodalError(f"{kind.method} needs demonstrations of at least two modes; these show one")
    past = windows.behind.shape[1]
    if past > 1 and kind.planned:
        raise BimodalError(
            f"{kind.method} plans states from the present one alone; it takes no --n-obs-steps"
        )
    arms = windows.actions.shape[-1] // size(ACTIONS[ACTION])
    sizes = find_preset(settings.get("preset", USUAL), bool(kind.cameras))
    versions = {"bimodal": version("bimodal-bench"), "torch": torch.__version__, "numpy": np.__version__}
    origin = {"windows": windows.count, "demonstrations": meta, "versions": versions}
    return checkpoints.Config(
        task=meta["task"],
        method=kind.method,
        observations=windows.components,
        observation_normaliser=Normaliser.of_observations(windows.observations),
        action=ACTION,
        action_normaliser=Normaliser.of_actions(windows.actions, of_arms(ACTIONS[ACTION], arms)),
        chunk_size=kind.chunk_size,
        n_action_steps=kind.n_action_steps,
        modes=modes,
        width=sizes.width,
        blocks=sizes.blocks,
        parameters=0,
        training={**settings, **origin},
        n_obs_steps=past,
        vision=_vision(kind, windows, sizes.encoder),
    )


def _vision(kind: type[ChunkPolicy], windows: Windows, encoder: str) -> checkpoints.Vision | None:
    """Return what a method sees and learns to tell, None for one that reads no pictures."""
    if windows.pictures is None or windows.poses is None:
        return None
    poses = Normaliser.of_observations(windows.poses)
    side = windows.pictures.shape[2]
    return checkpoints.Vision(kind.cameras, side, windows.pose_components, poses, encoder)


def batch_getter(
    kind: type[ChunkPolicy], config: checkpoints.Config, windows: Windows, device: str = "cpu"
) -> GetBatch:
    """Return a function that turns rows (B,) of the windows into a normalised batch on the device."""

    def tensor(array: np.ndarray) -> Tensor:
        return torch.from_numpy(array).to(device)

    actions = tensor(config.action_normaliser.normalise(windows.actions))
    seen = tensor(config.observation_normaliser.normalise(windows.observations))
    label = tensor(mode_labels(windows.modes, int(windows.modes.max()) + 1))
    past = tensor(windows.behind)  # rows of the observations that the policy is given
    returns = tensor(windows.returns)
    chunk = tensor(windows.ahead[:, : kind.chunk_size])  # rows of the actions of a chunk
    planned = tensor(windows.ahead[:, list(kind.planned)])  # rows of the states of a plan
    pictures = None if windows.pictures is None else torch.from_numpy(windows.pictures)  # too many for a card
    poses = None
    if config.vision and windows.poses is not None:
        poses = tensor(config.vision.pose_normaliser.normalise(windows.poses))

    def get_batch(rows: Tensor) -> Batch:
        seen_now = None if pictures is None else pictures[rows].to(device)
        rows = rows.to(device)
        given = seen[past[rows]].flatten(1)
        return Batch(
            actions[chunk[rows]].flatten(1),
            torch.cat([given, label[rows]], 1) if kind.labelled else given,
            seen[planned[rows]].flatten(1),
            label[rows],
            returns[rows],
            seen_now,
            None if poses is None else poses[rows],
        )

    return get_batch
