"""Writes what entries say into README.md and pages of docs/, so that no figure there is typed by hand.

Run `python tools/readme.py` after the entries changed; `tests/test_docs.py` fails until you do. With the
folder of a finished `make bench` in a fresh clone, `python tools/readme.py runs/bench`, it also writes how
long that took.
"""

import json
import re
import sys
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from bimodal.benchmark.certificate.learning_checks import HEADROOM_CEILING
from bimodal.benchmark.comparison.audit import audit
from bimodal.benchmark.number_text import percent
from bimodal.benchmark.report.pages.audit_page import significance_section
from bimodal.benchmark.suites import is_earlier
from bimodal.cli.audit import audited
from bimodal.leaderboard.board import Board, board_rows
from bimodal.leaderboard.board_table import board_tables
from bimodal.leaderboard.entry_model import Entry
from bimodal.leaderboard.folders import read_folders
from rich.console import Console

ROOT = Path(__file__).parent.parent
PAGES = (
    ROOT / "README.md",
    *(ROOT / "docs" / f"{name}.md" for name in ("board", "audit", "headroom", "train")),
)
WIDTH = 124
"""Columns of the printed board."""
SHOWN = ("flow", "diffusion", "bet", "gmm", "mip", "mse")
"""Policies in the README's own table: those that sample, then those that do not."""


def board(entries: Sequence[Entry]) -> str:
    """Return the boards that `bimodal leaderboard` prints, without the variants."""
    console = Console(width=WIDTH, color_system=None, highlight=False)
    with console.capture() as captured:
        for tables in board_tables(entries):
            console.print(tables.renderables[0])
    text = "\n".join(line.rstrip() for line in captured.get().splitlines()).strip("\n")
    return f"```text\n{text}\n```"


def results(entries: dict[str, Entry]) -> str:
    """Return the README's table: a few policies and the two numbers that matter."""
    lines = ["| policy | what it is | success | averaged |", "|---|---|---|---|"]
    for name in SHOWN:
        entry = entries[name]
        numbers = (entry.aggregate.success_macro, entry.aggregate.averaging_macro)
        shares = " | ".join(f"{100 * share:.1f} %" for share in numbers)
        lines.append(f"| `{name}` | {entry.policy.description.rstrip('.')} | {shares} |")
    return "\n".join(lines)


def audit_pairs(entries: Sequence[Entry]) -> str:
    """Return which neighbours of the board the panel tells apart."""
    found = audit(list(audited(board_rows(entries)[0])), [])
    assert found
    return significance_section(found)


def hard_tasks(entries: Sequence[Entry]) -> str:
    """Return how often ranked policies succeed on the tasks of `hard`, and who is told apart from whom.

    The ceiling is for those that see the present alone; a past is what tasks of memory hide from them.
    """
    found = board_rows(entries)[0]
    rows = [row for row in found.rows if row.rank is not None]
    names = [row.policy for row in rows]
    present = [row for row in rows if row.entry.policy.n_obs_steps == 1]
    lines = [f"| task | {' | '.join(names)} |", "|---" * (len(names) + 1) + "|"]
    short = []
    full = []
    for index, task in enumerate(rows[0].entry.suite.tasks):
        rates = [percent(row.entry.results[index].success) for row in rows]
        lines.append(f"| {task} | {' | '.join(rates)} |")
        best = max(present, key=lambda row, at=index: row.entry.results[at].success)
        most = best.entry.results[index].success
        if most <= HEADROOM_CEILING:
            short.append(task)
        else:
            full.append(f"{task} ({best.policy}, {percent(most)} %)")
    ceiling = percent(HEADROOM_CEILING)
    told = f"No policy that sees the present alone is above {ceiling} % on {', '.join(short)}."
    if full:
        told += f"\nOne is on {', '.join(full)}: these have headroom for some kinds of methods only."
    return "\n".join([*lines, "", told, "", groups(found)])


def groups(found: Board) -> str:
    """Return which ranked policies of a board cannot be told apart."""
    alike = [[row.policy for row in found.rows if number in row.groups] for number in range(found.groups)]
    return (
        f"Over all tasks there are {found.groups} groups of policies of which no two are told apart "
        "(McNemar's test\non the same seeds, adjusted by Holm for every two policies, "
        "[compare.md](compare.md)):\n\n"
        + "\n".join(f"{number}. {', '.join(names)}" for number, names in enumerate(alike, 1))
    )


def core_time(entries: dict[str, Entry]) -> str:
    """Return how long the suite `core` took, from the runs of the entries."""
    entry = entries["diffusion"]
    episodes = sum(len(block.seeds) for block in entry.episodes)
    made = entry.provenance.machine
    minutes = max(round(entry.provenance.wall_s / 60), 1)
    time = f"{minutes} minute{'s' * (minutes > 1)}"
    return (
        f"The core suite is {episodes:,} episodes: {time} for `diffusion`, without the videos,\n"
        f"on {made.cores} cores ({_processor(made.cpu)})."
    )


def hard_time(entries: Sequence[Entry]) -> str:
    """Return how long the slowest policy of `hard` took, from the runs of the entries."""
    slowest = max(entries, key=lambda entry: entry.provenance.wall_s)
    episodes = sum(len(block.seeds) for block in slowest.episodes)
    made = slowest.provenance.machine
    return (
        f"Scoring a policy on the {episodes:,} episodes of `hard` takes {slowest.provenance.wall_s:.0f} s at "
        f"most, for `{slowest.policy.name}`,\non {made.cores} cores ({_processor(made.cpu)})."
    )


def bench_time(folder: Path) -> str:
    """Return how long `make bench` took, from what it wrote into its folder."""
    told = json.loads((folder / "bench.json").read_text())
    made = told["machine"]
    return f"took {told['minutes']:.0f} minutes on {made['cores']} cores ({_processor(made['cpu'])})"


def _is_latest(entry: Entry, suite: str) -> bool:
    """Return whether an entry is of the last version of a suite."""
    return entry.suite.name == suite and not is_earlier(entry.suite)


def _processor(name: str) -> str:
    return re.sub(r"\([^)]*\)", "", name).replace(" Processor", "")


@cache
def shipped() -> Sequence[Entry]:
    """Return the package's entries; what is wrong with the others is told once, on standard error."""
    found = read_folders([ROOT / "leaderboard" / "entries"])
    for line in found.left_out:
        sys.stderr.write(f"left out: {line}\n")
    return found.entries


def filled(text: str, bench: Path | None = None) -> str:
    """Return a page's text with the figures of today; how long `make bench` took is kept without `bench`."""
    entries = shipped()
    hard = [entry for entry in entries if _is_latest(entry, "hard")]
    core = {entry.policy.name: entry for entry in entries if entry.suite.name == "core"}
    blocks = {
        "board": lambda: board(entries),
        "results": lambda: results(core),
        "core-time": lambda: core_time(core),
        "hard-tasks": lambda: hard_tasks(hard),
        "hard-time": lambda: hard_time(hard),
        "audit-pairs": lambda: audit_pairs(list(core.values())),
    }
    for name, block in blocks.items():
        if f"<!-- {name} -->" in text:
            new = f"<!-- {name} -->\n{block()}\n<!-- /{name} -->"
            text = re.sub(
                rf"<!-- {name} -->.*<!-- /{name} -->", lambda _, new=new: new, text, flags=re.DOTALL
            )
    if bench:
        text = re.sub(r"(<!-- bench-time -->).*(<!-- /bench-time -->)", rf"\1{bench_time(bench)}\2", text)
    return text


if __name__ == "__main__":
    finished = Path(sys.argv[1]) if len(sys.argv) > 1 else None
    for page in PAGES:
        page.write_text(filled(page.read_text(), finished))
    sys.exit(0)
