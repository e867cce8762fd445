"""Trains many methods on many tasks, as many at a time as there are cores.

Called by `bimodal train --all` and by the main job. What is there already and fits is not trained again; what
was interrupted goes on; what fails stops nothing.
"""

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import NamedTuple

import mujoco

from ..envs.errors import BimodalError, WrongUse
from ..policies.training.presets import USUAL, find_preset
from ..tasks import load_task
from ..tasks.core.fingerprint import fingerprint
from ..tasks.demonstrations.collect import PROCESS_NOISE, collect, load, save
from ..tasks.demonstrations.regimes import whole_scenes
from .number_text import short_name
from .processes import CallState, Report, ReportingCall, watch_calls
from .provenance import cores

SHOWN = 3
"""Trainings that the progress display names."""

Shows = Callable[[str, str, int, int], Path]
"""Where the demonstrations of a task lie: shows(task, regime, episodes, seed)."""
Update = Callable[[int, int, str], None]
"""update(steps done, steps in all, note)."""


class Training(NamedTuple):
    """One method on one task."""

    task: str
    """Task id."""
    method: str
    """Registered name."""
    seed: int = 0
    """Of the training."""

    def __str__(self) -> str:
        """Return it in words."""
        return f"{self.method} on {short_name(self.task)}" + (f", seed {self.seed}" if self.seed else "")


class TrainingOptions(NamedTuple):
    """What all trainings have in common."""

    out: Path
    """Folder of checkpoints; those of another seed than 0 lie in a folder of their own in it."""
    preset: str = USUAL
    """One of `PRESETS`."""
    device: str = "auto"
    """One of `DEVICES`."""
    steps: int | None = None
    """Optimiser steps of a stage; None takes each method's budget."""
    fresh: bool = False
    """Whether everything is trained anew."""
    n_obs_steps: int = 1
    """Control steps whose observations a policy reads."""

    def folder(self, seed: int) -> Path:
        """Return the folder of the checkpoints of a training seed."""
        return self.out / f"seed-{seed}" if seed else self.out


class TrainingSummary(NamedTuple):
    """What became of many trainings."""

    trained: tuple[Training, ...]
    """Trained now."""
    kept: tuple[Training, ...]
    """There already."""
    failed: dict[Training, str]
    """Why each of the others has no weights."""


def regime_of(method: str) -> str:
    """Return the regime of the demonstrations that a method learns from."""
    from ..policies.training.train import METHODS

    return METHODS[method].regime


def episodes_of(task: str, method: str) -> int:
    """Return how many demonstrations of a task a method learns from."""
    from ..policies.training.train import METHODS

    return whole_scenes(load_task(task), METHODS[method].episodes)


def demonstrate(task: str, method: str, file: Path, report: Report | None = None, threads: int = 1) -> None:
    """Record what a method learns from, unless it is there, whole, and of the task's present form."""
    if _usable(file) is None:
        what = (load_task(task), regime_of(method), episodes_of(task, method))
        save(collect(*what, threads=threads, progress=report), file)


def train_all(
    trainings: Iterable[Training],
    options: TrainingOptions,
    shows: Shows,
    workers: int | None = None,
    update: Update | None = None,
) -> TrainingSummary:
    """Train everything, making the demonstrations that are missing.

    Args:
        trainings: which methods on which tasks.
        options: what they have in common.
        shows: says where demonstrations lie.
        workers: processes; None is one a core, 0 stays in this one.
        update: called now and then with the optimiser steps done, those to do, and a note.
    """
    workers = cores() if workers is None else workers
    tell = update or (lambda done, total, note: None)
    # 1. what is there already, and how much is left
    files = {t: shows(t.task, regime_of(t.method), episodes_of(t.task, t.method), 0) for t in trainings}
    metas = {file: _usable(file) for file in set(files.values())}
    there = {t: fits(t, options.folder(t.seed), options, metas[file]) for t, file in files.items()}
    kept = [] if options.fresh else [t for t in files if there[t]]
    steps = {t: _all_steps(t.method, options) for t in files if t not in kept}
    total = sum(steps.values())
    # 2. the demonstrations that are missing
    missing = {files[t]: t for t in steps if metas[files[t]] is None}
    undone = _demonstrate_all(missing, workers, lambda note: tell(0, total, note))
    failed = {t: f"no demonstrations: {undone[files[t]]}" for t in steps if files[t] in undone}
    lost = sum(steps[t] for t in failed)
    # 3. the longest training first, so that no core is left alone with it at the end
    todo = sorted((t for t in steps if t not in failed), key=lambda t: -steps[t])
    calls = {t: partial(_train, t, files[t], options) for t in todo}
    failed |= _train_all(calls, workers, steps, lambda done, note: tell(lost + done, total, note))
    return TrainingSummary(tuple(t for t in todo if t not in failed), tuple(kept), failed)


def _all_steps(method: str, options: TrainingOptions) -> int:
    """Return the optimiser steps of all stages of a method."""
    from ..policies.training.train import METHODS, budget

    return sum(METHODS[method].stage_steps(budget(method, options.preset, options.steps)))


def _train_all(
    calls: Mapping[Training, ReportingCall],
    workers: int,
    steps: Mapping[Training, int],
    tell: Callable[[int, str], None],
) -> dict[Training, str]:
    """Make the trainings, telling how many optimiser steps are done; return what went wrong with which."""
    states = dict.fromkeys(calls, CallState())
    for training, state in watch_calls(calls, workers):
        states[training] = state
        tell(sum(steps[t] if s.ended else s.done for t, s in states.items()), _note(states))
    return {t: state.problem for t, state in states.items() if state.problem}


def _demonstrate_all(
    missing: Mapping[Path, Training], workers: int, tell: Callable[[str], None]
) -> dict[Path, str]:
    """Record each missing file for one of the trainings that need it; return what went wrong with which."""
    calls = {file: partial(demonstrate, t.task, t.method, file) for file, t in missing.items()}
    states = dict.fromkeys(calls, CallState())
    for file, state in watch_calls(calls, workers):
        states[file] = state
        ended = sum(state.ended for state in states.values())
        tell(f"demonstrations: {ended} of {len(states)} sets")
    return {file: state.problem for file, state in states.items() if state.problem}


def _note(states: Mapping[Training, CallState]) -> str:
    """Return how many trainings have ended, and the loss of some that run."""
    ended = sum(state.ended for state in states.values())
    running = [f"{t} {s.value:.4f}" for t, s in states.items() if s.done and not s.ended]
    more = [f"and {len(running) - SHOWN} more"] if len(running) > SHOWN else []
    losses = "; ".join(running[:SHOWN] + more)
    return f"{ended} of {len(states)} trained" + (f"; loss: {losses}" if running else "")


def _train(training: Training, file: Path, options: TrainingOptions, report: Report) -> None:
    from ..policies.training.train import TrainOptions, train

    one = TrainOptions(options.steps, training.seed, options.preset, options.device, options.fresh)
    one = one._replace(n_obs_steps=options.n_obs_steps)
    train(training.method, file, options.folder(training.seed), one, report)


def fits(training: Training, folder: Path, options: TrainingOptions, shown: dict | None) -> bool:
    """Whether a checkpoint is there, whole, and what a training on the demonstrations `shown` makes.

    Args:
        training: the method, its task and its seed.
        folder: of checkpoints, where it would lie.
        options: of the training.
        shown: what the demonstrations say of themselves; None for those that are still to be made.
    """
    from ..policies.core.checkpoint import checkpoint_path
    from ..policies.core.checkpoint import load as load_checkpoint
    from ..policies.core.devices import find_device
    from ..policies.training.train import METHODS, budget
    from ..policies.training.training_batches import training_settings

    task, method, seed = training
    try:
        config = load_checkpoint(checkpoint_path(folder, task, method), task, method).config
    except BimodalError:
        return False
    card = config.training
    kind = METHODS[method]
    seeing = bool(kind.cameras)
    sizes = find_preset(options.preset, seeing)
    steps = budget(method, options.preset, options.steps)
    here = card.get("device", "cpu")
    free = options.device == "auto" and not sizes.ships  # made for whatever device is there
    device = here if free else find_device(options.device, wide=not sizes.ships)
    settings = training_settings(steps, seed, options.preset, device, seeing)
    wanted = {"preset": USUAL, "device": "cpu"} | settings
    found = {"preset": USUAL, "device": "cpu"} | card
    return (
        wanted.items() <= {name: found.get(name) for name in wanted}.items()
        and (config.chunk_size, config.width, config.blocks) == (kind.chunk_size, sizes.width, sizes.blocks)
        and config.n_obs_steps == max(options.n_obs_steps, kind.least_obs_steps)
        and _learnt(card.get("demonstrations", {}), task, method, shown)
    )


def _learnt(meta: dict, task: str, method: str, shown: dict | None) -> bool:
    """Whether a checkpoint learnt from the demonstrations `shown`, or, without any, those to be made."""
    if shown is not None:
        return meta == shown
    wanted = {
        "task": task,
        "regime": regime_of(method),
        "episodes": episodes_of(task, method),
        "seed": 0,
        "process_noise": PROCESS_NOISE,
        "mujoco": mujoco.__version__,
        "fingerprint": fingerprint(load_task(task)),
    }
    return wanted == {name: meta.get(name) for name in wanted}


def _usable(file: Path) -> dict | None:
    """Return what demonstrations say of themselves; None if they are missing, damaged or of an older form."""
    try:
        return load(file).meta
    except WrongUse:
        return None
