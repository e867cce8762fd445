"""`bimodal evaluate`: scores a policy on a suite and shows what came out."""

from contextlib import ExitStack, nullcontext
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

from ..envs.errors import WrongUse
from .arguments import (
    SUITES,
    Checkpoints,
    Deadline,
    FreshRun,
    Json,
    Sandbox,
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
    variant_option,
)
from .gate import Bounds, exit_code, run_cases, write_junit
from .log_to import LogTo, log_runs
from .machines import Part, Ray, Slurm, Where, play
from .trainings import say_spread, trainings_of
from .videos import present

if TYPE_CHECKING:
    from ..benchmark.evaluation.early_stop import Baseline
    from ..benchmark.evaluation.options import EvalOptions
    from ..benchmark.records.contract_card import Answers
    from ..benchmark.records.run_record import RunRecord
    from ..benchmark.suites import Suite as Panel

EXAMPLE = "bimodal evaluate flow --suite smoke --task PandaLiftDumbbell-v1"
ENTRY_FOLDER = "entries"
"""Where the entry goes when `--entry` stands alone."""

Policy = Annotated[
    str,
    argument(
        "POLICY",
        "name (bimodal policies lists them), file.py:Class, module:Class, openpi:// or vla-eval://HOST:PORT, "
        "or safe(...), bid(...), rtc(...), ensemble(...), best_of_n(...) around one; "
        "flow@seed0..2 takes the weights of several training seeds",
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
    variant_option(
        "only this variant beside the clean world, e.g. contact.friction:2, sensing.latency=3 (its unit) or "
        "contact.friction:2+sensing.latency:1; clean for the clean world alone (may be repeated)"
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
    bool,
    flag("--until-decided", "end as soon as it is better or worse than --against; exit codes of compare"),
]
Against = Annotated[
    Path | None, option("RUN|ENTRY", "baseline of --until-decided: run folder, artifact or entry file")
]
Junit = Annotated[
    Path | None, option("FILE", "also write the conditions of the exit code as JUnit XML, for CI")
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
    shard: Part = None,
    ray: Ray = None,
    slurm: Slurm = None,
    junit: Junit = None,
    no_videos: NoVideos = False,
    sandbox: Sandbox = None,
    fresh: FreshRun = False,
    workers: Workers = None,
    threads: Threads = 1,
    json: Json = False,
    log_to: LogTo = None,
) -> int:
    """Score a policy on a suite: records, table, videos, report."""
    from ..benchmark import EvalOptions, find_suite

    _require_whole_suite(entry, policy, task, seeds, variant, until_decided or None, shard)
    _require_no_result(shard, min_success, max_averaging, junit, json or log_to or None)
    panel = find_suite(suite, task or (), seeds, [] if until_decided and not variant else variant)
    base = EvalOptions(out, checkpoints, workers, threads, deadline, fresh, sandbox, part=shard)
    options = replace(base, card=_statement(card), until_decided=_baseline(panel, until_decided, against))
    options = replace(options, check=partial(_check_entry, entry)) if entry else options
    shown = Shown(entry, not no_videos, json)
    where = Where(ray, slurm)
    paths = [_play(name, panel, way, shown, where) for name, way in trainings_of(policy, panel, options)]
    return 0 if shard else _judge(policy, paths, Bounds(min_success, max_averaging), json, junit, log_to)


class Shown(NamedTuple):
    """What is made of a finished run."""

    entry: Path | None
    """Folder of its leaderboard entry; None for none."""
    videos: bool
    """Whether videos are rendered."""
    quiet: bool
    """Whether the tables are left out, because JSON is printed."""


def _play(policy: str, panel: "Panel", options: "EvalOptions", shown: Shown, where: Where) -> Path:
    """Run what is missing of a policy on a panel, write its entry, show it; returns the run's folder."""
    from .console import console, notices, progress_bar

    with progress_bar(f"{policy} on {panel.name}", "episodes") as update:
        how = replace(options, progress=update, notice=partial(notices.print, markup=False))
        path = play(policy, panel, how, where)
    if options.part:
        console.print(f"{options.part}: {path}; join all {options.part.of} with: bimodal merge", markup=False)
        return path
    with console.capture() if shown.quiet else nullcontext():
        if shown.entry is not None:
            _write_entry(path, shown.entry)
        present(path, with_videos=shown.videos)
    return path


def _judge(
    policy: str, paths: list[Path], bounds: Bounds, json: bool, junit: Path | None, log_to: str | None
) -> int:
    """Give programs and trackers the results, say which conditions are not kept; returns the exit code."""
    from ..benchmark.scoring.run_episodes import read_run
    from ..benchmark.scoring.task_scores import score_run
    from .console import notices, print_json

    runs = {path: read_run(path) for path in paths}
    log_runs(runs.values(), log_to)
    if json:
        rows = {str(path): [asdict(cell) for cell in score_run(run)] for path, run in runs.items()}
        print_json(rows if len(rows) > 1 else rows[str(paths[0])])
    cases = [case for run in runs.values() for case in run_cases(run, bounds)]
    for case in cases:
        if case.problem and case.code == 1:
            notices.print(f"bimodal: {case.problem}", markup=False)
    if len(paths) > 1:
        say_spread(policy, paths)
    if junit:
        write_junit(junit, f"bimodal evaluate {policy}", cases)
    return exit_code(cases)


def _statement(card: Path | None) -> "Answers | None":
    """Return what the submitter says for the contract card."""
    from ..benchmark.records.contract_card import read_statement

    return read_statement(card) if card else None


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


def _require_whole_suite(entry: Path | None, policy: str, *parts: object) -> None:
    """Refuse an entry of a part of a suite, or of several trainings."""
    if entry is not None and "@seed" in policy:
        raise WrongUse("an entry is of one training; leave out @seed and name its weights with --checkpoints")
    if entry is not None and any(part is not None for part in parts):
        cut = "--task, --seeds, --variant and --shard"
        raise WrongUse(f"an entry needs the whole suite; leave out {cut}, or leave out --entry")


def _require_no_result(shard: object, *asked: object) -> None:
    """Refuse to judge or to print a part of a run."""
    if shard and any(one is not None for one in asked):
        text = "a part of a run has no result"
        raise WrongUse(f"{text}; leave out --min-success, --max-averaging, --junit, --json and --log-to")


def _check_entry(folder: Path, record: "RunRecord") -> None:
    """Refuse, before the first episode, what no entry may hold."""
    from ..leaderboard.entry import check_before_run

    check_before_run(record, folder)


def _write_entry(path: Path, folder: Path) -> None:
    """Write the leaderboard entry of a run."""
    from ..leaderboard.entry import entry_from_run, write_entry
    from .console import console

    console.print(f"entry    {write_entry(entry_from_run(path), folder)}", markup=False)
