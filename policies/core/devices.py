"""Where a network is trained: the processor, or a CUDA device that gets the processor's random numbers."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from ...envs.errors import BimodalError, WrongUse, unknown_name

DEVICES = ("auto", "cpu", "cuda")
"""What can be asked for."""
_OUT_OF_MEMORY = ("out of memory", "allocate memory", "not enough memory")


def find_device(name: str = "auto", wide: bool = False) -> str:
    """Return the device to train on, cpu or cuda.

    Args:
        name: one of `DEVICES`; auto takes a CUDA device only for a preset that is made for one, because
            other devices round otherwise and published weights would change.
        wide: whether the preset is made for a CUDA device.

    Raises:
        WrongUse: another name, or cuda where there is none.
    """
    if name not in DEVICES:
        raise unknown_name("device", name, DEVICES)
    there = name != "cpu" and torch.cuda.is_available()
    if name == "cuda" and not there:
        raise WrongUse("there is no CUDA device that torch can use here; leave out --device, or name cpu")
    return "cuda" if there and (wide or name == "cuda") else "cpu"


def made_on(device: torch.device) -> AbstractContextManager:
    """Return a context for computing on a device with what lies on the CPU.

    New tensors, random ones too, are made on the CPU and moved, so that a loss draws the same noise from its
    generator wherever it is computed; constants are moved when they are used.
    """
    return nullcontext() if device.type == "cpu" else _Moved(device)


class _Moved(TorchFunctionMode):
    """Moves what a function is given, and what it makes from no tensor."""

    def __init__(self, device: torch.device) -> None:
        super().__init__()
        self.device = device

    def __torch_function__(self, func: Any, types: Any, args: tuple = (), kwargs: dict | None = None) -> Any:
        made = func(*map(self._here, args), **(kwargs or {}))
        return made if any(isinstance(part, Tensor) for part in args) else self._here(made)

    def _here(self, part: Any) -> Any:
        if isinstance(part, Tensor):
            return part.to(self.device)
        return type(part)(map(self._here, part)) if type(part) in (tuple, list) else part


@contextmanager
def enough_memory(batch: int, preset: str, device: str) -> Iterator[None]:
    """Raise a BimodalError of one line if memory is short inside the block, in steps of `batch` windows."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if not isinstance(error, MemoryError) and not any(text in str(error) for text in _OUT_OF_MEMORY):
            raise
        raise BimodalError(
            f"out of memory on {device} with batches of {batch} windows (preset {preset}); take a smaller "
            "--preset or fewer --workers; the last checkpoint and the state of this training are kept"
        ) from error
