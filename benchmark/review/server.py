"""Serves a review to the browser of this machine, and to nobody else.

It listens on 127.0.0.1 alone, at a port of the system's choice. Every request must name this address as its
host (against DNS rebinding) and carry the token that only the printed URL has; a request from another page
(`Origin`) is refused. Nothing that is requested is ever a path: an answer is the page of an episode, its
video, or nothing.
"""

import hmac
import re
import secrets
import sys
from concurrent.futures import CancelledError, ThreadPoolExecutor
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock
from types import TracebackType
from typing import Any, NamedTuple, Self

from pydantic import ValidationError

from ...envs.errors import BimodalError
from ..records.field_types import one_line, problems
from ..scoring.review_record import Remark
from .page import ReviewPages

ADDRESS = "127.0.0.1"
MOST_POSTED = 16_384
"""Bytes of a remark that are read."""
_ROUTE = re.compile(r"/(?P<token>[A-Za-z0-9_-]{1,64})/(?P<what>episode|video|other)/(?P<number>[0-9]{1,6})")
_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
_HTML = "text/html; charset=utf-8"
_TEXT = "text/plain; charset=utf-8"


class Answer(NamedTuple):
    """What is sent back."""

    status: HTTPStatus
    content: bytes
    kind: str = _TEXT


class Refused(Exception):
    """Why a request is not answered."""

    def __init__(self, status: HTTPStatus, text: str) -> None:
        super().__init__(text)
        self.status = status


class ReviewServer(ThreadingHTTPServer):
    """A review on this machine; use it in a `with` statement and call `serve_forever`."""

    daemon_threads = True

    def __init__(self, pages: ReviewPages) -> None:
        """Listen at a free port."""
        self.pages = pages
        self.token = secrets.token_urlsafe(24)
        self.lock = Lock()
        """Held while a page is made, a remark is written, or a video gets in line."""
        self.ended = False
        """Whether no more videos are drawn."""
        self.drawing = ThreadPoolExecutor(1, "drawing")
        """The one thread that draws: an OpenGL context belongs to its thread."""
        super().__init__((ADDRESS, 0), _Handler)

    @property
    def origin(self) -> str:
        """Scheme, host and port."""
        return f"http://{ADDRESS}:{self.server_port}"

    @property
    def url(self) -> str:
        """What the browser is given; whoever has it may read and write the review."""
        return f"{self.origin}/{self.token}/episode/0"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the port; a video that is being drawn is finished, others are not begun."""
        self.server_close()
        with self.lock:
            self.ended = True
        self.drawing.shutdown(cancel_futures=True)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of a browser that went away; what else went wrong is shown in the terminal."""
        if not isinstance(sys.exception(), ConnectionError | TimeoutError):
            super().handle_error(request, client_address)

    def answer(self, what: str, number: int, posted: bytes | None) -> Answer:
        """Return the answer to a request that was let in."""
        if posted is not None:
            return self._save(what, number, posted)
        if what in ("video", "other"):
            return Answer(HTTPStatus.OK, self._video(number, what == "other"), "video/mp4")
        with self.lock:
            return Answer(HTTPStatus.OK, self.pages.page(number).encode(), _HTML)

    def _video(self, number: int, other: bool) -> bytes:
        """Return a video, drawn when its turn comes; it never comes once the server ends."""
        try:
            with self.lock:
                if self.ended:
                    raise CancelledError
                waiting = self.drawing.submit(self.pages.video, number, other)
            return waiting.result()
        except CancelledError:
            raise Refused(HTTPStatus.SERVICE_UNAVAILABLE, "the review has ended") from None

    def _save(self, what: str, number: int, posted: bytes) -> Answer:
        if what != "episode":
            raise Refused(HTTPStatus.METHOD_NOT_ALLOWED, "nothing can be written there")
        try:
            remark = Remark.model_validate_json(posted)
        except ValidationError as error:
            raise Refused(HTTPStatus.BAD_REQUEST, problems(error)[0]) from None
        with self.lock:
            self.pages.save(number, remark)
        return Answer(HTTPStatus.OK, b"saved")


class _Handler(BaseHTTPRequestHandler):
    """Lets requests in or refuses them."""

    timeout = 30
    server_version = "bimodal"
    sys_version = ""

    @property
    def review(self) -> ReviewServer:
        """The server that this request came to."""
        assert isinstance(self.server, ReviewServer)
        return self.server

    def do_GET(self) -> None:
        """Answer with a page or a video."""
        self._answer(posts=False)

    def do_POST(self) -> None:
        """Save a remark."""
        self._answer(posts=True)

    def log_message(self, format: str, *values: Any) -> None:
        """Print nothing: the terminal shows results alone."""

    def _answer(self, posts: bool) -> None:
        try:
            what, number = self._let_in()
            answer = self.review.answer(what, number, self._posted() if posts else None)
        except Refused as refusal:
            answer = Answer(refusal.status, f"{refusal}\n".encode())
        except IndexError:
            answer = Answer(HTTPStatus.NOT_FOUND, b"there is no such episode\n")
        except (BimodalError, OSError) as error:
            answer = Answer(HTTPStatus.SERVICE_UNAVAILABLE, f"{one_line(error, 300)}\n".encode())
        except Exception:
            self._send(Answer(HTTPStatus.INTERNAL_SERVER_ERROR, b"a fault of bimodal; see the terminal\n"))
            raise
        self._send(answer)

    def _let_in(self) -> tuple[str, int]:
        """Return what is asked for, and of which episode.

        Raises:
            Refused: another host, another page, no token, or nothing that there is.
        """
        if self.headers.get_all("Host") != [self.review.origin.removeprefix("http://")]:
            raise Refused(HTTPStatus.FORBIDDEN, "wrong host: open the URL as it was printed")
        if self.headers.get("Origin", self.review.origin) != self.review.origin:
            raise Refused(HTTPStatus.FORBIDDEN, "another page may not ask for this")
        route = _ROUTE.fullmatch(self.path)
        if not route or not hmac.compare_digest(route["token"], self.review.token):
            raise Refused(HTTPStatus.FORBIDDEN, "wrong address: open the URL as it was printed")
        return route["what"], int(route["number"])

    def _posted(self) -> bytes:
        """Return what was posted.

        Raises:
            Refused: not JSON, of unknown length, or too long; nothing of it is read.
        """
        length = self.headers.get("Content-Length", "")
        if self.headers.get_content_type() != "application/json":
            raise Refused(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "a remark is JSON")
        if not re.fullmatch(r"\d{1,9}", length) or "Transfer-Encoding" in self.headers:
            raise Refused(HTTPStatus.LENGTH_REQUIRED, "how long is it?")
        if int(length) > MOST_POSTED:
            raise Refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"a remark has at most {MOST_POSTED} bytes")
        return self.rfile.read(int(length))

    def _send(self, answer: Answer) -> None:
        self.send_response(answer.status)
        for name, value in _HEADERS.items():
            self.send_header(name, value)
        self.send_header("Content-Type", answer.kind)
        self.send_header("Content-Length", str(len(answer.content)))
        self.end_headers()
        self.wfile.write(answer.content)
