"""The machines of a Ray cluster: `bimodal evaluate --ray auto|local|ADDRESS`.

One task a shard; Ray keeps the worker processes, and `node` keeps in each what the policy imported. A policy
that wants a share of a GPU plays in actors, which keep that share from the first shard to the last: to take
its GPU back, Ray would end a task's process.
"""

import logging
import os
import signal
import socket
import threading
from contextlib import suppress
from typing import Any

import ray  # pyright: ignore[reportMissingImports]
from ray.exceptions import RayError, RayTaskError  # pyright: ignore[reportMissingImports]
from ray.util.scheduling_strategies import (  # pyright: ignore[reportMissingImports]
    NodeAffinitySchedulingStrategy,
)

from ...envs.errors import BimodalError, WrongUse
from ..provenance import cores
from ..rollout.shard import Shard
from . import node
from .cluster import Cluster
from .node import Order

LOOK_EVERY_S = 2.0
"""How often it is looked whether any machine is left [s]."""
_CONNECT_S = 10
"""Longest wait for the head of a cluster to take a connection [s]."""
_FORGET_S = 10
"""Longest wait until the machines have tidied up [s]."""


class Seat:
    """A process on another machine that keeps its share of a GPU; a Ray actor."""

    def play(self, order: Order, shard: Shard) -> node.Answer:
        """Play a shard here."""
        return node.play(order, shard)


class RayCluster(Cluster):
    """Machines that Ray knows; a context manager, connected inside."""

    def __init__(
        self, address: str = "auto", gpus: float = 0.0, threads: int = 1, at_once: int | None = None
    ) -> None:
        """Note which cluster; nothing is connected yet.

        Args:
            address: `auto` for the one of RAY_ADDRESS or of this machine, `local` for one of this machine
                alone that ends with the run, else where its head listens.
            gpus: GPUs of each process; 0.5 lets two share one.
            threads: processors of each process.
            at_once: shards that are out at most.
        """
        if not 0 <= gpus < 1000:
            raise WrongUse(f"{gpus:g} GPUs a process cannot be; write 0, a share such as 0.5, or a count")
        super().__init__(at_once)
        self._address = address
        self._gpus = gpus
        self._cpus = threads
        self._ours = False
        self._idle: list[Any] = []
        self._seats: dict[Any, Any] = {}

    def __enter__(self) -> "RayCluster":
        """Connect to the cluster.

        Raises:
            BimodalError: there is none.
        """
        if ray.is_initialized():
            return self
        _refuse_silent(self._address)
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        heard = signal.getsignal(signal.SIGTERM)  # Ray would answer it in its own way
        own = {"num_cpus": cores(), "include_dashboard": False} if self._address == "local" else {}
        try:
            ray.init(self._address, log_to_driver=False, logging_level=logging.ERROR, **own)
        except (ConnectionError, RuntimeError, ValueError, OSError) as error:
            text = " ".join(str(error).split())[:200]
            raise BimodalError(
                f"no Ray cluster at {self._address} ({text}); start one with `ray start --head`, "
                "or use --ray local"
            ) from error
        finally:
            if threading.current_thread() is threading.main_thread():
                signal.signal(signal.SIGTERM, heard)
        self._ours = True
        return self

    def __exit__(self, *error: object) -> None:
        """Let the machines tidy up, and disconnect."""
        if self._order:
            tidy = [self._on(node.forget, one).remote(self._order) for one in self._nodes()]
            with suppress(RayError):
                ray.wait(tidy, num_returns=len(tidy), timeout=_FORGET_S) if tidy else None
        if self._ours:
            ray.shutdown()

    def inspect_all(self, order: Order) -> list[dict[str, Any]]:
        """Have every machine say what it is.

        Raises:
            BimodalError: on one of them Bimodal does not run.
        """
        sent = ray.put(order)
        calls = {self._on(node.inspect, one).remote(sent): one for one in self._nodes()}
        found = []
        for call, one in calls.items():
            try:
                found.append(ray.get(call))
            except RayTaskError as error:
                text = f"the machine {one['NodeManagerHostname']} cannot run Bimodal: {_reason(error)}"
                raise BimodalError(text) from error
            except RayError:  # it was lost meanwhile
                continue
        return found

    def room(self) -> int:
        """Return how many shards may be out: those that run side by side, and as many that wait."""
        resources = ray.cluster_resources()
        seats = int(resources.get("CPU", 0) // self._cpus)
        if self._gpus:
            return min(seats, int(resources.get("GPU", 0) / self._gpus + 1e-9))
        return 2 * seats

    def begin(self, order: Order) -> None:
        """Send the policy to where all machines can have it."""
        self._sent = ray.put(order)
        asked = {"num_cpus": self._cpus, "scheduling_strategy": "SPREAD"}
        self._play = ray.remote(node.play).options(max_retries=0, **asked)
        self._seat = ray.remote(Seat).options(num_gpus=self._gpus, max_restarts=0, **asked)

    def send(self, shard: Shard) -> Any:
        """Have a machine play a shard."""
        if not self._gpus:
            return self._play.remote(self._sent, shard)
        seat: Any = self._idle.pop() if self._idle else self._seat.remote()
        call = seat.play.remote(self._sent, shard)
        self._seats[call] = seat
        return call

    def answers(self, calls: list[Any]) -> list[tuple[Any, dict[str, Any] | None]]:
        """Wait a moment; return the calls that have ended with their answers."""
        ended, _ = ray.wait(calls, num_returns=1, timeout=LOOK_EVERY_S)
        if not ended and not self.room():
            raise BimodalError("no machine of the cluster is left; the same command goes on where it was")
        return [(call, self._answer(call)) for call in ended]

    def _answer(self, call: Any) -> dict[str, Any] | None:
        seat = self._seats.pop(call, None)
        try:
            answer: Any = ray.get(call)
        except RayTaskError as error:
            answer = {"host": "a machine", "problem": _reason(error)}
        except RayError:
            return None
        if seat is not None:
            self._idle.append(seat)
        return answer

    def end(self, calls: list[Any]) -> None:
        """Give up the calls that are still out, and the actors."""
        for seat in (*self._idle, *self._seats.values()):
            ray.kill(seat)
        for call in calls:
            if call not in self._seats:
                ray.cancel(call, force=True)
        self._idle.clear()
        self._seats.clear()

    def _nodes(self) -> list[dict[str, Any]]:
        """Return the machines that can play, as Ray describes them."""
        wanted = {"CPU": self._cpus, "GPU": self._gpus}
        return [
            one
            for one in ray.nodes()
            if one["Alive"] and all(one["Resources"].get(name, 0) >= least for name, least in wanted.items())
        ]

    @staticmethod
    def _on(function: Any, one: dict[str, Any]) -> Any:
        """Return a call on a certain machine, which waits for no processor."""
        where = NodeAffinitySchedulingStrategy(one["NodeID"], soft=False)
        return ray.remote(function).options(num_cpus=0, max_retries=0, scheduling_strategy=where)


def _refuse_silent(address: str) -> None:
    """Refuse an address at which nobody listens; Ray itself would wait for minutes.

    Raises:
        BimodalError: nobody does.
    """
    host, colon, port = address.rpartition("://")[2].rpartition(":")
    if not colon:
        return
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=_CONNECT_S).close()
    except (OSError, ValueError, OverflowError) as error:
        raise BimodalError(
            f"no Ray cluster at {address} ({error}); start one with `ray start --head`"
        ) from error


def _reason(error: RayTaskError) -> str:
    """Return what was raised on another machine, in one line."""
    cause = error.cause
    return " ".join(f"{type(cause).__name__}: {cause}".split())[:300]
