"""Deadlines for the calls of an untrusted policy: one that interrupts, and one that kills its process."""

import faulthandler
import signal
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from mmap import mmap

import numpy as np

from .simulator_guard import remove_callbacks

DEADLINE_S = 30.0
"""Longest time that a decision may take [s]."""
_KILL_AFTER = 1.5
"""A worker whose policy cannot be interrupted dies after this many deadlines."""
_GRACE_S = 2.0
"""After that its parent kills it: a policy can stop its process, or whatever rings in it [s]."""
_MOMENT = struct.Struct("dd")
_now = time.monotonic  # [s]; taken before a policy is imported
SHARED_BYTES = _MOMENT.size
"""Size of what worker and parent share."""


BUILD_DEADLINE_S = 300.0
"""Longest time that importing and building a policy may take [s]."""


RECONNECT_S = 60.0
"""Longest time that waiting for a server to come back may take besides [s]."""


class PolicyTimeout(Exception):
    """The policy took longer than its deadline."""


class Deadline:
    """The deadline of one policy's calls; `with deadline.watch():` stands around every call of it."""

    def __init__(
        self, deadline_s: float = DEADLINE_S, inside: mmap | None = None, request_s: float | None = None
    ) -> None:
        """Create the deadline for a policy.

        Args:
            deadline_s: longest time that a call may take [s].
            inside: shared moment at which the policy was called, 0 while it is not running, and the
                deadline of the call. With it (in a worker process) a call that cannot be interrupted
                ends the process, and the parent knows whose fault it was.
            request_s: longest time that one request to a server may take [s]; None for `deadline_s`.
        """
        self.deadline_s = deadline_s
        self.request_s = deadline_s if request_s is None else request_s
        self._inside = inside

    @property
    def in_worker(self) -> bool:
        """Whether it watches in a worker process."""
        return self._inside is not None

    @contextmanager
    def watch(self) -> Iterator[None]:
        """Raise `PolicyTimeout` in the block when it takes too long (main thread only), or else after it,
        whatever became of the alarm; NumPy's error settings are put back at its end.
        """
        with np.errstate(), self._alarm():
            begin = _now()
            try:
                yield
            finally:
                taken = _now() - begin
                remove_callbacks()
        if taken > self.deadline_s:
            raise PolicyTimeout(f"no answer within {self.deadline_s:g} s")

    def building(self, build_s: float = BUILD_DEADLINE_S) -> "Deadline":
        """Return a deadline of the same process for building a policy, which may take longer than to act."""
        return Deadline(max(self.deadline_s, build_s), self._inside)

    def asking(self, episodes: int) -> "Deadline":
        """Return a deadline of the same process for a policy that may ask a server for each episode."""
        return Deadline(episodes * self.deadline_s + RECONNECT_S, self._inside, self.deadline_s)

    @contextmanager
    def _alarm(self) -> Iterator[None]:
        # where nothing can interrupt the policy, `watch` says afterwards that it was late
        if threading.current_thread() is not threading.main_thread() or not hasattr(signal, "setitimer"):
            yield
            return

        over = False

        def ring(signum: int, frame: object) -> None:
            if not over:
                raise PolicyTimeout(f"no answer within {self.deadline_s:g} s")

        previous = signal.signal(signal.SIGALRM, ring)
        if self._inside is not None:
            self._inside[:] = _MOMENT.pack(_now(), self.deadline_s)
            faulthandler.dump_traceback_later(_KILL_AFTER * self.deadline_s, exit=True)
        try:
            signal.setitimer(signal.ITIMER_REAL, self.deadline_s)
            yield
        finally:
            over = True
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, previous)
            if self._inside is not None:
                faulthandler.cancel_dump_traceback_later()
                self._inside[:] = _MOMENT.pack(0.0, 0.0)


def is_overdue(inside: mmap) -> bool:
    """Whether a worker should have died of its policy's deadline, and has not."""
    begin, deadline_s = _MOMENT.unpack(inside[:])
    return begin > 0 and time.monotonic() - begin >= _KILL_AFTER * deadline_s + _GRACE_S


def blame_for_death(inside: mmap, exit_code: int) -> str:
    """Return the label for a worker that died: "" outside the policy, else what the policy did to it."""
    begin, deadline_s = _MOMENT.unpack(inside[:])
    if not begin:
        return ""
    late = time.monotonic() - begin >= _KILL_AFTER * deadline_s
    return "POLICY_TIMEOUT" if late and exit_code in (1, -signal.SIGKILL) else "POLICY_ERROR"
