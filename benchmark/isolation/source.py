"""Where a policy is built: in this process, or in a box. `worker_process` asks for one or the other."""

from pathlib import Path
from typing import Protocol

from ...policies import Policy
from ...policies.core.registry import policy_class
from ...tasks import Task
from ..rollout.timeouts import Deadline
from .box import Box
from .introduction import Introduction, introduce
from .policy_files import build_policy
from .shapes import NOT_SHUT_IN, Isolation


class PolicySource(Protocol):
    """Makes a policy, for one task after another."""

    def find(self) -> None:
        """Import the policy's class; raises as `policy_class`."""
        ...

    def introduce(self, task: Task, deadline: Deadline) -> Introduction:
        """Return what the policy says of itself when it is built for a task; raises as `introduce`."""
        ...

    def build(self, task: Task) -> tuple[Policy, dict[str, str]]:
        """Build the policy for a task; returns it and the sha256 of its files."""
        ...


class Here:
    """Makes a policy in this process."""

    def __init__(self, policy: str | type[Policy], weights: Path | None) -> None:
        self._policy = policy
        self._weights = weights

    def find(self) -> None:
        """Import the policy's class."""
        if isinstance(self._policy, str):
            policy_class(self._policy)

    def introduce(self, task: Task, deadline: Deadline) -> Introduction:
        """Build the policy and ask it."""
        return introduce(self._policy, task, self._weights, deadline)

    def build(self, task: Task) -> tuple[Policy, dict[str, str]]:
        """Build the policy."""
        built = build_policy(self._policy, task, self._weights)
        return built.policy, built.artifacts


def source_of(uri: str, weights: Path | None, isolation: Isolation, hidden: tuple[Path, ...]) -> PolicySource:
    """Return where a policy is made: a box that hides some folders from it, or this process."""
    if isolation in NOT_SHUT_IN:
        return Here(uri, weights)
    return Box(uri, weights, isolation, hidden)
