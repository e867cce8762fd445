"""What one connection asks of the policy, in any dialect: requests are checked, then answered in order."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from ...envs.errors import unknown_name
from ..evaluation.hosted_policy import packed
from ..evaluation.policy_process import PolicyProcess
from .observations import PREFIX, read_observation
from .pool import Pool
from .served_policy import MOST_EPISODES, Offered, ServedPolicy


class Refused(Exception):
    """Why a request is not answered, in one line."""


class _Request(NamedTuple):
    """A request that was read."""

    task: str
    keys: tuple[int, ...]
    """Noise keys of the episodes, (N,)."""
    decision: int
    seen: dict[str, np.ndarray | list[str]]
    """Components, (N, d) each, pictures, and N instructions."""
    batched: bool
    """Whether the request has an axis for episodes."""


class Conversation:
    """One connection's episodes; they end with it."""

    def __init__(self, served: ServedPolicy, pool: Pool, number: int) -> None:
        """Begin.

        Args:
            served: the policy.
            pool: where its processes are.
            number: of the connection; noise keys come from it where a client sends none.
        """
        self._served = served
        self._pool = pool
        self._number = number
        self._episodes = 0
        self._process: PolicyProcess | None = None
        self._built = ""
        """Task that the policy is built for."""
        self._said: Mapping[str, Any] = {}
        """What the client said of its episode when it began."""
        self._last: tuple[_Request, np.ndarray] | None = None
        """What was asked and answered last; None before the first decision of an episode."""

    def begin(self, task: Mapping[str, Any] | None = None) -> None:
        """Begin an episode with the next request, for a client that says so by itself."""
        self._last = None
        self._episodes += 1
        self._said = dict(task or {})

    def answer(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """Return the answer to a request: `actions`, (H, A) or (N, H, A), and the request's `seq`.

        Raises:
            Refused: it cannot be answered.
        """
        about = body.get("bimodal", {})
        if not isinstance(about, Mapping):
            raise Refused(f"bimodal is a {type(about).__name__}; it must be a map")
        request = self._read(body, about)
        actions = self._decided(request)
        seq = {"bimodal": {"seq": about["seq"]}} if "seq" in about else {}
        return {"actions": actions if request.batched else actions[0], **seq}

    def offered(self, body: Mapping[str, Any]) -> Offered:
        """Return the task that a request is about; raises `Refused`."""
        about = body.get("bimodal", {})
        return self._served.tasks[self._task(body, about if isinstance(about, Mapping) else {})]

    def end(self) -> None:
        """Let the process go."""
        if self._process is not None:
            self._pool.give_back(self._process)
        self._process = None

    # ------------------------------------------------------------------------------- reading

    def _read(self, body: Mapping[str, Any], about: Mapping[str, Any]) -> _Request:
        """Return what is asked; raises `Refused` with all that is wrong with it."""
        task = self._task(body, about)
        batched = "noise_keys" in about
        keys = self._keys(about)
        last = self._last[0] if self._last else None
        goes_on = last is not None and last[:2] == (task, keys)
        decision = about.get("decision", last.decision + 1 if last and goes_on else 0)
        if type(decision) is not int or decision < 0:
            raise Refused(f"decision is {decision!r:.40}; it must be a whole number from 0 on")
        seen, problems = read_observation(self._served.tasks[task], body, len(keys), batched)
        if problems:
            sent = ", ".join(str(name)[:40] for name in body if str(name).startswith(PREFIX)) or "none"
            raise Refused(f"{'; '.join(problems)} (sent: {sent})"[:1000])
        return _Request(task, keys, decision, seen, batched)

    def _task(self, body: Mapping[str, Any], about: Mapping[str, Any]) -> str:
        known = self._served.tasks
        named = about.get("task", self._said.get("name"))
        if named is None:
            said = [body.get(name) for name in ("prompt", "task_description")]
            goals = [text for text in said if isinstance(text, str)]
            fitting = [name for name, one in known.items() if one.goal in goals or len(known) == 1]
            named = fitting[0] if fitting else ""
        if not isinstance(named, str) or named not in known:
            raise Refused(str(unknown_name("task of this server", str(named)[:60], known)))
        return named

    def _keys(self, about: Mapping[str, Any]) -> tuple[int, ...]:
        if "noise_keys" not in about:
            own = self._number * 1_000_000 + self._episodes
            key = about.get("noise_key", self._said.get("noise_key", own))
            if type(key) is not int or not 0 <= key < 2**64:
                raise Refused(f"noise_key is {key!r:.40}; it must be a whole number from 0 to 2^64 - 1")
            return (key,)
        keys = about["noise_keys"]
        keys = keys if isinstance(keys, np.ndarray) else np.zeros(0)
        if keys.ndim != 1 or keys.dtype.kind not in "iu" or not 0 < len(keys) <= MOST_EPISODES:
            what = f"noise_keys is {keys.dtype} of the shape {keys.shape}"
            raise Refused(f"{what}; it must be an array of integers (N,), 1 <= N <= {MOST_EPISODES}")
        return tuple(map(int, keys.astype(np.uint64)))

    # ------------------------------------------------------------------------------ deciding

    def _decided(self, request: _Request) -> np.ndarray:
        """Return the policy's actions (N, H, A)."""
        if request.decision == 0:
            self._begin(request)
        elif self._last is None or self._last[0][:2] != request[:2]:
            raise Refused(
                f"decision {request.decision} of episodes that did not begin here; begin with decision 0"
            )
        elif request.decision == self._last[0].decision:
            return self._last[1]
        elif request.decision != self._last[0].decision + 1:
            raise Refused(f"decision {request.decision} follows {self._last[0].decision}")
        seen = {name: packed(rows) for name, rows in request.seen.items()}
        reply = self._ask({"decide": seen})
        try:
            actions = np.array(reply["actions"], np.float64)
        except (KeyError, TypeError, ValueError):
            raise Refused("the policy's process answered no actions") from None
        if actions.ndim != 3 or len(actions) != len(request.keys):
            expected = f"({len(request.keys)}, H, A)"
            raise Refused(f"act returned actions of shape {actions.shape}; expected {expected}")
        self._last = request, actions
        return actions

    def _begin(self, request: _Request) -> None:
        self._last = None
        fresh = self._process is None or self._built != request.task
        self._built = request.task
        self._ask({"begin": {"task": request.task, "noise_keys": request.keys, "fresh": fresh}})

    def _ask(self, order: Mapping[str, Any]) -> dict[str, Any]:
        """Ask the policy; raises `Refused` with what it did wrong."""
        self._process = self._process or self._pool.take()
        reply = self._pool.ask(self._process, order)
        why = reply.get("lost") or reply.get("refused") or reply.get("fault")
        if why:
            self._last = None
            self._process = None if "lost" in reply else self._process
            raise Refused(f"the policy failed: {why}"[:1000])
        return reply
