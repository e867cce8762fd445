"""Writes the notebooks of docs/notebooks from the pages of the tutorial, and runs them.

python tools/notebooks.py [NAME...]    run these, or all
python tools/notebooks.py --text       take the text from the pages again; blocks that changed need a run

Text and blocks are those of the pages, which tests run; so a notebook cannot say anything else than they do.
What the blocks print, and the pictures that they write, become the cells' outputs. No Jupyter is needed.
"""

import base64
import contextlib
import io
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from PIL import Image

DOCS = Path(__file__).resolve().parents[1] / "docs"
FOLDER = DOCS / "notebooks"
NOTEBOOKS = {
    "first-score": (
        ("first-score.md", ("", "1. What is there", "2. Score them", "3. Is the difference real?")),
        ("read-the-data.md", ("A run folder",)),
    ),
    "add-a-task": (
        (
            "add-a-task.md",
            ("", "What makes a task", "Minute 1: a task that runs", "Minutes 2 to 6: make it yours"),
        ),
    ),
}
"""Of each notebook the pages, and which sections of them; "" is what stands before the first."""
_BLOCK = re.compile(r"^```(sh|python)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_LINK = re.compile(r"\]\((?!#|\w+:)([^)]+)\)")


class Cell(NamedTuple):
    """A cell of a notebook, before it is run."""

    kind: str
    """`markdown`, `sh` or `python`."""
    text: str


def cells(name: str) -> list[Cell]:
    """Return the cells of a notebook, as the pages are now."""
    return [cell for page, wanted in NOTEBOOKS[name] for cell in _cells_of(page, wanted)]


def _cells_of(page: str, wanted: tuple[str, ...]) -> Iterator[Cell]:
    head, *sections = re.split(r"^## ", (DOCS / page).read_text(), flags=re.MULTILINE)
    found = {"": head} | {one.partition("\n")[0]: f"## {one}" for one in sections}
    for heading in wanted:
        text = _LINK.sub(r"](../\1)", found[heading])
        parts = _BLOCK.split(text)  # text, language, block, text, ...
        for place in range(0, len(parts), 3):
            if parts[place].strip():
                yield Cell("markdown", parts[place].strip())
            if place + 2 < len(parts):
                yield Cell(parts[place + 1], parts[place + 2].strip())


def source(cell: Cell) -> str:
    """Return what a cell shows: commands begin with `!`."""
    return re.sub(r"^(?=\S)", "!", cell.text, flags=re.MULTILINE) if cell.kind == "sh" else cell.text


def notebook(name: str, outputs: list[list[dict[str, Any]]] | None = None) -> dict[str, Any]:
    """Return a notebook of format 4.5; without outputs if it was not run."""
    written = []
    number = 0
    for place, cell in enumerate(cells(name)):
        made: dict[str, Any] = {
            "cell_type": "markdown" if cell.kind == "markdown" else "code",
            "id": f"cell-{place}",
            "metadata": {},
            "source": source(cell).splitlines(keepends=True),
        }
        if cell.kind != "markdown":
            number += 1
            made |= {"execution_count": number, "outputs": outputs[place] if outputs else []}
        written.append(made)
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    about = {"kernelspec": kernel, "language_info": {"name": "python"}}
    return {"cells": written, "metadata": about, "nbformat": 4, "nbformat_minor": 5}


def run(name: str, folder: Path) -> list[list[dict[str, Any]]]:
    """Run a notebook's cells in a folder; returns the outputs of each cell.

    Raises:
        RuntimeError: a command fails.
        Exception: whatever a block of Python raises.
    """
    names: dict[str, Any] = {}
    found = []
    with contextlib.chdir(folder):
        for cell in cells(name):
            if cell.kind == "markdown":
                found.append([])
            elif cell.kind == "sh":
                found.append(_commands(cell.text))
            else:
                said = io.StringIO()
                with contextlib.redirect_stdout(said):
                    exec(cell.text, names)  # noqa: S102 (of our own pages)
                found.append(_printed(said.getvalue()))
    return found


def _commands(text: str) -> list[dict[str, Any]]:
    """Run the lines of a shell block; returns what they print, and the pictures that they write."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    surroundings = os.environ | {"PATH": path, "COLUMNS": "110", "BIMODAL_QUIET": "1"}
    done = subprocess.run(
        ["bash", "-ec", text], env=surroundings, stdin=subprocess.DEVNULL, capture_output=True, text=True
    )
    if done.returncode:
        raise RuntimeError(f"{text}\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    pictures = [Path(file) for file in re.findall(r"--png (\S+)", text)]
    return _printed(done.stdout) + [_shown(file) for file in pictures]


def _printed(text: str) -> list[dict[str, Any]]:
    lines = "".join(f"{line.rstrip()}\n" for line in text.splitlines()).splitlines(keepends=True)
    return [{"name": "stdout", "output_type": "stream", "text": lines}] if lines else []


def _shown(file: Path) -> dict[str, Any]:
    small = io.BytesIO()
    Image.open(file).convert("RGB").save(small, "JPEG", quality=85)
    data = {"image/jpeg": base64.b64encode(small.getvalue()).decode(), "text/plain": [str(file)]}
    return {"data": data, "metadata": {}, "output_type": "display_data"}


def _kept(name: str) -> list[list[dict[str, Any]]]:
    """Return the outputs that a notebook has, by the cells that it is to have.

    Raises:
        SystemExit: a block is another one now.
    """
    old = json.loads((FOLDER / f"{name}.ipynb").read_text())["cells"]
    ran = iter([cell for cell in old if cell["cell_type"] == "code"])
    found = []
    for cell in cells(name):
        before = next(ran, {"source": []}) if cell.kind != "markdown" else None
        if before and "".join(before["source"]) != source(cell):
            raise SystemExit(f"{name}: a block changed, so run it: python tools/notebooks.py {name}")
        found.append(before["outputs"] if before else [])
    return found


def main() -> None:
    """Run the notebooks that are named, or all, and write them with their outputs."""
    FOLDER.mkdir(exist_ok=True)
    text_alone = sys.argv[1:] == ["--text"]
    for name in NOTEBOOKS if text_alone else sys.argv[1:] or NOTEBOOKS:
        if text_alone:
            made = notebook(name, _kept(name))
        else:
            with tempfile.TemporaryDirectory() as folder:
                made = notebook(name, run(name, Path(folder)))
        (FOLDER / f"{name}.ipynb").write_text(json.dumps(made, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
