"""What `demos` and `train` do."""

import argparse
from pathlib import Path

from ..benchmark.evaluation.evaluate import RUNS
from ..benchmark.provenance import cores
from ..envs.errors import WrongUse, unknown_name
from ..tasks import load_task
from ..tasks.demonstrations.collect import collect, load, save
from ..tasks.demonstrations.graded import KINDS
from .commands import seed_range
from .console import console, progress_bar

DEMONSTRATIONS, CHECKPOINTS = RUNS / "demos", RUNS / "checkpoints"
"""Where demonstrations and trained weights go, relative to the working directory."""


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
    from ..benchmark.train_all import demonstrate, episodes_of
    from ..policies.training.presets import USUAL
    from ..policies.training.train import METHODS
    from ..policies.training.train import train as fit

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
    from ..benchmark.suites import find_suite
    from ..benchmark.train_all import Setting, Training, train_all
    from ..policies.core.devices import find_device
    from ..policies.training.presets import USUAL
    from ..policies.training.train import METHODS

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
