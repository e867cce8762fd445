"""What is served: a policy, the tasks that it is offered for, and what a client is told of it."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from ...envs.errors import BimodalError
from ...envs.specs import Spec
from ...policies.core.policy import Needs
from ...policies.core.registry import policy_names
from ...policies.remote.contract import announcement, offer
from ...policies.remote.pictures import BESIDE, Pictures
from ...tasks import load_task
from ..evaluation.describe import absolute_uri, refusal
from ..evaluation.worker_process import Job
from ..isolation.choice import hidden_from_policies, isolation_of
from ..isolation.introduction import Introduction, recorded
from .pool import Pool

MOST_EPISODES = 256
"""Episodes that may be asked about in one request."""
NO_SUITE = "serve"
"""Stands for the suite's version, which no server knows: noise keys come with the requests."""


class Offered(NamedTuple):
    """A task that the policy is offered for."""

    goal: str
    """What is to be done, a sentence."""
    observations: tuple[Spec, ...]
    """Components of the state that a request must hold."""
    pictures: Pictures
    """Pictures and words that it must hold besides."""
    actions: tuple[Spec, ...]
    """What an answer holds."""
    n_action_steps: int
    """Actions of a chunk that are executed."""


class ServedPolicy(NamedTuple):
    """A policy that can be asked."""

    name: str
    """Its name on the board, or its class."""
    tasks: Mapping[str, Offered]
    """What it is offered for, by task id."""
    about: Mapping[str, Any]
    """What clients are told, as `policies/remote/contract.py` says."""


def job_for(policy: str, checkpoints: Path | None, deadline_s: float, sandbox: bool | None) -> Job:
    """Return how processes of a policy begin; raises as `isolation_of`."""
    uri = absolute_uri(policy)
    job = Job(uri, str(checkpoints.resolve()) if checkpoints else None, NO_SUITE, deadline_s=deadline_s)
    hidden = tuple(map(str, hidden_from_policies(None)))
    return job._replace(isolation=isolation_of(uri, sandbox), hidden=hidden)


def serve_for(
    policy: str, pool: Pool, tasks: Sequence[str], strict: bool, say: Callable[[str], None]
) -> ServedPolicy:
    """Build a policy for some tasks and let it decide once in each, before anybody asks.

    Args:
        policy: its URI, as its user wrote it.
        pool: its processes.
        tasks: ids of the tasks.
        strict: whether it must be fit for all of them; else one is enough, and the others are told.
        say: called with a line for each task that it is not fit for.

    Raises:
        BimodalError: it is not fit for them.
    """
    replies, refused = _asked(pool, tasks)
    if refused and (strict or not replies):
        raise refused[0]
    for error in refused:
        say(f"not offered: {error}")
    told = {name: recorded(Introduction, reply.get("introduction")) for name, reply in replies.items()}
    both = {name: _offer(name, about, replies[name]) for name, about in told.items()}
    kind = next(iter(told.values())).kind
    name = policy if policy in policy_names() else kind
    about = announcement(
        name, {task: said for task, (said, _) in both.items()}, MOST_EPISODES, remembers=True
    )
    about["artifacts"] = _artifacts(told)
    return ServedPolicy(name, {task: offered for task, (_, offered) in both.items()}, about)


def _asked(pool: Pool, tasks: Sequence[str]) -> tuple[dict[str, dict[str, Any]], list[BimodalError]]:
    """Return what a process of the policy says for each task that it is fit for, and why not for others."""
    process = pool.take()
    replies: dict[str, dict[str, Any]] = {}
    refused: list[BimodalError] = []
    try:
        for name in tasks:
            reply = pool.ask(process, {"offer": name})
            why = reply.get("fault") or reply.get("lost")
            if "refused" in reply:
                refused.append(refusal(reply))
            elif why:
                refused.append(BimodalError(f"the policy cannot decide in {name}: {why}"))
            else:
                replies[name] = reply
            if "lost" in reply:
                break
    finally:
        pool.give_back(process)
    return replies, refused


def _offer(name: str, about: Introduction, reply: Mapping[str, Any]) -> tuple[dict[str, Any], Offered]:
    """Return what clients are told of the policy for a task, and what the server keeps of that."""
    task = load_task(name)
    forms = (False, about.image_size, about.image_frames)
    needs = Needs(tuple(about.observations), about.action, about.n_action_steps, *forms)
    beside = tuple(name for name in needs.observations if name in BESIDE)
    said = offer(task, needs, int(reply["chunk_size"]), clip=reply.get("clip") is True)
    seen = tuple(
        spec for spec in task.observation if not needs.observations or spec.name in needs.observations
    )
    pictures = Pictures(beside, about.image_size, about.image_frames)
    return said, Offered(task.goal, seen, pictures, task.actions(about.action), about.n_action_steps)


def _artifacts(told: Mapping[str, Introduction]) -> dict[str, str]:
    """Return the sha256 of all files, so that a client knows another policy when it meets one."""
    every = ((task, one.artifacts) for task, one in told.items())
    return {f"{task}/{name}": digest for task, files in every for name, digest in files.items()}
