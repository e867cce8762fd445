"""A run as an array of Slurm jobs, submitted by submitit: `bimodal evaluate --slurm 16`.

Each job plays one part of the run, as `--shard I/N` does, into a folder that all of them and the submitting
machine share; then the parts are merged. A job that is preempted is queued again and goes on where it was.
What the jobs say is read from their run folders: submitit's own results are pickled, and nothing is unpickled
here.
"""

import shutil
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import submitit  # pyright: ignore[reportMissingImports]
from submitit.core.utils import FailedJobError  # pyright: ignore[reportMissingImports]

from ...envs.errors import BimodalError, WrongUse
from ...envs.storage.atomic_write import write_text
from ...envs.storage.bounded_read import read_bounded
from ..evaluation.describe import describe
from ..evaluation.evaluate import default_folder, evaluate, share
from ..evaluation.merge import merge
from ..evaluation.options import EvalOptions
from ..isolation.choice import absolute_uri
from ..records.field_types import one_line
from ..records.folder_guard import empty
from ..records.run_record import RunPart, RunRecord
from ..records.shard_file import shard_file
from ..rollout.shard import Shard
from ..suites import Suite, suite_from_record

LOOK_EVERY_S = 2.0
"""How often the jobs are looked after [s]."""
_MOST_TIMEOUTS = 100
"""How often a job may run out of time and be queued again."""
_WHY = "why.txt"
"""What a job that gave up says, beside its run folder."""
_LONGEST = 2000


class SlurmJobs(NamedTuple):
    """How a run is cut into jobs."""

    jobs: int
    """Jobs of the array, and parts of the run."""
    parameters: Mapping[str, str | int] = {}
    """What submitit is told of each, e.g. `timeout_min` (60), `slurm_partition`, `cpus_per_task`."""
    cluster: str = "slurm"
    """`slurm`; `local` runs the jobs as processes of this machine, to try it out."""


class PlayPart:
    """Plays one part of a run in a job; called there by submitit, which reads it from a file."""

    def __init__(self, policy: str, suite: Suite, options: EvalOptions, record: RunRecord, of: int) -> None:
        self._policy = policy
        self._suite = suite
        self._options = options
        self._expected = {name: value for name, value in record.identity.items() if name != "part"}
        self._of = of

    def __call__(self, number: int) -> None:
        """Play part `number`; one that cannot be played says why in a file."""
        part = RunPart(number=number, of=self._of)
        folder = part_folder(Path(str(self._options.out)), part)
        folder.parent.mkdir(parents=True, exist_ok=True)
        (folder.parent / f"{folder.name}.{_WHY}").unlink(missing_ok=True)
        options = replace(self._options, out=folder, part=part, check=self._check)
        try:
            evaluate(self._policy, self._suite, options)
        except BimodalError as error:
            write_text(folder.parent / f"{folder.name}.{_WHY}", str(error))

    def checkpoint(self, number: int) -> submitit.helpers.DelayedSubmission:
        """Return what is queued again when the job is preempted: the same, which goes on."""
        return submitit.helpers.DelayedSubmission(self, number)

    def _check(self, record: RunRecord) -> None:
        """Refuse to play where the run is made of something else than where it was submitted."""
        differ = [name for name, value in self._expected.items() if record.identity[name] != value]
        if differ:
            raise WrongUse(f"this machine has another {' and '.join(differ)} than the submitting one")


def evaluate_on_slurm(policy: str, suite: Suite, options: EvalOptions, slurm: SlurmJobs) -> Path:
    """Play a run in Slurm jobs, wait for them, merge their parts; called again it goes on where it was.

    Returns:
        The run's folder.

    Raises:
        BimodalError: no Slurm, a folder that holds a run, or a part that could not be played.
    """
    if options.until_decided:
        raise WrongUse("jobs cannot stop each other: leave out --slurm or --until-decided")
    record = describe(policy, suite, options)
    if options.check:
        options.check(record)
    path = Path(options.out or default_folder(record.suite.name, record.policy.name)).resolve()
    if (path / "run.json").exists() and not options.fresh:
        raise WrongUse(f"{path} holds a run already; choose another folder (--out), or discard it (--fresh)")
    if options.fresh:  # here and not in the jobs, which go on when they are queued again
        shutil.rmtree(path.with_name(f"{path.name}.parts"), ignore_errors=True)
    quiet = {"fresh": False, "progress": None, "notice": None, "check": None}
    alone = replace(options, out=path, checkpoints=options.weights, **quiet)
    play = PlayPart(absolute_uri(policy), suite, alone, record, slurm.jobs)
    jobs = _submitted(play, path, slurm)
    _wait(jobs, suite_from_record(record.suite).shards(), path, options)
    parts = [part_folder(path, RunPart(number=n, of=slurm.jobs)) for n in range(1, slurm.jobs + 1)]
    if options.fresh and path.exists():
        empty(path)
    found = merge(parts, path, options.notice)
    for part in parts:
        shutil.rmtree(part, ignore_errors=True)
    return found


def part_folder(path: Path, part: RunPart) -> Path:
    """Return where a part of a run lies until it is merged."""
    return path.with_name(f"{path.name}.parts") / f"{part.number}of{part.of}"


def _submitted(play: PlayPart, path: Path, slurm: SlurmJobs) -> list[Any]:
    """Submit the array; returns its jobs.

    Raises:
        BimodalError: there is no Slurm here, or it does not take a parameter.
    """
    try:
        logs = path.with_name(f"{path.name}.parts") / "logs"
        executor = submitit.AutoExecutor(logs, cluster=slurm.cluster, slurm_max_num_timeout=_MOST_TIMEOUTS)
        executor.update_parameters(**{"name": "bimodal", "timeout_min": 60, **slurm.parameters})
        return executor.map_array(play, list(range(1, slurm.jobs + 1)))
    except (RuntimeError, ValueError, NameError, TypeError, FailedJobError) as error:
        text = one_line(" ".join(str(error).split()), 300)
        raise BimodalError(f"the jobs cannot be submitted: {text}") from error


def _wait(jobs: list[Any], shards: list[Shard], path: Path, options: EvalOptions) -> None:
    """Wait for the jobs, reporting how many episodes have ended; an interrupted wait cancels them.

    Raises:
        BimodalError: a part could not be played.
    """
    total = sum(len(shard.seeds) for shard in shards)
    numbers = [RunPart(number=n, of=len(jobs)) for n in range(1, len(jobs) + 1)]
    files = {
        shard_file(part_folder(path, part), one.task, one.variant, one.index): len(one.seeds)
        for part in numbers
        for one in share(shards, part)
    }
    try:
        while True:
            ended = all(job.done() for job in jobs)
            options.report(sum(count for file, count in files.items() if file.exists()), total)
            if ended:
                break
            time.sleep(LOOK_EVERY_S)
    except BaseException:
        for job in jobs:
            with suppress(Exception):
                job.cancel()
        raise
    for part, job in zip(numbers, jobs, strict=True):
        _refuse_failed(part_folder(path, part), part, job)


def _refuse_failed(folder: Path, part: RunPart, job: Any) -> None:
    """Raise why a part has no sealed run, if it has none."""
    why = folder.parent / f"{folder.name}.{_WHY}"
    if why.is_file():
        text = one_line(read_bounded(why, _LONGEST).decode(errors="replace"), 300)
        raise BimodalError(f"{part} could not be played: {text}")
    if not (folder / "SHA256SUMS").is_file():
        raise BimodalError(
            f"{part} was not played to its end (job {job.job_id}, {job.state}: see {job.paths.stderr}); "
            "the same command goes on where it was"
        )
