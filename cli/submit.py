"""`bimodal submit`: makes a leaderboard entry of a finished run, ready to be proposed."""

from pathlib import Path
from typing import Annotated

from .arguments import argument, option

EXAMPLE = "bimodal submit runs/core-mine --author Ada --licence MIT"


def run(
    run: Annotated[Path, argument("RUN", "folder of a finished run of a whole suite")],
    author: Annotated[list[str] | None, option("NAME", "who submits it (may be repeated)")] = None,
    licence: Annotated[str | None, option("SPDX", "licence of the policy, e.g. Apache-2.0")] = None,
    url: Annotated[
        str | None,
        option("URL", "https address of the trace archive", default="it lies beside the entry"),
    ] = None,
    to: Annotated[Path, option("FOLDER", "where entries lie")] = Path("leaderboard/entries"),
) -> int:
    """Make a leaderboard entry of a finished run, and its archive.

    Everything that would keep it from the board is told at once. Written are the entry, the archive of its
    recorded actions, from which anybody can simulate its episodes again (`bimodal verify`), and the form that
    a model repository of a hub takes. Then the git commands for a pull request are printed.
    """
    from ..leaderboard.submission.submit import Terms, git_commands, submit
    from .console import console

    found = submit(run, to, Terms(tuple(author or ()), licence, url))
    if isinstance(found, list):
        for problem in found:
            console.print(problem, markup=False)
        console.print(
            f"{run}: {len(found)} problem{'s' * (len(found) > 1)}; nothing was written", markup=False
        )
        return 1
    trace = found.record.trace
    console.print(f"entry    {found.entry}", markup=False)
    console.print(f"trace    {found.archive} ({_size(trace.bytes)})" if trace else "", markup=False)
    console.print(
        f"hub      {found.hub_form}, for the folder .eval_results of your model's repository", markup=False
    )
    console.print("\nTo propose it:\n", markup=False)
    for line in git_commands(found):
        console.print(f"  {line}", markup=False, soft_wrap=True)
    console.print(f"\nCheck it as others will: bimodal verify {found.entry}", markup=False)
    return 0


def _size(count: int) -> str:
    return f"{count / 1e6:.1f} MB" if count >= 100_000 else f"{count / 1e3:.0f} kB"
