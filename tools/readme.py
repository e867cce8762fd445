"""Writes the printed board into README.md, so that no figure there is typed by hand.

Run `python tools/readme.py` after the entries changed; `tests/test_docs.py` fails until you do.
"""

import re
import sys
from pathlib import Path

from bimodal.leaderboard.board_table import board_tables
from bimodal.leaderboard.entry import read_entries
from rich.console import Console

ROOT = Path(__file__).parent.parent
WIDTH = 124
"""Columns of the printed board."""


def board() -> str:
    """Return the boards that `bimodal leaderboard` prints for the committed entries, without the variants."""
    console = Console(width=WIDTH, color_system=None, highlight=False)
    with console.capture() as captured:
        for tables in board_tables(read_entries(ROOT / "leaderboard" / "entries")):
            console.print(tables.renderables[0])
    return "\n".join(line.rstrip() for line in captured.get().splitlines()).strip("\n")


def filled(text: str) -> str:
    """Return the README's text with the board of today."""
    block = f"<!-- board -->\n```text\n{board()}\n```\n<!-- /board -->"
    return re.sub(r"<!-- board -->.*<!-- /board -->", lambda _: block, text, flags=re.DOTALL)


if __name__ == "__main__":
    readme = ROOT / "README.md"
    readme.write_text(filled(readme.read_text()))
    sys.exit(0)
