"""`bimodal train`: trains one method on one task, or many on many."""

from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from ..envs.errors import WrongUse, unknown_name
from .arguments import (
    CHECKPOINTS,
    PRESETS,
    SUITES,
    argument,
    choice,
    flag,
    number,
    option,
    seed_range,
    task_option,
)
from .demos import demonstrations_file
from .log_to import LogTo

if TYPE_CHECKING:
    from ..benchmark.train_all import Training, TrainingOptions
    from ..policies.training.train import TrainOptions

LOGGED_EVERY = 10
"""Steps between two numbers that are sent to a tracker."""
EXAMPLE = "bimodal train flow --task PandaLiftPot-v1 --preset tiny"

Method = Annotated[str | None, argument("METHOD", "mse, flow, mip, ...: a wrong name lists them all")]
Tasks = Annotated[
    list[str] | None, task_option("task id or file.py (with --all: only these, may be repeated)")
]
Every = Annotated[bool, flag("--all", "every method of the state on every task, a process a core")]
Suite = Annotated[str, choice("suite", f"whose tasks --all means: {', '.join(SUITES)}", SUITES)]
Methods = Annotated[str | None, option("NAMES", "with --all: only these, e.g. mse,flow")]
Seeds = Annotated[str | None, option("SEEDS", "with --all: training seeds, START..END or a count")]
Demos = Annotated[Path | None, option("FILE", "demonstrations", default="the method's, made if missing")]
Preset = Annotated[
    str | None,
    choice(
        "preset", f"size: {', '.join(PRESETS)}", PRESETS, "cpu; with --all gpu where there is a CUDA device"
    ),
]
Device = Annotated[str, option("NAME", "auto, cpu or cuda; auto is cuda for the preset gpu")]
Steps = Annotated[int | None, number("optimiser steps", "the method's")]
Past = Annotated[int, number("control steps whose observations the policy reads")]
Seed = Annotated[int, number("training seed")]
Out = Annotated[Path, option("FOLDER", "where checkpoints go")]
Fresh = Annotated[bool, flag("--fresh", "begin anew instead of going on")]
Workers = Annotated[int | None, number("with --all: processes", "one a core")]


def run(
    method: Method = None,
    task: Tasks = None,
    every: Every = False,
    suite: Suite = "core",
    methods: Methods = None,
    seeds: Seeds = None,
    demos: Demos = None,
    preset: Preset = None,
    device: Device = "auto",
    steps: Steps = None,
    seed: Seed = 0,
    n_obs_steps: Past = 1,
    out: Out = CHECKPOINTS,
    fresh: Fresh = False,
    workers: Workers = None,
    log_to: LogTo = None,
) -> int:
    """Train a method on a task, or with --all many methods on many.

    The exit code is 1 if a training failed.
    """
    if demos is not None and not demos.is_file():
        raise WrongUse(f"no demonstrations at {demos}; make them with: bimodal demos TASK --out {demos}")
    from ..benchmark.train_all import TrainingOptions
    from ..policies.training.presets import USUAL, checked_past

    past = checked_past(n_obs_steps)
    if not every:
        if methods or seeds:
            raise WrongUse("--methods and --seeds belong to --all; here it is METHOD and --seed")
        setting = TrainingOptions(out, preset or USUAL, device, steps, fresh, past)
        return _train_one(method, task or [], demos, seed, setting, log_to)
    if method or demos or seed or log_to:
        one = "METHOD, --demos, --seed and --log-to"
        raise WrongUse(f"{one} are for one training; with --all: --methods and --seeds")
    setting = TrainingOptions(out, *_size(preset, device), steps, fresh, past)
    return _train_all(methods, suite, task or [], seeds or "1", setting, workers)


def _train_one(
    method: str | None,
    tasks: list[str],
    path: Path | None,
    seed: int,
    setting: "TrainingOptions",
    log_to: str | None,
) -> int:
    """Train one method on one task."""
    from ..benchmark.train_all import Training
    from ..policies.core.checkpoint import load as load_checkpoint
    from ..policies.training.train import METHODS, TrainOptions
    from ..tasks import load_task
    from ..tasks.demonstrations.collect import load
    from .console import console

    if method is None:
        raise WrongUse(f"name a method ({', '.join(METHODS)}), or --all for every method and task")
    if method not in METHODS:
        raise unknown_name("method", method, METHODS)
    if len(tasks) != 1:
        raise WrongUse("name one task, as --task TASK; more than one, or a whole suite, need --all")
    task = load_task(tasks[0])
    if path is not None and (shown := load(path).meta.get("task")) != task.id:
        raise WrongUse(f"{path} holds demonstrations of {shown}, not of {task.id}")
    path = path or _demonstrate(task.id, method)
    if _is_kept(Training(task.id, method, seed), setting, path):
        return 0
    size = (setting.preset, setting.device)
    options = TrainOptions(setting.steps, seed, *size, setting.fresh, setting.n_obs_steps)
    weights = _fit(method, path, setting.out, options, f"{method} on {task.id}", log_to)
    loss = load_checkpoint(weights, task.id, method).config.training["loss"]
    console.print(f"{weights}: {weights.stat().st_size / 1e6:.2f} MB, loss {loss:.4f}", markup=False)
    return 0


def _fit(method: str, path: Path, out: Path, options: "TrainOptions", name: str, log_to: str | None) -> Path:
    """Train on a file of demonstrations, shown by a bar and sent to a tracker; returns the weights."""
    from ..policies.training.run_log import logged
    from ..policies.training.train import train
    from .console import console, progress_bar

    config = {"demonstrations": path.name, **options._asdict()}
    with logged(log_to, name.replace(" ", "-"), config) as numbers, progress_bar(name, "steps") as update:

        def report(step: int, steps: int, loss: float) -> None:
            update(step, steps, f"loss {loss:.4f}")
            if step % LOGGED_EVERY == 0 or step == steps:
                numbers(step, {"loss": loss})

        notice = partial(console.print, markup=False)
        return train(method, path, out, options, report, notice=notice)


def _is_kept(training: "Training", setting: "TrainingOptions", demonstrations: Path) -> bool:
    """Whether the weights are there already; says so, and says what is about to be replaced."""
    from ..benchmark.train_all import fits
    from ..policies.core.checkpoint import checkpoint_path
    from ..tasks.demonstrations.collect import load
    from .console import console

    there = checkpoint_path(setting.out, training.task, training.method)
    if setting.fresh or not there.exists():
        return False
    kept = fits(training, setting.out, setting, load(demonstrations).meta)
    text = (
        "there already, made with these options and demonstrations; --fresh trains it again"
        if kept
        else "replacing an older checkpoint, made with other options or demonstrations"
    )
    console.print(f"{there}: {text}", markup=False)
    return kept


def _demonstrate(task: str, method: str) -> Path:
    """Record a method's usual demonstrations if there are none; returns their file."""
    from ..benchmark.provenance import cores
    from ..benchmark.train_all import demonstrate, episodes_of, regime_of
    from .console import progress_bar

    regime = regime_of(method)
    path = demonstrations_file(task, regime, episodes_of(task, method), 0)
    with progress_bar(f"{task} {regime}", "episodes") as update:
        demonstrate(task, method, path, update, cores())
    return path


def _size(preset: str | None, device: str) -> tuple[str, str]:
    """Return the preset and the device of many trainings: large ones where there is a CUDA device."""
    from ..policies.core.devices import find_device
    from ..policies.training.presets import USUAL

    device = find_device(device, wide=preset in (None, "gpu"))
    return preset or ("gpu" if device == "cuda" else USUAL), device


def _train_all(
    chosen: str | None,
    suite: str,
    tasks: list[str],
    seeds: str,
    setting: "TrainingOptions",
    workers: int | None,
) -> int:
    """Train every method on every task of a suite; returns 1 if a training failed."""
    from ..benchmark.suites import find_suite
    from ..benchmark.train_all import Training, regime_of, train_all
    from ..policies.training.train import METHODS
    from ..tasks.demonstrations.regimes import GRADED
    from .console import console, progress_bar

    if workers is not None and workers < 0:
        raise WrongUse(f"workers is {workers}; it must be 0 or more")
    methods = chosen.split(",") if chosen else [name for name in METHODS if not METHODS[name].cameras]
    for method in methods:
        if method not in METHODS:
            raise unknown_name("method", method, METHODS)
    names = find_suite(suite, tuple(tasks)).tasks
    numbers = seed_range(seeds)
    if not numbers or numbers.start < 0:
        raise WrongUse(f"--seeds {seeds!r} is not START..END or a count, e.g. 0..2 or 3")
    what = f"{len(methods)} methods, {len(names)} tasks, {len(numbers)} training seeds"
    console.print(f"{what}: preset {setting.preset} on {setting.device}", markup=False)
    left = [] if chosen else _left_out(names)
    able = [(t, m) for t in names for m in methods if not (t in left and regime_of(m) == GRADED)]
    everything = [Training(task, method, seed) for seed in numbers for task, method in able]
    with progress_bar("training", "steps") as update:
        outcome = train_all(everything, setting, demonstrations_file, workers, update)
    for training, problem in outcome.failed.items():
        console.print(f"failed: {training}: {problem}", markup=False)
    trained, kept, failed = map(len, outcome)
    text = f"{setting.out}: {trained} trained, {kept} there already, {failed} failed"
    console.print(text, markup=False)
    return 1 if outcome.failed else 0


def _left_out(tasks: Iterable[str]) -> list[str]:
    """Return the tasks on which `--all` trains nothing from graded demonstrations, and say why not."""
    from ..tasks import load_task
    from ..tasks.demonstrations.collect import collect
    from ..tasks.demonstrations.regimes import GRADED
    from .console import console

    left = []
    for task in map(load_task, tasks):
        try:
            collect(task, GRADED, len(task.modes))
        except WrongUse as why:
            left.append(task.id)
            console.print(f"left out, what learns from graded demonstrations: {why}", markup=False)
    return left
