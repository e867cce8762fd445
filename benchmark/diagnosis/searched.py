"""What `bimodal diagnose --search` searches: one axis for one policy, task by task."""

from pathlib import Path
from typing import NamedTuple

from ...envs.errors import unknown_name
from ...envs.perturbations.core.variant import CLEAN
from ..isolation.choice import isolation_of
from ..isolation.shapes import Isolation
from ..scoring.run_episodes import Run
from ..suites import SUITES

SEEDS = 50
"""Episodes of each step, unless another number is asked for."""


class Searched(NamedTuple):
    """What is searched: one axis for one policy on one task."""

    task: str
    policy: str
    """URI."""
    axis: str
    """Name of a perturbation, or `combo`."""
    seeds: tuple[int, ...]
    suite_version: str
    """Part of the policy's noise keys."""
    checkpoints: Path | None = None
    isolation: Isolation = "none"
    """How the policy is shut in."""
    pictures: bool = False
    """Whether the policy reads pictures; asked only where the axis is of pictures."""


def searched_in_run(
    run: Run, axis: str, task: str | None, seeds: int, sandbox: bool | None = None
) -> list[Searched]:
    """Return what to search for the policy of a run: its clean episodes, with its noise and weights."""
    record = run.record
    if task is not None and task not in record.suite.tasks:
        raise unknown_name("task of the run", task, record.suite.tasks)
    weights = Path(record.options.checkpoints) if record.options.checkpoints else None
    isolation = isolation_of(record.policy.uri, sandbox)
    return [
        Searched(
            name,
            record.policy.uri,
            axis,
            tuple(map(int, cell.seeds[:seeds])),
            record.suite.version,
            weights,
            isolation,
        )
        for (name, variant), cell in run.cells.items()
        if variant == CLEAN and task in (None, name)
    ]


def searched_for_policy(
    policy: str, axis: str, task: str | None, seeds: int, sandbox: bool | None = None
) -> list[Searched]:
    """Return what to search for a policy: the first seeds of the panel, of a task or those of `smoke`."""
    smoke = SUITES["smoke"]
    names = smoke.tasks if task is None else (task,)
    isolation = isolation_of(policy, sandbox)
    return [
        Searched(name, policy, axis, tuple(range(seeds)), smoke.version, isolation=isolation)
        for name in names
    ]
