"""A small server that speaks either dialect as documented, and misbehaves as a test wants."""

import socket
import threading
from contextlib import contextmanager, suppress

import numpy as np
from bimodal.policies import Needs
from bimodal.policies.remote import remote_policy
from bimodal.policies.remote.codec import pack_openpi, pack_vla_eval, unpack_openpi, unpack_vla_eval
from bimodal.policies.remote.contract import announcement, offer
from websockets.exceptions import ConnectionClosed
from websockets.sync.server import serve

NEEDS = Needs(("tcp_position", "tcp_rotation"), "ee_absolute", 8)


def announced(task, batch=0, remembers=False, **changes):
    """What a server of `wander` says of itself."""
    return announcement("wander", {"*": offer(task, NEEDS, 16) | changes}, batch, remembers)


def wander(body):
    """Return a chunk (16, 10): the hand wanders a little, each episode its own way, and remembers nothing."""
    about = body["bimodal"]
    keys = about.get("noise_keys", np.array([about.get("noise_key", 0)], np.uint64))
    position, rotation = (np.atleast_2d(body[f"observation/tcp_{name}"]) for name in ("position", "rotation"))
    steps = [np.random.default_rng([int(key), about["decision"]]).normal(0, 0.01, 3) for key in keys]
    target = np.concatenate([position + steps, rotation, np.full((len(keys), 1), 0.05)], axis=1)
    chunks = np.repeat(target[:, None], 16, axis=1)
    return chunks if "noise_keys" in about else chunks[0]


@contextmanager
def reserved_port():
    """Yield a port where nobody listens, and which the system gives to nobody else until the block ends."""
    with socket.socket() as kept:
        kept.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        kept.bind(("127.0.0.1", 0))
        port = kept.getsockname()[1]
        forget(port)
        yield port


def forget(port):
    """Let it be found out anew what answers at a port: it may have been that of an earlier test's server."""
    for met in [met for met in remote_policy._met if met[0].port == port]:
        del remote_policy._met[met]


class Toy:
    """Serves until the block ends; `uri` names it, `asked` has every body that it was asked about.

    `askers` are the connections on which it was asked, `open` those that are open now.
    """

    def __init__(self, dialect, metadata, model=wander, port=0, reply=None):
        """Note what it says and does.

        Args:
            dialect: `openpi` or `vla-eval`.
            metadata: what it says of itself.
            model: returns the actions of a body; what it raises is the model's error.
            port: where, one of `reserved_port`; 0 for any free one.
            reply: returns the frames to send in place of an answer, from (body, seq, actions).
        """
        self.dialect, self.metadata, self.model, self.reply = dialect, metadata, model, reply
        self.reset = "reset successful"
        self.asked, self.started, self.open = [], [], []
        self.askers = set()
        place = socket.create_server(("127.0.0.1", port), reuse_port=port > 0)
        self._server = serve(self._handle, sock=place, compression=None, max_size=None)
        self.port = place.getsockname()[1]
        if not port:
            forget(self.port)
        self.uri = f"{dialect}://127.0.0.1:{self.port}"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self.die()

    def die(self):
        """End as a killed process does; when it returns nobody listens any more, and all are hung up on."""
        with suppress(OSError):
            self._server.socket.shutdown(socket.SHUT_RDWR)  # it refuses from now on, whatever a thread does
        threading.Thread(target=self._server.shutdown, daemon=True).start()
        for connection in list(self.open):
            with suppress(OSError):
                connection.socket.shutdown(socket.SHUT_RDWR)

    def _handle(self, connection):
        self.open.append(connection)
        with suppress(ConnectionClosed):
            (self._openpi if self.dialect == "openpi" else self._vla_eval)(connection)
        self.open.remove(connection)

    def _openpi(self, connection):
        connection.send(pack_openpi(self.metadata))
        while True:
            body = unpack_openpi(connection.recv())
            if body.get("endpoint") == "reset":
                self.started.append(body)
                connection.send(self.reset)
                continue
            try:
                actions = self._answer(connection, body)
            except Exception as error:
                connection.send(f"Traceback (most recent call last):\n{type(error).__name__}: {error}\n")
                connection.close(1011)
                return
            seq = body["bimodal"]["seq"]
            frames = self.reply(body, seq, actions) if self.reply else [pack_openpi({"actions": actions})]
            for frame in frames:
                connection.send(frame)

    def _vla_eval(self, connection):
        while True:
            message = unpack_vla_eval(connection.recv())
            seq = message.seq
            if message.kind == "hello":
                connection.send(pack_vla_eval("hello", {"protocol_version": 1, **self.metadata}, seq))
            elif message.kind == "episode_start":
                self.started.append(message.payload)
            elif message.kind == "observation":
                try:
                    actions = self._answer(connection, message.payload)
                except Exception as error:
                    text = f"observation_failed: {type(error).__name__}: {error}"
                    connection.send(pack_vla_eval("error", {"error": text}, seq))
                    continue
                plain = [pack_vla_eval("action", {"actions": actions}, seq)]
                for frame in self.reply(message.payload, seq, actions) if self.reply else plain:
                    connection.send(frame)

    def _answer(self, connection, body):
        self.askers.add(connection)
        self.asked.append(body)
        return self.model(body)
