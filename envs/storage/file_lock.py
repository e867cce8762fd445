"""Locks on files, where the file system has any; network file systems often refuse them."""

import errno
from typing import IO

from ..errors import WrongUse

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None

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
        Whether it is locked; False where the file system refuses locks.

    Raises:
        FileTaken: another process holds it.
        WrongUse: this system has no such locks.
    """
    if fcntl is None:
        raise WrongUse("policies are scored on Linux and macOS only: this Python has no fcntl (try WSL)")
    kind = (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | (0 if wait else fcntl.LOCK_NB)
    try:
        fcntl.flock(file, kind)
    except OSError as error:
        if error.errno in _TAKEN:
            raise FileTaken from error
        return False
    return True
