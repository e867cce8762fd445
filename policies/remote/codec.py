"""Frames of the two dialects that policies are served in; used by the client here and by `bimodal serve`.

A frame is one binary WebSocket message of msgpack with NumPy arrays in it:

    openpi    a map; arrays are maps with *bytes* keys `__ndarray__`, `data`, `dtype`, `shape`
    vla-eval  an envelope `{type, payload, seq, timestamp}`; arrays are maps with the same keys as *text*

`pack_openpi(message)` and `unpack_openpi(frame)` are inverse to each other, and so are
`pack_vla_eval(kind, payload, seq)` and `unpack_vla_eval(frame)`. Whoever is at the other end may be hostile:
a frame is bounded before it is read, arrays hold booleans, integers or floats alone (pictures are arrays
too), nothing is ever unpickled. Everything that is wrong is a `BadFrame` with one line.
"""

import math
import time
from collections.abc import Callable, Mapping
from typing import Any, Literal, NamedTuple, get_args

import msgpack
import numpy as np

LARGEST_FRAME = 2**24
"""Bytes of a frame that are read (16 MiB); a chunk of actions for 100 episodes takes less than one."""
_MOST_MAPS = 10_000
_MOST_ITEMS = 4096
"""Maps and lists in a frame, and items in each; numbers in bulk travel as arrays."""
_KINDS = "biuf"

Kind = Literal["hello", "observation", "action", "episode_start", "episode_end", "error"]
"""What a vla-eval message is."""
_ENVELOPE = {"type", "payload", "seq", "timestamp"}


class BadFrame(ValueError):
    """What was sent or is to be sent is no frame of the dialect; the message says why in one line."""


class Envelope(NamedTuple):
    """A vla-eval message."""

    kind: Kind
    payload: dict[str, Any]
    seq: int
    """Number of the request; an answer repeats it."""


def pack_openpi(message: Mapping[str, Any]) -> bytes:
    """Return the frame of a message: plain values, and arrays of booleans, integers or floats, C-ordered.

    Raises:
        BadFrame: it holds something else, or is too long.
    """
    return _pack(message, lambda key: key.encode())


def unpack_openpi(frame: bytes | str) -> dict[str, Any]:
    """Return the message of a frame; a bare array, as some RoboArena servers answer, is `{"actions": array}`.

    Raises:
        BadFrame: text, too long, no map, or with what is not plain in it.
    """
    if isinstance(frame, str):
        raise BadFrame(f"text in place of a frame: {last_line(frame)}")
    found = _unpack(frame, lambda key: key.encode())
    return {"actions": found} if isinstance(found, np.ndarray) else _mapping(found, "the frame")


def pack_vla_eval(kind: Kind, payload: Mapping[str, Any], seq: int) -> bytes:
    """Return the frame of a vla-eval message, dated now.

    Raises:
        BadFrame: the payload holds what is not plain, or is too long.
    """
    message = {"type": kind, "payload": payload, "seq": seq, "timestamp": time.time()}
    return _pack(message, str)


def unpack_vla_eval(frame: bytes | str) -> Envelope:
    """Return the vla-eval message of a frame.

    Raises:
        BadFrame: text, too long, no envelope, or with what is not plain in it.
    """
    if isinstance(frame, str):
        raise BadFrame(f"text in place of a frame: {last_line(frame)}")
    message = _mapping(_unpack(frame, str), "the frame")
    if missing := sorted(_ENVELOPE - message.keys()):
        raise BadFrame(f"no vla-eval message: it lacks {', '.join(missing)}")
    kind = message["type"]
    seq = message["seq"]
    if kind not in get_args(Kind):
        raise BadFrame(f"a message of the unknown type {kind!r:.40}; known: {', '.join(get_args(Kind))}")
    if type(seq) is not int:
        raise BadFrame(f"seq is {seq!r:.40}; it must be a whole number")
    return Envelope(kind, _mapping(message["payload"], "the payload"), seq)


# ------------------------------------------------------------------------------------------- writing


def _pack(message: Mapping[str, Any], key: Callable[[str], Any]) -> bytes:
    def plain(value: object) -> Any:
        if isinstance(value, np.generic) and value.dtype.kind in _KINDS:
            return value.item()
        if not isinstance(value, np.ndarray):
            raise BadFrame(f"a {type(value).__name__} cannot be sent")
        if value.dtype.kind not in _KINDS:
            raise BadFrame(f"an array of {value.dtype} cannot be sent; booleans, integers and floats can")
        return {
            key("__ndarray__"): True,
            key("data"): value.tobytes(),
            key("dtype"): value.dtype.str,
            key("shape"): list(value.shape),
        }

    try:
        frame = bytes(msgpack.packb(dict(message), default=plain) or b"")
    except (TypeError, OverflowError, RecursionError) as error:
        raise BadFrame(f"the message cannot be sent: {error}") from None
    if len(frame) > LARGEST_FRAME:
        raise BadFrame(f"a frame of {len(frame)} bytes is longer than {LARGEST_FRAME}")
    return frame


# ------------------------------------------------------------------------------------------- reading


def _unpack(frame: bytes, key: Callable[[str], Any]) -> Any:
    if len(frame) > LARGEST_FRAME:
        raise BadFrame(f"a frame of {len(frame)} bytes is longer than {LARGEST_FRAME}")
    left = _MOST_MAPS

    def counted(value: Any) -> Any:
        nonlocal left
        left -= 1
        if left < 0:
            raise BadFrame(f"more than {_MOST_MAPS} maps and lists in one frame")
        return value

    def read(found: dict[Any, Any]) -> Any:
        counted(found)
        if "__image__" in found:
            raise BadFrame("a picture in a form of its own (__image__); here they are arrays of uint8")
        if key("__ndarray__") in found:
            return _array(found[key("data")], found[key("dtype")], found[key("shape")])
        return found[key("data")] if key("__npgeneric__") in found else found

    try:
        return msgpack.unpackb(
            frame,
            object_hook=read,
            list_hook=counted,
            max_array_len=_MOST_ITEMS,
            max_map_len=_MOST_ITEMS,
            max_ext_len=0,
        )
    except BadFrame:
        raise
    except KeyError as error:
        raise BadFrame(f"an array without {error}") from None
    except (ValueError, TypeError, OverflowError, RecursionError, MemoryError) as error:
        raise BadFrame(f"no msgpack ({type(error).__name__}: {str(error)[:80]})") from None


def _array(data: object, kind: object, shape: object) -> np.ndarray:
    """Return the array that a map tells of, in memory of its own."""
    try:
        dtype = np.dtype(str(kind)[:16])
    except TypeError:
        dtype = np.dtype("V")
    if dtype.kind not in _KINDS or type(kind) is not str:
        what = f"{kind!r:.40}" if dtype.kind not in "V" or dtype.itemsize != 2 else f"{kind!r} (bfloat16?)"
        raise BadFrame(f"an array of {what}; booleans, integers and floats can be read")
    if not isinstance(shape, list) or len(shape) > 8 or any(type(n) is not int or n < 0 for n in shape):
        raise BadFrame(f"an array of the shape {shape!r:.40}")
    if not isinstance(data, bytes) or len(data) != math.prod(shape) * dtype.itemsize:
        size = len(data) if isinstance(data, bytes) else 0
        raise BadFrame(f"an array of {size} bytes that says it has the shape {shape} of {dtype}")
    return np.frombuffer(data, dtype).reshape(shape).copy()


def _mapping(found: object, what: str) -> dict[str, Any]:
    if not isinstance(found, dict):
        raise BadFrame(f"{what} is a {type(found).__name__}; it must be a map")
    return found


def last_line(text: str) -> str:
    """Return the last line of a traceback, without what a terminal would obey."""
    lines = ["".join(c for c in line if c.isprintable()).strip() for line in text[-2000:].splitlines()]
    return ([line for line in lines if line] or ["(empty)"])[-1][:200]
