"""A task with the rollouts that the tests of the whole matrix look at."""

from functools import cache, cached_property
from typing import NamedTuple

import numpy as np
from bimodal.envs.simulation import Simulation
from bimodal.tasks import load_task
from bimodal.tasks.core.referee import Referee
from bimodal.tasks.core.task import Measurement

SEEDS = np.arange(20)
"""Of every task's rollouts."""


class Rollout(NamedTuple):
    """What happened to N rows in T control steps."""

    start: np.ndarray  # state rows, (N, nstate)
    states: np.ndarray  # after each step, (T, N, nstate)
    seen: Measurement  # (T, N)
    observations: dict  # before each action and at the end, (T + 1, N, d)
    grip: np.ndarray  # largest left and right finger force on any part [N], (T, N, 2)
    referee: Referee


class World:
    """One task with the simulations that several tests share."""

    def __init__(self, name):
        self.task = load_task(name)
        self.modes = len(self.task.modes)

    def begin(self, seeds, threads=1):
        simulation = Simulation(self.task, len(seeds), threads)
        simulation.reset(seeds)
        return simulation

    def roll(self, simulation, plan):
        """Execute a plan (N, T, A) to its end, past the referee's whistle."""
        task, referee = self.task, Referee(self.task, simulation.n)
        parts = [
            name.removesuffix("_left") for name in names(simulation.model, "sensor") if name.endswith("_left")
        ]
        start, states, seen, grip = simulation.state(), [], [], []
        observations = [simulation.observe()]
        for action in np.swapaxes(plan, 0, 1):
            simulation.step(action)
            seen.append(Measurement(*(np.array(column) for column in task.measure(simulation))))
            referee.see(seen[-1], simulation.diverged)
            states.append(simulation.state())
            observations.append(simulation.observe())
            sides = [[simulation.force(f"{part}_{side}") for part in parts] for side in ("left", "right")]
            grip.append(np.max(sides, axis=1).T)
        return Rollout(
            start,
            np.stack(states),
            Measurement(*(np.stack(column) for column in zip(*seen, strict=True))),
            {name: np.stack([frame[name] for frame in observations]) for name in observations[0]},
            np.stack(grip),
            referee,
        )

    @cached_property
    def expert_modes(self):
        return np.repeat(np.arange(self.modes), len(SEEDS))

    @cached_property
    def expert(self):
        """Every seed in every mode, mode by mode."""
        simulation = self.begin(np.tile(SEEDS, self.modes))
        return self.roll(simulation, self.task.plan(simulation, self.expert_modes))

    @cached_property
    def mean(self):
        """Every seed with the average of the modes' plans."""
        simulation = self.begin(SEEDS)
        plans = [self.task.plan(simulation, np.full(simulation.n, mode)) for mode in range(self.modes)]
        return self.roll(simulation, np.mean(plans, axis=0))

    @cached_property
    def model(self):
        return self.task.spec().compile()


def names(model, kind):
    count = getattr(model, {"sensor": "nsensor", "body": "nbody", "geom": "ngeom", "joint": "njnt"}[kind])
    return [getattr(model, kind)(index).name for index in range(count)]


@cache
def world_of(name):
    """Return the world of a task, one for all the files of the matrix."""
    return World(name)
