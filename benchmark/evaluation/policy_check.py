"""Tries a policy out in a process of its own; called by `bimodal check POLICY`."""

from pathlib import Path

from ..rollout.timeouts import DEADLINE_S
from .describe import absolute_uri, refusal
from .introduction import recorded
from .policy_process import PolicyProcess
from .trial import Trial
from .worker_process import Job


def check_policy(
    policy: str, task: str, weights: Path | None = None, deadline_s: float = DEADLINE_S
) -> Trial:
    """Return all that is wrong with what a policy says and does in a short trial on a task.

    Args:
        policy: a registered name, `file.py:Class`, `module:Class`, or one of these in `safe(...)`.
        task: the task's id.
        weights: folder of trained weights; None for the shipped ones.
        deadline_s: longest time that a decision may take [s].

    Raises:
        BimodalError: there is no such policy, or its file cannot be imported.
    """
    folder = str(weights.resolve()) if weights else None
    process = PolicyProcess(Job(absolute_uri(policy), folder, "", deadline_s=deadline_s))
    try:
        reply = process.ask({"trial": task})
    finally:
        process.end()
    if "refused" in reply:
        raise refusal(reply)
    if why := reply.get("lost"):
        return Trial(problems=(f"the trial was broken off: {why}",))
    return recorded(Trial, reply.get("trial"))
