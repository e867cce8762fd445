"""One control step of N episodes: what happens in it, in which order. This order defines the benchmark.

    1. observe   what is there, as the variant lets the policy see it
    2. act       the policy asks for actions, which whoever runs it checks
    3. command   the variant changes what was asked for into what the robot is commanded
    4. perturb   the variant acts on the running world (a push, a knock, a slip)
    5. step      the physics advances by 50 ms
    6. measure   what the referee needs is read off; the variant adds what it forbids to touch
    7. judge     the referee ends episodes

Every loop over control steps is made of these functions: the evaluator's shard, replays, the Gymnasium
environments, demonstrations, pictures, and the planners' model of the simulator. In a clean world the variant
does nothing.
"""

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np

from ...envs.simulation import Simulation
from .referee import Referee
from .task import Measurement, Task

NO_PICTURES: Mapping[str, np.ndarray] = MappingProxyType({})


def observe(
    simulation: Simulation, step: int, pictures: Mapping[str, np.ndarray] = NO_PICTURES
) -> dict[str, np.ndarray]:
    """Return what the policy sees before control step `step`, arrays (N, d), and `pictures`; ask once a step.

    A variant that remembers what it has shown must be asked at every step: see `Variant.every_step`.
    """
    return simulation.variant.perturb_observation(simulation.observe() | dict(pictures), step)


def command(simulation: Simulation, asked: np.ndarray, space: str, step: int) -> np.ndarray:
    """Return what the robot is commanded of what the policy asked for, (N, A) int32 on the grid."""
    return simulation.variant.perturb_action(asked, space, step, simulation)


def advance(
    simulation: Simulation,
    actions: np.ndarray,
    step: int,
    space: str = "ee_absolute",
    running: np.ndarray | None = None,
) -> None:
    """Perturb the world and advance it by one control step.

    Args:
        simulation: N episodes.
        actions: what the robot is commanded, in SI units, (N, A) of the action space.
        step: control steps since the episodes began.
        space: the action space.
        running: rows that advance, (N,) bool; the others stay as they are. None for all.
    """
    simulation.variant.perturb_simulation(simulation, step)
    simulation.step(actions, space, running)


def measure(task: Task, simulation: Simulation) -> Measurement:
    """Return what the referee needs to see; live views that the next step changes."""
    return simulation.variant.judged(task.measure(simulation), simulation)


def advance_and_judge(
    referee: Referee,
    simulation: Simulation,
    actions: np.ndarray,
    step: int,
    space: str = "ee_absolute",
    running: np.ndarray | None = None,
) -> Measurement:
    """Advance as `advance` does, let the referee see what came of it, and return what it saw."""
    advance(simulation, actions, step, space, running)
    measurement = measure(referee.task, simulation)
    referee.see(measurement, simulation.diverged)
    return measurement
