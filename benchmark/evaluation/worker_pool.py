"""Runs shards in worker processes and survives what a policy does to its process; called by `evaluate`.

A worker gets shard numbers over a pipe and answers with JSON; records go to disk from the worker
itself. A process that dies inside the policy is the policy's fault and scored as such; one that dies
elsewhere is the harness's fault: the shard is tried once more and then reported, never scored.
"""

import json
import mmap
import os
import subprocess
import sys
import tempfile
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import suppress
from multiprocessing.connection import Pipe, wait
from pathlib import Path
from typing import NamedTuple

from ...envs.errors import BimodalError
from ...tasks import load_task
from ..records.shard_file import write_shard
from ..rollout.shard import Shard, blamed
from ..rollout.timeouts import SHARED_BYTES, blame_for_death
from .worker_process import Job

TRIES = 2
"""How often a shard is tried when the harness is at fault."""
_CHILD = (
    "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN); "  # the parent hears Ctrl-C and ends us
    "from bimodal.benchmark.evaluation.worker_process import main; main()"
)


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
    queue = deque((number, 1) for number in range(len(shards)))
    crew = [_Worker(job) for _ in range(min(workers, len(shards)))]
    try:
        while queue or any(worker.task for worker in crew):
            for worker in crew:
                if not worker.task and queue:
                    worker.give(*queue.popleft(), shards)
            for ready in wait([worker.pipe for worker in crew if worker.task]):
                worker = next(worker for worker in crew if worker.pipe is ready)
                number, tries = worker.task  # type: ignore[misc]
                shard, file = shards[number]
                problem = worker.answer(shard, file)
                if problem and tries < TRIES:
                    queue.append((number, tries + 1))
                else:
                    yield Answer(shard, problem)
    finally:
        for worker in crew:
            worker.stop()


class _Worker:
    """The parent's end of one process."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._start()

    def _start(self) -> None:
        self.pipe, other = Pipe()
        flag = tempfile.TemporaryFile()  # noqa: SIM115 (closed below, the map keeps it)
        flag.write(bytes(SHARED_BYTES))
        flag.flush()
        self._inside = mmap.mmap(flag.fileno(), SHARED_BYTES)
        self.process = subprocess.Popen(
            [sys.executable, "-c", _CHILD, str(other.fileno()), str(flag.fileno())],
            pass_fds=(other.fileno(), flag.fileno()),
            stdin=subprocess.DEVNULL,
            stdout=2,  # its prints go to our stderr, whatever `sys.stderr` is here
            env=os.environ | {"OMP_NUM_THREADS": "1"},
        )
        other.close()
        flag.close()
        self.pipe.send_bytes(json.dumps(self._job._asdict()).encode())
        self.task: tuple[int, int] | None = None

    def give(self, number: int, tries: int, shards: Sequence[tuple[Shard, Path]]) -> None:
        shard, file = shards[number]
        self.task = (number, tries)
        with suppress(OSError):  # a worker that died in between is noticed when it should answer
            self.pipe.send_bytes(json.dumps({"shard": shard, "file": str(file.absolute())}).encode())

    def answer(self, shard: Shard, file: Path) -> str:
        """Take the answer to the shard in work; returns the problem, "" for none."""
        self.task = None
        try:
            reply = json.loads(self.pipe.recv_bytes())
        except (EOFError, OSError, ValueError):
            return self._died(shard, file)
        if reply.get("stop"):
            raise BimodalError(reply["stop"])
        return reply["problem"]

    def _died(self, shard: Shard, file: Path) -> str:
        code = self.process.wait()
        label = blame_for_death(self._inside, code, self._job.deadline_s)
        self._start()
        if not label:
            return f"the worker died (exit code {code})"
        hung = label == "POLICY_TIMEOUT"
        text = "it hung and could not be interrupted" if hung else f"its process died (exit code {code})"
        write_shard(file, blamed(load_task(shard.task), shard, label, text), [])
        return ""

    def stop(self) -> None:
        """End the process; a shard in work is lost."""
        self.pipe.close()
        if self.task:
            self.process.kill()
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:  # threads that the policy left behind
            self.process.kill()
            self.process.wait()
