"""Trained weights on disk: `<task id>/<method>.safetensors` beside `<method>.json`, never a pickle."""

import dataclasses
import json
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...envs.errors import BimodalError, WrongUse
from ...envs.images import MOST_OBS_STEPS
from ...envs.specs import ACTIONS, Spec, size
from ...envs.storage.atomic_write import write_bytes
from .dataset import Component
from .normaliser import Normaliser
from .vision_config import Vision

if TYPE_CHECKING:
    import torch

SCHEMA_VERSION = 1
"""Version of the JSON file; a reader refuses a newer one."""
SIZE_LIMIT = 1_500_000
"""Largest file of weights that may travel inside the package [bytes]."""
LARGE_LIMIT = 500_000_000
"""Largest file of weights that stays outside [bytes]."""
WEIGHTS_ON_DISK = {
    "position_embedding": "places",
    "modulation": "steering",
    "attention_out": "mixed",
    "mlp_in": "wide",
    "mlp_out": "narrow",
    "skip": "straight",
}
"""Names in the file of weights that are older than those of the networks' layers."""
ON_DISK = {"chunk_size": "horizon", "n_action_steps": "execute"}
"""Keys of the JSON file that are older than the names of their fields; entries hold the file's sha256."""


@dataclass(frozen=True)
class Config:
    """All that is needed to use the weights, and where they came from; the JSON file."""

    task: str
    """Task id."""
    method: str
    """Registered name of the method."""
    observations: tuple[Component, ...]
    """Observation components, in the order in which the network reads them."""
    observation_normaliser: Normaliser
    """Of all components side by side."""
    action: str
    """Name of the action space."""
    action_normaliser: Normaliser
    """Of one action."""
    chunk_size: int
    """Actions in a chunk."""
    n_action_steps: int
    """Actions executed before the next decision."""
    modes: int
    """Number of modes that the label in the condition tells apart; 0 without a label."""
    width: int
    """Hidden width of the trunk."""
    blocks: int
    """Residual blocks of the trunk."""
    parameters: int
    """Trained values in the trunk."""
    training: dict[str, Any]
    """Seed, steps, batch, final loss, what the demonstrations say of themselves, and library versions."""
    n_obs_steps: int = 1
    """Control steps whose observations the network reads; not in the file of one that has no past."""
    vision: Vision | None = None
    """What is seen in pictures; not in the file of a policy that reads the state."""
    weights_sha256: str = ""
    """Of the .safetensors file; filled in by `save`."""
    schema_version: int = SCHEMA_VERSION
    """Version of this record."""

    @property
    def chunk_values(self) -> int:
        """Values of a flat chunk, H*A."""
        return self.chunk_size * self.action_size

    @property
    def action_size(self) -> int:
        """Values of an action, A."""
        return len(self.action_normaliser.mean)

    @property
    def state_size(self) -> int:
        """Values of an observation."""
        return len(self.observation_normaliser.mean)

    @property
    def condition_size(self) -> int:
        """Values of a condition: observations and a mode label."""
        return self.n_obs_steps * self.state_size + label_size(self.modes)

    def to_json(self) -> dict[str, Any]:
        """Return plain data."""
        fields = dataclasses.fields(self)
        data = {ON_DISK.get(field.name, field.name): getattr(self, field.name) for field in fields}
        data["observations"] = [component._asdict() for component in self.observations]
        for name in ("observation_normaliser", "action_normaliser"):
            data[name] = data[name].to_json()
        if self.n_obs_steps == 1:
            del data["n_obs_steps"]
        if self.vision:
            data["vision"] = self.vision.to_json()
        else:
            del data["vision"]
        return data

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "Config":
        """Read what `to_json` wrote; raises KeyError, TypeError, ValueError or BimodalError if it cannot."""
        values = dict(data)
        values["observations"] = tuple(
            Component(str(c["name"]), int(c["size"])) for c in data["observations"]
        )
        for name in ("observation_normaliser", "action_normaliser"):
            values[name] = Normaliser.from_json(data[name])
        for name in ("chunk_size", "n_action_steps", "modes", "width", "blocks", "parameters"):
            values[name] = int(values.pop(ON_DISK.get(name, name)))
        values["n_obs_steps"] = int(data.get("n_obs_steps", 1))
        values["vision"] = Vision.from_json(data["vision"]) if "vision" in data else None
        config = cls(**values)
        if not (1 <= config.width <= 1024 and 1 <= config.blocks <= 16 and 1 <= config.chunk_size <= 128):
            raise ValueError("the network's size is out of bounds")
        if not 1 <= config.n_obs_steps <= MOST_OBS_STEPS:
            raise ValueError("n_obs_steps is out of bounds")
        if len(config.observation_normaliser.mean) != sum(c.size for c in config.observations):
            raise ValueError("the normaliser does not fit the observations")
        return config


def label_size(modes: int) -> int:
    """Return the length of a mode label: one number for two modes, one-hot for more, nothing for 0."""
    return 1 if modes == 2 else modes


@dataclass(frozen=True)
class Checkpoint:
    """Weights with their config."""

    config: Config
    weights: dict[str, "torch.Tensor"]


def checkpoint_path(folder: Path, task: str, method: str) -> Path:
    """Return where the weights of a method for a task lie."""
    return folder / task / f"{method}.safetensors"


def save(path: Path, config: Config, weights: dict[str, "torch.Tensor"], limit: int = SIZE_LIMIT) -> None:
    """Write weights and config beside each other; each file appears whole or not at all.

    Raises:
        BimodalError: the weights are larger than `limit` [bytes].
    """
    import safetensors.torch  # not at the top, as pages read configs where there is no torch

    renamed = _renamed(weights, WEIGHTS_ON_DISK)
    raw = safetensors.torch.save({name: tensor.contiguous() for name, tensor in renamed.items()})
    if len(raw) > limit:
        raise BimodalError(
            f"the weights take {len(raw)} bytes; at most {limit} are kept, use a smaller trunk"
        )
    record = dataclasses.replace(config, weights_sha256=sha256(raw).hexdigest()).to_json()
    path.parent.mkdir(parents=True, exist_ok=True)
    write_bytes(path, raw)
    write_bytes(path.with_suffix(".json"), (json.dumps(record, indent=1) + "\n").encode())


def load(path: Path, task: str, method: str) -> Checkpoint:
    """Read a checkpoint and refuse it unless it is whole and was made for `task` and `method`.

    Raises:
        BimodalError: missing, damaged, newer schema, other task or other method.
    """
    import safetensors.torch

    raw = _read(path)
    config = _config(path.with_suffix(".json"))
    if config.task != task or config.method != method:
        raise BimodalError(
            f"checkpoint {path} is for {config.method} on {config.task}, not for {method} on {task}; train "
            "with `bimodal train`"
        )
    if sha256(raw).hexdigest() != config.weights_sha256:
        raise BimodalError(f"checkpoint {path} is damaged: its sha256 is not the one in {path.stem}.json")
    weights = {name: part.float() for name, part in safetensors.torch.load(raw).items()}
    return Checkpoint(config, _renamed(weights, {old: new for new, old in WEIGHTS_ON_DISK.items()}))


def _renamed(weights: dict[str, "torch.Tensor"], names: dict[str, str]) -> dict[str, "torch.Tensor"]:
    """Return weights whose names, `layer.part.weight`, have other words in them."""
    return {
        ".".join(names.get(word, word) for word in name.split(".")): part for name, part in weights.items()
    }


def check_specs(config: Config, observation: tuple[Spec, ...], modes: int, arms: int = 1) -> None:
    """Raise unless a task of these observations, modes and arms offers what the policy was trained on."""
    offered = {spec.name: spec.size for spec in observation}
    for name, length in config.observations:
        if offered.get(name) != length:
            now = f"{offered[name]} values" if name in offered else "nothing of that name"
            raise BimodalError(
                f"{_title(config)} reads {name} ({length} values), the task offers {now}; train it again"
            )
    known = ACTIONS.get(config.action)
    if known is None or arms * size(known) != config.action_size:
        raise BimodalError(
            f"{_title(config)} acts in {config.action!r}, which is none of {', '.join(ACTIONS)} here"
        )
    if config.modes not in (0, modes):
        raise BimodalError(f"{_title(config)} has labels of {config.modes} modes, the task has {modes}")


def _title(config: Config) -> str:
    return f"checkpoint {config.method} of {config.task}"


def _config(path: Path) -> Config:
    """Read the JSON file."""
    raw = _read(path)
    try:
        data = json.loads(raw)
        version = int(data["schema_version"])
        if version <= SCHEMA_VERSION:
            return Config.from_json(data)
    except (KeyError, TypeError, ValueError, BimodalError) as error:
        raise BimodalError(f"checkpoint {path} is damaged ({type(error).__name__}: {error})") from None
    newer = f"has schema version {version}, but this bimodal reads up to {SCHEMA_VERSION}"
    raise BimodalError(f"checkpoint {path} {newer}; update bimodal")


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise WrongUse(
            f"no checkpoint at {path} ({error.strerror}); make one with: bimodal train {path.stem} --task "
            f"{path.parent.name}, then name its folder: --checkpoints runs/checkpoints"
        ) from None
