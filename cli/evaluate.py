"""`bimodal evaluate`: scores a policy on a suite and shows what came out."""

from contextlib import ExitStack, nullcontext
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
    from ..benchmark.evaluation.early_stop import Baseline
    from ..benchmark.evaluation.options import EvalOptions
    from ..benchmark.records.run_record import RunRecord
    from ..benchmark.suites import Suite as Panel

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
Seeds = Annotated[
    range | None, option("SEEDS", "other seeds: START..END, both included, or a count", seed_range)
]
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
UntilDecided = Annotated[
    bool, flag("--until-decided", "end as soon as it is better or worse than --against, clean world alone")
]
Against = Annotated[
    Path | None, option("RUN|ENTRY", "baseline of --until-decided: run folder, artifact or entry file")
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
    until_decided: UntilDecided = False,
    against: Against = None,
    no_videos: NoVideos = False,
    fresh: FreshRun = False,
    workers: Workers = None,
    threads: Threads = 1,
    json: Json = False,
) -> int:
    """Score a policy on a suite: records, table, videos, report.

    With --until-decided the exit code is that of `compare`: 0 better, 1 worse, 2 undecided, 3 not comparable.
    """
    from ..benchmark.evaluation.options import EvalOptions
    from ..benchmark.records.contract_card import read_statement
    from ..benchmark.suites import find_suite

    _require_whole_suite(entry, task, seeds, variant, until_decided or None)
    panel = find_suite(suite, task or (), seeds, [] if until_decided and not variant else variant)
    options = replace(
        EvalOptions(out, checkpoints, workers, threads, deadline, fresh),
        card=read_statement(card) if card else None,
        until_decided=_baseline(panel, until_decided, against),
        check=partial(_check_entry, entry) if entry else None,
    )
    path = _play(policy, panel, options)
    shown = _show(path, entry, not no_videos, json)
    return shown or int(not _within(path, min_success, max_averaging)) or _verdict(path)


def _play(policy: str, panel: "Panel", options: "EvalOptions") -> Path:
    """Run what is missing of a policy on a panel; returns the run's folder."""
    from ..benchmark.evaluation.evaluate import evaluate
    from .console import notices, progress_bar

    with progress_bar(f"{policy} on {panel.name}", "episodes") as update:
        return evaluate(
            policy, panel, replace(options, progress=update, notice=partial(notices.print, markup=False))
        )


def _baseline(panel: "Panel", until_decided: bool, against: Path | None) -> "Baseline | None":
    """Return what a run is held against that ends when decided; None for other runs."""
    from ..benchmark.comparison.early_stop import baseline_of
    from .compare import opened_arm

    if not until_decided and against is None:
        return None
    if not until_decided or against is None:
        raise WrongUse(
            "--until-decided and --against belong together, e.g. --until-decided --against runs/core-mse; "
            "two finished runs are compared by: bimodal compare"
        )
    if len(panel.variants) > 1:
        raise WrongUse("--until-decided plays the clean world alone; leave out --variant")
    with ExitStack() as stack:
        return baseline_of(opened_arm(against, stack), panel)


def _verdict(path: Path) -> int:
    """Say what a run has shown that was to end when decided; returns the exit code, 0 for other runs."""
    from ..benchmark.comparison.arm import arm_of_run
    from ..benchmark.comparison.early_stop import verdict_of
    from ..benchmark.comparison.sentences import early_stop_sentence
    from ..benchmark.scoring.run_episodes import read_run
    from .console import notices

    found = read_run(path)
    if not (stop := found.record.early_stop):
        return 0
    verdict = verdict_of(stop)
    notices.print(early_stop_sentence(arm_of_run(found), stop, verdict), markup=False)
    return verdict.value


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
