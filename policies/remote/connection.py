"""One WebSocket to a server: frames with deadlines, and one line for each way in which it can break."""

import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from http import HTTPStatus

from websockets.exceptions import (
    ConnectionClosed,
    InvalidHandshake,
    InvalidMessage,
    InvalidStatus,
    WebSocketException,
)
from websockets.sync.client import connect

from ...envs.errors import WrongUse
from ..core.server_address import Address
from .codec import LARGEST_FRAME, BadFrame

OPEN_S = 10.0
"""Longest wait for a connection, and for the first words of a server [s]."""
_CLOSE_S = 0.1
_ECHO_S = 1.0
_MOST_UNASKED = 100


class Lost(Exception):
    """Nobody answers, or the connection is gone; the message says how."""


class Late(Exception):
    """There was no answer in time."""


class Connection:
    """An open WebSocket; closed for good when anything goes wrong on it."""

    def __init__(self, address: Address) -> None:
        """Connect once.

        Raises:
            Lost: nobody answers there.
            WrongUse: who answers is no WebSocket server.
        """
        self._open = ExitStack()
        try:
            opened = connect(
                address.url,
                open_timeout=OPEN_S,
                close_timeout=_CLOSE_S,
                max_size=LARGEST_FRAME,
                compression=None,
                ping_interval=None,  # a model that computes does not answer pings
                proxy=None,
            )
            self._socket = self._open.enter_context(opened)
        except InvalidMessage as error:
            if isinstance(error.__cause__, EOFError):  # as of a server that is just ending
                raise Lost("it hangs up") from None
            raise WrongUse(f"what answers at {address} is no WebSocket server") from None
        except InvalidHandshake as error:
            if (
                isinstance(error, InvalidStatus)
                and error.response.status_code == HTTPStatus.SERVICE_UNAVAILABLE
            ):
                raise Lost("it takes no client at the moment, HTTP 503") from None
            raise WrongUse(f"what answers at {address} takes no WebSocket ({error})") from None
        except TimeoutError:
            raise Lost(f"no connection within {OPEN_S:g} s") from None
        except OSError as error:
            raise Lost((error.strerror or str(error) or "no connection").lower()) from None

    def send(self, frame: bytes) -> None:
        """Send a frame; raises `Lost`."""
        try:
            self._socket.send(frame)
        except (WebSocketException, OSError) as error:
            raise Lost(_why(error)) from None

    def drop_unasked(self) -> None:
        """Forget the messages that were sent to us before, which answer nothing; raises `Lost`.

        What was sent before the echo of a ping has come when that comes.
        """
        try:
            self._socket.ping().wait(_ECHO_S)
            with suppress(TimeoutError):
                for _ in range(_MOST_UNASKED):
                    self._socket.recv(timeout=0)
                raise Lost(f"it sent {_MOST_UNASKED} messages unasked")
        except (ConnectionClosed, OSError) as error:
            raise Lost(_why(error)) from None

    def receive(self, timeout_s: float, of_s: float | None = None) -> bytes | str:
        """Return the next message, a frame or text; `of_s` is the longest wait where some of it is over [s].

        Raises:
            Late: none came in time.
            Lost: the connection is gone.
            BadFrame: it was longer than is read.
        """
        try:
            return self._socket.recv(timeout=timeout_s)
        except TimeoutError:
            raise Late(f"no answer within {of_s or timeout_s:g} s") from None
        except ConnectionClosed as error:
            if error.sent is not None and error.sent.code == 1009:
                raise BadFrame(f"a frame longer than {LARGEST_FRAME} bytes") from None
            raise Lost(_why(error)) from None

    def close(self) -> None:
        """Hang up."""
        with suppress(Exception):
            self._open.close()


def until_late(timeout_s: float) -> Iterator[float]:
    """Yield the time that is left for an answer [s], again and again, and raise `Late` when none is."""
    until = time.monotonic() + timeout_s
    while (left := until - time.monotonic()) > 0:
        yield left
    raise Late(f"no answer within {timeout_s:g} s")


def _why(error: BaseException) -> str:
    """Return how a connection broke, in one line."""
    closed = error.rcvd if isinstance(error, ConnectionClosed) else None
    if closed is None:
        return "the connection broke"
    reason = "".join(c for c in closed.reason if c.isprintable())[:100]
    return f"it hung up (code {closed.code}{': ' + reason if reason else ''})"
