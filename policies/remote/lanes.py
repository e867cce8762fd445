"""The connections that a policy has to its server: opened, asked, and opened again when they break."""

import hashlib
import json
import time
from collections.abc import Iterator, Sequence
from typing import Any

from ...envs.errors import BimodalError
from ..core.answers import ServerLost
from ..core.server_address import Address
from .codec import BadFrame
from .connection import Late, Lost
from .openpi import OpenpiSession
from .sessions import ModelError, Question, Session
from .vla_eval import VlaEvalSession

PATIENCE_S = 30.0
"""Longest time that a server which is gone is waited for [s]; its host may start it again."""
_FIRST_WAIT_S = 0.1
_MOST_LATE = 3
"""After so many late answers in a row the server hangs."""

Failed = Late | BadFrame | ModelError
"""What can come in place of an answer, by the policy's fault."""


class Lanes:
    """One connection for all episodes of a batch, or one for each."""

    def __init__(self, address: Address, timeout_s: float) -> None:
        """Note where the server is, and the longest wait for an answer [s]."""
        self.address = address
        self.timeout_s = timeout_s
        self.digest = ""
        """sha256 of what the server says of itself; another server is refused."""
        self._sessions: list[Session | None] = [None]
        self._late = 0

    def spread(self, count: int) -> None:
        """Have so many connections from now on; they are opened when something is asked on them."""
        while len(self._sessions) > count:
            self._drop(len(self._sessions) - 1)
            self._sessions.pop()
        self._sessions += [None] * (count - len(self._sessions))

    def exchange(self, asked: Sequence[tuple[int, Question]], forgets: bool) -> Iterator[object | Failed]:
        """Ask questions, each on its connection; yield the `actions` of the answers, or why there are none.

        On one connection they are asked one after another, on several all at once.

        Args:
            asked: number of the connection, and the question.
            forgets: whether a new connection loses what the server must know to answer.

        Raises:
            ServerLost: the server is gone, or has forgotten.
        """
        for wave in [asked] if len(self._sessions) > 1 else [[one] for one in asked]:
            sent = [self._send(lane, question, forgets) for lane, question in wave]
            for (lane, question), broken in zip(wave, sent, strict=True):
                yield self._receive(lane, question, broken, forgets)

    def close(self) -> None:
        """Hang up."""
        for lane in range(len(self._sessions)):
            self._drop(lane)

    def open(self, patient: bool = True) -> Session:
        """Return a new session with the server; a `patient` one waits for it to come back.

        Raises:
            BimodalError: nobody answers; `ServerLost` after patience, or where it is another server.
        """
        until = time.monotonic() + (PATIENCE_S if patient else 0)
        wait = _FIRST_WAIT_S
        while True:
            try:
                session = _DIALECTS[self.address.scheme](self.address)
                break
            except Lost as error:
                why = str(error)
            if time.monotonic() + wait > until:
                if patient:
                    raise self._gone(why)
                raise BimodalError(
                    f"no server answers at {self.address} ({why}): start it, or mend the address"
                )
            time.sleep(wait)
            wait *= 2
        if self.digest and digest(session.metadata) != self.digest:
            session.close()
            raise ServerLost(
                f"another server answers at {self.address} than before; --fresh begins anew with it"
            )
        return session

    def _send(self, lane: int, question: Question, forgets: bool) -> str:
        """Send a question; returns how its connection broke, "" if it is on its way."""
        try:
            session = self._sessions[lane]
            if session is None:
                session = self._opened_again(lane, "its connection was closed", forgets)
            session.ask(question)
        except Lost as error:
            return str(error)
        return ""

    def _receive(self, lane: int, question: Question, broken: str, forgets: bool) -> object | Failed:
        """Wait for the answer to a question; where the connection breaks it is asked once more."""
        for _ in range(2):
            try:
                if broken:
                    self._opened_again(lane, broken, forgets).ask(question)
                session = self._sessions[lane]
                assert session is not None
                said = session.answer(self.timeout_s)
                self._late = 0
                return said
            except Lost as error:
                broken = str(error)
            except Late as late:
                self._drop(lane)  # its late answer would be taken for the next one
                self._late += 1
                if self._late >= _MOST_LATE:
                    raise self._gone(f"{_MOST_LATE} answers in a row were late: {late}") from None
                return late
            except (BadFrame, ModelError) as error:
                if self.address.scheme == "openpi":
                    self._drop(lane)  # as the server does
                return error
        raise self._gone(broken)

    def _opened_again(self, lane: int, why: str, forgets: bool) -> Session:
        self._drop(lane)
        if forgets:
            raise self._gone(why)
        session = self.open()
        self._sessions[lane] = session
        return session

    def _drop(self, lane: int) -> None:
        session = self._sessions[lane]
        self._sessions[lane] = None
        if session is not None:
            session.close()

    def _gone(self, why: str) -> ServerLost:
        return ServerLost(
            f"the server at {self.address} is gone ({why}): start it again and run the same command, which "
            "goes on from the finished batches"
        )


_DIALECTS: dict[str, type[OpenpiSession] | type[VlaEvalSession]] = {
    "openpi": OpenpiSession,
    "vla-eval": VlaEvalSession,
}


def digest(metadata: dict[str, Any]) -> str:
    """Return the sha256 of what a server says of itself."""
    plain = json.dumps(
        metadata, sort_keys=True, default=lambda v: v.tolist() if hasattr(v, "tolist") else repr(v)
    )
    return hashlib.sha256(plain.encode()).hexdigest()
