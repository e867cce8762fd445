"""Measures the latency of decisions as on a robot: one episode, one thread, after a warm-up."""

import time
from contextlib import closing

import numpy as np

from ...envs.random_streams import noise_key
from ...envs.simulation import Simulation
from ...policies.core.policy import Episodes, Policy, plain_needs
from ...tasks import Task
from .observation import Observer
from .timeouts import Deadline

WARM_UP = 5
"""Decisions that do not count."""
DECISIONS = 32
"""Decisions that are timed; so many that they take one part in fifty of a run of `core`."""
_BUDGET_S = 3.0  # the run's other workers wait meanwhile


def measure(task: Task, policy: Policy, deadline: Deadline, privileged: bool = True) -> list[float]:
    """Return the wall times [ms] of up to `DECISIONS` decisions for one episode, after `WARM_UP` others.

    A slow policy is measured for three seconds at most. It has the simulator if it asks for it and is
    `privileged`.
    """
    simulation = Simulation(task, 1)
    simulation.reset([0])
    with deadline.watch():
        said = policy.needs()
    needs = plain_needs(said)
    with closing(Observer(task, simulation, needs)) as observer:
        seen = observer.see(0, np.ones(1, bool)) or {}
    keys = np.array([noise_key("latency", task.id)], np.uint64)
    times: list[float] = []
    with deadline.watch():
        policy.reset(Episodes(keys, simulation if needs.privileged and privileged else None))
    stop = time.perf_counter() + _BUDGET_S
    for number in range(WARM_UP + DECISIONS):
        observation = {name: array.copy() for name, array in seen.items()}
        begin = time.perf_counter()
        with deadline.watch():
            policy.act(observation)
        end = time.perf_counter()
        if number >= WARM_UP or end > stop:
            times.append(1e3 * (end - begin))
        if end > stop:
            break
    return times


def median_ms(task: Task, policy: Policy) -> float:
    """Return the median wall time [ms] of a decision for a single episode, on a microsecond."""
    return round(float(np.median(measure(task, policy, Deadline()))), 3)
