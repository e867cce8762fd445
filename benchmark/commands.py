"""What the commands do: thin functions from options to the rooms' own functions, and the printing."""

import argparse
from pathlib import Path

from rich.console import Console

from ..envs.errors import WrongUse, unknown_name
from ..tasks import load_task
from ..tasks.demonstrations import collect, load, save
from ..tasks.graded import KINDS
from ..tasks.registry import own_names, place
from ..tasks.sound import require_sound
from .console import console, progress_bar
from .evaluate import RUNS, evaluate
from .files import write_text
from .machine import cores

DEMONSTRATIONS, CHECKPOINTS = RUNS / "demos", RUNS / "checkpoints"
"""Where demonstrations and trained weights go, relative to the working directory."""


# --------------------------------------------------------------------------------------- look around


def tasks(options: argparse.Namespace) -> int:
    """List the tasks and their modes."""
    from .tables import task_table

    console.print(task_table())
    return 0


def policies(options: argparse.Namespace) -> int:
    """List the policies that have a name; your own is file.py:Class."""
    from .tables import policy_table

    console.print(policy_table())
    return 0


def new_task(options: argparse.Namespace) -> int:
    """Write the file of a new task: one that runs, to be changed."""
    from .new_task import write_task

    file = write_task(options.name, options.out)
    console.print(
        f"{file}: a task that runs; change its objects and waypoints (docs/add-a-task.md)", markup=False
    )
    for command, text in (
        ("view", "look at it"),
        ("certify --quick", "gates 1 to 4"),
        ("certify", "all gates"),
    ):
        verb, *flags = command.split()
        line = " ".join(["bimodal", verb, str(file), *flags])
        console.print(f"  {line:{len(str(file)) + 25}} # {text}", markup=False)
    return 0


def view(options: argparse.Namespace) -> int:
    """Show a task: its modes, their average, where it may lie, its dead zone; in a window or as files."""
    from .view import animate, check_endings, draw

    task = load_task(options.task, check=False)  # what is wrong with it may be seen
    check_endings(options.png, options.gif)
    if options.png is None and options.gif is None:
        from .viewer import show

        show(task, options.seed)
    for file, write in ((options.png, draw), (options.gif, animate)):
        if file is not None:
            console.print(f"picture  {write(task, file, options.seed)}", markup=False)
    return 0


def scenes(options: argparse.Namespace) -> int:
    """Draw a sheet of the scenes that the generator makes of a task."""
    from .contact_sheet import contact_sheet

    with progress_bar(f"{options.task} {options.variant}", "scenes") as update:
        task, seeds = load_task(options.task), scene_seeds(options.seed)
        path = contact_sheet(task, seeds, options.png, options.variant, options.camera, update)
    console.print(f"sheet    {path}", markup=False)
    return 0


def scene_seeds(text: str) -> range:
    """Parse `START..END` (inclusive) or one seed."""
    first, dots, last = text.partition("..")
    if not first.isdecimal() or not (last.isdecimal() or not dots):
        raise WrongUse(f"--seed {text!r} is not a seed or START..END, e.g. 3 or 0..15")
    return range(int(first), int(last or first) + 1)


# --------------------------------------------------------------------------------- demonstrate, train


def demonstrations_file(
    task: str, regime: str, episodes: int, seed: int, folder: Path = DEMONSTRATIONS
) -> Path:
    """Return where a demonstration set lies by default."""
    return folder / task / f"{regime}-{episodes}-s{seed}.npz"


def demos(options: argparse.Namespace) -> int:
    """Record demonstrations of a task by its scripted experts."""
    task = load_task(options.task)
    path = options.out or demonstrations_file(task.id, options.regime, options.episodes, options.seed)
    with progress_bar(f"{task.id} {options.regime}", "episodes") as update:
        found = collect(
            task,
            options.regime,
            options.episodes,
            options.seed,
            options.noise / 1000,
            options.threads or cores(),
            update,
        )
    save(found, path)
    shares = ", ".join(f"{(found.modes == mode).mean():.0%} {name}" for mode, name in enumerate(task.modes))
    console.print(
        f"{path}: {len(found.seeds)} episodes ({shares}), {found.success.mean():.1%} succeed", markup=False
    )
    if found.kinds is not None:
        for index, kind in enumerate(KINDS):
            meant = found.kinds == index
            console.print(
                f"{kind}: {meant.sum()} episodes, {found.success[meant].sum()} succeed", markup=False
            )
    return 0


def train(options: argparse.Namespace) -> int:
    """Train a method on a task's demonstrations, or with --all many methods on many tasks."""
    return _train_all(options) if options.all else _train_one(options)


def _train_one(options: argparse.Namespace) -> int:
    """Train one method on one task."""
    from ..policies.presets import USUAL
    from ..policies.train import METHODS
    from ..policies.train import train as fit
    from .training import demonstrate, episodes_of

    method, tasks, path = options.method, options.task or (), options.demos
    if method is None:
        raise WrongUse(f"name a method ({', '.join(METHODS)}), or --all for every method and task")
    if method not in METHODS:
        raise unknown_name("method", method, METHODS)
    if len(tasks) != 1:
        raise WrongUse("name one task, as --task TASK; more than one, or a whole suite, need --all")
    if options.methods or options.seeds:
        raise WrongUse("--methods and --seeds belong to --all; here it is METHOD and --seed")
    task = load_task(tasks[0])
    if path is not None and (shown := load(path).meta.get("task")) != task.id:
        raise WrongUse(f"{path} holds demonstrations of {shown}, not of {task.id}")
    if path is None:
        regime = METHODS[method].regime
        path = demonstrations_file(task.id, regime, episodes_of(regime), 0)
        with progress_bar(f"{task.id} {regime}", "episodes") as update:
            demonstrate(task.id, regime, path, update, cores())
    with progress_bar(f"{method} on {task.id}", "steps") as update:
        weights = fit(
            method,
            path,
            options.out,
            options.steps,
            options.seed,
            lambda step, steps, loss: update(step, steps, f"loss {loss:.4f}"),
            preset=options.preset or USUAL,
            device=options.device,
            fresh=options.fresh,
            notice=lambda text: console.print(text, markup=False),
        )
    console.print(f"{weights}: {weights.stat().st_size / 1e6:.2f} MB", markup=False)
    return 0


def _train_all(options: argparse.Namespace) -> int:
    """Train every method on every task of a suite; exit code 1 if a training failed."""
    from ..policies.devices import find_device
    from ..policies.presets import USUAL
    from ..policies.train import METHODS
    from .suites import find_suite
    from .training import Setting, Training, train_all

    if options.method or options.demos or options.seed:
        raise WrongUse("METHOD, --demos and --seed are for one training; with --all: --methods and --seeds")
    if options.workers is not None and options.workers < 0:
        raise WrongUse(f"workers is {options.workers}; it must be 0 or more")
    methods = options.methods.split(",") if options.methods else list(METHODS)
    for method in methods:
        if method not in METHODS:
            raise unknown_name("method", method, METHODS)
    tasks = find_suite(options.suite, tuple(options.task or ())).tasks
    seeds = seed_range(options.seeds or "1")
    if not seeds or seeds.start < 0:
        raise WrongUse(f"--seeds {options.seeds!r} is not START..END or a count, e.g. 0..2 or 3")
    device = find_device(options.device, wide=options.preset in (None, "gpu"))
    preset = options.preset or ("gpu" if device == "cuda" else USUAL)
    what = f"{len(methods)} methods, {len(tasks)} tasks, {len(seeds)} training seeds"
    console.print(f"{what}: preset {preset} on {device}", markup=False)
    everything = [Training(task, method, seed) for seed in seeds for task in tasks for method in methods]
    setting = Setting(options.out, preset, device, options.steps, options.fresh)
    with progress_bar("training", "steps") as update:
        outcome = train_all(everything, setting, demonstrations_file, options.workers, update)
    for training, problem in outcome.failed.items():
        console.print(f"failed: {training}: {problem}", markup=False)
    trained, kept, failed = map(len, outcome)
    console.print(f"{options.out}: {trained} trained, {kept} there already, {failed} failed", markup=False)
    return 1 if outcome.failed else 0


# ------------------------------------------------------------------------------------ score, look again


def seed_range(text: str) -> range:
    """Parse `START..END` (inclusive) or a count."""
    first, dots, last = text.partition("..")
    try:
        return range(int(first), int(last) + 1) if dots else range(int(first))
    except ValueError:
        raise WrongUse(f"--seeds {text!r} is not START..END or a count, e.g. 0..49 or 50") from None


def run_evaluation(options: argparse.Namespace) -> int:
    """Score a policy on a suite: records, table, videos, report, and an entry if asked."""
    if options.entry is not None and (options.task or options.seeds is not None or options.variant):
        raise WrongUse(
            "an entry needs the whole suite; leave out --task, --seeds and --variant, or leave out --entry"
        )
    with progress_bar(f"{options.policy} on {options.suite}", "episodes") as update:
        path = evaluate(
            options.policy,
            options.suite,
            tasks=options.task or (),
            seeds=None if options.seeds is None else seed_range(options.seeds),
            variants=options.variant,
            out=options.out,
            checkpoints=options.checkpoints,
            workers=options.workers,
            threads=options.threads,
            deadline_s=options.deadline,
            fresh=options.fresh,
            progress=update,
        )
    if options.entry is not None:
        from ..leaderboard.entry import entry_from_run, write_entry

        console.print(f"entry    {write_entry(entry_from_run(path), options.entry)}", markup=False)
    present(path, console, videos=not options.no_videos)
    return 0


def present(path: Path, console: Console, videos: bool = True) -> None:
    """Print a run's table, render its videos, write its report."""
    from .report import write_report
    from .run_folder import seal
    from .tables import run_table, shift_table
    from .tally import faults, read_run

    run = read_run(path)
    console.print(run_table(run))
    if (shifts := shift_table(run)) is not None:
        console.print(shifts)
    for text in faults(run)[:3]:
        console.print(f"the policy's fault in {text}", markup=False)
    try:
        if videos:
            from .videos import render_videos

            with progress_bar("videos", "clips") as update:
                render_videos(path, progress=update)
    finally:  # without a way to draw there is still a report
        console.print(f"report   {write_report(path)}", markup=False)
        seal(path)


def videos(options: argparse.Namespace) -> int:
    """Print a run's table, render its videos from its traces, write its report."""
    from .run_folder import read_card

    read_card(options.run_folder)
    present(options.run_folder, console)
    return 0


def certify(options: argparse.Namespace) -> int:
    """Check a task against every gate of the certificate; exit code 1 if one fails."""
    if options.variants:
        return _feasibility(options)
    if options.controls or options.limits:
        return _studies(options)
    from .certificate import certificate_table, certificates_page
    from .certificate import certify as check
    from .certificates import all_kept, keep, kept

    names, workers, passed = _chosen(options), cores() if options.workers is None else options.workers, True
    for name in names:
        task = load_task(name)
        require_sound(task, place(name))
        found = None if options.fresh or options.quick else kept(task)
        if found is None:
            with progress_bar(name, "") as update:
                found = check(
                    task,
                    quick=options.quick,
                    progress=lambda text, n, total: update(n, total, text),
                    workers=workers,
                )
            if not found.quick:
                keep(found)
        console.print(certificate_table(found))
        passed &= found.passed
    if options.page:
        shown = all_kept(map(load_task, own_names()))
        missing = sorted(set(own_names()) - {found.task for found in shown})
        write_text(options.page, certificates_page(shown, missing))
    return 0 if passed else 1


def _chosen(options: argparse.Namespace) -> tuple[str, ...]:
    """Return the tasks to certify or study."""
    if options.all and options.task:
        raise WrongUse("--all means every task; leave it out, or leave out the task ids")
    return tuple(options.task) or own_names()


def _studies(options: argparse.Namespace) -> int:
    """Measure the causal controls and the limits of tasks, and print them."""
    from .validity import measure
    from .validity_page import validity_page, validity_tables

    with progress_bar("studies", "") as update:
        found = measure(
            [load_task(name) for name in _chosen(options)],
            controls=options.controls,
            limits=options.limits,
            workers=cores() if options.workers is None else options.workers,
            fresh=options.fresh,
            progress=lambda text, n, total: update(n, total, text),
        )
    for table in validity_tables(found):
        console.print(table)
    if options.page:
        everything = measure(map(load_task, own_names()), controls=False, limits=False)
        write_text(options.page, validity_page([one for one in everything if one.findings]))
    return 0


def _feasibility(options: argparse.Namespace) -> int:
    """Measure in which variants the experts still succeed, and print it."""
    from .feasibility import QUICK_SEEDS, SEEDS, Cell, measure
    from .feasible_cells import keep, kept
    from .variants_page import feasibility_tables, variants_page

    if options.controls or options.limits:
        raise WrongUse("--variants, and --controls or --limits, are two studies; leave one out")
    names = _chosen(options)
    with progress_bar("variants", "cells") as update:

        def done(cell: Cell, n: int, total: int) -> None:
            if not options.quick:
                keep(cell)
            update(n, total, f"{cell.task} {cell.axis}:{cell.level}")

        found = measure(
            names,
            workers=cores() if options.workers is None else options.workers,
            seeds=QUICK_SEEDS if options.quick else SEEDS,
            known=None if options.fresh or options.quick else kept(names),
            progress=done,
        )
    for table in feasibility_tables(found):
        console.print(table)
    if options.page:
        write_text(options.page, variants_page(own_names(), kept(own_names())))
    return 0


def results(options: argparse.Namespace) -> int:
    """Compare every method that has a finished run on the core suite, and how samplers trade time."""
    from . import sampling, validity
    from .machine import machine
    from .results import decision_ms, result, runs_of, seed_runs
    from .results_page import results_page, results_tables

    runs = runs_of()
    if not runs:
        raise WrongUse("no finished run of the core suite in runs/; make one with: bimodal evaluate flow")
    found = [result(run) for run in runs]
    if options.sampling:
        workers = cores() if options.workers is None else options.workers
        with progress_bar("samplers", "cells") as update:
            sampling.measure(
                workers=workers,
                fresh=options.fresh,
                progress=lambda text, n, total: update(n, total, text),
            )
    with console.status("timing decisions") as status:
        times = decision_ms([one.policy for one in found], lambda name: status.update(f"timing {name}"))
    for table in results_tables(found, times):
        console.print(table)
    if options.page:
        controls = validity.measure(map(load_task, own_names()), controls=False, limits=False)
        seeds = {one.policy: [one, *map(result, seed_runs(one.policy))] for one in found}
        cpu = str(machine()["cpu"])
        write_text(options.page, results_page(found, times, seeds, sampling.kept(), controls, cpu))
    return 0


def probe(options: argparse.Namespace) -> int:
    """Dissolve a plan into noise and walk it back, level by level: diffusion in its smallest form."""
    from . import denoising, denoising_svg

    if options.plot and options.plot.suffix != ".svg":
        raise WrongUse(f"--plot {options.plot} draws an SVG file; name it FILE.svg")
    if options.learned:
        with console.status("training a denoiser"):
            learned = denoising.run_learned()
        tables, picture = denoising.learned_tables(learned), denoising_svg.learned_picture(learned)
    else:
        example = denoising.run_example()
        tables, picture = [denoising.example_table(example)], denoising_svg.example_picture(example)
    for table in tables:
        console.print(table)
    if options.plot:
        options.plot.parent.mkdir(parents=True, exist_ok=True)
        write_text(options.plot, picture)
        console.print(f"picture  {options.plot}", markup=False)
    return 0


def speed(options: argparse.Namespace) -> int:
    """Measure control steps per second, beside bare MuJoCo and robosuite's own Lift."""
    from .speed import speed as measure
    from .speed import speed_table

    with console.status("measuring") as status:
        rows = measure(quick=options.quick, progress=status.update)
    console.print(speed_table(rows))
    return 0


# ------------------------------------------------------------------------------------------ leaderboard


def leaderboard(options: argparse.Namespace) -> int:
    """Print the board of a folder of entries (default: those that come with the package)."""
    from ..leaderboard.board import board_tables
    from ..leaderboard.entry import read_entries

    for table in board_tables(read_entries(options.entries)):
        console.print(table)
    return 0


def check(options: argparse.Namespace) -> int:
    """Check a leaderboard entry: schema, completeness, every number recounted."""
    from ..leaderboard.entry import check_entry, read_entry

    problems = check_entry(read_entry(options.entry))
    for problem in problems:
        console.print(problem, markup=False)
    console.print(
        f"{options.entry}: {'sound' if not problems else f'{len(problems)} problems'}", markup=False
    )
    return 1 if problems else 0


def reproduce(options: argparse.Namespace) -> int:
    """Run an entry's panel again: identical, consistent (exit 0) or different (exit 1)."""
    from ..leaderboard.reproduce import reproduce as run_again

    with progress_bar(str(options.entry), "episodes") as update:
        outcome = run_again(
            options.entry,
            out=options.out,
            checkpoints=options.checkpoints,
            workers=options.workers,
            threads=options.threads,
            fresh=options.fresh,
            progress=update,
        )
    for line in outcome.lines:
        console.print(line, markup=False)
    console.print(f"[bold]{outcome.verdict}[/]: {outcome.reason}")
    return 1 if outcome.verdict == "different" else 0


def site(options: argparse.Namespace) -> int:
    """Write the leaderboard as a static page that opens from disk."""
    from ..leaderboard.site import build_site

    console.print(
        f"page     {build_site(options.entries, options.out, runs=options.run or [])}", markup=False
    )
    return 0


def bench(options: argparse.Namespace) -> int:
    """Do everything: demonstrations, training, scoring, videos, entries, and print the board."""
    from ..leaderboard.bench import bench as run_bench

    return run_bench(options.out, console)
