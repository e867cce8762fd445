"""Replays a whole run from its records, without its policy; called by `bimodal check RUN_FOLDER`."""

from collections.abc import Iterator
from pathlib import Path

from ...envs.errors import BimodalError
from ...tasks import load_task
from ..records.replay import Check, check
from ..records.run_folder import read_run_record
from ..records.shard_file import read_shard, shard_file
from ..rollout.shard import Shard
from ..suites import suite_from_record


def check_run(folder: Path, threads: int = 1) -> Iterator[tuple[Shard, Check]]:
    """Replay every shard of a finished run and yield how well its record agrees with itself.

    Called by `bimodal check RUN_FOLDER`. It proves that the recorded actions lead to the recorded verdicts
    from the scenes of the seeds; not which policy chose the actions.

    Raises:
        BimodalError: not a run folder, a shard is missing, or its task has changed since.
    """
    record = read_run_record(folder)
    for shard in suite_from_record(record.suite).shards():
        stored = read_shard(shard_file(folder, shard.task, shard.variant, shard.index))
        if stored.result.shard != shard:
            raise BimodalError(f"{folder} holds other episodes than its suite in place of {shard[:3]}")
        yield shard, check(load_task(shard.task), stored.result, record.policy.action, threads)
