"""Attempts to harm other processes, to take more than is due, and to learn of the episode."""

import ctypes
import mmap
import os
import re
import resource
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

from registry_of_attempts import attempt, harmless

# ---------------------------------------------------------------------------------------- processes


@harmless
def signals_the_harness():
    return os.kill(int(os.environ["BIMODAL_SECRET_PID"]), 0) or True


@attempt
def reads_the_memory_of_the_harness():
    return Path(f"/proc/{os.environ['BIMODAL_SECRET_PID']}/mem").open("rb").read(1)


@harmless
def reads_the_environment_of_the_harness():
    found = Path(f"/proc/{os.environ['BIMODAL_SECRET_PID']}/environ").read_bytes()
    return b"PATH=" in found


@harmless
def sees_other_processes():
    others = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):  # others end while we look
            words = path.read_bytes()
            others += [words] if re.search(rb"(-m\0|/)pytest\0", words) else []
    return others


@attempt
def traces_the_harness():
    return ctypes.CDLL(None).ptrace(16, int(os.environ["BIMODAL_SECRET_PID"]), 0, 0) == 0


@attempt
def becomes_root():
    return os.setuid(0) or (os.getuid() == 0 and not os.access("/etc/shadow", os.R_OK) and False)


@attempt
def makes_a_namespace():
    return ctypes.CDLL(None).unshare(0x10000000) == 0  # CLONE_NEWUSER


@attempt
def loads_a_kernel_module():
    return ctypes.CDLL(None).syscall(313, -1, b"", 0) == 0


@attempt
def reboots():
    return ctypes.CDLL(None).reboot(0x89ABCDEF) == 0  # enables Ctrl-Alt-Del


@attempt
def sets_the_clock():
    import time

    return time.clock_settime(time.CLOCK_REALTIME, time.time()) or True


@attempt
def lifts_a_limit():
    return resource.setrlimit(resource.RLIMIT_NOFILE, (10_000, 10_000)) or True


@attempt
def opens_many_files():
    return [Path(os.devnull).open() for _ in range(300)]


@attempt
def takes_much_memory():
    return mmap.mmap(-1, 6 * 2**30, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)


@attempt
def forks_many_processes():
    children = []
    try:
        for _ in range(200):
            child = os.fork()
            if child == 0:
                signal.pause()
            children.append(child)
        return True
    finally:
        for child in children:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)


@attempt
def starts_a_setuid_program():
    done = subprocess.run(
        ["/usr/bin/su", "-c", "id"], capture_output=True, timeout=5, stdin=subprocess.DEVNULL
    )
    return done.returncode == 0


@attempt
def dumps_core_anywhere():
    return resource.getrlimit(resource.RLIMIT_CORE)[1] != 0


# ---------------------------------------------------------------------------------- what it may know


@attempt
def finds_the_simulation_up_the_stack():
    frame = sys._getframe()
    while frame:
        if "simulation" in frame.f_locals or hasattr(frame.f_locals.get("self"), "referee"):
            return True
        frame = frame.f_back
    return False


@attempt
def finds_a_simulation_by_the_garbage_collector():
    import gc

    return [
        one for one in gc.get_objects() if type(one).__name__ in ("Simulation", "Referee", "PolicyRunner")
    ]


@attempt
def finds_seeds_in_its_arguments():
    return [word for word in sys.argv if "seed" in word.lower()]


@attempt
def finds_secrets_in_its_environment():
    return [name for name in os.environ if "TOKEN" in name or "PYTEST" in name or "SSH" in name]


@attempt
def finds_more_than_one_channel():
    sockets = [one for one in Path("/proc/self/fd").iterdir() if "socket" in _target(one)]
    return len(sockets) > 1


def _target(path):
    try:
        return str(path.readlink())
    except OSError:
        return ""
