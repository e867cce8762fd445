"""Calls side by side, each in a process of its own: one that fails or dies stops no other."""

import os
import signal
from collections.abc import Callable, Hashable, Iterator, Mapping
from multiprocessing import get_context, parent_process
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from multiprocessing.sharedctypes import RawArray
from typing import Any, NamedTuple, TypeVar

from ..envs.errors import BimodalError

Key = TypeVar("Key", bound=Hashable)
Report = Callable[..., None]
"""report(done, total, value=0.0): how far a call is."""
Call = Callable[[Report], object]
"""What is called, with a function that it may call to say how far it is; it travels between processes."""
GLANCE_S = 0.2
"""How often the parent looks at what the calls report [s]."""


class State(NamedTuple):
    """How far a call is."""

    done: int = 0
    """Its own count."""
    value: float = 0.0
    """Whatever it reports, e.g. a loss."""
    running: bool = False
    """Whether it has begun and not ended."""
    problem: str | None = None
    """"" once it has ended well, else why it did not; None before its end."""


def side_by_side(calls: Mapping[Key, Call], workers: int) -> Iterator[dict[Key, State]]:
    """Make the calls in the order given, `workers` at a time, and yield how far all of them are.

    Args:
        calls: functions that pickle.
        workers: number of processes; 0 makes the calls here, one after another.

    Yields:
        The state of every call: now and then, whenever one has ended, and at last.
    """
    if not calls:
        return
    board, order = RawArray("d", 2 * len(calls)), list(calls)
    problems: dict[Key, str] = {}
    running: dict[Key, tuple[SpawnProcess, Connection]] = {}

    def states() -> dict[Key, State]:
        return {
            key: State(int(board[2 * n]), board[2 * n + 1], key in running, problems.get(key))
            for n, key in enumerate(order)
        }

    if workers < 1:
        for n, key in enumerate(order):
            problems[key] = _problem(calls[key], board, n)
            yield states()
        return
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    waiting = list(enumerate(order))
    try:
        while waiting or running:
            while waiting and len(running) < workers:
                n, key = waiting.pop(0)
                running[key] = _start(calls[key], board, n)
            wait([process.sentinel for process, _ in running.values()], GLANCE_S)
            for key, (process, pipe) in list(running.items()):
                if not process.is_alive():
                    problems[key] = _answer(process, pipe)
                    del running[key]
            yield states()
    finally:
        for process, _ in running.values():
            process.terminate()
        for process, _ in running.values():
            process.join()


def _start(call: Call, board: Any, n: int) -> tuple[SpawnProcess, Connection]:
    context = get_context("spawn")
    pipe, other = context.Pipe(duplex=False)
    process = context.Process(target=_child, args=(call, board, n, other), daemon=True)
    process.start()
    other.close()
    return process, pipe


def _child(call: Call, board: Any, n: int, pipe: Connection) -> None:
    """Be the process of a call."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent hears Ctrl-C and ends us
    pipe.send_bytes(_problem(call, board, n).encode())


def _answer(process: SpawnProcess, pipe: Connection) -> str:
    """Return what a process that has ended said, or how it died."""
    try:
        return pipe.recv_bytes().decode()
    except (EOFError, OSError):
        process.join()
        return f"its process died (exit code {process.exitcode})"
    finally:
        pipe.close()


def _problem(call: Call, board: Any, n: int) -> str:
    """Make a call and return what went wrong, "" for nothing."""
    parent = parent_process()

    def report(done: int, total: int, value: float = 0.0) -> None:
        board[2 * n], board[2 * n + 1] = done, value
        if parent is not None and not parent.is_alive():
            raise SystemExit("nobody waits for this")

    try:
        call(report)
    except BimodalError as error:
        return str(error)
    except Exception as error:
        return " ".join(f"{type(error).__name__}: {error}".split())
    return ""
