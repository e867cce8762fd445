"""What runs in the box: builds the policy and asks it, on behalf of the harness outside; see `box`.

Nothing here is trusted by anybody: the policy shares this process and may change all of it.
"""

import json
import socket
import sys
import traceback
from pathlib import Path
from typing import Any

import numpy as np

from ...envs.errors import BimodalError
from ...policies.core.answers import InvalidAnswer, actions_of
from ...policies.core.policy import Episodes, PlanRecord, Policy, plain_needs
from ...policies.core.registry import policy_class
from ...tasks import load_task
from ..rollout.plan_records import fitting
from ..rollout.policy_runner import fault_text
from ..rollout.timeouts import BUILD_DEADLINE_S, Deadline
from . import channel
from .introduction import introduce
from .policy_files import build_policy
from .restrict import Folders, restrict

_BUILDING = ("find", "introduce", "build")
"""What is asked before the first episode."""


def main() -> None:
    """Answer whoever holds the other end of the socket that the arguments name, until it hangs up."""
    end = socket.socket(fileno=int(sys.argv[1]))
    job = json.loads(sys.argv[2])
    restrict(Folders(*job["folders"]) if job["folders"] else None)
    sys.path += filter(None, [job["import_folder"]])
    inside = _Inside(job["policy"], Path(job["weights"]) if job["weights"] else None)
    while True:
        try:
            asked = channel.receive(end)
            channel.send(end, *_answered(inside, asked))
        except channel.HungUp:
            return
        except ValueError as error:  # what cannot be sent
            channel.send(end, {"invalid": str(error)})


def _answered(inside: "_Inside", asked: channel.Message) -> channel.Message:
    """Return the policy's answer, or what went wrong in it."""
    ask = str(asked.say["ask"])
    try:
        return inside.answer(asked)
    except BaseException as error:
        if isinstance(error, SystemExit) and ask in _BUILDING:
            raise  # it ends its process, as it would elsewhere
        mended = getattr(error, "mended", None) if isinstance(error, InvalidAnswer) else None
        return channel.Message(_trouble(error, ask), {} if mended is None else {"mended": mended})


class _Inside:
    """The policy, and what is asked of it."""

    def __init__(self, uri: str, weights: Path | None) -> None:
        self._uri = uri
        self._weights = weights
        self._policy: Policy | None = None
        self._n = 0

    def answer(self, asked: channel.Message) -> channel.Message:
        """Do what the harness asks; raises whatever the policy raises."""
        say = asked.say
        match say["ask"]:
            case "find":
                sibling = getattr(policy_class(self._uri), "labelled_sibling", None)
                beside = sibling.__name__ if isinstance(sibling, type) else ""
                return channel.Message({"labelled_sibling": beside}, {})
            case "introduce":
                deadline = Deadline(BUILD_DEADLINE_S)  # the harness outside has its own, which counts
                about = introduce(self._uri, load_task(say["task"]), self._weights, deadline)
                return channel.Message({"introduction": about.plain()}, {})
            case "build":
                built = build_policy(self._uri, load_task(say["task"]), self._weights)
                self._policy = built.policy
                return channel.Message({"artifacts": built.artifacts, "clip": built.policy.clip is True}, {})
        assert self._policy is not None
        match say["ask"]:
            case "needs":
                return channel.Message({"needs": list(plain_needs(self._policy.needs()))}, {})
            case "reset":
                self._n = len(asked.arrays["noise_keys"])
                self._policy.reset(Episodes(asked.arrays["noise_keys"], asked=asked.arrays.get("asked")))
                return channel.Message({}, {})
            case _:
                words = {name: np.array(said) for name, said in say.get("words", {}).items()}
                decision = self._policy.act(asked.arrays | words)
                return _told(actions_of(decision), fitting(getattr(decision, "plan", None), self._n))


def _told(actions: np.ndarray, plan: PlanRecord) -> channel.Message:
    """Return a decision in the words of the channel, which has no arrays of text."""
    arrays = {name: field for name, field in plan._asdict().items() if field is not None}
    verdict = arrays.pop("verdict", None)
    said = {} if verdict is None else {"verdict": verdict.tolist()}
    return channel.Message(said, {"actions": actions, **arrays})


def _trouble(error: BaseException, ask: str) -> dict[str, Any]:
    """Return what went wrong in the policy, as text."""
    if isinstance(error, InvalidAnswer):
        return {"invalid": str(error)}
    if isinstance(error, BimodalError) and ask in _BUILDING:
        return {"refused": str(error), "code": error.exit_code}
    trace = "".join(traceback.format_exception(error))[-20_000:]
    name = type(error).__name__
    return {"raised": name, "text": fault_text(error).removeprefix(f"{name}: "), "traceback": trace}
