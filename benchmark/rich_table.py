"""The one look of every table in the terminal; one that is too wide goes on below, and nothing is cut."""

from collections.abc import Iterable, Iterator, Sequence
from copy import copy
from dataclasses import replace
from typing import Any

from rich import box
from rich.console import Console, ConsoleOptions, RenderResult
from rich.measure import Measurement, measure_renderables
from rich.table import Column, Table
from rich.text import Text

_UNLIMITED = 10_000  # columns of a terminal in which every table finds room
_NARROWEST = 8  # to which a name is folded that is wider than the terminal
_CAPTION = 72  # a caption is not folded to the width of a table that is narrower, but to this


class FittingTable(Table):
    """A table that shows every column whole: those without room follow below, beside the first ones again.

    Columns with `no_wrap` keep their lines, others are broken between words, never within.
    """

    key_columns = 1
    """Columns that name a row, repeated in every part."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Yield the parts, one below the other."""
        wide = options.update(max_width=_UNLIMITED)
        sizes = [_size(console, wide, column) for column in self.columns]
        parts = list(self._parts(console, wide, sizes, options.max_width))
        own = False
        for number, chosen in enumerate(parts):
            part = self._part(chosen, self._widths(console, wide, sizes, chosen, options.max_width))
            part.title = self.title if number == 0 else None
            width = Measurement.get(console, options, part).maximum
            own = len(parts) == 1 and width >= min(_CAPTION, options.max_width)
            part.caption = self.caption if own else None
            yield from Table.__rich_console__(part, console, options)
        if self.caption and not own:  # below them all, not folded to the width of the last
            text = self.caption if isinstance(self.caption, Text) else console.render_str(str(self.caption))
            room = options.max_width if len(parts) > 1 else min(_CAPTION, options.max_width)
            yield from console.render(text, options.update(width=room))

    def _parts(
        self, console: Console, wide: ConsoleOptions, sizes: Sequence[Measurement], room: int
    ) -> Iterator[list[int]]:
        """Yield the columns of each part: the key columns, and as many others as there is room for."""
        keys = list(range(min(self.key_columns, len(self.columns))))
        chosen = list(keys)
        for index in range(len(keys), len(self.columns)):
            more = [*chosen, index]
            if len(chosen) > len(keys) and self._total(console, wide, sizes, more) > room:
                yield chosen
                more = [*keys, index]
            chosen = more
        yield chosen

    def _total(
        self, console: Console, wide: ConsoleOptions, sizes: Sequence[Measurement], chosen: list[int]
    ) -> int:
        """Return the least width of a part."""
        part = self._part(chosen, {index: sizes[index].minimum for index in chosen})
        return Measurement.get(console, wide, part).maximum

    def _widths(
        self,
        console: Console,
        wide: ConsoleOptions,
        sizes: Sequence[Measurement],
        chosen: list[int],
        room: int,
    ) -> dict[int, int]:
        """Return the columns' widths: what is left goes to those of words; too much is taken from names."""
        widths = {index: sizes[index].minimum for index in chosen}
        left = room - self._total(console, wide, sizes, chosen)
        for index in chosen:
            more = min(sizes[index].maximum - widths[index], max(left, 0))
            widths[index] += more
            left -= more
        if left < 0:
            widest = max(chosen, key=lambda index: widths[index])
            widths[widest] = max(widths[widest] + left, _NARROWEST)
        return widths

    def _part(self, chosen: Sequence[int], widths: dict[int, int]) -> Table:
        """Return a table of some columns, each of a set width."""
        part = copy(self)
        how: dict[str, Any] = {"no_wrap": False, "overflow": "fold"}
        part.columns = [
            replace(self.columns[index], _index=place, width=widths[index], **how)
            for place, index in enumerate(chosen)
        ]
        return part


def _size(console: Console, wide: ConsoleOptions, column: Column) -> Measurement:
    """Return a column's least width, at which no word is broken, and its greatest."""
    found = measure_renderables(console, wide, [column.header, *column.cells])
    least = found.maximum if column.no_wrap else max(found.minimum, column.min_width or 0)
    return Measurement(least, max(found.maximum, least))


def plain_table(
    title: str | Text | None = None, caption: str | Text | None = None, key_columns: int = 1, **options: Any
) -> Table:
    """Return a table with a ruled head, title and caption on the left.

    Args:
        title: above it.
        caption: below it.
        key_columns: first columns that name a row, repeated where the terminal is too narrow for all.
        options: `rich.Table`'s.
    """
    table = FittingTable(
        box=box.SIMPLE_HEAD,
        title=title,
        caption=caption,
        title_justify="left",
        caption_justify="left",
        **options,
    )
    table.key_columns = key_columns
    return table


def number_table(
    title: str, header: Sequence[str], rows: Iterable[Sequence[str]], no_wrap: bool = False, **options: Any
) -> Table:
    """Return a table whose first column names what the numbers in the others, set right, are of."""
    table = plain_table(title, pad_edge=False, **options)
    for index, column in enumerate(header):
        table.add_column(column, justify="right" if index else "left", no_wrap=no_wrap or not index)
    for row in rows:
        table.add_row(*row)
    return table
