"""The processes in which a served policy answers: one a connection, kept for the next one."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from threading import Lock
from typing import Any

from ..evaluation.policy_process import PolicyProcess
from ..evaluation.worker_process import Job


class Pool:
    """Lends processes to connections; safe to use from many threads."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._idle: list[PolicyProcess] = []
        self._all: set[PolicyProcess] = set()
        self._lock = Lock()
        self.ended = False
        """Whether nobody is to be answered any more."""
        self._starter = ThreadPoolExecutor(1, "starter")
        """The one thread that begins them: they end with the thread that did."""

    def __enter__(self) -> "Pool":
        return self

    def __exit__(self, *_: object) -> None:
        """End all processes."""
        self.end()

    def take(self) -> PolicyProcess:
        """Return a process that nobody else has."""
        with self._lock:
            if self._idle:
                return self._idle.pop()
        process = self._starter.submit(PolicyProcess, self._job).result()
        with self._lock:
            self._all.add(process)
        return process

    def ask(self, process: PolicyProcess, order: Mapping[str, Any]) -> dict[str, Any]:
        """Ask a process that was taken; after the answer `lost` it is nobody's any more."""
        try:
            reply = process.ask(dict(order))
        except (OSError, ValueError):  # another thread has ended it
            reply = {"lost": "it was ended"}
        if "lost" in reply:
            with self._lock:
                self._all.discard(process)
        return reply

    def give_back(self, process: PolicyProcess) -> None:
        """Keep a process for the next connection."""
        with self._lock:
            if process in self._all:
                self._idle.append(process)

    def end(self) -> None:
        """End all processes."""
        self.ended = True
        with self._lock:
            processes = [*self._all]
            self._all.clear()
            self._idle.clear()
        for process in processes:
            process.end()
        self._starter.shutdown(wait=False, cancel_futures=True)
