"""Which track a policy is on: decided by what it reads, of which it is given nothing else."""

from collections.abc import Sequence

from ...envs.images import IMAGES
from ...envs.specs import ROBOT_OBSERVATION, of_arms
from ...tasks.core.task import Task

OBJECTS = "state"
PICTURES = "vision"
SIMULATOR = "privileged"


def track_of(task: Task, observations: Sequence[str], privileged: bool) -> str:
    """Return the track of a policy; called when a run is described.

    Args:
        task: on which it acts.
        observations: the components that it reads, () for the whole state.
        privileged: whether it reads the simulator.
    """
    if privileged:
        return SIMULATOR
    hands = {spec.name for spec in of_arms(ROBOT_OBSERVATION, task.arms)}
    objects = {spec.name for spec in task.observation} - hands
    if not observations or objects & set(observations):
        return OBJECTS
    return PICTURES if any(name in IMAGES for name in observations) else OBJECTS
