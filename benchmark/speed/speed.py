"""How fast the suite is, as ratios: both sides of each are measured in turn, in one run on one machine.

Rates move with the machine and with its other work; a ratio of two rates taken seconds apart hardly does.
Rates count the CPU time of one core (`time.process_time`), because cores are what an evaluation is given.
"""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from rich.table import Table

from ...envs.errors import unknown_name
from ...envs.perturbations.core.variant import COMBO
from ...tasks import Task, load_task
from ...tasks.core.registry import own_names
from ..provenance import cores, machine
from ..rich_table import plain_table
from ..suites import SHARD_SIZE
from .measure import SpeedRow
from .pages import pages_row
from .peer_rows import TASK, batch_row, evaluator_row, inference_row, peer_rows, physics_row
from .pictures import picture_rows
from .start_up import board_row, help_row, videos_row
from .task_speed import compile_row, task_rows, variant_rows
from .whole_job import memory_row, pipeline_row, shut_in_rows

Progress = Callable[[str], None]
"""Called with what is measured next."""


class Scale(NamedTuple):
    """How much is measured."""

    tasks: list[Task]
    """Those whose rows are wanted."""
    rounds: int
    episodes: int
    quick: bool
    peer_json: Path | None


def speed(
    peer_json: Path | None = None,
    quick: bool = False,
    progress: Progress | None = None,
    everything: bool = False,
    only: Sequence[str] = (),
) -> Iterator[SpeedRow]:
    """Measure; yields each row as soon as it is there.

    Args:
        peer_json: what `tools/peer_lift.py` said earlier on this machine; None to run it where `make peers`
            has built its environment, in turn with ours.
        quick: one task, few episodes, one round, and nothing that trains or starts other programs.
        progress: called with what is measured next.
        everything: every task in every variant and every physics, about an hour; else one task.
        only: keys of `PARTS`, none for all.

    Raises:
        WrongUse: `peer_json` cannot be read, or there is no such part.
    """
    for name in only:
        if name not in PARTS:
            raise unknown_name("part", name, PARTS)
    tasks = [load_task(name) for name in (own_names() if everything else (TASK,))]
    scale = Scale(tasks, *((1, 8) if quick else (4, SHARD_SIZE)), quick, peer_json)
    for name, measure in PARTS.items():
        if name in only or (not only and not (quick and name in _PROGRAMS)):
            if progress:
                progress(name)
            yield from measure(scale)


def row_text(row: SpeedRow) -> str:
    """Return a measurement in a line."""
    limit = "" if row.target is None else f" ({'<=' if row.at_most else '>='} {row.target:g})"
    return f"{row.name}: {row.value:.3g} {row.unit}{limit}{'' if not row.note else f'; {row.note}'}"


def speed_table(rows: Sequence[SpeedRow]) -> Table:
    """Return the measurements as a table; the processor is named in its title."""
    kind = machine()
    table = plain_table(f"Speed on {kind['cpu']}, {cores()} cores")
    for column in ("what", "measured", "target", "met", "behind it"):
        number = column in ("measured", "target")
        table.add_column(column, justify="right" if number else "left", no_wrap=number or column == "met")
    for row in rows:
        limit = "" if row.target is None else f"{'<=' if row.at_most else '>='} {row.target:g}"
        met = {True: "[green]yes[/]", False: "[red]no[/]", None: ""}[row.met]
        table.add_row(row.name, f"{row.value:.3g} {row.unit}", limit, met, row.note)
    return table


# ---------------------------------------------------------------------------------------------- parts


def _evaluator(scale: Scale) -> Iterator[SpeedRow]:
    yield from (evaluator_row(task, scale.rounds, scale.episodes) for task in scale.tasks)
    yield inference_row(load_task(TASK), scale.rounds, scale.episodes)


def _tasks(scale: Scale) -> Iterator[SpeedRow]:
    tasks = scale.tasks if scale.quick else [load_task(name) for name in own_names()]
    yield from task_rows(tasks, 1 if scale.quick else 2, min(scale.episodes, 50))
    yield compile_row(tasks)


def _variants(scale: Scale) -> Iterator[SpeedRow]:
    parts = (COMBO,) if scale.quick else ()
    yield from variant_rows(scale.tasks, 1 if scale.quick else 3, min(scale.episodes, 30), parts)


def _peer(scale: Scale) -> Iterator[SpeedRow]:
    rounds = 1 if scale.quick else 3
    yield from peer_rows(scale.peer_json, rounds, scale.episodes, may_run=not scale.quick)


def _physics(scale: Scale) -> Iterator[SpeedRow]:
    return (physics_row(task, min(scale.episodes, 50)) for task in scale.tasks)


def _batch(scale: Scale) -> Iterator[SpeedRow]:
    yield batch_row(load_task(TASK), scale.rounds, 4 if scale.quick else 25, scale.episodes)


def _start(_: Scale) -> Iterator[SpeedRow]:
    yield help_row(7)
    yield help_row(7, ("evalute",))
    yield board_row()


def _sandbox(scale: Scale) -> Iterator[SpeedRow]:
    yield from shut_in_rows(load_task(TASK), scale.rounds, scale.episodes)


def _pictures(scale: Scale) -> Iterator[SpeedRow]:
    yield from picture_rows(load_task(TASK), scale.rounds, min(scale.episodes, 25))


PARTS: dict[str, Callable[[Scale], Iterator[SpeedRow]]] = {
    "evaluator": _evaluator,
    "tasks": _tasks,
    "variants": _variants,
    "peer": _peer,
    "physics": _physics,
    "batch": _batch,
    "start": _start,
    "sandbox": _sandbox,
    "pictures": _pictures,
    "videos": lambda _: iter([videos_row()]),
    "pages": lambda _: iter([pages_row()]),
    "job": lambda _: iter([pipeline_row(load_task(TASK))]),
    "memory": lambda _: iter([memory_row()]),
}
"""What is measured, in this order."""
_PROGRAMS = ("start", "sandbox", "pictures", "videos", "pages", "job", "memory")
"""Parts that train or start other programs."""
