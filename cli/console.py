"""The terminal: one console, and progress: a bar, or plain lines in a log or a pipe."""

import json
import os
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

console = Console(highlight=False, emoji=False)
"""Where the command line prints; wraps at the terminal's width, 100 columns when there is none."""
if not console.is_terminal:
    console = Console(highlight=False, emoji=False, width=120)

notices = Console(stderr=True, highlight=False, emoji=False, soft_wrap=True)
"""Where lines of progress go: results alone stand in the standard output."""
QUIET = "BIMODAL_QUIET"
"""Environment variable that silences progress; `--quiet` sets it."""
EVERY_S = 5.0
"""Least time between two lines of progress [s]."""

Update = Callable[..., None]
"""update(done, total, note="")"""


def print_json(value: object) -> None:
    """Print a result for programs."""
    console.print(json.dumps(value, indent=1), markup=False, soft_wrap=True)


@contextmanager
def progress_bar(title: str, unit: str) -> Iterator[Update]:
    """Show progress of `title`: done of total, rate per minute, time left.

    In a pipe it is a line for each finished part, some seconds apart, so that a log tells that work goes on.

    Yields:
        A function `update(done, total, note="")`.
    """
    if os.environ.get(QUIET):
        yield lambda *_: None
    elif console.is_terminal:
        yield from _bar(title, unit)
    else:
        yield _Lines(title, unit).update


class _Lines:
    """Progress as lines; one of a job that ends within some seconds says nothing."""

    def __init__(self, title: str, unit: str) -> None:
        self.title = title
        self.unit = unit
        self.begin = self.last = time.monotonic()
        self.first: int | None = None

    def update(self, done: int, total: int, note: str = "") -> None:
        """Print a line, unless the last one has just been printed; the last part's always."""
        now = time.monotonic()
        self.first = done if self.first is None else self.first
        since = self.begin if done == total else self.last
        if now - since < EVERY_S:
            return
        self.last = now
        words = [f"{self.title}: {done:,} of {total:,}{f' {self.unit}' if self.unit else ''}"]
        if self.first < done < total:
            left = (now - self.begin) / (done - self.first) * (total - done)
            words.append(f"{left // 60:.0f}:{left % 60:02.0f} left")
        notices.print(", ".join([*words, *([note] if note else [])]), markup=False)


def _bar(title: str, unit: str) -> Iterator[Update]:
    """Show a bar that goes away at the end; yields what moves it."""
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
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task(escape(title), total=None, rate="", note="")

        def update(done: int, total: int, note: str = "") -> None:
            nonlocal first
            first = done if first is None else first
            minutes = (time.monotonic() - begin) / 60
            rate = f"{(done - first) / minutes:,.0f} {unit}/min" if unit and done > first and minutes else ""
            progress.update(task, completed=done, total=total, rate=rate, note=note)

        yield update
