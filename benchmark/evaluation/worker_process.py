"""Runs shards in a worker process and writes their records; started by `policy_process`."""

import json
import mmap
import os
import sys
import traceback
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, NamedTuple

from ...envs.errors import BimodalError
from ...envs.perturbations.core.variant import CLEAN
from ...policies import Policy
from ...tasks import Task, load_task
from ...tasks.core.outcomes import OUTCOMES
from ..isolation.shapes import Isolation
from ..isolation.source import PolicySource, source_of
from ..records.fault_file import keep_tracebacks, printable
from ..records.shard_file import write_shard
from ..rollout.latency import measure
from ..rollout.policy_runner import fault_text
from ..rollout.shard import Shard, ShardResult, run_shard
from ..rollout.timeouts import BUILD_DEADLINE_S, DEADLINE_S, SHARED_BYTES, Deadline
from .hosted_policy import ORDERS, HostedPolicy
from .trial import try_policy
from .turns import alone, together

DEBUG = "BIMODAL_DEBUG"
"""Environment variable that makes workers show the trace of the harness's faults."""


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
    privileged: bool = False
    """Whether the policy was announced as one that reads the simulator."""
    told: bool = False
    """Whether it is an oracle, which is told the mode that an instruction asks for."""
    run_id: str = ""
    """Which run its records belong to."""
    artifacts: dict[str, str] = {}  # noqa: RUF012 (never changed)
    """sha256 of the policy's files when the run began, by name."""
    build_s: float = BUILD_DEADLINE_S
    """Longest time that importing and building it may take [s]."""
    isolation: Isolation = "none"
    """How the policy is shut in."""
    hidden: tuple[str, ...] = ()
    """Folders that it may not see."""

    def source(self) -> PolicySource:
        """Return where the policy is built; one for a process."""
        return source_of(self.policy, self.weights, self.isolation, tuple(map(Path, self.hidden)))

    @property
    def weights(self) -> Path | None:
        """The folder of trained weights; None for the shipped ones."""
        return Path(self.checkpoints) if self.checkpoints else None


def serve(pipe: Connection, inside: mmap.mmap) -> None:
    """Be a worker: answer until the parent hangs up."""
    parent = os.getppid()
    limits = _limits()
    job = Job(**json.loads(pipe.recv_bytes()))
    deadline = Deadline(job.deadline_s, inside)
    source = job.source()
    hosted = HostedPolicy(source, deadline, job.build_s)
    while True:
        try:
            order = json.loads(pipe.recv_bytes())
        except (EOFError, OSError):
            return
        if "introduce" in order:
            reply = _introduced(job, source, order["introduce"], deadline)
        elif "trial" in order:
            reply = _tried(job, source, order["trial"], deadline)
        elif not order.keys().isdisjoint(ORDERS):
            reply = hosted.answer(order)
        else:
            reply = _attempted(job, source, order, deadline)
            if any(reply.values()) and (harm := _harm(limits)):
                reply = {"policy": harm}
        try:
            pipe.send_bytes(json.dumps(reply).encode())
        except OSError:
            return
        if os.getppid() != parent:
            return


def _introduced(job: Job, source: PolicySource, task: str, deadline: Deadline) -> dict[str, Any]:
    """Answer an order to build the policy for a task: what it says of itself, or why it cannot be."""
    try:
        told = source.introduce(load_task(task), deadline.building(job.build_s))
        return {"introduction": told.plain()}
    except BimodalError as error:
        return {"refused": str(error), "code": error.exit_code}


def _tried(job: Job, source: PolicySource, task: str, deadline: Deadline) -> dict[str, Any]:
    """Answer an order to try the policy out on a task: what is wrong with it, or why there is none."""
    try:
        found = try_policy(source, load_task(task), deadline, job.build_s)
        return {"trial": found.plain()}
    except BimodalError as error:
        return {"refused": str(error), "code": error.exit_code}


def _attempted(job: Job, source: PolicySource, order: dict[str, Any], deadline: Deadline) -> dict[str, Any]:
    """Answer an order to run a shard: what the harness did wrong, or why the run cannot go on."""
    task, variant, index, seeds, instructed = order["shard"]
    shard = Shard(task, variant, index, tuple(seeds), instructed)
    try:
        return {"problem": attempt(job, source, shard, Path(order["file"]), deadline)}
    except BimodalError as error:
        return {"stop": str(error)}


def _limits() -> dict[str, tuple[int, int]]:
    """Return the limits of this process, by name."""
    import resource  # Windows has none

    names = [name for name in dir(resource) if name.startswith("RLIMIT_")]
    return {name: resource.getrlimit(getattr(resource, name)) for name in names}


def _harm(limits: dict[str, tuple[int, int]]) -> str:
    """Return what the policy did to its process so that the harness fails in it, "" for nothing."""
    if changed := [name for name, value in _limits().items() if value != limits[name]]:
        return f"it changed a limit of its process ({changed[0]})"
    try:
        os.close(os.dup(0))
    except OSError:
        return "it holds every file descriptor of its process"
    return ""


def attempt(job: Job, source: PolicySource, shard: Shard, file: Path, deadline: Deadline) -> str:
    """Run one shard with a fresh policy and write its record; returns what the harness did wrong, "" for
    nothing.

    Raises:
        BimodalError: the run cannot go on (the policy cannot be built, the disk is full).
    """
    try:
        task = load_task(shard.task)
        with deadline.building(job.build_s).watch():
            built, artifacts = source.build(task)
        _refuse_replaced(job.artifacts, artifacts)
        if job.isolation == "remote":
            deadline = deadline.asking(len(shard.seeds))
        result = _played(job, task, built, shard, file.parent, deadline)
        keep_tracebacks(file.parents[1], shard, result.tracebacks)
        if os.environ.get(DEBUG):
            sys.stderr.write("".join(map(printable, result.tracebacks.values())))
        latencies = []
        faulty = any(OUTCOMES[label].policy_fault for label in result.verdict.label)
        if shard.index == 0 and shard.variant == CLEAN and not faulty:
            with alone(file.parent):
                latencies = _latencies(task, built, deadline, job.privileged)
        write_shard(file, result, latencies, job.run_id)
    except BimodalError:
        raise
    except Exception as error:
        if os.environ.get(DEBUG):
            traceback.print_exc(file=sys.stderr)
        return fault_text(error)
    return ""


def _played(
    job: Job, task: Task, policy: Policy, shard: Shard, traces: Path, deadline: Deadline
) -> ShardResult:
    """Run the episodes of a shard side by side with the run's other workers."""
    with together(traces) as give_way:
        return run_shard(
            task,
            policy,
            shard,
            job.suite_version,
            job.threads,
            deadline,
            privileged=job.privileged,
            told=job.told,
            before_decision=give_way,
        )


def _refuse_replaced(began: dict[str, str], now: dict[str, str]) -> None:
    """Stop a run whose policy is no longer made of the files that it began with.

    Raises:
        BimodalError: one was replaced.
    """
    for name, digest in now.items():
        if began.get(name, digest) != digest:
            raise BimodalError(
                f"{name} of the policy was replaced while the run went on; put it back and run the same "
                "command again, or begin anew with --fresh"
            )


def _latencies(task: Task, policy: Policy, deadline: Deadline, privileged: bool) -> list[float]:
    """Measure the latency of decisions; a policy that fails here has none, and its episodes still count."""
    try:
        return measure(task, policy, deadline, privileged)
    except (Exception, SystemExit):
        return []


def main() -> None:
    """Serve the parent whose pipe and shared byte are named by the arguments (file descriptors)."""
    serve(Connection(int(sys.argv[1])), mmap.mmap(int(sys.argv[2]), SHARED_BYTES))
    os._exit(0)  # threads that the policy left behind do not keep us
