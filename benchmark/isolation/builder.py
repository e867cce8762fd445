"""Builds policies that run again and again: in this process, or each in a box of its own; for `diagnose`."""

from pathlib import Path
from typing import Self

from ...policies import Policy, load_policy
from ...policies.core.registry import policy_class
from ...policies.core.wrapping import with_inner
from ...tasks import Task
from .box import Box
from .choice import absolute_uri
from .shapes import NOT_SHUT_IN, Isolation


class Builder:
    """Builds policies; use it in a `with` statement.

    A box holds one policy: of several that are built of one name, the last is used.
    """

    def __init__(
        self, checkpoints: Path | None = None, isolation: Isolation = "none", hidden: tuple[Path, ...] = ()
    ) -> None:
        """Note how policies are built.

        Args:
            checkpoints: folder of trained weights; None for the shipped ones.
            isolation: how they are shut in. When a box dies, so does this process: begin one for it.
            hidden: folders that no policy may see.
        """
        self._checkpoints = checkpoints.resolve() if checkpoints else None
        self._isolation: Isolation = isolation
        self._hidden = hidden
        self._boxes: dict[str, Box] = {}

    def build(self, policy: str | type[Policy], task: Task) -> Policy:
        """Return a policy for a task.

        Raises:
            BimodalError: it cannot be built, or is shut in and reads the simulator.
        """
        if self._isolation in NOT_SHUT_IN:
            return load_policy(policy, task, self._checkpoints)
        built, _ = self._box(policy).build(task)
        built.needs()
        return built

    def labelled_sibling(self, policy: str | type[Policy]) -> str | type[Policy] | None:
        """Return the policy that is told its mode: what the class names so, else `NAME_labelled`."""
        if self._isolation == "remote":
            return None
        if self._isolation not in NOT_SHUT_IN:
            sibling = self._box(policy).labelled_sibling()
        else:
            kind = policy_class(policy) if isinstance(policy, str) else policy
            sibling = getattr(kind, "labelled_sibling", None)
        if sibling or not isinstance(policy, str):
            return sibling
        return with_inner(policy, lambda uri: f"{uri}_labelled")

    def _box(self, policy: str | type[Policy]) -> Box:
        assert isinstance(policy, str), "what is shut in is named"
        uri = absolute_uri(policy)
        if uri not in self._boxes:
            self._boxes[uri] = Box(uri, self._checkpoints, self._isolation, self._hidden)
        return self._boxes[uri]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for box in self._boxes.values():
            box.close()
