"""`bimodal reproduce`: runs an entry's episodes again."""

from pathlib import Path
from typing import Annotated

from .arguments import (
    Checkpoints,
    FreshRun,
    Json,
    Sandbox,
    Threads,
    Workers,
    argument,
    option,
    seed_range,
    task_option,
)

EXAMPLE = "bimodal reproduce leaderboard/entries/core-flow.json"


def run(
    entry: Annotated[Path, argument("ENTRY", "entry file")],
    out: Annotated[Path | None, option("FOLDER", "run folder", default="runs/reproduce-ENTRY")] = None,
    checkpoints: Checkpoints = None,
    fresh: FreshRun = False,
    task: Annotated[list[str] | None, task_option("only this task (may be repeated)")] = None,
    seeds: Annotated[str | None, option("SEEDS", "only these seeds: START..END or a count")] = None,
    policy: Annotated[Path | None, option("FILE", "file of the policy", default="here or beside it")] = None,
    workers: Workers = None,
    threads: Threads = 1,
    sandbox: Sandbox = None,
    json: Json = False,
) -> int:
    """Run an entry's episodes again and compare them with it.

    The answer is identical or consistent (exit code 0), different or forged (exit code 1). An entry of
    another suite, code or weights is not run (exit code 3).
    """
    from ..benchmark.evaluation.options import EvalOptions
    from ..leaderboard.verification.reproduce import Part, reproduce
    from .console import console, print_json, progress_bar

    with progress_bar(str(entry), "episodes") as update:
        options = EvalOptions(
            out, checkpoints, workers, threads, fresh=fresh, sandbox=sandbox, progress=update
        )
        part = Part(tuple(task or ()), seed_range(seeds) if seeds else None, policy)
        outcome = reproduce(entry, options, part)
    if json:
        print_json({"entry": str(entry), **outcome._asdict()})
    else:
        for line in (*outcome.lines, f"{outcome.verdict}: {outcome.reason}"):
            console.print(line, markup=False)
    return 0 if outcome.verdict in ("identical", "consistent") else 1
