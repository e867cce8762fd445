"""What docs/conf.py adds to Sphinx: menus, the page of commands, docstrings in Markdown's habits.

Sphinx calls `setup` at the beginning of `make docs`.
"""

import re
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from numpy.typing import ArrayLike
from sphinx.application import Sphinx
from sphinx.util.typing import stringify_annotation

FIRST = '<!doctype html><title>Bimodal</title><meta http-equiv="refresh" content="0; url=docs/index.html">\n'
DRAWING = re.compile(r"```mermaid\n(.*?)```\n", re.S)
SECTIONS = ("Args:", "Returns:", "Raises:", "Yields:", "Attributes:", "Note:", "Example:")


def setup(app: Sphinx) -> None:
    """Connect what this file adds."""
    app.add_config_value("menus", [], "env")
    app.connect("source-read", fill_in)
    app.connect("autodoc-process-docstring", as_written, priority=400)  # before Google sections are read
    app.connect("autodoc-process-signature", short_names)
    app.connect("build-finished", write_first_page)


def fill_in(app: Sphinx, page: str, source: list[str]) -> None:
    """Complete a page as it is read: menus, commands, and a table in place of a drawing."""
    text = source[0]
    if page == app.config.root_doc:
        text += "\n" + "\n".join(menus(app.config.menus, sorted(app.env.found_docs - {page})))
    if "<!-- commands -->" in text:
        text = text.replace("<!-- commands -->", "\n".join(commands()))
    source[0] = DRAWING.sub(lambda found: table(found[1]), text)


def write_first_page(app: Sphinx, error: Exception | None) -> None:
    """Let the site's folder itself lead to its first page."""
    if not error and app.builder.format == "html":
        (Path(app.outdir) / "index.html").write_text(FIRST)


# -------------------------------------------------------------------------------------------- pages


def menus(parts: list[tuple[str, ...]], pages: list[str]) -> Iterator[str]:
    """Yield a table of contents a part; pages that none names go to the part with a pattern."""
    named = {page for _, *names in parts for page in names}
    for caption, *names in parts:
        found = []
        for name in names:
            others = [page for page in pages if page not in named and page.count("/") == name.count("/")]
            found += [page for page in others if fnmatchcase(page, name)] if "*" in name else [name]
        found = [page for page in found if page in pages]
        if found:
            lines = "\n".join(f"README </{page}>" if page == "README" else f"/{page}" for page in found)
            yield f"```{{toctree}}\n:hidden:\n:caption: {caption}\n\n{lines}\n```\n"


def commands() -> Iterator[str]:
    """Yield a section for every command of `bimodal`: its help, an example, and its options as a table."""
    from bimodal.cli.main import COMMANDS, build_parser

    parser = build_parser()
    for name, module in COMMANDS.items():
        command = parser.commands[name]
        context: Any = command.context_class(command, info_name=f"bimodal {name}")
        rows = [one.get_help_record(context) for one in command.params]
        yield f"## {name}\n\n{command.help}\n\n```sh\n{module.EXAMPLE}\n```\n"
        yield "| argument or option | what it says |\n|---|---|"
        for spelling, meaning in filter(None, rows):
            cells = (spelling.partition(" <")[0], meaning)
            yield "| `{}` | {} |".format(*(" ".join(cell.split()).replace("|", "\\|") for cell in cells))
        yield ""


def table(drawing: str) -> str:
    """Return which folder uses which as a table: drawing a Mermaid picture would need a network."""
    uses: dict[str, list[str]] = {}
    for user, used in re.findall(r"^ *(\w+)_room --> (\w+)_room$", drawing, re.M):
        uses.setdefault(user, []).append(used)
    names = dict(re.findall(r'^ *(\w+)_room\["(.*?)"\]', drawing, re.M))
    rooms = dict(re.findall(r'^ *subgraph (\w+)_\["(.*?)/"\]', drawing, re.M))

    def told(name: str) -> str:
        room = next(room for room in rooms if name.startswith(room))
        return f"`{room}/`" if names[name] == room else f"`{room}/{names[name]}`"

    lines = [f"| {told(user)} | {', '.join(map(told, used))} |" for user, used in uses.items()]
    return "\n".join(["| folder or file | uses |", "|---|---|", *lines, ""])


# --------------------------------------------------------------------------------------- docstrings


def as_written(_app: Sphinx, _what: str, _name: str, _of: object, _options: object, lines: list[str]) -> None:
    """Turn a docstring of ours into what Sphinx reads: an indented formula is shown as it is."""
    found, inside, before = [], False, ""
    section = False
    for line in lines:
        indented = line.startswith("    ")
        section = line in SECTIONS or (section and (indented or not line))
        if indented and not section and not inside and not before.startswith("- "):
            found += ["", "::", ""]
            inside = True
        elif inside and line and not indented:
            found.append("")
            inside = False
        found.append(line if inside else plain(line))
        before = line
    lines[:] = found


def short_names(_app: Sphinx, _what: str, _name: str, _of: object, _options: object, *parts: str) -> tuple:
    """Return arguments and result of a signature with NumPy's name for the dozen types that it stands for."""
    return tuple(
        part and part.replace(stringify_annotation(ArrayLike, "smart"), "ArrayLike") for part in parts
    )


def plain(line: str) -> str:
    """Return a line whose signs mean themselves: |x| is a length and a*b a product."""
    parts = line.split("`")
    parts[::2] = [re.sub(r"([|*]|(?<=\w)_(?!\w))", r"\\\1", part) for part in parts[::2]]
    return "`".join(parts)
