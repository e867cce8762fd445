"""The one look of every table in the terminal."""

from collections.abc import Iterable, Sequence
from typing import Any

from rich import box
from rich.table import Table
from rich.text import Text


def plain_table(title: str | Text | None = None, caption: str | Text | None = None, **options: Any) -> Table:
    """Return a table with a ruled head, title and caption on the left; `options` are `rich.Table`'s."""
    return Table(
        box=box.SIMPLE_HEAD,
        title=title,
        caption=caption,
        title_justify="left",
        caption_justify="left",
        **options,
    )


def number_table(
    title: str, header: Sequence[str], rows: Iterable[Sequence[str]], no_wrap: bool = False, **options: Any
) -> Table:
    """Return a table whose first column names what the numbers in the others, set right, are of."""
    table = plain_table(title, pad_edge=False, **options)
    for index, column in enumerate(header):
        table.add_column(column, justify="right" if index else "left", no_wrap=no_wrap)
    for row in rows:
        table.add_row(*row)
    return table
