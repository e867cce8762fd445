"""Times the pictures that policies see: beside a bare `mujoco.Renderer`, and as a share of a run."""

import json
import sys
import time
from functools import partial

import mujoco
import numpy as np

from ...envs.errors import BimodalError
from ...envs.physics_state import set_state
from ...envs.rendering import gl
from ...envs.rendering.appearance import ROBOT, SHOWN
from ...envs.rendering.drawn_model import copy_pose, visual_model
from ...envs.rendering.render import Renderer
from ...envs.simulation import Simulation
from ...policies.core.policy import Decision, Needs, Policy
from ...tasks import Task, load_task
from ..rollout.shard import run_shard
from .measure import NOISE, SpeedRow, alternate, median_ratio, run_program, shard_of

SIZE = 96
CAMERAS = ("front", "wrist")
_CHILD = "from bimodal.benchmark.speed.pictures import print_rates; print_rates()"


class Standing(Policy):
    """Stands still, so that nothing but the simulation and the pictures takes time."""

    pictures = True

    def needs(self) -> Needs:
        """Ask for two pictures, or for none."""
        seen = ("tcp_position", "tcp_rotation", "gripper_opening")
        return Needs((*seen, *(f"{camera}_image" for camera in CAMERAS if self.pictures)), image_size=SIZE)

    def act(self, observation: dict[str, np.ndarray]) -> Decision:
        """Ask for where the hand is."""
        stay = [observation[name] for name in ("tcp_position", "tcp_rotation")]
        opening = np.clip(observation["gripper_opening"], 0.0, 0.08)
        return Decision(np.repeat(np.concatenate([*stay, opening], axis=1)[:, None], 8, axis=1))


def picture_rows(task: Task, rounds: int, episodes: int) -> list[SpeedRow]:
    """Measure pictures per second of one core, and the share of a run; nothing where nothing can be drawn."""
    try:
        gl.configure_gl()  # also for the child, which imports MuJoCo after that
    except BimodalError:
        return []
    told = run_program([sys.executable, "-P", "-c", _CHILD, task.id, str(rounds)])
    rates = {side: np.array(values) for side, values in json.loads(told).items()}
    size = f"{SIZE} px, {' and '.join(CAMERAS)}"
    ours, bare = (np.median(rates[side]) for side in ("ours", "bare"))
    note = f"{ours:.0f} pictures/s a core; {bare:.0f} with the bare one"
    ratio = median_ratio(rates["ours"], rates["bare"])
    rows = [SpeedRow(f"pictures of {size} / mujoco.Renderer", ratio, "x", 0.9, note=note)]
    sides = {name: partial(_run_s, task, name == "with", episodes) for name in ("with", "without")}
    took = alternate(sides, rounds)
    share = 1 - median_ratio(took["without"], took["with"])
    note = f"{episodes} episodes of a policy that stands still, {task.id}"
    return [*rows, SpeedRow(f"share of a run spent drawing, {size}", 100 * share, "%", note=note)]


def _run_s(task: Task, pictures: bool, episodes: int) -> float:
    """Return the CPU time of some episodes [s]."""
    policy = Standing(task)
    policy.pictures = pictures
    begin = time.process_time()
    run_shard(task, policy, shard_of(task, episodes), NOISE)
    return time.process_time() - begin


def print_rates() -> None:
    """Print the pictures per CPU second of our renderer and of MuJoCo's own on the same drawn model."""
    task = load_task(sys.argv[1])
    states = _states(task)
    with Renderer(task, SIZE, SIZE, "policy") as renderer:
        bare = _bare(task)
        sides = {
            "ours": partial(_rate, lambda state: renderer.frames(state, CAMERAS), states),
            "bare": partial(_rate, bare, states),
        }
        rates = alternate(sides, 3 * int(sys.argv[2]))
    sys.stdout.write(json.dumps({side: found.tolist() for side, found in rates.items()}))


def _rate(draw, states: np.ndarray) -> float:  # noqa: ANN001
    begin = time.process_time()
    for state in states:
        draw(state)
    return len(CAMERAS) * len(states) / (time.process_time() - begin)


def _states(task: Task) -> np.ndarray:
    """Return a state of every control step of an expert's first second, (20, nstate)."""
    simulation = Simulation(task, 1)
    simulation.reset([0])
    plan = task.plan(simulation, np.zeros(1, int))
    found = []
    for step in range(20):
        simulation.step(plan[:, step])
        found.append(simulation.state()[0])
    return np.stack(found)


def _bare(task: Task):  # noqa: ANN202
    """Return what draws a state with `mujoco.Renderer`, as anybody would write it."""
    spec = task.spec()
    physics = spec.compile()
    model = visual_model(spec, "policy", SIZE)
    renderer = mujoco.Renderer(model, SIZE, SIZE)
    shown = mujoco.MjvOption()
    shown.geomgroup[:] = 0
    shown.geomgroup[[SHOWN, ROBOT]] = 1
    source = mujoco.MjData(physics)
    data = mujoco.MjData(model)

    def draw(state: np.ndarray) -> None:
        set_state(physics, source, state)
        copy_pose(model, data, source)
        for camera in CAMERAS:
            renderer.update_scene(data, camera, shown)
            renderer.render()

    return draw
