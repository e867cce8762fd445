"""`bimodal reproduce`: runs an entry's episodes again."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from ..envs.errors import WrongUse
from .arguments import (
    Checkpoints,
    FreshRun,
    Json,
    Sandbox,
    Threads,
    Workers,
    argument,
    flag,
    option,
    seed_range,
    task_option,
)
from .verify import add_level

if TYPE_CHECKING:
    from ..benchmark.evaluation.options import EvalOptions
    from ..leaderboard.verification.fresh_seeds import FreshScore
    from ..leaderboard.verification.reproduce import Part
    from ..leaderboard.verification.rerun_verdict import Reproduction

EXAMPLE = "bimodal reproduce leaderboard/entries/core-flow.json"

Out = Annotated[Path | None, option("FOLDER", "run folder", default="runs/reproduce-ENTRY")]
Tasks = Annotated[list[str] | None, task_option("only this task (may be repeated)")]
Seeds = Annotated[str | None, option("SEEDS", "only these seeds: START..END or a count")]
PolicyFile = Annotated[
    Path | None,
    option("PATH", "file of the policy, or a folder to find it in", default="here or beside it"),
]
Commit = Annotated[bool, flag("--commit", "make a salt, print it with its hash, and stop")]
Salt = Annotated[
    str | None,
    option("SALT", "also run it on fresh seeds, which this salt decides", default="no fresh seeds"),
]
Mark = Annotated[
    str | None, option("NAME", "for maintainers: who marks the entry as reproduced", default="no mark")
]


def run(
    entry: Annotated[Path, argument("ENTRY", "entry file")],
    out: Out = None,
    checkpoints: Checkpoints = None,
    fresh: FreshRun = False,
    task: Tasks = None,
    seeds: Seeds = None,
    policy: PolicyFile = None,
    commit: Commit = False,
    salt: Salt = None,
    mark: Mark = None,
    workers: Workers = None,
    threads: Threads = 1,
    sandbox: Sandbox = None,
    json: Json = False,
) -> int:
    """Run an entry's episodes again and compare them with it.

    The answer is identical or consistent (exit code 0), different or forged (exit code 1). An entry of
    another suite, code or weights is not run (exit code 3).

    On fresh seeds nobody can have practised: --commit makes a salt, whose hash you publish; with --salt the
    policy then also plays scenes that the salt decides, and its success there must be what the entry claims.
    """
    from ..benchmark.evaluation.options import EvalOptions
    from ..leaderboard.verification.reproduce import Part

    if commit:
        return _commit(entry)
    part = Part(tuple(task or ()), seed_range(seeds) if seeds else None, policy)
    if mark and (salt is None or part != Part(policy=policy)):
        raise WrongUse("--mark is for a whole panel and fresh seeds: leave out --task, --seeds; give --salt")
    options = EvalOptions(out, checkpoints, workers, threads, fresh=fresh, sandbox=sandbox)
    outcome, again = _play(entry, options, part, salt)
    _tell(entry, outcome, again, json)
    held = outcome.verdict in ("identical", "consistent") and (again is None or again.holds)
    if held and mark and again:
        add_level(entry, "reproduced", mark, f"{outcome.reason}; {again.reason}")
    return 0 if held else 1


def _tell(entry: Path, outcome: "Reproduction", again: "FreshScore | None", json: bool) -> None:
    """Print what came out."""
    from .console import console, print_json

    if json:
        print_json({"entry": str(entry), **outcome._asdict(), "fresh": again and again._asdict()})
        return
    fresh = (*again.lines, again.reason) if again else ()
    for line in (*outcome.lines, f"{outcome.verdict}: {outcome.reason}", *fresh):
        console.print(line, markup=False)


def _commit(entry: Path) -> int:
    """Make a salt, and say what is published before it is used."""
    from ..leaderboard.verification.fresh_seeds import commitment, new_salt
    from .console import console

    salt = new_salt()
    console.print(f"publish first  {commitment(salt)}", soft_wrap=True)
    console.print(f"then run       bimodal reproduce {entry} --salt {salt}", soft_wrap=True)
    return 0


def _play(
    entry: Path, options: "EvalOptions", part: "Part", salt: str | None
) -> "tuple[Reproduction, FreshScore | None]":
    """Run an entry's panel again, and fresh seeds if there is a salt."""
    from ..leaderboard.verification.reproduce import reproduce, reproduce_fresh
    from .console import progress_bar

    with progress_bar(str(entry), "episodes") as update:
        outcome = reproduce(entry, replace(options, progress=update), part)
    if salt is None:
        return outcome, None
    with progress_bar(f"{entry}, fresh seeds", "episodes") as update:
        return outcome, reproduce_fresh(entry, replace(options, progress=update), salt, part.policy)
