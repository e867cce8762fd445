"""The wire bytes of both dialects are those of the published packages, and bad frames end in one line."""

import subprocess
import sys

import msgpack
import numpy as np
import pytest
from bimodal.policies.remote import codec
from bimodal.policies.remote.codec import BadFrame, pack_openpi, pack_vla_eval, unpack_openpi, unpack_vla_eval

ZEROS = np.zeros(2, np.float32)
# made with openpi-client 0.1.2 and vla-eval 0.8.0
OPENPI = (
    "81a16184c40b5f5f6e6461727261795f5fc3c40464617461c4080000000000000000c4056474797065a33c6634c4057368617065"
    "9102"
)
VLA_EVAL = (
    "84a474797065a6616374696f6ea77061796c6f616481a7616374696f6e7384ab5f5f6e6461727261795f5fc3a464617461c408"
    "0000000000000000a56474797065a33c6634a573686170659102a373657103a974696d657374616d70cb0000000000000000"
)


def raw(**fields):
    return msgpack.packb({"__ndarray__": True, "data": b"", "dtype": "<f4", "shape": [0], **fields})


def test_frames_are_those_of_the_published_packages(monkeypatch):
    monkeypatch.setattr("time.time", lambda: 0.0)
    assert pack_openpi({"a": ZEROS}).hex() == OPENPI
    assert pack_vla_eval("action", {"actions": ZEROS}, 3).hex() == VLA_EVAL
    assert unpack_openpi(bytes.fromhex(OPENPI))["a"].dtype == np.float32
    assert unpack_vla_eval(bytes.fromhex(VLA_EVAL))[::2] == ("action", 3)


@pytest.mark.parametrize("dtype", ["<f8", "<f2", ">i4", "|u1", "|b1", "<u8"])
def test_arrays_come_back_bit_for_bit_and_can_be_written(dtype):
    sent = (np.arange(24) % 5).reshape(2, 3, 4).astype(dtype)[:, ::-1]
    for got in (
        unpack_openpi(pack_openpi({"x": {"y": [sent]}}))["x"]["y"][0],
        unpack_vla_eval(pack_vla_eval("action", {"x": sent}, 1)).payload["x"],
    ):
        assert got.dtype == sent.dtype
        np.testing.assert_array_equal(got, sent)
        got[:] = 0


def test_scalars_are_plain_numbers():
    sent = {"key": np.uint64(2**64 - 1), "flag": np.bool_(True), "x": np.float32(0.5)}
    assert unpack_openpi(pack_openpi(sent)) == {"key": 2**64 - 1, "flag": True, "x": 0.5}
    generic = {"x": {b"__npgeneric__": True, b"data": 3, b"dtype": "<i8"}}
    assert unpack_openpi(msgpack.packb(generic)) == {"x": 3}
    bare = {key.encode(): value for key, value in msgpack.unpackb(raw()).items()}
    assert unpack_openpi(msgpack.packb(bare))["actions"].shape == (0,)  # as some RoboArena servers answer


@pytest.mark.parametrize(
    "value", [np.zeros(2, complex), np.array([None]), np.zeros(1, "V2"), object(), 2**70]
)
def test_what_is_no_plain_number_is_not_sent(value):
    with pytest.raises(BadFrame):
        pack_openpi({"x": value})


@pytest.mark.parametrize(
    ("frame", "why"),
    [
        (b"", "no msgpack"),
        (b"\xc1", "no msgpack"),
        (b"\x93\x01", "no msgpack"),
        (b"\x91" * 2000 + b"\x01", "no msgpack"),
        (b"\xdd\xff\xff\xff\xff", "no msgpack"),
        (b"\x81\x81\x01\x02\x03", "no msgpack"),
        (msgpack.packb(msgpack.ExtType(5, b"x")), "no msgpack"),
        (msgpack.packb([1]), "is a list; it must be a map"),
        (msgpack.packb([[[]] * 4000] * 3), "more than"),
        (msgpack.packb({"__image__": True}), "a picture"),
    ],
)
def test_garbage_is_refused_in_one_line(frame, why):
    for unpack in (unpack_openpi, unpack_vla_eval):
        with pytest.raises(BadFrame, match=why) as error:
            unpack(frame)
        assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"dtype": "|O"}, "an array of '|O'"),
        ({"dtype": "<V2", "data": b"12", "shape": [1]}, "bfloat16"),
        ({"dtype": "bfloat16"}, "an array of 'bfloat16'"),
        ({"dtype": "<c16"}, "an array of"),
        ({"dtype": "<f4,<f4"}, "an array of"),
        ({"dtype": ["<f4"]}, "an array of"),
        ({"shape": [-1]}, "of the shape"),
        ({"shape": [2**62, 4]}, "says it has the shape"),
        ({"shape": [1] * 9}, "of the shape"),
        ({"shape": [2]}, "0 bytes that says"),
        ({"data": [1, 2]}, "0 bytes that says"),
    ],
)
def test_arrays_are_checked_before_they_are_made(fields, why):
    frame = msgpack.packb({"type": "action", "payload": {}, "seq": 1, "timestamp": 0.0})
    assert unpack_vla_eval(frame).seq == 1
    with pytest.raises(BadFrame, match=why.replace("|", r"\|")):
        unpack_vla_eval(raw(**fields))


def test_a_frame_is_bounded_before_it_is_read(monkeypatch):
    monkeypatch.setattr(codec, "LARGEST_FRAME", 100)
    monkeypatch.setattr(msgpack, "unpackb", None)
    for work in (lambda: unpack_openpi(bytes(101)), lambda: pack_openpi({"x": np.zeros(20)})):
        with pytest.raises(BadFrame, match="longer than 100"):
            work()


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"type": "shout"}, "unknown type 'shout'"),
        ({"seq": "1"}, "seq is '1'"),
        ({"payload": 5}, "payload is a int"),
    ],
)
def test_an_envelope_is_checked(change, why):
    whole = {"type": "action", "payload": {}, "seq": 1, "timestamp": 0.0}
    with pytest.raises(BadFrame, match=why):
        unpack_vla_eval(msgpack.packb(whole | change))
    del whole["seq"]
    with pytest.raises(BadFrame, match="it lacks seq"):
        unpack_vla_eval(msgpack.packb(whole))


def test_text_is_the_last_line_of_a_servers_error():
    with pytest.raises(BadFrame, match=r"in place of a frame: KeyError: 'image'$"):
        unpack_openpi("Traceback (most recent call last):\n  File x\nKeyError: 'image'\n\x1b\n")


def test_dialects_are_not_taken_for_each_other():
    assert isinstance(unpack_openpi(bytes.fromhex(VLA_EVAL))["payload"]["actions"], dict)
    with pytest.raises(BadFrame, match="it lacks payload, seq, timestamp, type"):
        unpack_vla_eval(bytes.fromhex(OPENPI))


def test_nothing_of_the_wire_is_loaded_before_a_server_is_named():
    code = "import sys; import bimodal.policies; print({'msgpack', 'websockets'} & {*sys.modules})"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "set()"
