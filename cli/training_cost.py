"""`bimodal speed --page`: measures and writes what training a suite costs, in docs/train.md; see speed.py."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from ..benchmark.number_text import short_name
from ..benchmark.provenance import machine
from ..benchmark.report.pages.markdown import around_section, markdown_table, write_section
from ..benchmark.speed.training_cost import SUITE, TrainingCost, measure_task
from ..benchmark.suites import SUITES

MARK = "training cost"
"""Name of the part of a page that is written."""
CORES = 2
"""Cores for which the sum is stated."""

Measure = Callable[[str, Callable[[str], None]], tuple[float, list[TrainingCost]]]


def training_section(task: str, tasks: int, shown_s: float, costs: Sequence[TrainingCost]) -> str:
    """Return the table of Markdown: processor time of each method, and of all of them on a suite.

    Args:
        task: the task that was measured.
        tasks: how many the suite has.
        shown_s: processor time of the demonstrations of a task [s].
        costs: of every method.
    """
    said = (
        f"Measured by `bimodal speed --page docs/train.md` on {datetime.now(UTC):%Y-%m-%d}: "
        f"{machine()['cpu']}, processor time on {short_name(task)}, of a small part of each method's steps."
    )
    rows = [(f"`{one.method}`", f"{one.steps:,}", f"{one.task_s:.0f} s") for one in costs]
    task_s = shown_s + sum(one.task_s for one in costs)
    hours = tasks * task_s / 3600
    rows.append(("demonstrations", "", f"{shown_s:.0f} s"))
    rows.append(("**all**", f"{sum(one.steps for one in costs):,}", f"**{task_s:.0f} s**"))
    whole = (
        f"So all {len(costs)} methods on the {tasks} tasks of `{SUITE}` take {hours:.1f} core-hours, about "
        f"{hours / CORES:.1f} hours on {CORES} cores."
    )
    return "\n\n".join([said, markdown_table(("method", "steps", "one task"), rows), whole])


def write_training_cost(page: Path, tell: Callable[[str], None], measure: Measure = measure_task) -> None:
    """Measure and write the table into a page, between the marks of `MARK`: `bimodal speed --page`.

    Args:
        page: a file of Markdown that has the marks.
        tell: called with a line about each method.
        measure: measures a task.

    Raises:
        WrongUse: the page has no such marks.
    """
    around_section(page, MARK)
    tasks = SUITES[SUITE].tasks
    shown_s, costs = measure(tasks[0], tell)
    write_section(page, MARK, training_section(tasks[0], len(tasks), shown_s, costs))
