"""What a process gives up for good before a policy's code runs in it; called by `inside`, in the box."""

import ctypes
import errno
import os
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

LIMITS = {
    "RLIMIT_DATA": 4 * 2**30,  # memory [bytes]; not RLIMIT_AS, for torch maps far more than it uses
    "RLIMIT_FSIZE": 64 * 2**20,  # a file that it writes [bytes]
    "RLIMIT_NOFILE": 256,  # open files
    "RLIMIT_CORE": 0,
}
PROCESSES = 64
"""Processes and threads that it may have."""
_REFUSED = (
    *("socket", "ptrace", "process_vm_readv", "process_vm_writev", "io_uring_setup"),
    *("unshare", "setns", "setsid", "setpgid"),
)
"""System calls that a policy has no use for: connections, and what leads into or out of other processes."""


class Folders(NamedTuple):
    """What a process may see where no namespace hides the rest from it."""

    readable: list[str]
    """Files and folders that it may read."""
    listed: list[str]
    """Folders of which it may know the names inside."""
    own: str
    """Folder in which it may write."""


def restrict(folders: Folders | None) -> None:
    """Give up for good what a policy has no use for. As root the kernel does not count processes.

    Args:
        folders: what may be seen; None in a namespace, which hides the rest anyway.
    """
    import resource  # Windows has none

    most = LIMITS | {"RLIMIT_NPROC": PROCESSES + (_running() if folders else 0)}
    for name, limit in most.items():
        what = getattr(resource, name)
        _, hard = resource.getrlimit(what)
        limit = limit if hard == resource.RLIM_INFINITY else min(limit, hard)
        resource.setrlimit(what, (limit, limit))
    if folders:
        _see_only(folders)


def _drop_capabilities() -> None:
    """Give up root's rights; files are still its own, and Landlock refuses those."""
    header = (ctypes.c_uint32 * 2)(0x20080522, 0)  # third version of the interface; this process
    if ctypes.CDLL(None, use_errno=True).capset(header, (ctypes.c_uint32 * 6)()):
        raise OSError(ctypes.get_errno(), "the capabilities cannot be given up")


def _running() -> int:
    """Return how many threads of this user run already, which a namespace would not count."""
    found = 0
    for threads in Path("/proc").glob("[0-9]*/task"):
        with suppress(OSError):  # it has ended
            found += len(list(threads.iterdir())) if threads.stat().st_uid == os.getuid() else 0
    return found


def _see_only(folders: Folders) -> None:
    from landlockpy import AccessFS, Ruleset, Scope
    from seccompy import Action, Filter

    # Landlock: which files, and no signals to others; it does not know UDP and sockets that are files
    with Ruleset(scoped=Scope.SIGNAL | Scope.ABSTRACT_UNIX_SOCKET) as rules:
        for path in filter(os.path.exists, folders.readable):
            folder = AccessFS.READ_DIR if Path(path).is_dir() else AccessFS.NONE
            rules.allow_path(path, AccessFS.READ_FILE | AccessFS.EXECUTE | folder)
        for path in filter(os.path.exists, folders.listed):
            rules.allow_path(path, AccessFS.READ_DIR)
        rules.allow_path(folders.own, rules.handled_fs)
        rules.allow_path("/dev/null", AccessFS.READ_FILE | AccessFS.WRITE_FILE)
        if not rules.scoped & Scope.SIGNAL:
            raise OSError("the Landlock of this kernel does not refuse signals")
        rules.restrict()
    _drop_capabilities()
    # so seccomp refuses every socket
    calls = Filter(default=Action.ALLOW)
    for call in _REFUSED:
        calls.errno(call, errno.EPERM)
    calls.load()
