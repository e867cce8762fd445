"""`bimodal audit`: what arXiv 2606.04233 asks of a benchmark, answered from entries and runs."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from ..envs.errors import WrongUse
from .arguments import ENTRIES, Page, argument, option

if TYPE_CHECKING:
    from ..benchmark.comparison.audit import Audited
    from ..leaderboard.board import Board

EXAMPLE = "bimodal audit runs/core-time_only runs/fresh-flow"


def run(
    runs: Annotated[
        list[Path] | None,
        argument(
            "RUN...", "runs or artifacts: shortcuts on the entries' seeds, policies on others", default="none"
        ),
    ] = None,
    entries: Annotated[
        Path, option("FOLDER", "entries of the board", default="that of the package")
    ] = ENTRIES,
    suite: Annotated[str, option("NAME", "which board")] = "core",
    page: Page = None,
) -> int:
    """Show how far shortcuts get, and what the panel tells apart.

    Also whether scores hold on fresh seeds, where runs on other seeds are named.
    """
    from ..benchmark.certificate.causal_controls import measure_controls
    from ..benchmark.comparison.audit import audit
    from ..benchmark.report.pages.audit_page import audit_page, audit_tables
    from ..envs.storage.atomic_write import write_text
    from ..leaderboard.board import board_rows
    from ..tasks import load_task
    from .console import console, notices
    from .leaderboard import sound_entries

    boards = [one for one in board_rows(sound_entries([entries]).entries) if one.suite.name == suite]
    with ExitStack() as stack:
        given = [_run(path, stack) for path in runs or ()]
        found = audit(list(audited(boards[-1])), given) if boards else None
        if found is None:
            raise WrongUse(f"{entries} has no ranked policy on the suite {suite}")
        controls = measure_controls(map(load_task, found.tasks), controls=False, limits=False)
    for table in audit_tables(found, controls):
        console.print(table)
    for line in found.left_out:
        notices.print(f"bimodal: {line}", markup=False)
    if page:
        write_text(page, audit_page(found, controls))
    return 0


def audited(board: "Board") -> Iterator["Audited"]:
    """Yield the entries of a board as the audit reads them."""
    from ..benchmark.comparison.audit import Audited
    from ..leaderboard.entry import arm_of_entry

    for row in board.rows:
        policy = row.entry.policy
        yield Audited(arm_of_entry(row.entry), policy.uri, policy.artifacts, row.rank is not None)


def _run(path: Path, stack: ExitStack) -> "Audited":
    """Read a run folder or an artifact, which the stack closes."""
    from ..benchmark.artifact.read import open_run
    from ..benchmark.comparison.arm import arm_of_run
    from ..benchmark.comparison.audit import Audited
    from ..benchmark.scoring.run_episodes import read_run

    found = read_run(stack.enter_context(open_run(path)))
    policy = found.record.policy
    return Audited(arm_of_run(found)._replace(source=str(path)), policy.uri, policy.artifacts)
