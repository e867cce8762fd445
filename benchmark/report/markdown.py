"""Writes tables of Markdown; every generated page of docs/ uses it."""

from collections.abc import Sequence


def markdown_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table, one line a row, without a final line break; a `|` in a cell is escaped."""
    lines = (header, ("---",) * len(header), *rows)
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |" for cells in lines)
