"""Collects demonstrations by the scripted experts, and reads and writes them: one file a task and regime.

The mode that a demonstration shows is a hidden coin, see `regimes.py`. All episodes of a task last equally
long. The hand executes the plan with small Gaussian process noise, except at the very end; the recorded
actions are the clean plan.
"""

import json
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import NamedTuple

import mujoco
import numpy as np

from ...envs.errors import WrongUse
from ...envs.random_streams import stream
from ...envs.simulation import Simulation
from ...envs.specs import POSITION, by_arm
from ...envs.storage.atomic_write import atomic_write, disk_error
from ...envs.storage.npz import read_arrays
from .. import load_task, task_names
from ..core import episode_step
from ..core.fingerprint import fingerprint
from ..core.referee import Referee, Verdict
from ..core.task import Task
from . import graded, grades, human
from .record import OBSERVED, Demonstrations, arrays_of, content_digest, from_arrays, signed
from .regimes import GRADED, HUMAN, schedule

PROCESS_NOISE = 0.001
"""Standard deviation of the executed target's position around the plan [m]."""
SETTLING = 4
"""The hand is not shaken in the last steps: these, and those for which success must last. A hand that is
shaken by 5 mm a step never rests."""
SAME = 1e-4
"""Demonstrations that are played again agree to this [m or the unit of what is observed]."""
SHARD = 100
"""Episodes simulated side by side."""


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
        regime: one of `regimes.ALL`.
        episodes: number of demonstrations.
        seed: number of the demonstration set; other sets have other scenes.
        process_noise: standard deviation of the executed position [m].
        threads: simulation threads; the result does not depend on it.
        progress: called with (episodes done, episodes).
        until: stop after so many control steps, which shows how an episode begins, not success.
    """
    # 1. which scenes, in which modes
    seeds, modes = schedule(task, regime, episodes, seed)
    if not 0 <= process_noise < 1:
        raise WrongUse(f"the process noise is {process_noise:g} m; it must be from 0 to below 1")
    if regime in (GRADED, HUMAN) and until is not None:
        raise WrongUse(f"{regime} demonstrations are judged by how they end; they cannot be cut short")
    # 2. play them, some at a time
    run = _Collecting(task, process_noise, threads, until, regime)
    shards = []
    for begin in range(0, episodes, SHARD):
        end = min(begin + SHARD, episodes)
        shards.append(run.play(seeds[begin:end], modes[begin:end]))
        if progress:
            progress(end, episodes)
    arrays = {name: np.concatenate([shard[name] for shard in shards]) for name in shards[0]}
    # 3. say what they are
    meta = _meta(task, regime, episodes, seed, process_noise)
    return signed(from_arrays(meta, {"seeds": seeds, "modes": modes, **arrays}))


def _meta(task: Task, regime: str, episodes: int, seed: int, process_noise: float) -> dict:
    return {
        "task": task.id,
        "regime": regime,
        "episodes": episodes,
        "seed": seed,
        "process_noise": process_noise,
        "mujoco": mujoco.__version__,
        "fingerprint": fingerprint(task),
    }


class _Collecting(NamedTuple):
    """How the episodes of one call of `collect` are played."""

    task: Task
    noise: float
    threads: int
    until: int | None
    regime: str

    def play(
        self, seeds: np.ndarray, modes: np.ndarray, watch: Callable[[Simulation], None] = lambda _: None
    ) -> dict[str, np.ndarray]:
        """Return the arrays of some episodes by their names in the file.

        `watch` is called with the simulation before every control step.
        """
        task = self.task
        simulation = Simulation(task, len(seeds), self.threads)
        simulation.reset(seeds)
        # 1. what the experts want, and for how long the hand is shaken
        plan = task.plan(simulation, modes)
        calm = task.hold_steps + SETTLING
        moving = plan.shape[1] - calm
        clock = np.arange(plan.shape[1])[None]
        kinds = operators = None
        if self.regime == GRADED:
            other = task.plan(simulation, (modes + 1) % len(task.modes))
            kinds, clock, plan = graded.perform(task, plan, other, seeds, calm)
        elif self.regime == HUMAN:
            operators, clock, plan = human.perform(task, plan, seeds, calm)
        shake = self._shake(seeds, modes, plan.shape[1])
        shake *= (clock < moving)[..., None, None]
        # 2. what comes of it
        plan = plan[:, : self.until]
        referee = Referee(task, len(seeds))
        frames = []
        for step in range(plan.shape[1]):
            watch(simulation)
            frames.append(episode_step.observe(simulation, step))
            action = plan[:, step].copy()
            by_arm(action)[..., POSITION] += shake[:, step]
            episode_step.advance_and_judge(referee, simulation, action, step)
        # 3. the arrays
        found = _judged(referee.verdict(), kinds, operators, plan)
        return found | {
            f"{OBSERVED}{name}": np.stack([frame[name] for frame in frames], 1).astype(np.float32)
            for name in frames[0]
        }

    def _shake(self, seeds: np.ndarray, modes: np.ndarray, steps: int) -> np.ndarray:
        """Return the noise on the executed positions [m], (N, T, arms, 3)."""
        shape = (steps, self.task.arms, 3)
        each = [
            stream("process noise", self.task.id, int(seed), int(mode)).normal(0, self.noise, shape)
            for seed, mode in zip(seeds, modes, strict=True)
        ]
        return np.stack(each)


def played_states(demos: Demonstrations) -> Iterator[np.ndarray]:
    """Play recorded demonstrations again; yield the states before each action of each, (T, nstate).

    Called where pictures of them are drawn, because a file holds no states.

    Raises:
        WrongUse: they were not collected by the experts, or come out otherwise on this machine.
    """
    meta = demos.meta
    if not {"regime", "process_noise", "seed"} <= meta.keys():
        raise WrongUse("bimodal demos did not make these demonstrations, so there are no pictures of them")
    run = _Collecting(load_task(meta["task"]), meta["process_noise"], 1, None, meta["regime"])
    for begin in range(0, len(demos.seeds), SHARD):
        part = slice(begin, begin + SHARD)
        states: list[np.ndarray] = []
        again = run.play(demos.seeds[part], demos.modes[part], partial(_keep_state, states))
        for name, values in demos.observations.items():
            if not np.allclose(again[f"{OBSERVED}{name}"], values[part], atol=SAME):
                raise WrongUse("the demonstrations come out otherwise on this machine; make them here, too")
        yield from np.stack(states, axis=1)


def _keep_state(states: list[np.ndarray], simulation: Simulation) -> None:
    states.append(simulation.state())


def _judged(
    verdict: Verdict, kinds: np.ndarray | None, operators: np.ndarray | None, plan: np.ndarray
) -> dict[str, np.ndarray]:
    """Return what was planned and how it ended, by the names in the file."""
    success = verdict.success
    found = {"success": success, "actions": plan.astype(np.float32)}
    if kinds is not None:
        found["returns"] = grades.returns_to_go(success, verdict.steps, plan.shape[1])
        found["kinds"] = kinds
    if operators is not None:
        found["operators"] = operators
    if kinds is not None or operators is not None:
        found["valid"] = grades.frames_before_end(verdict.steps, plan.shape[1])
    return found


def save(demos: Demonstrations, path: Path) -> Path:
    """Write the demonstrations to one npz file, whole or not at all."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise disk_error(path, error) from error
    with atomic_write(path) as draft, draft.open("wb") as file:
        meta = np.array(json.dumps(demos.meta))
        np.savez_compressed(file, meta=meta, **arrays_of(demos))  # type: ignore[arg-type]
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
        demos = from_arrays(meta, arrays)
        sound = content_digest(demos) == meta["digest"]
        wrong = grades.misfit(demos)
    except Exception as error:
        raise WrongUse(
            f"{path} is damaged or not a demonstrations file; make it again with: bimodal demos"
        ) from error
    if not sound:
        raise WrongUse(f"{path} does not match its own digest; make it again with: bimodal demos")
    if wrong:
        raise WrongUse(f"{path} is damaged: {wrong}; make it again with: bimodal demos")
    name = meta.get("task")
    print_ = meta.get("fingerprint")
    if print_ and name in task_names() and print_ != fingerprint(load_task(name)):
        raise WrongUse(f"{path} shows an older form of {name}; make it again with: bimodal demos {name}")
    return demos
