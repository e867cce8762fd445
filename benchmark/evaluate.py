"""The standard evaluator: one policy, one suite, one run folder.

    suite -> shards -> [observe -> act -> check -> step -> measure]* -> records -> tables, report, entry

The loop itself is `run_shard` in `shard.py`. This file decides what runs where, and what is kept.
"""

import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from shutil import rmtree
from typing import Any

from ..envs.errors import BimodalError, WrongUse
from ..policies import Policy, load_policy
from ..policies.load import BUILT_IN, policy_class, source_digest
from ..tasks import load_task
from .guard import DEADLINE_S, Guard
from .latency import measure
from .machine import cores, machine, versions
from .run_folder import RunFolder, seal, write_shard
from .shard import Shard, check_needs, run_shard
from .suites import Suite, find_suite
from .workers import Answer, Job, work

RUNS = Path("runs")
"""Where runs go, relative to the working directory."""


def evaluate(
    policy: str | type[Policy],
    suite: str | Suite = "core",
    *,
    tasks: Sequence[str] = (),
    seeds: range | None = None,
    out: Path | str | None = None,
    checkpoints: Path | str | None = None,
    workers: int | None = None,
    threads: int = 1,
    deadline_s: float = DEADLINE_S,
    fresh: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> Path:
    """Score a policy on a suite and write the run's folder; finished shards are never run again.

    Args:
        policy: a registered name, `file.py:Class`, `module:Class`, or a `Policy` subclass.
        suite: name of a suite, or a suite.
        tasks: only these tasks.
        seeds: other seeds than the suite's.
        out: the run's folder; None for `runs/<suite>-<policy>`.
        checkpoints: folder of trained weights; None for the shipped ones.
        workers: processes; None for one a core, 0 to stay in this process (always so for a class).
        threads: simulation threads of a process; the records do not depend on it.
        deadline_s: longest time that a decision may take [s].
        fresh: discard what the folder holds.
        progress: called with (episodes finished, episodes) as shards end.

    Returns:
        The run's folder, with records and tables. Videos and report: `bimodal videos FOLDER`.

    Raises:
        BimodalError: wrong names, another run in the folder, a full disk, or a harness fault.
    """
    panel = suite if isinstance(suite, Suite) else find_suite(suite, tuple(tasks), seeds)
    folder = Path(checkpoints).resolve() if checkpoints else None
    card = describe(policy, panel, folder, {"threads": threads, "deadline_s": deadline_s})
    path = Path(out) if out else RUNS / f"{panel.name.replace('*', '-part')}-{card['policy']['name']}"
    if fresh and path.exists():
        discard(path)
    run = RunFolder(path, card)
    begin = time.monotonic()
    try:
        shards = panel.shards()
        missing = [shard for shard in shards if not run.has(shard)]
        total = sum(len(shard.seeds) for shard in shards)
        finished = total - sum(len(shard.seeds) for shard in missing)
        invalid = []
        if progress:
            progress(finished, total)
        for answer in _answers(policy, panel, missing, run, folder, workers, threads, deadline_s):
            finished += len(answer.shard.seeds)
            if answer.problem:
                task, variant, index, _ = answer.shard
                invalid.append(f"{task} {variant} {index}: {answer.problem}")
            if progress:
                progress(finished, total)
        run.finish(shards, time.monotonic() - begin, invalid)
        seal(path)
    finally:
        run.close()
    if invalid:
        raise BimodalError(
            f"{len(invalid)} of {len(shards)} shards failed by the harness's own fault and are not scored "
            f"({invalid[0]}); the other records are in {path}"
        )
    return path


def _answers(  # noqa: ANN202
    policy: str | type[Policy],
    panel: Suite,
    missing: list[Shard],
    run: RunFolder,
    checkpoints: Path | None,
    workers: int | None,
    threads: int,
    deadline_s: float,
):
    """Run the missing shards, in worker processes or here; yield an `Answer` as each one ends."""
    workers = cores() if workers is None else workers
    if isinstance(policy, str) and workers:
        job = Job(
            _absolute(policy), str(checkpoints) if checkpoints else None, panel.version, threads, deadline_s
        )
        yield from work(job, [(shard, run.file(shard)) for shard in missing], workers)
        return
    guard = Guard(deadline_s)
    for shard in missing:
        task = load_task(shard.task)
        pilot = load_policy(policy, task, checkpoints) if isinstance(policy, str) else policy(task)
        result = run_shard(task, pilot, shard, panel.version, threads, guard)
        faulty = any(str(label).startswith("POLICY") for label in result.verdict.label)
        latencies = measure(task, pilot, guard) if shard.index == 0 and not faulty else []
        write_shard(run.file(shard), result, latencies)
        yield Answer(shard, "")


def describe(
    policy: str | type[Policy], panel: Suite, checkpoints: Path | None, options: dict[str, Any]
) -> dict[str, Any]:
    """Return the run's card, after checking that the policy fits every task of the suite.

    Raises:
        BimodalError: the policy cannot be built, or reads or emits what a task does not have.
    """
    found = policy_class(policy) if isinstance(policy, str) else policy
    artifacts: dict[str, str] = source_digest(policy) if isinstance(policy, str) else {}
    training, parameters, needs, built = {}, None, None, None
    for name in panel.tasks:
        task = load_task(name)
        with Guard().watch():
            built = load_policy(policy, task, checkpoints) if isinstance(policy, str) else found(task)
            needs = built.needs()
        check_needs(task, needs)
        artifacts |= {f"{name}/{file}": digest for file, digest in built.artifacts().items()}
        parameters = built.parameters if parameters is None else parameters
        if built.training:
            training[name] = built.training
    if built is None or needs is None:
        raise WrongUse("the suite has no tasks")
    uri = policy if isinstance(policy, str) else f"{found.__module__}:{found.__qualname__}"
    return {
        "schema_version": 1,
        "suite": panel.card(),
        "policy": {
            "name": uri if uri in BUILT_IN else found.__qualname__,
            "uri": uri,
            "class": f"{found.__module__}:{found.__qualname__}" if uri in BUILT_IN else found.__qualname__,
            "track": "privileged" if needs.privileged else "state",
            "description": built.description,
            "parameters": parameters,
            "execute": needs.execute,
            "action": needs.action,
            "observations": list(needs.observations),
            "artifacts": artifacts,
        },
        "training": training or None,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": machine(),
        "versions": versions() | {"bimodal": version("bimodal-bench")},
        "options": options,
        "latency_ms": {},
        "wall_s": 0.0,
        "invalid_shards": [],
    }


def discard(path: Path) -> None:
    """Delete a run's folder.

    Raises:
        WrongUse: the folder is not a run.
    """
    if not (path / "run.json").exists():
        raise WrongUse(f"{path} is not a run folder; it is left as it is")
    rmtree(path)


def _absolute(uri: str) -> str:
    """Return a policy's URI with the full path of its file, if it is one."""
    file, _, attribute = uri.rpartition(":")
    return f"{Path(file).resolve()}:{attribute}" if file.endswith(".py") else uri
