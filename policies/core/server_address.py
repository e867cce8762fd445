"""Where a policy behind a server is, `openpi://host:port` or `vla-eval://host:port`; loads no WebSockets."""

import re
from typing import NamedTuple

from ...envs.errors import WrongUse

SCHEMES = ("openpi", "vla-eval")
"""The dialects."""


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
    """Whether a policy's URI names a server."""
    return "://" in uri


def address_of(uri: str) -> Address:
    """Return where the server of a URI is.

    Raises:
        WrongUse: another scheme, no port, or more than that.
    """
    found = re.fullmatch(r"([a-z-]+)://([A-Za-z0-9._-]{1,253}|\[[0-9a-fA-F:.]+\]):([0-9]{1,5})/?", uri)
    if found is None or found[1] not in SCHEMES or not 0 < int(found[3]) < 65536:
        raise WrongUse(f"{uri!r:.200} names no server: write openpi://HOST:PORT or vla-eval://HOST:PORT")
    return Address(found[1], found[2], int(found[3]))
