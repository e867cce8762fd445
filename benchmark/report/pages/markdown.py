"""Writes the generated pages of docs/: prose from a template of this folder, and tables."""

from collections.abc import Sequence
from functools import cache
from pathlib import Path

import jinja2

from ....envs.errors import WrongUse
from ....envs.storage.atomic_write import write_text


def markdown_page(template: str, **content: object) -> str:
    """Return a page, `templates/<template>.md.j2` filled in; it may call `table(header, rows)`."""
    return markdown_section(template, **content) + "\n"


def markdown_section(template: str, **content: object) -> str:
    """Return a part of a page in the same way, without a line break at its end."""
    return _environment().get_template(f"{template}.md.j2").render(**content).rstrip()


def write_section(page: Path, name: str, text: str) -> None:
    """Write what stands between `<!-- name -->` and `<!-- /name -->` in a page; the rest stays as it is.

    Raises:
        WrongUse: there is no such page, or not this part in it.
    """
    before, after = around_section(page, name)
    write_text(page, f"{before}<!-- {name} -->\n{text}\n<!-- /{name} -->{after}")


def around_section(page: Path, name: str) -> tuple[str, str]:
    """Return what stands before and after a part of a page; also called before its content is measured.

    Raises:
        WrongUse: there is no such page, or not this part in it.
    """
    begin = f"<!-- {name} -->"
    end = f"<!-- /{name} -->"
    before, found, rest = page.read_text().partition(begin) if page.is_file() else ("", "", "")
    _, closed, after = rest.partition(end)
    if not (found and closed):
        raise WrongUse(f"{page} has no part between {begin} and {end} to be written")
    return before, after


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
