"""The one look of every table in the terminal."""

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
