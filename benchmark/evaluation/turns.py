"""Lets one worker of a run have the machine alone while it times decisions; used by `worker_process`.

Two locks do it. Who computes shares the floor. Who wants it alone takes the gate, through which everybody
has to go, and gets the floor as soon as the others have come to their next decision.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from ...envs.storage.file_lock import HAS_LOCKS, FileTaken, lock_file, unlock_file


@contextmanager
def together(traces: Path) -> Iterator[Callable[[], None]]:
    """Compute side by side with the other workers of a run, where the file system has locks.

    Args:
        traces: the folder of the run's shards; it is the floor, and the run's folder around it the gate.

    Yields:
        What is called before every decision: it waits while another worker has the machine alone.
    """
    with _opened(traces) as (gate, floor):
        _enter(gate, floor)

        def give_way() -> None:
            try:
                lock_file(gate, shared=True)
            except FileTaken:
                unlock_file(floor)
                _enter(gate, floor)
            else:
                unlock_file(gate)

        yield give_way


@contextmanager
def alone(traces: Path) -> Iterator[None]:
    """Have the machine alone among the workers of a run, where the file system has locks."""
    with _opened(traces) as (gate, floor):
        lock_file(gate, wait=True)
        lock_file(floor, wait=True)
        yield


def _enter(gate: int, floor: int) -> None:
    """Wait at the gate, and share the floor."""
    lock_file(gate, shared=True, wait=True)
    lock_file(floor, shared=True, wait=True)
    unlock_file(gate)


@contextmanager
def _opened(traces: Path) -> Iterator[tuple[int, int]]:
    """Open the two folders whose locks are the gate and the floor; Windows has no locks, and opens none."""
    if not HAS_LOCKS:
        yield -1, -1
        return
    gate = os.open(traces.parent, os.O_RDONLY)
    floor = os.open(traces, os.O_RDONLY)
    try:
        yield gate, floor
    finally:
        os.close(floor)
        os.close(gate)
