"""What harness and policy say to each other: messages of plain values and plain arrays over one socket.

    length of header, length of body (two uint32) | header (JSON) | bytes of the arrays, one after the other

The header is `{"say": ..., "arrays": [[name, dtype, shape], ...]}`. The other side may be hostile: a message
is bounded before it is read, holds numbers and text alone, and all its lengths are checked.
"""

import json
import math
import socket
import struct
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from ...envs.errors import BimodalError

LARGEST_HEADER = 2**22
"""Bytes of a header that are read (4 MiB)."""
LARGEST_BODY = 2**28
"""Bytes of a message's arrays that are read (256 MiB)."""
_LENGTHS = struct.Struct("<II")
_KINDS = "biuf"


class Nonsense(BimodalError):
    """The other side said something that is no message."""


class HungUp(Exception):
    """The other side has gone."""


class Message(NamedTuple):
    """What one side says."""

    say: dict[str, Any]
    """Plain values, as of JSON."""
    arrays: dict[str, np.ndarray]
    """Arrays of booleans, integers or floats."""


def send(end: socket.socket, say: Mapping[str, Any], arrays: Mapping[str, np.ndarray] | None = None) -> None:
    """Send a message; returns when the socket has taken it.

    Raises:
        HungUp: nobody reads any more.
        ValueError: an array holds no plain numbers, or all are too long together.
    """
    plain = {name: np.ascontiguousarray(array) for name, array in (arrays or {}).items()}
    about = [[name, array.dtype.str, list(array.shape)] for name, array in plain.items()]
    if wrong := [name for name, array in plain.items() if array.dtype.kind not in _KINDS]:
        raise ValueError(f"{wrong[0]} is an array of {plain[wrong[0]].dtype}")
    header = json.dumps({"say": dict(say), "arrays": about}).encode()
    body = b"".join(array.tobytes() for array in plain.values())
    if len(header) > LARGEST_HEADER or len(body) > LARGEST_BODY:
        raise ValueError(f"a message of {len(header) + len(body)} bytes is too long")
    try:
        end.sendall(_LENGTHS.pack(len(header), len(body)) + header + body)
    except OSError as error:
        raise HungUp(str(error)) from None


def receive(end: socket.socket) -> Message:
    """Wait for a message.

    Raises:
        HungUp: there will be none.
        Nonsense: it breaks a rule of the channel.
    """
    header, body = _LENGTHS.unpack(_exactly(end, _LENGTHS.size))
    if header > LARGEST_HEADER or body > LARGEST_BODY:
        raise Nonsense(f"a message of {header + body} bytes is too long")
    told = _exactly(end, header)
    data = _exactly(end, body)
    try:
        said = json.loads(told, parse_constant=_refuse)
        return Message(_mapping(said["say"]), _arrays(said["arrays"], data))
    except (ValueError, TypeError, KeyError, RecursionError, OverflowError) as error:
        raise Nonsense(f"the message cannot be read ({type(error).__name__})") from None


def apart(observation: Mapping[str, np.ndarray]) -> tuple[dict[str, list[str]], dict[str, np.ndarray]]:
    """Return the words of an observation as lists, and its arrays: a message has no arrays of text."""
    words = {name: array.tolist() for name, array in observation.items() if array.dtype.kind == "U"}
    return words, {name: array for name, array in observation.items() if name not in words}


def _exactly(end: socket.socket, size: int) -> bytes:
    """Return the next `size` bytes."""
    found = bytearray()
    while len(found) < size:
        try:
            part = end.recv(min(size - len(found), 2**20))
        except OSError as error:
            raise HungUp(str(error)) from None
        if not part:
            raise HungUp("its end of the channel is closed")
        found += part
    return bytes(found)


def _arrays(about: list[Any], data: bytes) -> dict[str, np.ndarray]:
    """Return the arrays that a header tells of; together they are all of the data."""
    found: dict[str, np.ndarray] = {}
    begin = 0
    for name, kind, shape in about:
        dtype = np.dtype(str(kind))
        if dtype.kind not in _KINDS or any(type(size) is not int or size < 0 for size in shape):
            raise ValueError(name)
        size = math.prod(shape) * dtype.itemsize
        found[str(name)] = np.frombuffer(data[begin : begin + size], dtype).reshape(shape).copy()
        begin += size
    if begin != len(data):
        raise ValueError("left over")
    return found


def _mapping(said: object) -> dict[str, Any]:
    if not isinstance(said, dict):
        raise TypeError("no mapping")
    return said


def _refuse(name: str) -> None:
    raise ValueError(name)
