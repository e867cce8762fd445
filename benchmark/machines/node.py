"""What another machine does for a run: it shows that it may take part, then plays shards.

The functions here are called there, by Ray. They answer with plain data; what goes wrong is an answer, too. A
machine keeps its worker process between shards, so that what a policy imports is imported once.
"""

import os
import shutil
import socket
import tempfile
import time
from pathlib import Path
from typing import Any, NamedTuple

from ...envs.errors import BimodalError, WrongUse
from ..evaluation.describe import ask, this_machine, versions_of
from ..evaluation.worker_pool import Worker, share_out
from ..isolation.choice import isolation_of
from ..isolation.shapes import NOT_SHUT_IN
from ..records.fault_file import NAME as FAULTS
from ..records.run_record import Machine, RunRecord
from ..records.shard_file import shard_file
from ..rollout.plan_records import plan_file
from ..rollout.shard import Shard
from ..suites import suite_from_record
from .parcel import Parcel, unpack

Answer = dict[str, Any]
"""Plain data: `host` always, `refused` where the machine cannot take part, else what the function says."""
_node: "Node | None" = None
"""Of this process; a process plays for one run at a time."""


class Order(NamedTuple):
    """What is asked of a machine."""

    parcel: Parcel
    """The policy and what belongs to it."""
    record: dict[str, Any]
    """The record of the run so far, as `run.json` has it."""


class Node:
    """This process, as one that plays for a run."""

    def __init__(self, order: Order) -> None:
        """Unpack what came and compare this machine with the run.

        Raises:
            BimodalError: it cannot take part.
        """
        self.order = order
        record = RunRecord.model_validate(order.record)
        self.folder = _own_folder(record.run_id)
        job = unpack(order.parcel, self.folder)
        _refuse_other(versions_of(job.policy), record.versions)
        if suite_from_record(record.suite).hash() != record.suite.hash:
            raise WrongUse(f"its tasks make another suite {record.suite.name} than the run's")
        _refuse_isolation(job.policy, record)
        self.worker = Worker(job)
        told = ask(self.worker.process, record.suite.tasks[0])
        files = record.policy.artifacts
        _refuse_other(told.artifacts, {name: files.get(name, "no such file") for name in told.artifacts})
        self.machine: Machine = this_machine(told, record.policy)

    def play(self, shard: Shard) -> Answer:
        """Play a shard; returns its files, or what the harness did wrong.

        Raises:
            BimodalError: the run cannot go on.
        """
        begin = time.monotonic()
        file = shard_file(self.folder / "run", shard.task, shard.variant, shard.index)
        file.parent.mkdir(parents=True, exist_ok=True)
        (answer,) = share_out([(shard, file)], [self.worker])
        faults = file.parents[1] / FAULTS
        files = {"record": file, "plans": plan_file(file), "faults": faults}
        reply = {name: path.read_bytes() for name, path in files.items() if path.is_file()}
        file.unlink(missing_ok=True)
        plan_file(file).unlink(missing_ok=True)
        said = {"problem": answer.problem, "machine": self.machine.plain()}
        return reply | said | {"seconds": time.monotonic() - begin}


def inspect(order: Order) -> Answer:
    """Return what kind of machine this is, or why it cannot take part."""
    return _told(lambda: {"machine": _opened(order).machine.plain()})


def play(order: Order, shard: Shard) -> Answer:
    """Play a shard here; returns its files and the machine, or what went wrong."""
    return _told(lambda: _opened(order).play(Shard(*shard)))


def forget(order: Order) -> None:
    """Delete what a run left on this machine."""
    global _node
    if _node is not None:
        _node.worker.stop()
        _node = None
    run_id = RunRecord.model_validate(order.record).run_id
    shutil.rmtree(_own_folder(run_id), ignore_errors=True)


def _opened(order: Order) -> Node:
    """Return this process as one that plays for a run, the same one from shard to shard."""
    global _node
    if _node is not None and _node.order != order:
        _node.worker.stop()
        _node = None
    _node = _node or Node(order)
    return _node


def _told(do: Any) -> Answer:
    host = {"host": socket.gethostname()}
    try:
        return host | do()
    except BimodalError as error:
        return host | {"refused": str(error)}


def _own_folder(run_id: str) -> Path:
    """Return a folder of this user alone for what a run needs here.

    Raises:
        BimodalError: somebody else has it.
    """
    folder = Path(tempfile.gettempdir()) / f"bimodal-{os.getuid()}-{run_id}"
    folder.mkdir(mode=0o700, exist_ok=True)
    if folder.is_symlink() or folder.stat().st_uid != os.getuid():
        raise BimodalError(f"{folder} is somebody else's; remove it there")
    return folder


def _refuse_other(here: dict[str, str], run: dict[str, str]) -> None:
    """Refuse a machine whose packages or files are others than the run's.

    Raises:
        WrongUse: they are.
    """
    for name, expected in run.items():
        if name not in here:
            raise WrongUse(f"it lacks {name}")
        if here[name] != expected:
            raise WrongUse(f"it has {name} {here[name][:16]}, the run {expected[:16]}")


def _refuse_isolation(policy: str, record: RunRecord) -> None:
    """Refuse a machine that would shut the policy in otherwise than the run does.

    Raises:
        WrongUse: it would, or cannot at all.
    """
    if record.isolation in NOT_SHUT_IN:
        return
    here = isolation_of(policy, sandbox=True)
    if here != record.isolation:
        raise WrongUse(f"it shuts a policy in by {here}, the run by {record.isolation}")
