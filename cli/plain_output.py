"""What the command prints where a terminal knows ASCII alone, and commands without OpenGL."""

import codecs
import io
import os
import sys
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager

from ..envs.rendering.gl import ASKED

PLAIN = {
    "–": "-",
    "—": "-",
    "−": "-",
    "…": "...",
    "·": ".",
    "→": ">",
    "←": "<",
    "↓": "v",
    "↑": "^",
    "×": "x",
    "✓": "+",
    "✗": "x",
    "█": "#",
    "▇": "#",
    "▆": "*",
    "▅": "*",
    "▄": "=",
    "▃": "-",
    "▂": "-",
    "▁": "_",
    "─": "-",
    "│": "|",
    "±": "+-",
    "≤": "<=",
    "≥": ">=",
    "°": " deg",
    "α": "alpha",
    "µ": "u",
    "μ": "u",
    "“": '"',
    "”": '"',
    "„": '"',
    "’": "'",
    "‘": "'",
}
"""What stands for the characters that we print; where a table needs it, as wide as they are."""
_HANDLER = "bimodal-plain"


def print_plainly_where_needed() -> None:
    """Let the standard streams replace what their encoding cannot write, instead of ending in a traceback."""
    codecs.register_error(_HANDLER, _replace)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=_HANDLER)


def _replace(error: UnicodeError) -> tuple[str, int]:
    """Return what is written for characters that have no code: ours, else without accents, else `?`."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(map(_plain, error.object[error.start : error.end])), error.end


def _plain(character: str) -> str:
    parts = (PLAIN.get(part, part) for part in unicodedata.normalize("NFKD", character))
    return "".join(parts).encode("ascii", "ignore").decode() or "?"


@contextmanager
def without_gl_library() -> Iterator[None]:
    """Hide MUJOCO_GL, whose library MuJoCo would load on import; `gl.configure_gl` still knows it."""
    wanted = os.environ.pop("MUJOCO_GL", None)
    if wanted is not None:
        os.environ[ASKED] = wanted
    try:
        yield
    finally:
        os.environ.pop(ASKED, None)
        if wanted is not None:
            os.environ["MUJOCO_GL"] = wanted
