"""Demonstrations: scripted experts in the batch engine, the mode a hidden coin, one file a task.

Regimes (what share of the demonstrations shows the first mode):
    bi50  every seed is shown once in each mode (paired)
    bi70, bi90  70 or 90 of 100 seeds are shown in the first mode, the rest in the others
    uni   only the first mode
    ctx   the mode follows from an observed variable: the part of the table on which the scene lies
    graded  as bi50, but not all succeed, and not all at once; with returns (see `graded.py`)
All episodes of a task last equally long. The hand executes the plan with small Gaussian process noise,
except at the very end; the recorded actions are the clean plan.
"""

import hashlib
import json
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import mujoco
import numpy as np

from ...envs.errors import BimodalError, WrongUse, unknown_name
from ...envs.npz import read_arrays
from ...envs.random_streams import stream
from ...envs.seed_ranges import TRAIN, TRAIN_SET
from ...envs.simulation import Simulation
from .. import load_task, task_names
from ..core import episode_step
from ..core.fingerprint import fingerprint
from ..core.referee import Referee
from ..core.task import Task
from . import graded

REGIMES = ("bi50", "bi70", "bi90", "uni", "ctx")
"""Regimes in which the experts do their best."""
GRADED = "graded"
"""The regime in which some are slow, need a second try, or fail."""
PROCESS_NOISE = 0.001
"""Standard deviation of the executed target's position around the plan [m]."""
SETTLING = 4
"""The hand is not shaken in the last steps: these, and those for which success must last. A hand that is
shaken by 5 mm a step never rests."""
SHARD = 100
"""Episodes simulated side by side."""
OBSERVED = "obs."
"""What the names of the observations begin with in a file."""


class Demonstrations(NamedTuple):
    """E demonstrations of T control steps."""

    meta: dict
    """Task, regime, counts, versions and the digest of the content."""
    seeds: np.ndarray
    """(E,) int64."""
    modes: np.ndarray
    """(E,) int8."""
    success: np.ndarray
    """(E,) bool."""
    observations: dict[str, np.ndarray]
    """Observed before each action, (E, T, d) float32 each."""
    actions: np.ndarray
    """The clean plan, `ee_absolute`, (E, T, A) float32."""
    returns: np.ndarray | None = None
    """Return to come before each action, in [0, 1], (E, T) float32; None where every episode is good."""
    valid: np.ndarray | None = None
    """Whether a frame lies before its episode's end, (E, T) bool; None for all."""
    kinds: np.ndarray | None = None
    """What each episode was meant to be, index into `graded.KINDS`, (E,) int8; None where all are good."""


def schedule(task: Task, regime: str, episodes: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the seeds (E,) and modes (E,) of a regime."""
    if regime not in (*REGIMES, GRADED):
        raise unknown_name("regime", regime, (*REGIMES, GRADED))
    modes_count = len(task.modes)
    if episodes < modes_count:
        raise WrongUse(f"episodes is {episodes}; at least {modes_count} are needed, one a mode")
    if seed < 0:
        raise WrongUse(f"the demonstration set is {seed}; it must be 0 or more")
    first = TRAIN.start + TRAIN_SET * seed
    paired = regime in ("bi50", GRADED)
    if paired and episodes % modes_count:
        raise WrongUse(
            f"episodes is {episodes}; in {regime} it must be a multiple of {modes_count}, one a mode"
        )
    if paired:
        index = np.arange(episodes)
        return first + index // modes_count, (index % modes_count).astype(np.int8)
    seeds = first + np.arange(episodes)
    if regime == "uni":
        return seeds, np.zeros(episodes, np.int8)
    if regime == "ctx":
        frames = [task.start(stream("start", task.id, int(s))).frame for s in seeds]
        return seeds, task.context(np.stack(frames))
    share = {"bi70": 0.7, "bi90": 0.9}[regime]
    rest = np.arange(episodes) - round(share * episodes)
    modes = np.where(rest < 0, 0, 1 + rest % (modes_count - 1)).astype(np.int8)
    return seeds, stream("regime", task.id, regime, seed).permutation(modes)


def collect(
    task: Task,
    regime: str = "bi50",
    episodes: int = 300,
    seed: int = 0,
    process_noise: float = PROCESS_NOISE,
    threads: int = 1,
    progress: Callable[[int, int], None] | None = None,
    until: int | None = None,
) -> Demonstrations:
    """Run the experts and record what they saw and did.

    Args:
        task: the task to demonstrate.
        regime: one of `REGIMES`, or `GRADED`.
        episodes: number of demonstrations.
        seed: number of the demonstration set; other sets have other scenes.
        process_noise: standard deviation of the executed position [m].
        threads: simulation threads; the result does not depend on it.
        progress: called with (episodes done, episodes).
        until: stop after so many control steps; such demonstrations show how an episode begins, not success.
    """
    seeds, modes = schedule(task, regime, episodes, seed)
    if not 0 <= process_noise < 1:
        raise WrongUse(f"the process noise is {process_noise:g} m; it must be from 0 to below 1")
    if regime == GRADED and until is not None:
        raise WrongUse("graded demonstrations are judged by how they end; they cannot be cut short")
    parts = []
    for begin in range(0, episodes, SHARD):
        part = slice(begin, begin + SHARD)
        rows = seeds[part], modes[part]
        parts.append(_collect_shard(task, *rows, process_noise, threads, until, regime == GRADED))
        if progress:
            progress(min(begin + SHARD, episodes), episodes)
    arrays = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    meta = {
        "task": task.id,
        "regime": regime,
        "episodes": episodes,
        "seed": seed,
        "process_noise": process_noise,
        "mujoco": mujoco.__version__,
        "fingerprint": fingerprint(task),
    }
    demos = _demonstrations(meta, {"seeds": seeds, "modes": modes, **arrays})
    meta["digest"] = content_digest(demos)
    return demos


def _collect_shard(
    task: Task,
    seeds: np.ndarray,
    modes: np.ndarray,
    noise: float,
    threads: int,
    until: int | None,
    grade: bool,
) -> dict[str, np.ndarray]:
    """Return the arrays of some episodes by their names in the file."""
    simulation = Simulation(task, len(seeds), threads)
    simulation.reset(seeds)
    plan, calm = task.plan(simulation, modes), task.hold_steps + SETTLING
    kinds, clock, moving = None, np.arange(plan.shape[1])[None], plan.shape[1] - calm
    if grade:
        other = task.plan(simulation, (modes + 1) % len(task.modes))
        kinds, clock, plan = graded.perform(task, plan, other, seeds, calm)
    size = plan.shape[1], task.arms, 3
    shake = np.stack(
        [
            stream("process noise", task.id, int(seed), int(mode)).normal(0, noise, size)
            for seed, mode in zip(seeds, modes, strict=True)
        ]
    )
    shake *= (clock < moving)[..., None, None]
    referee = Referee(task, len(seeds))
    frames = []
    plan = plan[:, :until]
    for step in range(plan.shape[1]):
        frames.append(simulation.observe())
        action = plan[:, step].copy()
        action.reshape(len(seeds), task.arms, -1)[..., :3] += shake[:, step]
        episode_step.advance_and_judge(referee, simulation, action, step)
    verdict = referee.verdict()
    found = {"success": verdict.success, "actions": plan.astype(np.float32)}
    if kinds is not None:
        found["returns"] = graded.returns_to_go(verdict.success, verdict.steps, plan.shape[1])
        found["valid"] = graded.frames_before_end(verdict.steps, plan.shape[1])
        found["kinds"] = kinds
    return found | {
        f"{OBSERVED}{name}": np.stack([frame[name] for frame in frames], 1).astype(np.float32)
        for name in frames[0]
    }


def _arrays(demos: Demonstrations) -> dict[str, np.ndarray]:
    """Return all arrays that are there, by their names in the file."""
    named = demos._asdict()
    observations = {f"{OBSERVED}{name}": array for name, array in named.pop("observations").items()}
    del named["meta"]
    return {name: array for name, array in named.items() if array is not None} | observations


def _demonstrations(meta: dict, arrays: dict[str, np.ndarray]) -> Demonstrations:
    """Return demonstrations of the arrays by their names in the file."""
    return Demonstrations(
        meta=meta,
        seeds=arrays["seeds"],
        modes=arrays["modes"],
        success=arrays["success"],
        observations={n.removeprefix(OBSERVED): a for n, a in arrays.items() if n.startswith(OBSERVED)},
        actions=arrays["actions"],
        returns=arrays.get("returns"),
        valid=arrays.get("valid"),
        kinds=arrays.get("kinds"),
    )


def content_digest(demos: Demonstrations) -> str:
    """Return the sha256 of the arrays, independent of the file's packing."""
    sha = hashlib.sha256()
    arrays = {name.removeprefix(OBSERVED): array for name, array in _arrays(demos).items()}
    for name, array in sorted(arrays.items()):
        sha.update(f"{name}{array.dtype.str}{array.shape}".encode())
        sha.update(np.ascontiguousarray(array).tobytes())
    return sha.hexdigest()


def save(demos: Demonstrations, path: Path) -> Path:
    """Write the demonstrations to one npz file, whole or not at all."""
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with partial.open("wb") as file:
            meta = np.array(json.dumps(demos.meta))
            np.savez_compressed(file, meta=meta, **_arrays(demos))  # type: ignore[arg-type]
        partial.replace(path)
    except OSError as error:
        raise BimodalError(f"cannot write {path}: {error.strerror or error}") from error
    finally:
        with suppress(OSError):
            partial.unlink()
    return path


def load(path: Path) -> Demonstrations:
    """Read demonstrations; never unpickles.

    Raises:
        WrongUse: the file is missing, damaged, not a demonstrations file, or of an older form of its task.
    """
    if not path.is_file():
        raise WrongUse(f"no demonstrations at {path}; make them with: bimodal demos TASK --out {path}")
    try:
        arrays = read_arrays(path)
        meta = json.loads(str(arrays["meta"]))
        demos = _demonstrations(meta, arrays)
        sound = content_digest(demos) == meta["digest"]
        wrong = graded.misfit(demos.returns, demos.valid, demos.kinds, demos.actions.shape[:2])
    except Exception as error:
        raise WrongUse(
            f"{path} is damaged or not a demonstrations file; make it again with: bimodal demos"
        ) from error
    if not sound:
        raise WrongUse(f"{path} does not match its own digest; make it again with: bimodal demos")
    if wrong:
        raise WrongUse(f"{path} is damaged: {wrong}; make it again with: bimodal demos")
    name, print_ = meta.get("task"), meta.get("fingerprint")
    if print_ and name in task_names() and print_ != fingerprint(load_task(name)):
        raise WrongUse(f"{path} shows an older form of {name}; make it again with: bimodal demos {name}")
    return demos
