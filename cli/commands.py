"""What the commands do: thin functions from options to the rooms' own functions, and the printing."""

import argparse
from pathlib import Path

from rich.console import Console

from ..benchmark.evaluation.evaluate import evaluate
from ..envs.errors import WrongUse
from ..envs.files import write_text
from ..tasks import load_task
from .console import console, progress_bar

# --------------------------------------------------------------------------------------- look around


def tasks(options: argparse.Namespace) -> int:
    """List the tasks and their modes."""
    from ..benchmark.report.terminal_tables import task_table

    console.print(task_table())
    return 0


def policies(options: argparse.Namespace) -> int:
    """List the policies that have a name; your own is file.py:Class."""
    from ..benchmark.report.terminal_tables import policy_table

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
    from ..benchmark.media.task_picture import animate, check_endings, draw

    task = load_task(options.task, check=False)  # what is wrong with it may be seen
    check_endings(options.png, options.gif)
    if options.png is None and options.gif is None:
        from ..benchmark.media.viewer import show

        show(task, options.seed)
    for file, write in ((options.png, draw), (options.gif, animate)):
        if file is not None:
            console.print(f"picture  {write(task, file, options.seed)}", markup=False)
    return 0


def scenes(options: argparse.Namespace) -> int:
    """Draw a sheet of the scenes that the generator makes of a task."""
    from ..benchmark.media.contact_sheet import contact_sheet

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
    from ..benchmark.records.run_folder import seal
    from ..benchmark.report.run_report import write_report
    from ..benchmark.report.terminal_tables import run_table, shift_table
    from ..benchmark.scoring.task_scores import faults, read_run

    run = read_run(path)
    console.print(run_table(run))
    if (shifts := shift_table(run)) is not None:
        console.print(shifts)
    for text in faults(run)[:3]:
        console.print(f"the policy's fault in {text}", markup=False)
    try:
        if videos:
            from ..benchmark.media.videos import render_videos

            with progress_bar("videos", "clips") as update:
                render_videos(path, progress=update)
    finally:  # without a way to draw there is still a report
        console.print(f"report   {write_report(path)}", markup=False)
        seal(path)


def videos(options: argparse.Namespace) -> int:
    """Print a run's table, render its videos from its traces, write its report."""
    from ..benchmark.records.run_folder import read_card

    read_card(options.run_folder)
    present(options.run_folder, console)
    return 0


def probe(options: argparse.Namespace) -> int:
    """Dissolve a plan into noise and walk it back, level by level: diffusion in its smallest form."""
    from ..benchmark.report import denoising_plot as denoising_svg
    from ..benchmark.studies import denoising

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
    from ..benchmark.speed.speed import speed as measure
    from ..benchmark.speed.speed import speed_table

    with console.status("measuring") as status:
        rows = measure(quick=options.quick, progress=status.update)
    console.print(speed_table(rows))
    return 0
