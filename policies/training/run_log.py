"""Sends the numbers of a training or a run to Weights & Biases, trackio or TensorBoard (`--log-to`).

The packages are not ours: which one is missing is told in one line. No number of the run depends on it.
"""

import importlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Any

from ...envs.errors import WrongUse

TARGETS = ("wandb", "trackio", "tensorboard")
PROJECT = "bimodal"
FOLDER = "runs/tensorboard"
Numbers = Callable[[int, Mapping[str, float]], None]
"""Takes the number of a step, and named numbers that belong to it."""


def check_target(target: str) -> str:
    """Return a target; called before anything is computed whose numbers go there.

    Raises:
        WrongUse: no such target, or its package is not installed.
    """
    kind = target.partition(":")[0]
    if kind not in TARGETS:
        raise WrongUse(f"--log-to is {target!r}; it can be {', '.join(TARGETS)}, as in wandb:PROJECT")
    if find_spec(kind) is None:
        raise WrongUse(f"--log-to {kind} needs the package {kind}: pip install {kind}")
    return target


@contextmanager
def logged(target: str | None, name: str, config: Mapping[str, Any]) -> Iterator[Numbers]:
    """Open a log and yield what takes its numbers; it is complete once the block is left.

    Args:
        target: one of `TARGETS`, with `:PROJECT` (TensorBoard: `:FOLDER`) or without; None logs nothing.
        name: of the run, such as "mse-PandaLiftMug-v1".
        config: what the run was told to do, shown beside its curves.

    Raises:
        WrongUse: as `check_target`.
    """
    if target is None:
        yield lambda step, values: None
        return
    kind, _, where = check_target(target).partition(":")
    if kind == "tensorboard":
        from torch.utils.tensorboard import SummaryWriter

        with SummaryWriter(f"{where or FOLDER}/{name}") as writer:
            writer.add_text("config", "\n".join(f"    {key}: {value}" for key, value in config.items()))

            def write(step: int, values: Mapping[str, float]) -> None:
                for key, value in values.items():
                    writer.add_scalar(key, value, step)

            yield write
    else:  # trackio has wandb's interface
        package = importlib.import_module(kind)
        package.init(project=where or PROJECT, name=name, config=dict(config))
        try:
            yield lambda step, values: package.log(dict(values), step=step)
        finally:
            package.finish()
