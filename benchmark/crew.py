"""Independent calls side by side in processes, or one after another here: certificates and studies."""

import os
from collections.abc import Callable, Hashable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from types import TracebackType
from typing import Self, TypeVar

Key = TypeVar("Key", bound=Hashable)
Result = TypeVar("Result")


class Crew:
    """Worker processes that run calls; with fewer than two, this process runs them itself.

    What a call returns must not depend on where it runs. Calls and results travel between processes, so they
    are module-level functions (or `functools.partial` of them) and plain data; a task travels by its id.
    """

    def __init__(self, workers: int = 1) -> None:
        """Start `workers` processes when the first calls come."""
        self._pool = None
        if workers > 1:
            os.environ.setdefault("OMP_NUM_THREADS", "1")
            self._pool = ProcessPoolExecutor(workers, get_context("spawn"), _one_thread)

    def run(self, calls: Mapping[Key, Callable[[], Result]]) -> Iterator[tuple[Key, Result]]:
        """Make the calls and yield key and result of each as it ends; begun in the order given."""
        if self._pool is None:
            for key, call in calls.items():
                yield key, call()
            return
        waiting = {self._pool.submit(call): key for key, call in calls.items()}
        for future in as_completed(waiting):
            yield waiting[future], future.result()

    def __enter__(self) -> Self:
        """Return the crew."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the processes; calls that have not begun are forgotten."""
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)


def _one_thread() -> None:
    """Two torch threads beside another process on two cores are a hundred times slower than one."""
    import torch

    torch.set_num_threads(1)
