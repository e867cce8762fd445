"""Runs shards in worker processes and survives what a policy does to its process; called by `evaluate`.

A worker gets shard numbers over a pipe and answers with JSON; records go to disk from the worker
itself. A process that dies inside the policy is the policy's fault and scored as such; one that dies
elsewhere is the harness's fault: the shard is tried once more and then reported, never scored. One that is
killed while the policy thinks may have been killed by anybody: only a second time is the policy's fault.
"""

import signal
from collections import deque
from collections.abc import Iterator, Sequence
from multiprocessing.connection import wait
from pathlib import Path
from typing import NamedTuple

from ...envs.errors import BimodalError
from ...tasks import load_task
from ..records.shard_file import write_shard
from ..rollout.shard import Shard, blamed
from ..rollout.timeouts import blame_for_death
from .policy_process import LOOK_EVERY_S, PolicyProcess
from .worker_process import Job

TRIES = 2
"""How often a shard is tried when the harness is at fault."""
_FROM_OUTSIDE = tuple(-getattr(signal, name, 0) for name in ("SIGKILL", "SIGTERM"))
"""Exit codes of processes that others may have ended: an operator, or a system short of memory."""


class Answer(NamedTuple):
    """What became of a shard."""

    shard: Shard
    problem: str
    """"" when its record is on disk; else why the shard is invalid."""


def work(job: Job, shards: Sequence[tuple[Shard, Path]], workers: int) -> Iterator[Answer]:
    """Run shards in `workers` processes; yield an answer as each one ends.

    Args:
        job: policy and options.
        shards: each with the file that its record goes to.
        workers: number of processes.
    """
    crew = [Worker(job) for _ in range(min(workers, len(shards)))]
    try:
        yield from share_out(shards, crew)
    finally:
        for worker in crew:
            worker.stop()


def share_out(shards: Sequence[tuple[Shard, Path]], crew: Sequence["Worker"]) -> Iterator[Answer]:
    """Give shards to idle workers until none is left; yield an answer as each one ends."""
    queue = deque((number, 1) for number in range(len(shards)))
    while queue or any(worker.task for worker in crew):
        for worker in crew:
            if not worker.task and queue:
                worker.give(*queue.popleft(), shards)
        for worker in _ready(crew):
            assert worker.task
            number, tries = worker.task
            shard, file = shards[number]
            problem = worker.answer(shard, file)
            if problem and tries < TRIES:
                queue.append((number, tries + 1))
            else:
                yield Answer(shard, problem)


def _ready(crew: Sequence["Worker"]) -> list["Worker"]:
    """Wait a moment; return the workers that have answered, and those that never will."""
    busy = [worker for worker in crew if worker.task]
    answered = wait([worker.process.pipe for worker in busy], LOOK_EVERY_S)
    return [worker for worker in busy if worker.process.pipe in answered or worker.process.is_lost]


class Worker:
    """One process after another; each runs shards until the policy takes it down."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self.process = PolicyProcess(job)
        self.task: tuple[int, int] | None = None
        """Number of the shard in work, and which try this is."""

    def give(self, number: int, tries: int, shards: Sequence[tuple[Shard, Path]]) -> None:
        """Hand a shard over."""
        shard, file = shards[number]
        self.task = (number, tries)
        self.process.send({"shard": shard, "file": str(file.absolute())})

    def answer(self, shard: Shard, file: Path) -> str:
        """Take the answer to the shard in work; returns the problem, "" for none."""
        assert self.task
        _, tries = self.task
        self.task = None
        reply = self.process.receive() if self.process.pipe.poll() else None
        if reply is None:
            return self._died(shard, file, tries)
        if reply.get("stop"):
            raise BimodalError(str(reply["stop"]))
        if reply.get("policy"):
            self._restart()
            return self._blame(shard, file, "POLICY_ERROR", str(reply["policy"]))
        return str(reply.get("problem", ""))

    def _died(self, shard: Shard, file: Path, tries: int) -> str:
        code = self._restart()
        label = blame_for_death(self._inside, code)
        if not label:
            return f"the worker died (exit code {code})"
        if label == "POLICY_ERROR" and code in _FROM_OUTSIDE and tries < TRIES:
            return f"the worker was killed (exit code {code})"
        hung = label == "POLICY_TIMEOUT"
        text = "it hung and could not be interrupted" if hung else f"its process died (exit code {code})"
        return self._blame(shard, file, label, text)

    def _blame(self, shard: Shard, file: Path, label: str, text: str) -> str:
        """Score a shard whose policy broke its process; returns "", for there is no other problem."""
        write_shard(file, blamed(load_task(shard.task), shard, label, text), [], self._job.run_id)
        return ""

    def _restart(self) -> int:
        """End the process and begin a new one; returns the exit code."""
        code = self.process.end()
        self._inside = self.process.inside
        self.process = PolicyProcess(self._job)
        return code

    def stop(self) -> None:
        """End the process; a shard in work is lost."""
        if self.task:
            self.process.end()
        else:
            self.process.close()
