"""A policy that is shut in: the harness's end of the channel; the other end is `inside`.

A box lives as long as its worker, so what the policy imports is imported once. When the box dies, the worker
dies in the same way, and the parent's rules for that apply; one that does not answer is killed.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path
from threading import Thread
from typing import IO, Any

import numpy as np

from ...envs.errors import WrongUse
from ...policies.core.answers import InvalidAnswer
from ...policies.core.policy import Decision, Episodes, Needs, PlanRecord, Policy, plain_needs
from ...policies.core.registry import import_folder
from ...policies.core.wrapping import unwrapped, with_inner
from ...tasks import Task
from ..records.fault_file import printable
from ..rollout.timeouts import Deadline
from . import channel
from .introduction import Introduction, recorded
from .policy_files import sum_of
from .raised import raise_again, unreadable
from .shapes import Isolation, View, own_view, shown, shut_in

_PROGRAM = "from bimodal.benchmark.isolation.inside import main; main()"
_LONGEST_OUTPUT = 100_000
"""Characters of what a policy prints that are shown, of every process."""
_DEATH_S = 10
"""Longest wait for the exit code of a process that has hung up [s]."""
_LAST_WORDS_S = 2
"""Longest wait for what a process printed before it ended, where others of it still hold its output [s]."""


class ReadsSimulator(WrongUse):
    """The policy needs what only the harness has."""


class Box:
    """A process in which a policy lives, shut in."""

    def __init__(
        self, uri: str, weights: Path | None, isolation: Isolation, hidden: tuple[Path, ...] = ()
    ) -> None:
        """Note what goes into it; the process begins when something is asked of it.

        Args:
            uri: the policy, with the full path of its file.
            weights: folder of trained weights; None for the shipped ones.
            isolation: how it is shut in.
            hidden: folders that it may not see even if they lie beside the policy.
        """
        self._uri = uri
        self._weights = weights
        self._isolation: Isolation = isolation
        file = _file_of(uri)
        self._import_folder = import_folder(uri)
        own = filter(None, (file and file.parent, self._import_folder, weights))
        self._view = View((*own_view().readable, *own), hidden)
        self._process: subprocess.Popen | None = None
        self._printer: Thread | None = None
        self._end: socket.socket | None = None

    def find(self) -> None:
        """Import the policy's class; raises as `policy_class`."""
        self.ask({"ask": "find"})

    def labelled_sibling(self) -> str | None:
        """Return the URI of the policy that its class names as `labelled_sibling`, None for none."""
        said = self.ask({"ask": "find"}).say.get("labelled_sibling")
        if not isinstance(said, str) or not said:
            return None
        return with_inner(self._uri, lambda uri: f"{uri.rpartition(':')[0]}:{said}")

    def introduce(self, task: Task, deadline: Deadline) -> Introduction:
        """Return what the policy says of itself when it is built for a task; raises as `introduce`."""
        with deadline.watch():
            said = self.ask({"ask": "introduce", "task": task.id}).say.get("introduction")
        told = recorded(Introduction, said)
        _refuse_privileged(told.privileged)
        return told.model_copy(update={"artifacts": self._checked(told.artifacts)})

    def build(self, task: Task) -> tuple[Policy, dict[str, str]]:
        """Build the policy for a task; returns who stands for it here, and the sha256 of its files."""
        said = self.ask({"ask": "build", "task": task.id}).say
        told = said.get("artifacts")
        files = told.items() if isinstance(told, dict) else ()
        artifacts = self._checked({str(name): str(digest) for name, digest in files})
        return BoxedPolicy(task, self, said.get("clip") is True), artifacts

    def _checked(self, artifacts: dict[str, str]) -> dict[str, str]:
        """Return the files that a policy says it is made of, its own as it is seen from outside."""
        file = _file_of(self._uri)
        return artifacts | ({file.name: sum_of(file)} if file else {})

    def ask(self, say: Mapping[str, Any], arrays: Mapping[str, np.ndarray] | None = None) -> channel.Message:
        """Ask the policy something and wait for the answer; whatever interrupts the wait ends the box.

        Raises:
            BimodalError: it cannot be built.
            InvalidAnswer: what `act` returned is not actions.
            Exception: what the policy raised, under the name that it has there.
        """
        try:
            end = self._end or self._begin()
            channel.send(end, say, arrays)
            answer = channel.receive(end)
        except channel.HungUp:
            self._die()
            raise
        except BaseException:
            self.close()
            raise
        raise_again(answer, partial(unreadable, self._view, self._isolation))
        return answer

    def close(self) -> None:
        """Kill the process and all that it started."""
        if self._process is None:
            return
        self._process.kill()
        self._process.wait()
        assert self._end is not None and self._printer is not None
        self._printer.join(_LAST_WORDS_S)
        self._end.close()
        self._own.cleanup()
        self._process = None
        self._end = None

    def _begin(self) -> socket.socket:
        self._end, theirs = socket.socketpair()
        self._own = tempfile.TemporaryDirectory(prefix="bimodal-box-")
        readable, listed = ([str(path) for path in paths] for paths in shown(self._view))
        job = {
            "policy": self._uri,
            "weights": str(self._weights) if self._weights else None,
            "import_folder": str(self._import_folder or ""),
            "folders": (readable, listed, self._own.name) if self._isolation == "landlock" else None,
        }
        python = [sys.executable, "-P", "-c", _PROGRAM, str(theirs.fileno()), json.dumps(job)]
        shape = shut_in(self._isolation, python, self._view, Path(self._own.name))
        with theirs:
            self._process = subprocess.Popen(
                shape.command,
                env=shape.environment,
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                cwd="/",
            )
        assert self._process.stdout is not None
        self._printer = Thread(target=_pass_on, args=(self._process.stdout,), daemon=True)
        self._printer.start()
        return self._end

    def _die(self) -> None:
        """End this process as the box ended: its parent knows what to make of that."""
        assert self._process is not None
        try:
            code = self._process.wait(_DEATH_S)
        except subprocess.TimeoutExpired:  # it closed the channel and lives on
            code = 1
        self.close()
        number = code - 128 if code > 128 else -code
        if number > 0:
            if number != signal.SIGKILL:
                signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)
        os._exit(code if code > 0 else 1)


class BoxedPolicy(Policy):
    """Stands for a policy that lives in a box."""

    def __init__(self, task: Task, box: Box, clip: bool) -> None:
        super().__init__(task)
        self.clip = clip
        self._box = box

    def needs(self) -> Needs:
        """Return what the policy says it needs."""
        said = self._box.ask({"ask": "needs"}).say.get("needs")
        try:
            names, *others = said if isinstance(said, list) else []
            needs = plain_needs(Needs(tuple(names), *others))
        except (TypeError, ValueError):
            raise WrongUse(f"needs() returned {said!r:.80}; it must be a Needs") from None
        _refuse_privileged(needs.privileged)
        return needs

    def reset(self, episodes: Episodes) -> None:
        """Tell the policy that N episodes begin; it never has the simulator."""
        told = {} if episodes.asked is None else {"asked": episodes.asked}
        self._box.ask({"ask": "reset"}, {"noise_keys": episodes.noise_keys, **told})

    def act(self, observation: dict[str, np.ndarray]) -> Decision:
        """Return what the policy decides."""
        words, arrays = channel.apart(observation)
        answer = self._box.ask({"ask": "act", "words": words}, arrays)
        arrays = dict(answer.arrays)
        if "actions" not in arrays:
            raise InvalidAnswer("nothing")
        actions = arrays.pop("actions")
        plan = {name: array for name, array in arrays.items() if name in PlanRecord._fields}
        if isinstance(verdict := answer.say.get("verdict"), list):
            plan["verdict"] = np.array([str(one)[:80] for one in verdict])
        return Decision(actions, PlanRecord(**plan) if plan else None)


def _pass_on(output: IO[bytes]) -> None:
    """Show what a policy prints, without what a terminal would obey, up to a length; the rest is dropped."""
    left = _LONGEST_OUTPUT
    with output, suppress(OSError, ValueError):
        while part := os.read(output.fileno(), 4096):
            text = printable(part.decode(errors="replace"))[:left]
            left -= len(text)
            sys.stderr.write(text)


def _refuse_privileged(privileged: bool) -> None:
    if privileged:
        raise ReadsSimulator(
            "the policy reads the simulator, which none that is shut in can: use --no-sandbox"
        )


def _file_of(uri: str) -> Path | None:
    """Return a policy's file; None for one that is installed."""
    file, _, _ = unwrapped(uri).rpartition(":")
    return Path(file) if file.endswith(".py") else None
