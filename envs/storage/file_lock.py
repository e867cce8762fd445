"""Locks on files, where the file system has any; Windows has none, network file systems often refuse them."""

import errno
import os
from contextlib import suppress
from pathlib import Path
from typing import IO

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None

HAS_LOCKS = fcntl is not None
"""Whether this system has locks at all."""
NO_LINKS = getattr(os, "O_NOFOLLOW", 0)
"""Flag of `os.open` that refuses links, where the system has it."""
_TAKEN = (errno.EWOULDBLOCK, errno.EAGAIN, errno.EACCES)


class FileTaken(Exception):
    """Another process holds the lock."""


def lock_file(file: IO | int, shared: bool = False, wait: bool = False) -> bool:
    """Lock an open file until it is closed; called by `RunFolder` and by the workers that share a machine.

    Args:
        file: the file, or its descriptor.
        shared: let others share the lock.
        wait: wait until nobody else holds it.

    Returns:
        Whether it is locked; False where the system has no locks or the file system refuses them.

    Raises:
        FileTaken: another process holds it.
    """
    if fcntl is None:
        return False
    kind = (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | (0 if wait else fcntl.LOCK_NB)
    try:
        fcntl.flock(file, kind)
    except OSError as error:
        if error.errno in _TAKEN:
            raise FileTaken from error
        return False
    return True


def unlock_file(file: IO | int) -> None:
    """Give the lock of an open file back, where there is one."""
    if fcntl is not None:
        with suppress(OSError):  # of a file system that refused the lock, too
            fcntl.flock(file, fcntl.LOCK_UN)


def can_lock_folder(folder: Path) -> bool:
    """Whether processes can take turns by locking a folder, as workers do to measure latencies."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        return lock_file(handle)
    except FileTaken:
        return True
    finally:
        os.close(handle)
