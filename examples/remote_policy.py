"""A policy that answers from a server: another Python, another machine, a big model that loads once.

    python examples/remote_policy.py serve             # where the model is; it needs NumPy alone
    bimodal evaluate examples/remote_policy.py:Remote --no-sandbox --task PandaLiftDumbbell-v1 --seeds 20

Replace `model`, and `ARTIFACTS` by the files that it loads. A message is a length and NumPy's .npz without
pickle. There is no password: serve on 127.0.0.1, and reach another machine through
`ssh -L 8765:127.0.0.1:8765 HOST`.
"""

import argparse
import hashlib
import io
import os
import socket
import socketserver
import threading
from pathlib import Path

import numpy as np

try:
    from bimodal.policies import Decision, Episodes, Policy
except ImportError:  # the server's environment, which needs none of it
    Decision = Episodes = Policy = object

ADDRESS = os.environ.get("REMOTE_POLICY", "127.0.0.1:8765")
"""Where the server is, HOST:PORT; the environment variable REMOTE_POLICY changes it."""
TIMEOUT_S = 20.0
"""Longest wait for the server [s]; below the 30 s that an evaluation grants a decision."""
LARGEST = 2**28
"""Bytes of the longest message that is read."""
ARTIFACTS = (Path(__file__),)
"""Files that make up the model; other files are another policy, and its runs say so."""


# ------------------------------------------------------------------------------------------ messages


def send(stream, **arrays) -> None:  # noqa: ANN001, ANN003
    """Write named arrays, as one message."""
    packed = io.BytesIO()
    np.savez(packed, **arrays)
    stream.write(len(packed.getvalue()).to_bytes(8, "big") + packed.getvalue())
    stream.flush()


def receive(stream) -> dict[str, np.ndarray]:  # noqa: ANN001
    """Read the named arrays of one message.

    Raises:
        ConnectionError: the other side has hung up, or what came is no message.
    """
    head = stream.read(8)
    size = int.from_bytes(head, "big")
    packed = stream.read(size) if len(head) == 8 and size <= LARGEST else b""
    if not packed or len(packed) < size:
        raise ConnectionError("the connection was closed")
    with np.load(io.BytesIO(packed), allow_pickle=False) as arrays:
        return dict(arrays)


# -------------------------------------------------------------------------------------------- server


def model(seen: dict[str, np.ndarray]) -> np.ndarray:
    """Return chunks (N, 8, 10) for observations (N, d); yours goes here. This one wanders and grasps nothing.

    Each row draws from its own key `noise_keys` (N,) and `step` (N,), so the same episode has the same noise
    whatever came before, beside it, or after a reconnection.
    """
    pairs = zip(seen["noise_keys"], seen["step"], strict=True)
    noise = [np.random.default_rng([int(key), int(step)]).normal(0, 0.02, 3) for key, step in pairs]
    opening = np.full((len(noise), 1), 0.08)
    target = np.concatenate([seen["tcp_position"] + noise, seen["tcp_rotation"], opening], axis=1)
    return np.repeat(target[:, None], 8, axis=1)


class Handler(socketserver.StreamRequestHandler):
    """One connection: answers each message, a client after the other."""

    one_at_a_time = threading.Lock()

    def handle(self) -> None:
        """Answer until the client hangs up; an error of the model goes back to it."""
        while True:
            try:
                asked = receive(self.rfile)
            except ConnectionError:
                return
            try:
                with self.one_at_a_time:
                    answer = {"actions": model(asked)} if asked else self.hashes()
            except Exception as error:  # whatever the model raises
                answer = {"error": np.array(f"{type(error).__name__}: {error}")}
            send(self.wfile, **answer)

    def hashes(self) -> dict[str, np.ndarray]:
        """Return the sha256 of every file of the model, the answer to an empty message."""
        return {file.name: np.array(hashlib.sha256(file.read_bytes()).hexdigest()) for file in ARTIFACTS}


class Server(socketserver.ThreadingTCPServer):
    """Serves several connections: an evaluation has one for each worker process."""

    allow_reuse_address = True
    daemon_threads = True


# ---------------------------------------------------------------------------------------- the policy


class Remote(Policy):
    """Asks a server for every decision; one connection, opened anew once when it breaks."""

    description = "An example: a policy that answers from a server."

    def __init__(self, task) -> None:  # noqa: ANN001
        """Connect, and ask which model answers; called once a worker and batch of episodes."""
        super().__init__(task)
        self.stream = None
        self.hashes = {name: str(digest) for name, digest in self.ask().items()}

    def reset(self, episodes: Episodes) -> None:
        """Begin N episodes with keys (N,); the server remembers nothing, so it is told them each time."""
        self.keys = episodes.noise_keys
        self.step = np.zeros(len(self.keys), int)

    def act(self, observation: dict[str, np.ndarray]) -> Decision:
        """Return the server's chunks (N, 8, 10) for observations (N, d)."""
        answer = self.ask(**observation, noise_keys=self.keys, step=self.step)
        self.step = self.step + self.needs().n_action_steps
        return Decision(answer["actions"])

    def artifacts(self) -> dict[str, str]:
        """Return what the server says of its files: with another model there, a run is another run."""
        return {f"{self.task.id}/{name}": digest for name, digest in self.hashes.items()}

    def ask(self, **arrays) -> dict[str, np.ndarray]:  # noqa: ANN003
        """Return the server's answer; a broken connection is opened again once, a late answer is an error."""
        try:
            answer = self.answer(arrays)
        except ConnectionError:
            answer = self.answer(arrays)
        if "error" in answer:
            raise RuntimeError(f"the model at {ADDRESS} failed: {answer['error']}")
        return answer

    def answer(self, arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Send one message and return what comes back, over the open connection or a new one."""
        stream, self.stream = self.stream or connect(), None
        send(stream, **arrays)
        found = receive(stream)
        self.stream = stream  # not after an error: a late answer would be taken for the next one
        return found


def connect():  # noqa: ANN201
    """Return a new connection's stream, for reading and writing."""
    host, _, port = ADDRESS.rpartition(":")
    try:
        connection = socket.create_connection((host, int(port)), TIMEOUT_S)
    except ConnectionRefusedError as error:
        raise RuntimeError(f"no server at {ADDRESS}; start it: python {__file__} serve") from error
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    with connection:  # the stream keeps it open
        return connection.makefile("rwb")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Serve the model to `bimodal evaluate ...:Remote`.")
    parser.add_argument("serve", choices=["serve"])
    parser.add_argument("--port", type=int, default=8765, help="0 takes any free one")
    options = parser.parse_args()
    with Server(("127.0.0.1", options.port), Handler) as server:
        print("serving at {}:{}".format(*server.server_address), flush=True)  # noqa: T201
        server.serve_forever()
