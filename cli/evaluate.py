"""`bimodal evaluate`: scores a policy on a suite and shows what came out."""

from contextlib import nullcontext
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from ..envs.errors import WrongUse
from .arguments import (
    SUITES,
    Checkpoints,
    Deadline,
    FreshRun,
    Json,
    Threads,
    Workers,
    argument,
    choice,
    flag,
    option,
    percentage,
    policy_names,
    seed_range,
    task_option,
)
from .videos import present

if TYPE_CHECKING:
    from ..benchmark.records.run_record import RunRecord

EXAMPLE = "bimodal evaluate flow --suite smoke --task PandaLiftDumbbell-v1"
ENTRY_FOLDER = "entries"
"""Where the entry goes when `--entry` stands alone."""

Policy = Annotated[
    str,
    argument(
        "POLICY",
        "name (bimodal policies lists them), file.py:Class, module:Class, or safe(...) around one",
        autocompletion=policy_names,
    ),
]
Suite = Annotated[str, choice("suite", ", ".join(SUITES), SUITES)]
Tasks = Annotated[list[str] | None, task_option("only this task, id or file.py (may be repeated)")]
Seeds = Annotated[str | None, option("SEEDS", "other seeds: START..END, both included, or a count")]
Variants = Annotated[
    list[str] | None,
    option(
        "VARIANT",
        "only this variant beside the clean world, e.g. contact.friction:2 or "
        "contact.friction:2+sensing.latency:1; clean for the clean world alone (may be repeated)",
    ),
]
Out = Annotated[Path | None, option("FOLDER", "run folder", default="runs/SUITE-POLICY")]
Entry = Annotated[
    Path | None, option("[FOLDER]", f"write a leaderboard entry, into {ENTRY_FOLDER} if no folder follows")
]
Card = Annotated[
    Path | None, option("FILE", "what you say for the contract card, a TOML; bimodal card prints a form")
]
NoVideos = Annotated[bool, flag("--no-videos", "render no videos")]
MinSuccess = Annotated[
    float | None, option("PERCENT", "exit code 1 if mean success is lower", percentage, default="no bound")
]
MaxAveraging = Annotated[
    float | None,
    option("PERCENT", "exit code 1 if averaging is more frequent", percentage, default="no bound"),
]


def run(
    policy: Policy,
    suite: Suite = "core",
    task: Tasks = None,
    seeds: Seeds = None,
    variant: Variants = None,
    out: Out = None,
    checkpoints: Checkpoints = None,
    entry: Entry = None,
    card: Card = None,
    deadline: Deadline = 30.0,
    min_success: MinSuccess = None,
    max_averaging: MaxAveraging = None,
    no_videos: NoVideos = False,
    fresh: FreshRun = False,
    workers: Workers = None,
    threads: Threads = 1,
    json: Json = False,
) -> int:
    """Score a policy on a suite: records, table, videos, report."""
    from ..benchmark.evaluation.evaluate import evaluate
    from ..benchmark.evaluation.options import EvalOptions
    from ..benchmark.records.contract_card import read_statement
    from ..benchmark.suites import find_suite
    from .console import notices, progress_bar

    _require_whole_suite(entry, task, seeds, variant)
    with progress_bar(f"{policy} on {suite}", "episodes") as update:
        panel = find_suite(suite, task or (), None if seeds is None else seed_range(seeds), variant)
        options = replace(
            EvalOptions(out, checkpoints, workers, threads, deadline, fresh),
            card=read_statement(card) if card else None,
            progress=update,
            notice=partial(notices.print, markup=False),
            check=partial(_check_entry, entry) if entry else None,
        )
        path = evaluate(policy, panel, options)
    shown = _show(path, entry, not no_videos, json)
    return shown or int(not _within(path, min_success, max_averaging))


def _show(path: Path, entry: Path | None, with_videos: bool, json: bool) -> int:
    """Write a finished run's entry, print its results for people or programs; returns the exit code."""
    from ..benchmark.scoring.run_episodes import read_run
    from ..benchmark.scoring.task_scores import score_run
    from .console import console, print_json

    with console.capture() if json else nullcontext():
        if entry is not None:
            _write_entry(path, entry)
        present(path, with_videos=with_videos)
    if json:
        print_json([asdict(cell) for cell in score_run(read_run(path))])
    return int(_nothing_but_faults(path))


def _within(path: Path, min_success: float | None, max_averaging: float | None) -> bool:
    """Whether a run keeps the bounds that were asked for, in the clean world; says which it does not."""
    from ..benchmark.number_text import percent
    from ..benchmark.scoring.run_episodes import read_run
    from ..benchmark.scoring.task_scores import score_run, score_suite
    from .console import notices

    total = score_suite(score_run(read_run(path)))
    success = total.success.estimate
    averaging = total.averaging.estimate
    broken = []
    if min_success is not None and success < min_success:
        broken.append(f"success {percent(success, 1)} % is below {percent(min_success, 1)} %")
    if max_averaging is not None and averaging > max_averaging:
        broken.append(f"averaging {percent(averaging, 1)} % is above {percent(max_averaging, 1)} %")
    for line in broken:
        notices.print(f"bimodal: {line}", markup=False)
    return not broken


def _nothing_but_faults(path: Path) -> bool:
    """Whether no episode of a run shows what the policy can do: all were its own faults."""
    from ..benchmark.scoring.run_episodes import read_run

    return all(text for cell in read_run(path).cells.values() for text in cell.faults)


def _require_whole_suite(entry: Path | None, *parts: object) -> None:
    """Refuse an entry of a part of a suite."""
    if entry is not None and any(part is not None for part in parts):
        text = "an entry needs the whole suite; leave out --task, --seeds and --variant, or leave out --entry"
        raise WrongUse(text)


def _check_entry(folder: Path, record: "RunRecord") -> None:
    """Refuse, before the first episode, what no entry may hold."""
    from ..leaderboard.entry import check_before_run

    check_before_run(record, folder)


def _write_entry(path: Path, folder: Path) -> None:
    """Write the leaderboard entry of a run."""
    from ..leaderboard.entry import entry_from_run, write_entry
    from .console import console

    console.print(f"entry    {write_entry(entry_from_run(path), folder)}", markup=False)
