"""The two dialects of the wire, from the server's side; the client's is `policies/remote`.

openpi      the server speaks first and says what it is; then each request is a map, and so is its answer. An
            error is a text, after which the server hangs up.
vla-eval    every message has a number, which its answer repeats; `hello` comes first. An error is a message
            like any other, and the connection stays open.
"""

from collections.abc import Callable, Mapping
from importlib.metadata import version
from typing import Any

import numpy as np
from websockets.exceptions import ConnectionClosed
from websockets.sync.server import ServerConnection

from ...envs.images import IMAGES
from ...envs.specs import Spec
from ...policies.remote.codec import (
    BadFrame,
    Envelope,
    pack_openpi,
    pack_vla_eval,
    unpack_openpi,
    unpack_vla_eval,
)
from .conversation import Conversation, Refused
from .observations import PREFIX
from .served_policy import ServedPolicy

PROTOCOL_VERSION = 1
"""Of vla-eval."""
_INTERNAL_ERROR = 1011
_BAD_DATA = 1007
_FORMATS = {
    "position": "absolute_xyz",
    "translation": "delta_xyz",
    "rotation": "rot6d_columns",
    "opening": "opening_metres",
    "grip": "binary_close_positive",
    "joints": "joint_positions",
}
"""What vla-eval calls our components; its own six numbers of a rotation are interleaved, ours two columns."""
Say = Callable[[str], None]


def talk_openpi(socket: ServerConnection, served: ServedPolicy, conversation: Conversation, say: Say) -> None:
    """Answer one client in the openpi dialect until it hangs up or says what cannot be answered."""
    socket.send(pack_openpi({"server": f"bimodal {version('bimodal-bench')}", "bimodal": served.about}))
    while True:
        frame = socket.recv()
        try:
            if isinstance(frame, str):
                raise BadFrame("text in place of a frame")
            answer = pack_openpi(conversation.answer(unpack_openpi(frame)))
        except (BadFrame, Refused) as error:
            say(str(error))
            socket.send(str(error))
            socket.close(_INTERNAL_ERROR, "the frame before this says why")
            return
        socket.send(answer)


def talk_vla_eval(
    socket: ServerConnection, served: ServedPolicy, conversation: Conversation, say: Say
) -> None:
    """Answer one client in the vla-eval dialect until it hangs up or sends what is no message."""
    talk = _VlaEval(served, conversation)
    while True:
        frame = socket.recv()
        try:
            asked = unpack_vla_eval(frame)
        except BadFrame as error:
            say(str(error))
            socket.close(_BAD_DATA, str(error)[:100])
            return
        try:
            answer = talk.answer(asked)
        except (BadFrame, Refused) as error:
            say(str(error))
            answer = pack_vla_eval("error", {"error": str(error)}, asked.seq)
        if answer:
            socket.send(answer)


class _VlaEval:
    """What one client of the vla-eval dialect has said so far."""

    def __init__(self, served: ServedPolicy, conversation: Conversation) -> None:
        self._served = served
        self._conversation = conversation
        self._greeted = False
        self._waiting: list[np.ndarray] = []
        """Actions still to come, for a client that is given one at a time."""

    def answer(self, asked: Envelope) -> bytes:
        """Return the frame that answers a message, b"" where none does; raises `Refused`."""
        if asked.kind == "hello":
            self._greeted = True
            return pack_vla_eval("hello", hello(self._served), asked.seq)
        if not self._greeted:
            raise Refused(f"{asked.kind} before hello")
        if asked.kind == "episode_start":
            task = asked.payload.get("task")
            self._conversation.begin(task if isinstance(task, Mapping) else None)
            self._waiting = []
            return b""
        if asked.kind == "observation":
            return pack_vla_eval("action", self._action(asked.payload), asked.seq)
        return b""

    def _action(self, payload: Mapping[str, Any]) -> dict[str, Any]:
        """Return the whole chunk to who knows us, else one action after the other, as is the custom there."""
        if "bimodal" in payload:
            return self._conversation.answer(payload)
        if not self._waiting:
            steps = self._conversation.offered(payload).n_action_steps
            self._waiting = [*self._conversation.answer(payload)["actions"][:steps]]
        return {"actions": self._waiting.pop(0)}


def hello(served: ServedPolicy) -> dict[str, Any]:
    """Return what a server says of itself in the vla-eval dialect."""
    first, *_ = served.tasks.values()
    seen = {spec.name: spec for one in served.tasks.values() for spec in one.observations}
    pictures = first.pictures
    beside = {
        PREFIX + name: {
            "name": name,
            "dims": 0,
            "format": "rgb_hwc_uint8" if name in IMAGES else "language",
            "description": f"uint8 {pictures.shape()}" if name in IMAGES else "what to do, a sentence",
        }
        for name in pictures.names
    }
    return {
        "harness_version": f"bimodal {version('bimodal-bench')}",
        "protocol_version": PROTOCOL_VERSION,
        "model_server": f"bimodal serve {served.name}",
        "capabilities": {"bimodal": served.about},
        "action_spec": {spec.name: _dim_spec(spec, _format(spec)) for spec in first.actions},
        "observation_spec": {PREFIX + name: _dim_spec(spec, "raw") for name, spec in seen.items()} | beside,
    }


def _format(spec: Spec) -> str:
    word = spec.name.removeprefix("second_")
    return "axis_angle" if word == "rotation" and spec.size == 3 else _FORMATS[word]


def _dim_spec(spec: Spec, form: str) -> dict[str, Any]:
    return {
        "name": spec.name,
        "dims": spec.size,
        "format": form,
        "range": [spec.low, spec.high],
        "description": f"{spec.description} [{spec.unit}], frame: {spec.frame}",
    }


def hung_up(error: ConnectionClosed) -> str:
    """Return what a client did wrong that is gone, "" for one that left as it should, or was cut off."""
    sent = error.sent
    return (
        f"sent what cannot be read ({sent.reason or sent.code})"
        if sent and sent.code in (1002, 1007, 1009)
        else ""
    )
