"""The folder of a run, and its resume: the same command loads what is finished and runs what is missing.

run.json            what was run, by whom, with what, on what
episodes.parquet    one row an episode
decisions.parquet   one row a decision
traces/             one npz a shard: executed actions, and `mjSTATE_INTEGRATION` every 0.5 s; of a policy that
                    plans a second one, `.plans.npz`: what it planned from, tried, chose and asked for
videos/             rendered afterwards from the traces
report.html         the run on one page
SHA256SUMS          of everything above
"""

import fcntl
import hashlib
import json
import shutil
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from pydantic import ValidationError

from ...envs.errors import BimodalError, WrongUse
from ...envs.storage.atomic_write import DRAFTS, atomic_write, write_json, write_text
from ..rollout.plan_records import plan_file, read_plans
from ..rollout.shard import Shard, ShardResult, Trace
from .field_types import problems
from .parquet_tables import decision_table, episode_table
from .run_record import SCHEMA_VERSION, DecisionTime, RunRecord
from .shard_file import StoredShard, read_shard, sha256, shard_file

RUNS = Path("runs")
"""Where runs go, relative to the working directory."""
_IDENTITY = ("suite", "policy", "training", "versions")
"""Fields of the run record that must be equal for a run to resume."""
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
        if not (path / "run.json").exists() and _other_files(path):
            raise WrongUse(f"{path} is not a run folder; it is left as it is, choose another --out")
        try:
            (path / "traces").mkdir(parents=True, exist_ok=True)
            self._lock = (path / ".lock").open("w")
        except OSError as error:
            raise BimodalError(f"cannot write to {path}: {error.strerror}") from error
        try:
            self._lock_and_resume(fresh)
        except BaseException:
            self.close()
            raise

    def _lock_and_resume(self, fresh: bool) -> None:
        """Take the folder's lock, drop half-written files, and go on with the run that it holds, if any."""
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise WrongUse(
                f"another run is writing {self.path}; wait for it or choose another --out"
            ) from None
        if fresh:
            _empty(self.path)
        for partial in (*self.path.glob(DRAFTS), *self.path.glob(f"traces/{DRAFTS}")):
            partial.unlink(missing_ok=True)
        if (self.path / "run.json").exists():
            self._resume(read_run_record(self.path))
        else:
            self._save_record()

    def _resume(self, old: RunRecord) -> None:
        """Go on with the run of the folder: its date and wall time are kept.

        Raises:
            WrongUse: it is another run.
        """
        different = [name for name in _IDENTITY if getattr(old, name) != getattr(self.record, name)]
        if different:
            raise WrongUse(
                f"{self.path} holds another run: another {' and '.join(different)}, or changed since; "
                "choose another folder (--out), or discard the old run (--fresh)"
            )
        self.record = self.record.model_copy(update={"created": old.created, "wall_s": old.wall_s})

    def _save_record(self) -> None:
        write_json(self.path / "run.json", self.record.plain())

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
        sound = not stored.plans or sha256(plan_file(self.file(shard))) == stored.plans
        return sound and stored.result.shard == shard

    def save_tables(self, shards: list[Shard], wall_s: float, invalid: list[str]) -> None:
        """Write the tables and the final record; called by `evaluate` when no shard is missing any more.

        Args:
            shards: all shards of the run.
            wall_s: how long this sitting took [s].
            invalid: what the harness did wrong, one line a shard.
        """
        stored = [
            item._replace(result=item.result._replace(trace=Trace(_NOTHING, _NOTHING)))  # one trace at a time
            for item in (read_shard(self.file(shard)) for shard in shards if self.file(shard).exists())
        ]
        final = {
            "wall_s": round(self.record.wall_s + wall_s, 1),
            "invalid_shards": tuple(invalid),
            "latency_ms": {
                item.result.shard.task: _decision_time(item.latencies_ms)
                for item in stored
                if len(item.latencies_ms)
            },
        }
        results = [self._with_plans(item) for item in stored]
        for name, table in (("episodes", episode_table(results)), ("decisions", decision_table(results))):
            with atomic_write(self.path / f"{name}.parquet") as draft:
                pq.write_table(table, draft)
        self.record = self.record.model_copy(update=final)
        self._save_record()

    def _with_plans(self, stored: StoredShard) -> ShardResult:
        """Return a shard's result with what the tables say of its plans."""
        if not stored.plans:
            return stored.result
        file = plan_file(self.file(stored.result.shard))
        return stored.result._replace(plans=read_plans(file, summary=True))

    def close(self) -> None:
        """Let others write."""
        self._lock.close()


def seal(path: Path) -> None:
    """Write SHA256SUMS over every file of a run."""
    files = sorted(f for f in path.rglob("*") if f.is_file() and not f.name.startswith((".", "SHA256SUMS")))
    lines = [f"{hashlib.sha256(f.read_bytes()).hexdigest()}  {f.relative_to(path)}\n" for f in files]
    write_text(path / "SHA256SUMS", "".join(lines))


def _decision_time(latencies_ms: np.ndarray) -> DecisionTime:
    """Summarise the wall times [ms] of single-episode decisions."""
    median, slow = (round(float(np.percentile(latencies_ms, part)), 3) for part in (50, 99))
    return DecisionTime(p50=median, p99=slow, batch=1, decisions=len(latencies_ms))


def read_run_record(path: Path) -> RunRecord:
    """Return the record of the run in a folder.

    Raises:
        WrongUse: there is no run, or its record is damaged.
    """
    try:
        raw = json.loads((path / "run.json").read_text())
        if raw["schema_version"] > SCHEMA_VERSION:
            raise WrongUse(f"{path} was written by a newer bimodal (schema {raw['schema_version']}); update")
        return RunRecord.model_validate(raw)
    except ValidationError as error:
        reason = problems(error)[0]
        raise WrongUse(f"{path} is not a run folder, or its run.json is damaged ({reason})") from None
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise WrongUse(f"{path} is not a run folder, or its run.json is damaged ({error})") from error


def _other_files(path: Path) -> bool:
    """Whether a folder holds anything; an empty `traces` does not count."""
    return path.is_dir() and any(
        child.name not in (".lock", "traces") or (child.is_dir() and any(child.iterdir()))
        for child in path.iterdir()
    )


def _is_foreign(file: Path) -> bool:
    """Whether a run.json is somebody else's: sound JSON that no run of ours wrote."""
    try:
        raw = json.loads(file.read_bytes())
    except (OSError, ValueError, RecursionError):
        return False
    return isinstance(raw, dict) and bool(raw) and not {"suite", "schema_version"} & set(raw)


def _empty(path: Path) -> None:
    """Delete what a run writes into its folder, and nothing else.

    Raises:
        WrongUse: the folder's run.json is not that of a run.
    """
    if _is_foreign(path / "run.json"):
        raise WrongUse(f"{path} is not a run folder; it is left as it is")
    for name in ("traces", "videos"):
        shutil.rmtree(path / name, ignore_errors=True)
    for name in ("run.json", "episodes.parquet", "decisions.parquet", "report.html", "SHA256SUMS"):
        (path / name).unlink(missing_ok=True)
    (path / "traces").mkdir()
