"""Where a policy behind a server is, `openpi://host:port` or `vla-eval://host:port`; loads no WebSockets."""

import re
from typing import NamedTuple

from ...envs.errors import WrongUse

_URI = re.compile(r"(openpi|vla-eval)://([A-Za-z0-9._-]{1,253}|\[[0-9a-fA-F:.]{2,45}\]):([0-9]{1,5})/?")
"""The dialect, the host, the port."""


class Address(NamedTuple):
    """A server's place and dialect."""

    scheme: str
    host: str
    port: int

    def __str__(self) -> str:
        return f"{self.scheme}://{self.host}:{self.port}"

    @property
    def url(self) -> str:
        """Where its WebSocket is."""
        return f"ws://{self.host}:{self.port}"


def is_remote(uri: str) -> bool:
    """Whether a policy's URI is to name a server; `address_of` says whether it does."""
    return "://" in uri


def is_server(uri: str) -> bool:
    """Whether a policy's URI names a server."""
    return _URI.fullmatch(uri) is not None


def address_of(uri: str) -> Address:
    """Return where the server of a URI is.

    Raises:
        WrongUse: another scheme, no port, or more than that.
    """
    found = _URI.fullmatch(uri)
    if found is None or not 0 < int(found[3]) < 65536:
        raise WrongUse(f"{uri!r:.200} names no server: write openpi://HOST:PORT or vla-eval://HOST:PORT")
    return Address(found[1], found[2], int(found[3]))
