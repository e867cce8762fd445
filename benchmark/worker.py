"""What a worker process does: run the shards it is told to, and write their records."""

import json
import mmap
import sys
import traceback
from multiprocessing.connection import Connection
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ..envs.errors import BimodalError
from ..policies import load_policy
from ..tasks import load_task
from .guard import DEADLINE_S, Guard
from .latency import measure
from .run_folder import write_shard
from .shard import Shard, run_shard


class Job(NamedTuple):
    """What every worker needs to know."""

    policy: str
    """URI of the policy."""
    checkpoints: str | None
    """Folder of trained weights; None for the shipped ones."""
    suite_version: str
    """Part of the policy's noise keys."""
    threads: int = 1
    """Simulation threads of a worker."""
    deadline_s: float = DEADLINE_S
    """Longest time that a decision may take [s]."""


def serve(pipe: Connection, inside: mmap.mmap) -> None:
    """Be a worker: answer until the parent hangs up."""
    job = Job(**json.loads(pipe.recv_bytes()))
    guard = Guard(job.deadline_s, inside)
    while True:
        try:
            order = json.loads(pipe.recv_bytes())
        except (EOFError, OSError):
            return
        task, variant, index, seeds = order["shard"]
        reply = _attempt(job, Shard(task, variant, index, tuple(seeds)), Path(order["file"]), guard)
        try:
            pipe.send_bytes(json.dumps(reply).encode())
        except OSError:
            return


def _attempt(job: Job, shard: Shard, file: Path, guard: Guard) -> dict[str, str]:
    try:
        run_and_write(job, shard, file, guard)
    except BimodalError as error:
        return {"stop": str(error)}
    except Exception as error:
        traceback.print_exc(file=sys.stderr)
        return {"problem": f"{type(error).__name__}: {error}"}
    return {"problem": ""}


def run_and_write(job: Job, shard: Shard, file: Path, guard: Guard) -> None:
    """Run one shard with a fresh policy and write its record."""
    task = load_task(shard.task)
    checkpoints = Path(job.checkpoints) if job.checkpoints else None
    with guard.watch():
        policy = load_policy(job.policy, task, checkpoints)
    result = run_shard(task, policy, shard, job.suite_version, job.threads, guard)
    sound = not np.char.startswith(result.verdict.label.astype(str), "POLICY").any()
    latencies = measure(task, policy, guard) if shard.index == 0 and sound else []
    write_shard(file, result, latencies)


def main() -> None:
    """Serve the parent whose pipe and shared byte are named by the arguments (file descriptors)."""
    serve(Connection(int(sys.argv[1])), mmap.mmap(int(sys.argv[2]), 1))
