"""The state of a training on disk, so that a kill loses seconds and the bits come out the same.

It lies beside the future checkpoint, as `.<method>.resume.safetensors`, and goes when that is written. A
method that learns in stages has one for each, `.<method>.<stage>.resume.safetensors`.
"""

import hashlib
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import safetensors
import safetensors.torch
import torch
from torch import Tensor

from ...envs.storage.atomic_write import write_bytes
from ..core.checkpoint import Config

EVERY_S = 15.0
"""The state is written after so many seconds, or at a multiple of `EVERY_STEPS` if that comes first."""
EVERY_STEPS = 1000
"""See `EVERY_S`."""
REST = 100
"""Writing rests for this multiple of the time that it took: it costs at most a hundredth of a training."""


@dataclass
class TrainingState:
    """All that changes while a network is trained."""

    live: dict[str, Tensor]
    """Weights."""
    averaged: dict[str, Tensor]
    """Their running average."""
    optimiser: torch.optim.Optimizer
    """With its moments."""
    generator: torch.Generator
    """Of the noise."""
    losses: list[float] = field(default_factory=list)
    """One for each step that is done."""

    def tensors(self) -> dict[str, Tensor]:
        """Return everything as named tensors."""
        found = {f"live.{name}": part for name, part in self.live.items()}
        found |= {f"averaged.{name}": part for name, part in self.averaged.items()}
        for index, moments in self.optimiser.state_dict()["state"].items():
            found |= {f"moments.{index}.{name}": part for name, part in moments.items()}
        found["generator"] = self.generator.get_state()
        found["losses"] = torch.tensor(self.losses, dtype=torch.float64)
        return {name: part.detach().contiguous() for name, part in found.items()}

    def restore(self, found: dict[str, Tensor]) -> None:
        """Become what `tensors` returned; raises KeyError or RuntimeError if it does not fit."""
        moments: dict[int, dict[str, Tensor]] = {}
        for key, part in found.items():
            kind, _, name = key.partition(".")
            if kind in ("live", "averaged"):
                getattr(self, kind)[name].copy_(part)
            elif kind == "moments":
                index, _, name = name.partition(".")
                moments.setdefault(int(index), {})[name] = part
        groups = self.optimiser.state_dict()["param_groups"]
        self.optimiser.load_state_dict({"state": moments, "param_groups": groups})
        self.generator.set_state(found["generator"])
        self.losses[:] = found["losses"].tolist()


class ResumeFile:
    """The file of one training's state: saved on the way, loaded by the next run, removed at the end."""

    def __init__(
        self,
        checkpoint: Path,
        digest: str,
        notice: Callable[[str], None] | None = None,
        fresh: bool = False,
        stage: str = "",
    ) -> None:
        """Name the file beside the future `checkpoint`; with `fresh`, remove an earlier state.

        A state of another digest, of everything that decides the outcome, is not loaded. `notice` is called
        with a line about what became of an earlier state. A `stage` before the last one has its end written
        too.
        """
        self.path = checkpoint.with_name(f".{checkpoint.stem}{stage and '.'}{stage}.resume.safetensors")
        self._stage = stage
        self._digest = digest
        self._notice = notice or (lambda text: None)
        self._written = time.monotonic()
        self._took = 0.0
        if fresh:
            self.remove()

    def load(self, state: TrainingState) -> None:
        """Resume an interrupted training, if there is one of the same digest."""
        if not self.path.exists():
            return
        try:
            with safetensors.safe_open(self.path, "pt") as file:
                digest = (file.metadata() or {}).get("digest")
                found = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        except (OSError, safetensors.SafetensorError):
            digest = ""
            found = {}
        if digest != self._digest:
            what = "was made with other data, options or code" if digest else "is damaged"
            self._notice(f"{self.path} {what}; training starts afresh")
            return
        state.restore(found)
        self._notice(f"going on after step {len(state.losses)} ({self.path})")

    def save(self, state: TrainingState, steps: int) -> None:
        """Write the state of a training of so many steps, if it is time."""
        begin = time.monotonic()
        done = len(state.losses)
        since = begin - self._written
        early = (since < EVERY_S and done % EVERY_STEPS) or since < REST * self._took
        if early if done < steps else not self._stage:
            return
        self.path.parent.mkdir(parents=True, exist_ok=True)
        write_bytes(self.path, safetensors.torch.save(state.tensors(), {"digest": self._digest}))
        self._written = time.monotonic()
        self._took = self._written - begin

    def remove(self) -> None:
        """Remove the file."""
        self.path.unlink(missing_ok=True)


def digest_of(config: Config) -> str:
    """Return the sha256 of what decides a training: its data, normalisers, sizes, seed and code."""
    return hashlib.sha256((json.dumps(config.to_json(), sort_keys=True) + code_digest()).encode()).hexdigest()


@cache
def code_digest(root: Path = Path(__file__).parents[1]) -> str:
    """Return the sha256 of the code of all policies, in every sub-folder: methods, networks and training."""
    sha = hashlib.sha256()
    for file in sorted(root.rglob("*.py")):
        sha.update(str(file.relative_to(root)).encode() + b"\0" + file.read_bytes())
    return sha.hexdigest()
