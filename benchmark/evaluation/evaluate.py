"""The standard evaluator: one policy, one suite, one run folder.

    suite -> shards -> [observe -> act -> check -> step -> measure]* -> records -> tables, report, entry

The loop itself is `run_shard` in `rollout/shard.py`. This file decides what runs where, and what is kept: a
run that was stopped resumes, only its missing shards are run.
"""

import re
import time
from collections.abc import Iterator
from pathlib import Path

from ...envs.errors import BimodalError, WrongUse
from ...policies import Policy
from ...policies.core.registry import ORACLES
from ...policies.core.wrapping import unwrapped
from ..isolation.choice import absolute_uri, hidden_from_policies
from ..isolation.source import Here
from ..provenance import cores
from ..records.checksums import seal
from ..records.contract_card import keep_card
from ..records.run_folder import RUNS, RunFolder, read_run_record
from ..records.run_record import RunPart, RunRecord
from ..rollout.shard import Shard
from ..rollout.timeouts import Deadline
from ..statistics.sequential import Evidence
from ..suites import Suite, find_suite
from .describe import describe
from .early_stop import cut_in_blocks, early_end, in_blocks
from .options import EvalOptions
from .worker_pool import TRIES, Answer, work
from .worker_process import Job, attempt


def evaluate(
    policy: str | type[Policy], suite: str | Suite = "core", options: EvalOptions | None = None
) -> Path:
    """Score a policy on a suite and write the run's folder; finished shards are never run again.

    Args:
        policy: a registered name, `file.py:Class`, `module:Class`, a server's URI, or a `Policy` subclass.
        suite: name of a suite, or a suite; `find_suite` cuts one down to some tasks, seeds or variants.
        options: where and how it runs; None for the defaults.

    Returns:
        The run's folder, with records and tables. Videos and report: `bimodal videos FOLDER`.

    Raises:
        BimodalError: wrong names, another run in the folder, a full disk, or a harness fault.
    """
    options = options or EvalOptions()
    suite = suite if isinstance(suite, Suite) else find_suite(suite)
    suite = cut_in_blocks(suite) if options.until_decided else suite
    record = describe(policy, suite, options)
    suite = suite._replace(pictures=record.suite.pictures)
    if options.check:
        options.check(record)
    path = Path(options.out or default_folder(record.suite.name, record.policy.name, record.part))
    run = RunFolder(path, _met(policy, record, path, options), options.fresh)
    begin = time.monotonic()
    try:
        _prepare(run, options)
        shards, invalid, evidence = _run_missing(policy, suite, run, options)
        ending = {} if invalid else early_end(run.record, evidence)
        run.save_tables(shards, time.monotonic() - begin, invalid, ending)
        seal(path)
    finally:
        run.close()
    if invalid:
        raise BimodalError(
            f"{len(invalid)} of {len(shards)} shards failed by the harness's own fault and are not scored "
            f"({invalid[0]}); the other records are in {path}"
        )
    return path


def _prepare(run: RunFolder, options: EvalOptions) -> None:
    """Write the contract card before the first episode, and name what nobody says to who submits the run."""
    if not run.has_locks:
        options.say(
            f"{run.path} is on a file system without locks: start no second run in it, and "
            "decision times are measured beside the other workers"
        )
    begun = any((run.path / "traces").glob("*.npz"))
    card = keep_card(run.path, run.record, options.card, begun)
    if card.empty and (options.card is not None or options.check):
        options.say(
            f"the contract card does not say: {', '.join(card.empty)}; bimodal card {run.record.policy.uri} "
            "prints a form for --card"
        )


def default_folder(suite: str, policy: str, part: RunPart | None = None) -> Path:
    """Return where a run goes by itself: below `RUNS`, whatever the policy's class is called."""
    name = f"{suite.replace('*', '-part')}-{policy}" + (f".{part.number}of{part.of}" if part else "")
    return RUNS / re.sub(r"[^A-Za-z0-9._+()-]+", "-", name)[:120].strip(".-")


def share(shards: list[Shard], part: RunPart | None) -> list[Shard]:
    """Return the shards of a part of a run: every n-th, so that each part has some of every task."""
    return shards[part.number - 1 :: part.of] if part else shards


def _run_missing(
    policy: str | type[Policy], suite: Suite, run: RunFolder, options: EvalOptions
) -> tuple[list[Shard], list[str], Evidence]:
    """Run the shards that are not on disk yet.

    Returns:
        The shards that the run has then, all of them unless it was decided earlier; what the harness did
        wrong, one line a shard; the evidence for or against the policy if it runs against a baseline.
    """
    shards = share(suite.shards(), run.record.part)
    missing = run.missing(shards)
    total = sum(len(shard.seeds) for shard in shards)
    finished = before = total - sum(len(shard.seeds) for shard in missing)
    baseline = options.until_decided
    evidence = Evidence()
    played: list[Shard] = []
    invalid = []
    options.report(finished, total)
    for block in in_blocks(shards) if baseline else [shards]:
        todo = [shard for shard in block if shard in missing]
        for answer in _answers(policy, todo, run, options):
            finished += len(answer.shard.seeds)
            if answer.problem:
                shard = answer.shard
                invalid.append(f"{shard.task} {shard.variant} {shard.index}: {answer.problem}")
            options.report(finished, total)
        played += block
        evidence = baseline.look(evidence, run, block) if baseline and not invalid else evidence
        if invalid or evidence.decided:
            break
    if run.resumed and finished == before:
        count = sum(len(shard.seeds) for shard in played)
        options.say(
            f"nothing was run: all {count} episodes are from {run.record.created}; --fresh runs them again"
        )
    return played, invalid, evidence


def _answers(
    policy: str | type[Policy], missing: list[Shard], run: RunFolder, options: EvalOptions
) -> Iterator[Answer]:
    """Run shards, in worker processes or here; yield an `Answer` as each one ends."""
    workers = cores() if options.workers is None else options.workers
    if options.machines:
        yield from options.machines.work(missing, run, options.say)
        return
    job = _job(policy, run.record, run.path, options)
    if job.policy and workers:
        yield from work(job, [(shard, run.file(shard)) for shard in missing], workers)
        return
    deadline = Deadline(options.deadline_s)
    source = Here(policy, options.weights)
    for shard in missing:
        problem = ""
        for _ in range(TRIES):
            problem = attempt(job, source, shard, run.file(shard).absolute(), deadline)
            if not problem:
                break
        yield Answer(shard, problem)


def _job(policy: str | type[Policy], record: RunRecord, path: Path, options: EvalOptions) -> Job:
    """Return what every worker of a run needs to know."""
    return Job(
        policy=absolute_uri(policy) if isinstance(policy, str) else "",
        checkpoints=str(options.weights) if options.weights else None,
        suite_version=record.suite.version,
        threads=options.threads,
        deadline_s=options.deadline_s,
        privileged=record.policy.track == "privileged",
        told=isinstance(policy, str) and unwrapped(policy) in ORACLES,
        run_id=record.run_id,
        artifacts=record.policy.artifacts,
        isolation=record.isolation,
        hidden=tuple(map(str, hidden_from_policies(path))),
    )


def _met(policy: str | type[Policy], record: RunRecord, path: Path, options: EvalOptions) -> RunRecord:
    """Return a run's record with the kind of machine that plays it; a run that goes on keeps its own.

    Raises:
        WrongUse: one of the other machines that are to play cannot.
    """
    if not options.machines:
        return record
    if not isinstance(policy, str):
        raise WrongUse("other machines cannot have a class of this process: name its file, file.py:Class")
    record = options.machines.meet(_job(policy, record, path, options), record)
    if options.fresh or not (path / "run.json").exists():
        return record
    return record.model_copy(update={"machine": read_run_record(path).machine})
