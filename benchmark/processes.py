"""Runs trusted calls side by side in processes: demonstrations, trainings, certificates, studies, videos.

`run_in_processes` is for calls whose results are wanted: the first error ends all of them.
`watch_calls` is for long calls that tell how far they are: one that fails or dies stops no other.

    for name, cell in run_in_processes({"a": partial(measure, "a"), "b": partial(measure, "b")}, workers=2):
        ...
    for key, state in watch_calls({"a": partial(film, "a")}, workers=2):  # film(name, report) calls report(n)
        if state.status is Status.FAILED: ...

Calls and results travel between processes: module-level functions, or `functools.partial` of them, and plain
data; a task travels by its id. A policy that nobody trusts runs in the processes of `evaluation.worker_pool`.
"""

import ctypes
import os
import signal
import sys
import time
import traceback
from collections import deque
from collections.abc import Callable, Hashable, Iterator, Mapping
from contextlib import contextmanager, suppress
from enum import Enum
from functools import partial
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from typing import Any, NamedTuple, TypeVar

from ..envs.errors import BimodalError

Key = TypeVar("Key", bound=Hashable)
Result = TypeVar("Result")
Report = Callable[..., None]
"""report(done, total=0, value=0.0): what a call may call to tell how far it is."""
ReportingCall = Callable[[Report], object]
REPORT_EVERY_S = 0.2
"""A call's reports are passed on at most so often [s]."""
_PR_SET_PDEATHSIG = 1


class Status(Enum):
    """Where a call is."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


class CallState(NamedTuple):
    """How far a call is."""

    status: Status = Status.WAITING
    """Whether it has begun, and how it ended."""
    done: int = 0
    """Its own count, as last reported."""
    value: float = 0.0
    """Whatever it reports, e.g. a loss."""
    result: Any = None
    """What it returned, once it is done."""
    error: Exception | None = None
    """Why it failed."""

    @property
    def ended(self) -> bool:
        """Whether nothing more will come of it."""
        return self.status in (Status.DONE, Status.FAILED)

    @property
    def problem(self) -> str:
        """Why it failed, in one line; "" if it did not."""
        if self.error is None or isinstance(self.error, BimodalError):
            return str(self.error or "")
        return " ".join(f"{type(self.error).__name__}: {self.error}".split())


def run_in_processes(
    calls: Mapping[Key, Callable[[], Result]], workers: int, apart: bool = False
) -> Iterator[tuple[Key, Result]]:
    """Make the calls and yield key and result of each as it ends; begun in the order given.

    Args:
        calls: what they return must not depend on where they run.
        workers: number of processes; fewer than two make the calls here, one after another.
        apart: never make them here, for they may end their process.

    Raises:
        Exception: what the first call that failed raised; a `BimodalError` if its process died.
    """
    reporting = {key: partial(_without_report, call) for key, call in calls.items()}
    for key, state in watch_calls(reporting, max(workers, 1) if apart or workers > 1 else 0):
        if state.error is not None:
            raise state.error
        if state.status is Status.DONE:
            yield key, state.result


def watch_calls(calls: Mapping[Key, ReportingCall], workers: int) -> Iterator[tuple[Key, CallState]]:
    """Make the calls in the order given, `workers` at a time, and yield each change of the state of one.

    Args:
        calls: functions of a `Report`.
        workers: number of processes; 0 makes the calls here, one after another.
    """
    if workers < 1:
        for key, call in calls.items():
            yield key, _make(call, lambda state: None)
        return
    waiting = deque(calls.items())
    idle: list[_Worker] = []
    running: dict[Any, tuple[Key, _Worker]] = {}
    try:
        while waiting or running:
            # 1. every worker gets a call, as long as there are any
            while waiting and len(running) < workers:
                key, call = waiting.popleft()
                worker = idle.pop() if idle else _Worker()
                running[worker.pipe] = key, worker
                worker.begin(call)
                yield key, CallState(Status.RUNNING)
            # 2. one of them says how far it is, or has died
            for pipe in wait(list(running)):
                key, worker = running[pipe]
                state = worker.hear()
                if state.ended:
                    del running[pipe]
                    if worker.process.is_alive():
                        idle.append(worker)
                yield key, state
    finally:
        everyone = [*idle, *(worker for _, worker in running.values())]
        for worker in everyone:
            worker.process.terminate()
        for worker in everyone:
            worker.process.join()


class _Worker:
    """A process that makes one call after another."""

    def __init__(self) -> None:
        # Two torch threads beside another process on two cores are a hundred times slower than one.
        os.environ.setdefault("OMP_NUM_THREADS", "1")
        context = get_context("spawn")
        self.pipe, other = context.Pipe()
        self.process = context.Process(target=_serve, args=(other, os.getpid()), daemon=True)
        with _safe_path():
            self.process.start()
        other.close()

    def begin(self, call: ReportingCall) -> None:
        """Hand a call over."""
        with suppress(ConnectionError):  # it has died, as `hear` will find out
            self.pipe.send(call)

    def hear(self) -> CallState:
        """Return the state that the process sends next, or how it died."""
        try:
            return self.pipe.recv()
        except (EOFError, OSError):
            self.process.join()
            return _failed(BimodalError(f"its process died (exit code {self.process.exitcode})"))
        except Exception as error:
            return _failed(BimodalError(f"cannot read its answer: {error}"))


@contextmanager
def _safe_path() -> Iterator[None]:
    """Start processes as `python -P`: a queue.py in the working directory is no module of ours."""
    before = os.environ.get("PYTHONSAFEPATH")
    os.environ["PYTHONSAFEPATH"] = "1"
    try:
        yield
    finally:
        if before is None:
            del os.environ["PYTHONSAFEPATH"]
        else:
            os.environ["PYTHONSAFEPATH"] = before


def end_with_parent(parent: int) -> None:
    """Ask the system to kill this process when the process that started it ends; a child calls it first.

    Args:
        parent: process id of the parent; if that is gone already, this process ends here.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


def _serve(pipe: Connection, parent: int) -> None:
    """Be a `_Worker`'s process: make the calls that come through the pipe until it closes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent hears Ctrl-C and ends us
    end_with_parent(parent)
    while True:
        try:
            state = _make(pipe.recv(), pipe.send)
        except (EOFError, ConnectionError):
            return
        except Exception as error:  # of reading the call
            state = _failed(error)
        if state.error is not None:
            state.error.add_note("".join(traceback.format_exception(state.error)))
        try:
            pipe.send(state)
        except ConnectionError:
            return
        except Exception as error:
            pipe.send(_failed(BimodalError(f"cannot send its answer: {error}")))


def _make(call: ReportingCall, pass_on: Callable[[CallState], None]) -> CallState:
    """Make a call, passing on what it reports; return its last state."""
    state = CallState(Status.RUNNING)
    passed = -REPORT_EVERY_S

    def report(done: int, total: int = 0, value: float = 0.0) -> None:
        nonlocal state, passed
        state = CallState(Status.RUNNING, done, value)
        if time.monotonic() - passed >= REPORT_EVERY_S:
            passed = time.monotonic()
            try:
                pass_on(state)
            except ConnectionError:
                raise SystemExit("nobody waits for this") from None

    try:
        result = call(report)
    except Exception as error:
        return state._replace(status=Status.FAILED, error=error)
    return state._replace(status=Status.DONE, result=result)


def _failed(error: Exception) -> CallState:
    return CallState(Status.FAILED, error=error)


def _without_report(call: Callable[[], Result], report: Report) -> Result:
    return call()
