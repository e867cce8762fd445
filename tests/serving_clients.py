"""Clients of both dialects, in a few lines, and what they ask."""

from contextlib import ExitStack

import numpy as np
from bimodal.policies.remote.codec import pack_openpi, pack_vla_eval, unpack_openpi, unpack_vla_eval
from scoring import DUMBBELL
from websockets.sync.client import connect

TASKS = (DUMBBELL, "PandaLiftPot-v1")


class Client:
    """A connection that speaks a dialect."""

    def __init__(self, server):
        self.dialect, _, place = server.uri.partition("://")
        self.opened = ExitStack()
        self.socket = self.opened.enter_context(connect(f"ws://{place}", compression=None, proxy=None))
        self.seq = 0
        if self.dialect == "openpi":
            self.about = unpack_openpi(self.socket.recv(timeout=300))["bimodal"]
        else:
            self.send("hello", {"harness_version": "test", "protocol_version": 1})
            self.hello = unpack_vla_eval(self.socket.recv(timeout=300))
            self.about = self.hello.payload["capabilities"]["bimodal"]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.opened.close()

    def send(self, kind, payload):
        self.seq += 1
        self.socket.send(pack_vla_eval(kind, payload, self.seq))

    def ask(self, body):
        """Send a request and return the answer, or the text of an error."""
        if self.dialect == "openpi":
            self.socket.send(body if isinstance(body, bytes | str) else pack_openpi(body))
            frame = self.socket.recv(timeout=300)
            return frame if isinstance(frame, str) else unpack_openpi(frame)
        self.send("observation", body)
        reply = unpack_vla_eval(self.socket.recv(timeout=300))
        assert reply.seq == self.seq
        return reply.payload if reply.kind == "action" else reply.payload["error"]


def seen(n, at=0.0):
    """What N episodes show, (N, d) each; where n is None, of one without an axis of its own."""
    rows = np.random.default_rng(5).uniform(-0.3, 0.3, (n or 1, 3)) + at
    rotation = np.tile([1.0, 0, 0, 0, -1, 0], (n or 1, 1))
    shown = {"observation/tcp_position": rows, "observation/tcp_rotation": rotation}
    return shown if n else {name: values[0] for name, values in shown.items()}


def question(n, decision=0, at=0.0, **other):
    keys = {"noise_keys": np.arange(7, 7 + n, dtype=np.uint64)} if n else {"noise_key": 7}
    about = {"task": DUMBBELL, "decision": decision, "seq": 40 + decision} | keys | other
    return seen(n, at) | {"bimodal": about}
