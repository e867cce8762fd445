"""Rows that compare the evaluator with bare MuJoCo, with robosuite's own Lift, and with other physics."""

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path

import mujoco
import numpy as np

from ...envs.errors import WrongUse
from ...envs.scene import SUBSTEPS, TIMESTEP
from ...envs.simulation import Simulation
from ...envs.specs import from_grid
from ...policies import Policy, load_policy
from ...tasks import Task, load_task
from ..number_text import short_name
from ..rollout.shard import Shard, run_shard
from .measure import NOISE, SpeedRow, alternate, cpu_s, evaluator_rate, median_ratio, run_program, shard_of
from .other_physics import Physics, run_experts

TASK = "PandaLiftDumbbell-v1"
"""The task of every row that names none."""
PEER_TIMESTEP = 0.002
"""robosuite's own physics time step [s]."""
_NO_STAGE = mujoco.mjtStage.mjSTAGE_NONE.value
_POSITION_STAGE = mujoco.mjtStage.mjSTAGE_POS.value
_ROOT = Path(__file__).parents[2]
_PEER = (".peers/bin/python", "tools/peer_lift.py")


def evaluator_row(task: Task, rounds: int, episodes: int) -> SpeedRow:
    """Compare the whole evaluator, scripted expert, no video, with bare `Batch.step` on equal controls.

    Bare steps leave poses one substep behind. Who decides on the state that is reached, as the evaluator does
    and a robot would, must compute MuJoCo's position stage there: the note says what that alone costs.
    """
    policy = load_policy("expert", task)
    shard = shard_of(task, episodes)
    first, controls, simulation = _record(task, policy, shard)
    sides = {
        "bare": lambda: _step_bare(simulation, first, controls),
        "current": lambda: _step_bare(simulation, first, controls, _POSITION_STAGE),
        "ours": lambda: cpu_s(lambda: run_shard(task, policy, shard, NOISE)),
    }
    times = alternate(sides, rounds)
    rate = len(controls) * episodes / np.median(times["ours"])
    ratio, most = (median_ratio(times["bare"], times[side]) for side in ("ours", "current"))
    name = f"{short_name(task.id)}: evaluator / bare Batch.step"
    note = f"{rate:,.0f} control steps/s/core, {episodes} episodes; {most:.3f} x with current poses alone"
    return SpeedRow(name, ratio, "x", 0.85, note=note)


def inference_row(task: Task, rounds: int, episodes: int, policy: str = "flow") -> SpeedRow:
    """Compare the CPU time of a learned policy's episodes with the scripted expert's."""
    shard = shard_of(task, episodes)
    built = {name: load_policy(name, task) for name in (policy, "expert")}
    times = alternate(
        {name: partial(cpu_s, partial(run_shard, task, one, shard, NOISE)) for name, one in built.items()},
        rounds,
    )
    each = (f"{1000 * np.median(times[name]) / episodes:.0f}" for name in built)
    note = "{} / {} CPU ms an episode".format(*each)
    ratio = median_ratio(times[policy], times["expert"])
    return SpeedRow(f"episodes of {policy} / of the expert", ratio, "x", 1.5, True, note)


def peer_rows(peer_json: Path | None, rounds: int, episodes: int, may_run: bool) -> list[SpeedRow]:
    """Compare the evaluator on the dumbbell with robosuite's own Lift, at our step and at robosuite's."""
    task = load_task(TASK)
    policy = load_policy("expert", task)
    shard = shard_of(task, episodes)
    if peer_json is None and not (may_run and all((_ROOT / part).exists() for part in _PEER)):
        return []
    told = _read_peer(peer_json) if peer_json else None
    kinds = [Physics(TIMESTEP), Physics(PEER_TIMESTEP), Physics(PEER_TIMESTEP, meshes=True)]
    sides: dict[str, Callable[[], float]] = {
        "peer": lambda: told or _run_peer(),
        "ours": lambda: evaluator_rate(task, policy, shard),
    }
    sides |= {str(kind): lambda kind=kind: _trial_rate(task, shard, kind) for kind in kinds}
    rates = alternate(sides, rounds)
    ratio = median_ratio(rates["ours"], rates["peer"])
    fine, meshes = (ratio * median_ratio(rates[str(kind)], rates[str(kinds[0])]) for kind in kinds[1:])
    note = f"{np.median(rates['ours']):,.0f} / {np.median(rates['peer']):,.0f} control steps/s/core"
    return [
        SpeedRow("evaluator / robosuite's Lift", ratio, "x", 15.0, note=note),
        SpeedRow("same, at its time step", fine, "x", note="2 ms x 25 instead of 5 ms x 10"),
        SpeedRow(
            "same, at its time step and mesh shapes", meshes, "x", note="2 ms, robosuite's collision meshes"
        ),
    ]


def physics_row(task: Task, episodes: int) -> SpeedRow:
    """Show that step and shapes decide nothing: expert and average on equal seeds, in three physics."""
    kinds = [Physics(TIMESTEP), Physics(PEER_TIMESTEP), Physics(PEER_TIMESTEP, meshes=True)]
    good = [run_experts(task, shard_of(task, episodes).seeds, kind)[0].success for kind in kinds]
    changed = int((good[0] != good[1]).sum() + (good[0] != good[2]).sum())
    facts = (
        f"{_share(g[:episodes])}, {_share(g[episodes:])} at {k}" for g, k in zip(good, kinds, strict=True)
    )
    name = f"{short_name(task.id)}: outcomes that time step or shapes change"
    note = f"expert, average: {'; '.join(facts)}"
    return SpeedRow(name, changed, f"of {4 * episodes}", 0, at_most=True, note=note)


def batch_row(task: Task, rounds: int, small: int, large: int) -> SpeedRow:
    """Compare episodes side by side in small and in large batches, bare physics, a step of an episode."""
    policy = load_policy("expert", task)
    parts = {n: _record(task, policy, shard_of(task, n)) for n in (small, large)}
    sides = {str(n): lambda part=part, n=n: _step_bare(part[2], *part[:2]) / n for n, part in parts.items()}
    times = alternate(sides, rounds)
    ratio = median_ratio(times[str(small)], times[str(large)])
    return SpeedRow(f"batch of {large} / batch of {small}, a step", ratio, "x", note="bare Batch.step")


# ---------------------------------------------------------------------------------------- measurements


def _record(task: Task, policy: Policy, shard: Shard) -> tuple[np.ndarray, np.ndarray, Simulation]:
    """Return the first states (N, nstate), the controls (T, N, nu) of a shard, and its simulation."""
    actions = run_shard(task, policy, shard, NOISE).trace.actions
    simulation = Simulation(task, len(shard.seeds))
    simulation.reset(shard.seeds)
    first = simulation.state()
    controls = []
    for step in range(actions.shape[1]):
        simulation.step(from_grid(actions[:, step]))
        controls.append(simulation.ctrl.copy())
    return first, np.stack(controls), simulation


def _step_bare(
    simulation: Simulation, first: np.ndarray, controls: np.ndarray, stage: int = _NO_STAGE
) -> float:
    """Return the CPU time [s] of nothing but MuJoCo on recorded controls, up to a stage after each."""
    simulation.restore(first)

    def run() -> None:
        for row in controls:
            simulation.ctrl[:] = row
            simulation.batch.step(nstep=SUBSTEPS, stage=stage)

    return cpu_s(run)


def _trial_rate(task: Task, shard: Shard, physics: Physics) -> float:
    """Return the control steps per second and core of a trial with experts, in another physics."""
    verdict, seconds = run_experts(task, shard.seeds, physics, average=False)
    return len(shard.seeds) * int(verdict.steps.max()) / seconds


def _share(good: np.ndarray) -> str:
    return f"{int(good.sum())}/{len(good)}"


def _run_peer(steps: int = 600) -> float:
    command = [str(_ROOT / part) for part in _PEER]
    return _peer_rate(run_program([*command, "--steps", str(steps)]), "tools/peer_lift.py")


def _read_peer(path: Path) -> float:
    try:
        return _peer_rate(path.read_text(), str(path))
    except OSError as error:
        raise WrongUse(f"cannot read {path}: {error.strerror}") from error


def _peer_rate(text: str, source: str) -> float:
    try:
        return float(json.loads(text)["control_steps_per_second_per_core"])
    except (ValueError, KeyError, TypeError) as error:
        raise WrongUse(f"{source} did not give the JSON that tools/peer_lift.py prints") from error
