"""Writes the generated pages of docs/: prose from a template of this folder, and tables."""

from collections.abc import Sequence
from functools import cache
from pathlib import Path

import jinja2


def markdown_page(template: str, **content: object) -> str:
    """Return a page, `templates/<template>.md.j2` filled in; it may call `table(header, rows)`."""
    return markdown_section(template, **content) + "\n"


def markdown_section(template: str, **content: object) -> str:
    """Return a part of a page in the same way, without a line break at its end."""
    return _environment().get_template(f"{template}.md.j2").render(**content).rstrip()


def markdown_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table, one line a row, without a final line break; a `|` in a cell is escaped."""
    lines = (header, ("---",) * len(header), *rows)
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |" for cells in lines)


def table_rows(table: str) -> list[list[str]]:
    """Return the cells of a table that `markdown_table` wrote, without its header."""
    lines = table.strip().splitlines()[2:]
    return [[cell.replace("\\|", "|") for cell in line[2:-2].split(" | ")] for line in lines]


@cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=False,  # noqa: S701 (Markdown, all of it our own)
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals["table"] = markdown_table
    return environment
