"""The terminal: one console, and progress bars that turn into plain lines when nobody watches."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

console = Console(highlight=False)
"""Where the command line prints; wraps at the terminal's width, 100 columns when there is none."""
if not console.is_terminal:
    console = Console(highlight=False, width=120)

Update = Callable[..., None]
"""update(done, total, note="")"""


@contextmanager
def progress_bar(title: str, unit: str) -> Iterator[Update]:
    """Show progress of `title`: done of total, rate per minute, time left.

    Yields:
        A function `update(done, total, note="")`.
    """
    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=28),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}"),
    )
    begin = time.monotonic()
    first = None
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task(escape(title), total=None, rate="", note="")

        def update(done: int, total: int, note: str = "") -> None:
            nonlocal first
            first = done if first is None else first
            minutes = (time.monotonic() - begin) / 60
            rate = f"{(done - first) / minutes:,.0f} {unit}/min" if unit and done > first and minutes else ""
            progress.update(task, completed=done, total=total, rate=rate, note=note)

        yield update
