"""Which track a policy is on: decided by what it reads, of which it is given nothing else."""

from collections.abc import Sequence

from ...envs.images import IMAGES, INSTRUCTION
from ...envs.specs import ROBOT_OBSERVATION, of_arms
from ...tasks.core.task import Task

INSTRUCTED = "instructed"
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


def shown_track(track: str, observations: Sequence[str], instructed: bool) -> str:
    """Return the track under which a result stands in reports and on the board.

    A policy that reads the instruction is on the track `instructed` in a suite that asks for modes.

    Args:
        track: what the policy sees, see `track_of`.
        observations: the components that it reads.
        instructed: whether the suite asks for modes.
    """
    reads = INSTRUCTION in observations and track != SIMULATOR
    return INSTRUCTED if instructed and reads else track
