"""Serves a policy over a WebSocket: one thread a client, one process of the policy a connection.

It listens on this machine alone unless its user says otherwise, and has no password: whoever reaches the port
may ask. A request is bounded and checked before it reaches the policy; pages in a browser are refused.
"""

import errno
import logging
import socket
from collections.abc import Callable
from contextlib import suppress
from http import HTTPStatus
from itertools import count
from threading import Lock
from typing import Any

from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response
from websockets.sync.server import ServerConnection, serve

from ...envs.errors import WrongUse
from ...policies.remote.codec import LARGEST_FRAME
from .conversation import Conversation
from .dialects import Say, hung_up, talk_openpi, talk_vla_eval
from .pool import Pool
from .served_policy import ServedPolicy

MOST_CONNECTIONS = 16
"""Clients that are answered at once; more are refused."""
LOCAL = "127.0.0.1"
_PING_S = 30
_GONE_S = 120
"""A client that answers no ping for so long is gone [s]."""
_GOING_AWAY = 1001
_INTERNAL_ERROR = 1011
_TRY_AGAIN_LATER = 1013
_TALKS = {"openpi": talk_openpi, "vla-eval": talk_vla_eval}


def listen(host: str, port: int) -> socket.socket:
    """Take a port; called before the policy is built, so that a wrong one is told at once.

    Raises:
        WrongUse: it cannot be taken.
    """
    if not 0 <= port < 65536:
        raise WrongUse(f"--port {port} is no port; 0 to 65535, 0 for any that is free")
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        return socket.create_server((host, port), family=family)
    except OSError as error:
        why = {errno.EADDRINUSE: "is in use", errno.EACCES: "is not for everybody"}.get(error.errno or 0)
        if why:
            raise WrongUse(f"port {port} of {host} {why}: name another, or 0 for any that is free") from None
        raise WrongUse(f"--host {host} is no address of this machine ({error.strerror or error})") from None


class PolicyServer:
    """A policy at a port; use it in a `with` statement and call `serve_forever`."""

    def __init__(self, served: ServedPolicy, pool: Pool, dialect: str, port: socket.socket, say: Say) -> None:
        """Take over a port that listens.

        Args:
            served: the policy.
            pool: its processes.
            dialect: `openpi` or `vla-eval`.
            port: where.
            say: called with a line for each client that does what it should not.
        """
        self._served = served
        self._talk = _TALKS[dialect]
        self._say = say
        self._pool = pool
        self._numbers = count()
        self._open: set[ServerConnection] = set()
        self._lock = Lock()
        host, number, *_ = port.getsockname()
        self.uri = f"{dialect}://{f'[{host}]' if ':' in host else host}:{number}"
        self._server = serve(
            self._handle,
            sock=port,
            origins=[None],
            compression=None,
            max_size=LARGEST_FRAME,
            process_request=self._http,
            server_header="bimodal",
            ping_interval=_PING_S,
            ping_timeout=_GONE_S,
            max_queue=2,
            create_connection=_telling(lambda one, line: say(f"{_who(one)}: {line}")),
            logger=_logger(say),
        )

    def __enter__(self) -> "PolicyServer":
        return self

    def __exit__(self, *_: object) -> None:
        """Hang up on everybody; the processes that somebody waits for have to be ended before."""
        self._server.shutdown()
        with self._lock:
            connections = [*self._open]
        for one in connections:
            with suppress(Exception):
                one.close(_GOING_AWAY, "the server ends")

    def serve_forever(self) -> None:
        """Answer clients until Ctrl-C."""
        self._server.serve_forever()

    def _http(self, connection: ServerConnection, request: Request) -> Response | None:
        """Answer who asks for a page: whether the server is ready; refuse one client too many."""
        if request.path == "/healthz":
            return connection.respond(HTTPStatus.OK, "OK\n")
        if request.path == "/health":
            return connection.respond(HTTPStatus.OK, '{"status": "ok"}')
        with self._lock:
            full = len(self._open) >= MOST_CONNECTIONS
        if full:
            return connection.respond(HTTPStatus.SERVICE_UNAVAILABLE, f"{MOST_CONNECTIONS} clients already\n")
        return None

    def _handle(self, connection: ServerConnection) -> None:
        """Answer one client; whatever it does, the server goes on."""
        with self._lock:
            full = len(self._open) >= MOST_CONNECTIONS
            if not full:
                self._open.add(connection)
            number = next(self._numbers)
        if full:
            connection.close(_TRY_AGAIN_LATER, f"{MOST_CONNECTIONS} clients already")
            return
        conversation = Conversation(self._served, self._pool, number)

        who = _who(connection)

        def say(line: str) -> None:
            if not self._pool.ended:
                self._say(f"{who}: {line}")

        try:
            self._talk(connection, self._served, conversation, say)
        except ConnectionClosed as error:
            if line := hung_up(error):
                say(line)
        except OSError as error:
            say(f"the connection broke ({error.strerror or error})")
        except Exception as error:  # a fault of ours ends one connection, not the server
            say(f"a fault of bimodal: {type(error).__name__}: {error}"[:300])
            connection.close(_INTERNAL_ERROR, "a fault of bimodal")
        finally:
            conversation.end()
            with self._lock:
                self._open.discard(connection)


def _who(connection: ServerConnection) -> str:
    try:
        host, port, *_ = connection.remote_address
    except OSError:  # it has gone
        return "somebody"
    return f"{host}:{port}"


def _telling(say: Callable[[ServerConnection, str], None]) -> type[ServerConnection]:
    """Return a kind of connection that says so when it does not begin as a WebSocket does."""

    class Telling(ServerConnection):
        def handshake(self, *values: Any, **options: Any) -> None:
            try:
                super().handshake(*values, **options)
            except Exception as error:
                say(self, f"no WebSocket ({' '.join(str(error).split()) or type(error).__name__})"[:200])
                raise

    return Telling


class _OneLine(logging.Handler):
    """Passes on what the WebSocket library has to say, a line each."""

    def __init__(self, say: Callable[[str], None]) -> None:
        super().__init__(logging.WARNING)
        self._tell = say

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        why = f" ({type(error).__name__}: {error})" if error else ""
        self._tell(" ".join(f"{record.getMessage()}{why}".split())[:300])


def _logger(say: Callable[[str], None]) -> logging.Logger:
    logger = logging.Logger("bimodal.serving", logging.WARNING)
    logger.addHandler(_OneLine(say))
    return logger
