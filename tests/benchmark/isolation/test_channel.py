"""What is said between harness and policy: arrays come through whole, and nothing else does."""

import json
import socket
import struct

import numpy as np
import pytest
from bimodal.benchmark.isolation import channel


@pytest.fixture
def ends():
    here, there = socket.socketpair()
    with here, there:
        here.settimeout(5)
        yield here, there


@pytest.mark.parametrize("kind", ["?", "i1", "u8", "<f4", ">f8", "f2"])
def test_arrays_come_through_bit_for_bit(ends, kind):
    array = np.arange(12).reshape(3, 4).astype(kind)[:, ::2]
    channel.send(ends[1], {"ask": "act"}, {"a": array, "b": array[:0]})
    say, arrays = channel.receive(ends[0])
    assert say == {"ask": "act"} and list(arrays) == ["a", "b"]
    assert arrays["a"].dtype == array.dtype and arrays["a"].tobytes() == np.ascontiguousarray(array).tobytes()
    assert arrays["b"].shape == (0, 2) and arrays["a"].flags.writeable


@pytest.mark.parametrize("array", [np.array(["left"]), np.array([None]), np.array([1j])])
def test_what_is_no_plain_number_is_not_sent(ends, array):
    with pytest.raises(ValueError, match="is an array of"):
        channel.send(ends[1], {}, {"a": array})


def frame(header, body=b"", lengths=None):
    raw = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<II", *(lengths or (len(raw), len(body)))) + raw + body


NOTHING = {"say": {}, "arrays": []}
WRONG = {
    "a long header": frame(b"", lengths=(2**23, 0)),
    "a long body": frame(b"", lengths=(0, 2**30)),
    "no JSON": frame(b"\x80pickle"),
    "not a number": frame(b'{"say": {"x": NaN}, "arrays": []}'),
    "no mapping": frame([1]),
    "say no mapping": frame({"say": 3, "arrays": []}),
    "deep": frame(b"[" * 100_000),
    "objects": frame({"say": {}, "arrays": [["a", "O", [1]]]}, bytes(8)),
    "text": frame({"say": {}, "arrays": [["a", "<U2", [1]]]}, bytes(8)),
    "an unknown type": frame({"say": {}, "arrays": [["a", "zz", [1]]]}, bytes(8)),
    "a negative size": frame({"say": {}, "arrays": [["a", "<f4", [-1]]]}),
    "a size that is no number": frame({"say": {}, "arrays": [["a", "<f4", ["1"]]]}, bytes(4)),
    "too little data": frame({"say": {}, "arrays": [["a", "<f4", [4]]]}, bytes(4)),
    "data left over": frame(NOTHING, bytes(4)),
    "a huge shape": frame({"say": {}, "arrays": [["a", "<f4", [2**62, 2**62]]]}, bytes(4)),
}


@pytest.mark.parametrize("what", WRONG)
def test_nonsense_is_refused(ends, what):
    ends[1].sendall(WRONG[what])
    with pytest.raises(channel.Nonsense):
        channel.receive(ends[0])


def test_the_end_of_the_other_side_is_noticed(ends):
    ends[1].sendall(frame(NOTHING)[:6])
    ends[1].close()
    with pytest.raises(channel.HungUp):
        channel.receive(ends[0])
    with pytest.raises(channel.HungUp):
        for _ in range(100):
            channel.send(ends[0], {}, {"a": np.zeros(2**16)})
