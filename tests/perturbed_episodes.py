"""Short perturbed episodes for the tests of perturbations: begin one, fly it, record its shard."""

from functools import cache

import numpy as np
from bimodal.benchmark.rollout.shard import Shard, run_shard
from bimodal.envs.perturbations.core.registry import perturbations
from bimodal.envs.perturbations.core.variant import Variant
from bimodal.envs.simulation import Simulation
from bimodal.policies.core.policy import Decision, Needs
from bimodal.policies.core.registry import load_policy
from bimodal.policies.experts import Planned
from bimodal.tasks import load_task

TASK = load_task("PandaPickEitherCube-v1")
SEEDS = (3, 8, 1)
LIFTED = 55
"""Control steps after which the experts of TASK hold a cube in the air."""


def possible(task):
    """Return the names of the perturbations that a task can have."""
    return [name for name in perturbations() if not Variant(f"{name}:2").impossible(task)]


class Watching(Planned):
    """The expert of mode 0, a little off by what it sees: everything that is shifted shows in its actions."""

    def needs(self):
        return Needs(n_action_steps=1, privileged=True)

    def plan(self, simulation, episodes):
        return self.task.plan(simulation, np.zeros(simulation.n, int))

    def act(self, observation):
        action = self._plan[:, min(self._step, self._plan.shape[1] - 1)].copy()
        for name in ("left_cube_position", "right_cube_position", "tcp_position"):
            action[:, :3] += 0.01 * (observation[name] - [0.5, 0.0, 0.1])
        action[:, :2] += 0.002 * observation["right_cube_heading"]
        self._step += 1
        return Decision(action[:, None])


class Ruins(Watching):
    """Acts as `Watching`, then ruins every array that it was given, those that it gave, and its task."""

    def __init__(self, task):
        super().__init__(task)
        self.gave = []

    def reset(self, episodes):
        super().reset(episodes)
        episodes.noise_keys[:] = 0
        self.task.grasps[:] = 1e9
        self.task.hold_steps = self.task.max_episode_steps = self.task.commit_steps = 0
        self.task.measure = None

    def act(self, observation):
        for array in self.gave:
            array[:] = 1e9
        decision = super().act(observation)
        self.gave.append(decision.actions)
        for array in observation.values():
            array[:] = -1e9
        observation.clear()
        return decision


def record(variant, seeds=SEEDS, threads=1, policy=Watching):
    """Run a policy through a shard of TASK and return the shard's result."""
    return run_shard(TASK, load_policy(policy, TASK), Shard(TASK.id, variant, 0, tuple(seeds)), "1", threads)


@cache
def recorded(variant):
    """Return `record(variant)`, run once in a process."""
    return record(variant)


def begin(variant="clean", seeds=(0,), task=TASK):
    """Return a simulation at the start of its episodes."""
    simulation = Simulation(task, len(seeds), variant=Variant(variant))
    simulation.reset(seeds)
    return simulation


def fly(simulation, steps, mode=0, watch=lambda: None):
    """Execute an expert's plan and return what `watch` sees after each step."""
    plan = simulation.task.plan(simulation, np.full(simulation.n, mode))
    seen = []
    for step in range(steps):
        simulation.variant.perturb_simulation(simulation, step)
        simulation.step(plan[:, step])
        seen.append(watch())
    return seen
