"""The folder of a run, and its resume: the same command loads what is finished and runs what is missing.

run.json            what was run, by whom, with what, on what
card.json           the contract card: what the policy is given and promises
episodes.parquet    one row an episode
decisions.parquet   one row a decision
traces/             one npz a shard: executed actions, and `mjSTATE_INTEGRATION` every 0.5 s; of a policy that
                    plans a second one, `.plans.npz`: what it planned from, tried, chose and asked for
videos/             rendered afterwards from the traces
report.html         the run on one page
SHA256SUMS          of everything above
"""

import json
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import numpy as np
from pydantic import ValidationError

from ...envs.errors import BimodalError, WrongUse
from ...envs.storage.atomic_write import write_json
from ...envs.storage.bounded_read import read_bounded
from ...envs.storage.file_lock import NO_LINKS, FileTaken, can_lock_folder, lock_file
from ..rollout.plan_records import plan_file, read_plans
from ..rollout.shard import Shard, ShardResult, Trace
from .field_types import Record, problems
from .folder_guard import LOCK, drafts_in, empty, refuse_links, refuse_strangers
from .played_parts import with_machine
from .run_record import SCHEMA_VERSION, DecisionTime, Machine, RunRecord
from .same_machine import other_conditions
from .shard_check import is_sound
from .shard_file import StoredShard, read_shard, sha256, shard_file

RUNS = Path("runs")
"""Where runs go, relative to the working directory."""
_LARGEST_RECORD = 20_000_000
"""Bytes of a run.json that are read."""
_NOTHING = np.zeros((0, 0, 0))


class RunFolder:
    """One run on disk, locked against other processes; opened by `evaluate`."""

    def __init__(self, path: Path, record: RunRecord, fresh: bool = False) -> None:
        """Open a run, new or to be continued.

        Args:
            path: its folder.
            record: what it is a run of.
            fresh: discard an older run in the folder.

        Raises:
            WrongUse: the folder holds another run or other files, or another process is writing it.
        """
        self.path = path
        self.record = record
        self.resumed = False
        refuse_strangers(path)
        try:
            (path / "traces").mkdir(parents=True, exist_ok=True)
            refuse_links(path)
            self._lock = os.open(path / LOCK, os.O_RDWR | os.O_CREAT | NO_LINKS, 0o644)
        except OSError as error:
            raise BimodalError(f"cannot write to {path}: {error.strerror}") from error
        try:
            self.has_locks = self._take_lock()
            self._begin_or_resume(fresh)
        except BaseException:
            self.close()
            raise

    def _take_lock(self) -> bool:
        """Lock the folder; returns whether its file system can lock everything that a run wants to.

        Raises:
            WrongUse: another run has it.
        """
        try:
            return lock_file(self._lock) and can_lock_folder(self.path / "traces")
        except FileTaken:
            raise WrongUse(
                f"another run is writing {self.path}; wait for it or choose another --out"
            ) from None

    def _begin_or_resume(self, fresh: bool) -> None:
        """Go on with the run that the folder holds, if any, and drop half-written files."""
        if fresh:
            empty(self.path)
        begun = (self.path / "run.json").exists()
        if begun:
            self._resume(read_run_record(self.path))
        for draft in list(drafts_in(self.path)):
            draft.unlink(missing_ok=True)
        if not begun:
            self._save_record()

    def _resume(self, old: RunRecord) -> None:
        """Go on with the run of the folder: its date and wall time are kept.

        Raises:
            WrongUse: it is another run.
        """
        new = self.record
        different = [name for name, value in new.identity.items() if old.identity[name] != value]
        if different:
            raise WrongUse(
                f"{self.path} holds another run: another {' and '.join(different)}, or changed since; "
                "choose another folder (--out), or discard the old run (--fresh)"
            )
        if moved := other_conditions(old, new):
            raise WrongUse(
                f"{self.path} was begun under other conditions, which change bits: {moved}; go on as it was "
                "begun, choose another folder (--out), or discard the old run (--fresh)"
            )
        self.resumed = True
        kept = {name: getattr(old, name) for name in ("run_id", "created", "wall_s", "parts")}
        self.record = self.record.model_copy(update=kept)

    def _save_record(self) -> None:
        write_json(self.path / "run.json", self.record.plain())

    def admit(self, machine: Machine, seconds: float) -> str:
        """Note the machine that a shard was played on for `seconds`; returns the shard's run id."""
        known = len(self.record.parts)
        self.record, run_id = with_machine(self.record, machine, seconds)
        if len(self.record.parts) > known:
            self._save_record()
        return run_id

    def file(self, shard: Shard) -> Path:
        """Return where a shard's record lies."""
        return shard_file(self.path, shard.task, shard.variant, shard.index)

    def missing(self, shards: list[Shard]) -> list[Shard]:
        """Return the shards that still have to run: those without a sound record on disk."""
        return [shard for shard in shards if not self._is_finished(shard)]

    def _is_finished(self, shard: Shard) -> bool:
        try:
            stored = read_shard(self.file(shard))
        except BimodalError:
            return False
        file = plan_file(self.file(shard))
        if stored.plans and (file.is_symlink() or sha256(file) != stored.plans):
            return False
        return self._is_mine(stored, shard) and is_sound(stored)

    def _is_mine(self, stored: StoredShard, shard: Shard) -> bool:
        return stored.result.shard == shard and stored.run_id in self.record.run_ids

    def save_tables(
        self,
        shards: list[Shard],
        wall_s: float,
        invalid: list[str],
        early_end: Mapping[str, Record] | None = None,
    ) -> None:
        """Write the tables and the final record; called by `evaluate` when no shard is missing any more.

        Args:
            shards: all shards of the run.
            wall_s: how long this sitting took [s].
            invalid: what the harness did wrong, one line a shard.
            early_end: of a run that ends as soon as it is decided, what its record says then.
        """
        # PyArrow, which reading a run's record does not need.
        from .parquet_tables import decision_table, episode_table, write_table

        stored = [
            item._replace(result=item.result._replace(trace=Trace(_NOTHING, _NOTHING)))  # one trace at a time
            for item in (self.stored(shard) for shard in shards if self.file(shard).exists())
        ]
        final = dict(early_end or {}) | {
            "wall_s": round(self.record.wall_s + wall_s, 1),
            "invalid_shards": tuple(invalid),
            "latency_ms": {
                item.result.shard.task: _decision_time(item.latencies_ms)
                for item in stored
                if len(item.latencies_ms)
            },
        }
        results = [self._with_plans(item) for item in stored]
        write_table(self.path / "episodes.parquet", episode_table(results))
        write_table(self.path / "decisions.parquet", decision_table(results))
        self.record = self.record.model_copy(update=final)
        self._save_record()

    def stored(self, shard: Shard) -> StoredShard:
        """Return the record of a finished shard.

        Raises:
            BimodalError: it is of another run.
        """
        stored = read_shard(self.file(shard))
        if not self._is_mine(stored, shard):
            raise BimodalError(f"{self.file(shard)} is of another run now; run the same command again")
        return stored

    def _with_plans(self, stored: StoredShard) -> ShardResult:
        """Return a shard's result with what the tables say of its plans."""
        if not stored.plans:
            return stored.result
        file = plan_file(self.file(stored.result.shard))
        return stored.result._replace(plans=read_plans(file, summary=True))

    def close(self) -> None:
        """Let others write."""
        with suppress(OSError):
            os.close(self._lock)


def _decision_time(latencies_ms: np.ndarray) -> DecisionTime:
    """Summarise the wall times [ms] of single-episode decisions."""
    median, slow = (round(float(np.percentile(latencies_ms, part)), 3) for part in (50, 99))
    return DecisionTime(p50=median, p99=slow, batch=1, decisions=len(latencies_ms))


def read_run_record(path: Path) -> RunRecord:
    """Return the record of the run in a folder.

    Raises:
        WrongUse: there is no run, or its record is damaged.
    """
    refuse_links(path)
    try:
        content = read_bounded(path / "run.json", _LARGEST_RECORD)
    except WrongUse as error:
        raise WrongUse(f"{path} is not a run folder, or its run.json is damaged ({error})") from error
    try:
        raw = json.loads(content)
        if raw["schema_version"] > SCHEMA_VERSION:
            raise WrongUse(f"{path} was written by a newer bimodal (schema {raw['schema_version']}); update")
        return RunRecord.model_validate(raw)
    except ValidationError as error:
        reason = problems(error)[0]
        raise WrongUse(f"{path} is not a run folder, or its run.json is damaged ({reason})") from None
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise WrongUse(f"{path} is not a run folder, or its run.json is damaged ({error})") from error
