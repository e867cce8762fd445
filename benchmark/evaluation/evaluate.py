"""The standard evaluator: one policy, one suite, one run folder.

    suite -> shards -> [observe -> act -> check -> step -> measure]* -> records -> tables, report, entry

The loop itself is `run_shard` in `shard.py`. This file decides what runs where, and what is kept.
"""

import json
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from ...envs.errors import BimodalError, WrongUse
from ...policies import Needs, Policy, load_policy
from ...policies.core.registry import POLICIES, policy_class, policy_names, wrapped
from ...policies.core.source_digest import source_digest
from ...tasks import Task, load_task
from ..provenance import code_digest, cores, machine, versions
from ..records.field_types import problems
from ..records.run_folder import RunFolder, seal
from ..records.run_record import Machine, PolicyRecord, RunOptions, RunRecord
from ..rollout.policy_runner import fault_text
from ..rollout.shard import Shard, check_needs
from ..rollout.timeouts import BUILD_DEADLINE_S, DEADLINE_S, Guard
from ..suites import Suite, find_suite
from .worker_pool import TRIES, Answer, work
from .worker_process import Job, attempt

RUNS = Path("runs")
"""Where runs go, relative to the working directory."""


def evaluate(
    policy: str | type[Policy],
    suite: str | Suite = "core",
    *,
    tasks: Sequence[str] = (),
    seeds: range | None = None,
    variants: Sequence[str] | None = None,
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
        variants: other variants than the suite's, each beside its clean arm; () for the clean world alone.
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
    panel = (
        suite
        if isinstance(suite, Suite)
        else find_suite(suite, tuple(tasks), seeds, None if variants is None else tuple(variants))
    )
    folder = Path(checkpoints).resolve() if checkpoints else None
    _check_options(suite, tasks, seeds, variants, workers, threads, deadline_s)
    options = RunOptions(
        threads=threads, deadline_s=deadline_s, checkpoints=str(checkpoints) if checkpoints else None
    )
    record = describe(policy, panel, folder, options)
    path = Path(out) if out else RUNS / f"{panel.name.replace('*', '-part')}-{record.policy.name}"
    run = RunFolder(path, record, fresh)
    begin = time.monotonic()
    try:
        shards = panel.shards()
        missing = run.missing(shards)
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
        run.save_tables(shards, time.monotonic() - begin, invalid)
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
    uri = _absolute(policy) if isinstance(policy, str) else ""
    weights = str(checkpoints) if checkpoints else None
    privileged = run.record.policy.track == "privileged"
    job = Job(uri, weights, panel.version, threads, deadline_s, privileged)
    if uri and workers:
        yield from work(job, [(shard, run.file(shard)) for shard in missing], workers)
        return
    guard = Guard(deadline_s)
    for shard in missing:
        problem = ""
        for _ in range(TRIES):
            problem = attempt(job, policy, shard, run.file(shard).absolute(), guard)
            if not problem:
                break
        yield Answer(shard, problem)


def _check_options(
    suite: str | Suite,
    tasks: Sequence[str],
    seeds: range | None,
    variants: Sequence[str] | None,
    workers: int | None,
    threads: int,
    deadline_s: float,
) -> None:
    if isinstance(suite, Suite) and (tasks or seeds is not None or variants is not None):
        raise WrongUse("a Suite says its own tasks, seeds and variants; leave out the options of these names")
    if workers is not None and workers < 0:
        raise WrongUse(f"workers is {workers}; it must be 0 or more")
    if threads < 1:
        raise WrongUse(f"threads is {threads}; it must be at least 1")
    if not 0 < deadline_s < 1e6:
        raise WrongUse(f"the deadline is {deadline_s:g} s; it must be more than 0")


def describe(
    policy: str | type[Policy], panel: Suite, checkpoints: Path | None, options: RunOptions
) -> RunRecord:
    """Return the run's record, after checking that the policy fits every task of the suite.

    Raises:
        BimodalError: the policy cannot be built, or reads or emits what a task does not have.
    """
    found = policy_class(policy) if isinstance(policy, str) else policy
    artifacts: dict[str, str] = source_digest(found) if found.__module__.split(".")[0] != "bimodal" else {}
    training, parameters, needs, built = {}, None, None, None
    observations: dict[str, None] = {}
    for name in panel.tasks:
        task = load_task(name)
        built, needs, files = _introduce(policy, task, checkpoints)
        check_needs(task, needs)
        artifacts |= files
        observations |= dict.fromkeys(needs.observations)
        parameters = built.parameters if parameters is None else parameters
        if built.training:
            training[name] = built.training
    if built is None or needs is None:
        raise WrongUse("the suite has no tasks")
    uri = policy if isinstance(policy, str) else f"{found.__module__}:{found.__qualname__}"
    said = {
        "name": uri if uri in policy_names() else found.__qualname__,
        "uri": uri,
        "class": f"{found.__module__}:{found.__qualname__}" if uri in POLICIES.own() else found.__qualname__,
        "track": "privileged" if needs.privileged else "state",
        "description": built.description,
        "parameters": parameters,
        "execute": needs.n_action_steps,
        "action": needs.action,
        "observations": list(observations),
        "artifacts": artifacts,
    }
    try:
        record = PolicyRecord.model_validate(_plain(said))
    except ValidationError as error:
        raise WrongUse(f"what the policy says of itself cannot be recorded: {problems(error)[0]}") from None
    return RunRecord(
        schema_version=1,
        suite=panel.record(),
        policy=record,
        training=_plain(training) or None,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        machine=Machine.model_validate(machine()),
        versions=versions() | {"bimodal": version("bimodal-bench"), "code": code_digest()},
        options=options,
        latency_ms={},
        wall_s=0.0,
        invalid_shards=(),
    )


def _introduce(
    policy: str | type[Policy], task: Task, checkpoints: Path | None
) -> tuple[Policy, Needs, dict[str, str]]:
    """Build a policy and ask what it needs and which files it is made of."""
    try:
        with Guard(BUILD_DEADLINE_S).watch():
            built = load_policy(policy, task, checkpoints)
            needs, files = built.needs(), dict(built.artifacts())
    except BimodalError:
        raise
    except Exception as error:
        text = f"the policy cannot say what it needs for {task.id}: {fault_text(error)}"
        raise BimodalError(text) from error
    if not isinstance(needs, Needs) or not isinstance(needs.n_action_steps, int):
        raise WrongUse(
            f"needs() returned {needs!r:.80}; it must be a Needs, its `n_action_steps` a whole number"
        )
    return built, needs, files


def _plain(said: dict[str, Any]) -> dict[str, Any]:
    """Return what a policy says of itself as it reads back from JSON."""
    try:
        return json.loads(json.dumps(said, default=lambda value: value.item()))
    except (TypeError, ValueError, AttributeError) as error:
        raise BimodalError(f"the policy's `training` and `parameters` must be plain JSON: {error}") from error


def _absolute(uri: str) -> str:
    """Return a policy's URI with the full path of its file, if it is one."""
    if inner := wrapped(uri):
        return f"safe({_absolute(inner)})"
    file, _, attribute = uri.rpartition(":")
    return f"{Path(file).resolve()}:{attribute}" if file.endswith(".py") else uri
