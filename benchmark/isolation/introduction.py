"""What a policy says of itself when it is built: its needs, its training, its files.

`introduce` runs the policy's code; `describe` has it run in a process of its own where that is not Bimodal's.
"""

import json
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from ...envs.errors import BimodalError, WrongUse
from ...envs.images import IMAGE_SIZES
from ...policies import Policy
from ...tasks import Task
from ..provenance import kernels
from ..records.field_types import Many, Record, problems
from ..rollout.policy_runner import fault_text
from ..rollout.shard import check_needs
from ..rollout.timeouts import Deadline
from .policy_files import build_policy

Said = TypeVar("Said", bound=Record)


class Introduction(Record):
    """What a policy that was built for one task says of itself."""

    kind: str
    """Name of its class, or what it is called instead."""
    module: str
    """Module of its class."""
    observations: Many[str]
    """Names of the observation components that it reads."""
    action: str
    """Action space."""
    n_action_steps: int
    """Actions executed of each chunk."""
    privileged: bool
    """Whether it reads the simulator itself."""
    image_size: int = IMAGE_SIZES[0]
    """Width and height of the pictures that it reads [pixels]."""
    image_frames: int = 1
    """Control steps whose pictures it is shown."""
    n_obs_steps: int = 1
    """Control steps of which it is shown everything else."""
    description: str
    """One sentence for the leaderboard."""
    parameters: int | None
    """Number of learned parameters."""
    training: dict[str, Any]
    """How it was trained; empty when it was not."""
    artifacts: dict[str, str]
    """sha256 of every file that it is made of, by name."""
    kernels: dict[str, str]
    """Numerical kernels that its process uses."""
    assumed: Many[str] = ()
    """What is taken for granted of the server that answers for it."""


def introduce(
    policy: str | type[Policy], task: Task, weights: Path | None, deadline: Deadline
) -> Introduction:
    """Build a policy for a task and ask what it needs and which files it is made of; runs its code.

    Raises:
        BimodalError: it cannot be built, or reads or emits what the task does not have.
    """
    try:
        with deadline.watch():
            built = build_policy(policy, task, weights)
            said = built.policy.needs()
    except BimodalError:
        raise
    except Exception as error:
        text = f"the policy cannot say what it needs for {task.id}: {fault_text(error)}"
        raise BimodalError(text) from error
    about = {
        "kind": built.policy.called or built.kind.__qualname__,
        "module": built.kind.__module__,
        **check_needs(task, said)._asdict(),
        "description": built.policy.description,
        "parameters": built.policy.parameters,
        "training": built.policy.training or {},
        "artifacts": built.artifacts,
        "kernels": kernels(),
        "assumed": built.policy.assumed,
    }
    return recorded(Introduction, _plain(about))


def recorded(kind: type[Said], said: object) -> Said:
    """Return what a policy says of itself as a record of some kind.

    Raises:
        WrongUse: it cannot be recorded.
    """
    try:
        return kind.model_validate(said)
    except ValidationError as error:
        raise WrongUse(f"what the policy says of itself cannot be recorded: {problems(error)[0]}") from None


def _plain(said: dict[str, Any]) -> dict[str, Any]:
    """Return what a policy says of itself as it reads back from JSON."""
    try:
        return json.loads(json.dumps(said, default=lambda value: value.item()))
    except (TypeError, ValueError, AttributeError) as error:
        raise BimodalError(f"the policy's `training` and `parameters` must be plain JSON: {error}") from error
