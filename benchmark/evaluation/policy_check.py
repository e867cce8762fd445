"""Tries a policy out in a process of its own; called by `bimodal check POLICY`."""

from pathlib import Path

from ..isolation.choice import absolute_uri, hidden_from_policies, isolation_of
from ..isolation.introduction import recorded
from ..rollout.timeouts import DEADLINE_S
from .describe import refusal
from .policy_process import PolicyProcess
from .trial import Trial
from .worker_process import Job


def check_policy(
    policy: str,
    task: str,
    weights: Path | None = None,
    deadline_s: float = DEADLINE_S,
    sandbox: bool | None = None,
) -> Trial:
    """Return all that is wrong with what a policy says and does in a short trial on a task.

    Args:
        policy: a registered name, `file.py:Class`, `module:Class`, a server's URI, or one in `safe(...)`.
        task: the task's id.
        weights: folder of trained weights; None for the shipped ones.
        deadline_s: longest time that a decision may take [s].
        sandbox: whether it is shut in; None for shut in if it is not Bimodal's own.

    Raises:
        BimodalError: there is no such policy, or its file cannot be imported.
    """
    folder = str(weights.resolve()) if weights else None
    uri = absolute_uri(policy)
    job = Job(uri, folder, "", deadline_s=deadline_s, isolation=isolation_of(uri, sandbox))
    process = PolicyProcess(job._replace(hidden=tuple(map(str, hidden_from_policies(None)))))
    try:
        reply = process.ask({"trial": task})
    finally:
        process.end()
    if "refused" in reply:
        raise refusal(reply)
    if why := reply.get("lost"):
        return Trial(problems=(f"the trial was broken off: {why}",))
    return recorded(Trial, reply.get("trial"))
