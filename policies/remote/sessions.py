"""What both dialects have in common: a session with a server, and what is sent for a row of episodes."""

from typing import Any, NamedTuple, Protocol

import numpy as np

from ...tasks.core.task import Task
from .contract import Agreement
from .conventions import hand_state
from .pictures import sent


class ModelError(Exception):
    """The model behind the server raised; the message is its last line."""


class Question(NamedTuple):
    """What is asked in one request: for one episode, or for several at once."""

    body: dict[str, Any]
    """What the model sees."""
    about: dict[str, Any]
    """Task, noise keys and number of the decision, as in `contract`."""


class Session(Protocol):
    """A connection that speaks a dialect; made by calling its class with an `Address`."""

    metadata: dict[str, Any]
    """What the server says of itself."""

    def agreed(self, task: Task) -> Agreement:
        """Return what the metadata means for a task."""
        ...

    def ask(self, question: Question) -> None:
        """Send a question; raises `Lost`."""
        ...

    def answer(self, timeout_s: float) -> object:
        """Return the `actions` of the answer; raises `Late`, `Lost`, `ModelError`, `BadFrame`."""
        ...

    def close(self) -> None:
        """Hang up."""
        ...


def question(
    agreement: Agreement, task: Task, seen: dict[str, np.ndarray], keys: np.ndarray, decision: int
) -> Question:
    """Return the question for some episodes.

    Args:
        agreement: what the server wants to see.
        task: the task.
        seen: components for the k episodes, each (k, d), and pictures and words; k = 1 where the server
            takes no batches.
        keys: their noise keys, (k,) uint64.
        decision: how many were asked for before.
    """
    about: dict[str, Any] = {"task": task.id, "decision": decision}
    body: dict[str, Any] = {"prompt": task.goal}
    if agreement.max_batch_size:
        about["noise_keys"] = keys
        rows = seen
    else:
        about["noise_key"] = int(keys[0])
        rows = {name: values[0] for name, values in seen.items()}
    names = agreement.observations
    if not (names or agreement.pictures.names):
        names = tuple(spec.name for spec in task.observation)
    body |= {f"observation/{name}": sent(name, rows[name]) for name in agreement.pictures.names}
    if not agreement.vector:
        body |= {f"observation/{name}": sent(name, rows[name]) for name in names}
        return Question(body, about)
    body["observation/state"] = np.concatenate([rows[name] for name in names], axis=-1).astype(np.float32)
    if decision == 0:
        told = [spec for spec in task.observation if spec.name in names]
        about["state"] = [{"name": s.name, "size": s.size, "unit": s.unit} for s in told]
    if agreement.vector != "all":
        body |= hand_state(rows, agreement.vector)
    return Question(body, about)
