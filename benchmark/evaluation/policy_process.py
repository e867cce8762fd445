"""A process in which a policy's code runs, and what the parent does about one that hangs or dies.

Used by `worker_pool` for shards, by `describe` for building a policy the first time, by `policy_check`. The
process has a group of its own, so that what the policy starts ends with it; it dies with its parent.
"""

import json
import mmap
import os
import signal
import socket
import struct
import subprocess
import sys
import tempfile
from contextlib import suppress
from multiprocessing.connection import Pipe, wait
from typing import Any

from ...envs.errors import WrongUse
from ..rollout.timeouts import SHARED_BYTES, blame_for_death, is_overdue
from .worker_process import Job

LOOK_EVERY_S = 0.2
"""How often the parent looks whether a process has died or hangs [s]."""
_LONGEST_ANSWER = 2**24
"""Bytes of an answer that are read; a policy may write to the pipe, too."""
_ANSWER_S = 5
"""Longest wait for the rest of an answer that has begun [s]."""
_CHILD = (
    "import ctypes, os, signal, sys; "
    "signal.signal(signal.SIGINT, signal.SIG_IGN); "  # the parent hears Ctrl-C and ends us
    "sys.platform == 'linux' and ctypes.CDLL(None).prctl(1, signal.SIGKILL); "  # PR_SET_PDEATHSIG
    "os.getppid() == int(sys.argv[3]) or os._exit(1); "  # the parent died before that
    "from bimodal.benchmark.evaluation.worker_process import main; main()"
)


class PolicyProcess:
    """The parent's end of one process."""

    def __init__(self, job: Job) -> None:
        if not hasattr(os, "killpg"):
            raise WrongUse(
                "on Windows a policy runs in this process alone: --workers 0, without --sandbox (or take WSL)"
            )
        self.pipe, other = Pipe()
        with socket.socket(fileno=os.dup(self.pipe.fileno())) as end:
            end.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", _ANSWER_S, 0))
        with other, tempfile.TemporaryFile() as flag:
            flag.write(bytes(SHARED_BYTES))
            flag.flush()
            self.inside = mmap.mmap(flag.fileno(), SHARED_BYTES)
            descriptors = other.fileno(), flag.fileno()
            self._process = subprocess.Popen(
                # -P: a file called queue.py in the working directory is no module of ours
                [sys.executable, "-P", "-c", _CHILD, *map(str, descriptors), str(os.getpid())],
                pass_fds=descriptors,
                stdin=subprocess.DEVNULL,
                stdout=2,  # its prints go to our stderr, whatever `sys.stderr` is here
                env=os.environ | {"OMP_NUM_THREADS": "1"},
                process_group=0,
            )
        self.send(job._asdict())

    def send(self, order: dict[str, Any]) -> None:
        """Hand an order over; a process that has died in between is noticed when it should answer."""
        with suppress(OSError):
            self.pipe.send_bytes(json.dumps(order).encode())

    def receive(self) -> dict[str, Any] | None:
        """Return the next answer, None if the process has died or says nonsense."""
        try:
            answer = json.loads(self.pipe.recv_bytes(_LONGEST_ANSWER))
        except (EOFError, OSError, ValueError, RecursionError):
            return None
        return answer if isinstance(answer, dict) else None

    def ask(self, order: dict[str, Any]) -> dict[str, Any]:
        """Hand an order over and wait; returns the answer, `{"lost": why}` if none will come."""
        self.send(order)
        while not wait([self.pipe], LOOK_EVERY_S) and not self.is_lost:
            pass
        reply = self.receive() if self.pipe.poll() else None
        if reply is not None:
            return reply
        code = self.end()
        late = blame_for_death(self.inside, code) == "POLICY_TIMEOUT"
        return {"lost": "it does not come to an end" if late else f"its process ended (exit code {code})"}

    @property
    def is_lost(self) -> bool:
        """Whether no answer will come: it has ended, or hangs in the policy and nothing in it rings."""
        return self._process.poll() is not None or is_overdue(self.inside)

    def end(self) -> int:
        """Kill the process and all that it started; returns its exit code."""
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self.pipe.close()
        return self._process.wait()

    def close(self) -> None:
        """Let an idle process end by itself, and end it if it does not."""
        self.pipe.close()
        with suppress(subprocess.TimeoutExpired):  # threads that the policy left behind
            self._process.wait(5)
        self.end()
