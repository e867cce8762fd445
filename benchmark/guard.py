"""A watch over calls of an untrusted policy: a deadline that interrupts, and one that kills."""

import faulthandler
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from mmap import mmap

DEADLINE_S = 30.0
"""Longest time that a decision may take [s]."""
_KILL_AFTER = 1.5
"""A worker whose policy cannot be interrupted dies after this many deadlines."""


class PolicyTimeout(Exception):
    """The policy took longer than its deadline."""


class Guard:
    """Watches one policy; `with guard.watch():` around every call of it."""

    def __init__(self, deadline_s: float = DEADLINE_S, inside: mmap | None = None) -> None:
        """Create a guard.

        Args:
            deadline_s: longest time that a call may take [s].
            inside: shared byte that is 1 while the policy runs. With it (in a worker process) a call
                that cannot be interrupted ends the process, and the parent knows whose fault it was.
        """
        self.deadline_s = deadline_s
        self._inside = inside

    @contextmanager
    def watch(self) -> Iterator[None]:
        """Raise `PolicyTimeout` in the block when it takes too long (main thread only)."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return

        def ring(signum: int, frame: object) -> None:
            raise PolicyTimeout

        previous = signal.signal(signal.SIGALRM, ring)
        signal.setitimer(signal.ITIMER_REAL, self.deadline_s)
        if self._inside is not None:
            self._inside[0] = 1
            faulthandler.dump_traceback_later(_KILL_AFTER * self.deadline_s, exit=True)
        try:
            yield
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, previous)
            if self._inside is not None:
                faulthandler.cancel_dump_traceback_later()
                self._inside[0] = 0
