"""The folder of a run: finished shards survive anything, and the same command goes on where it stopped.

run.json            what was run, by whom, with what, on what
episodes.parquet    one row an episode
decisions.parquet   one row a decision
traces/             one npz a shard: executed actions, and `mjSTATE_INTEGRATION` every 0.5 s
videos/             rendered afterwards from the traces
report.html         the run on one page
SHA256SUMS          of everything above
"""

import fcntl
import hashlib
import json
import os
import shutil
import zipfile
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from ..envs.errors import BimodalError, WrongUse
from ..tasks import load_task
from ..tasks.referee import SUCCESS, Verdict
from .pilot import DecisionRecord
from .shard import Shard, ShardResult, Trace

SCHEMA_VERSION = 1
_IDENTITY = ("suite", "policy", "training")
_PARTIAL = ".*.[0-9]*"


class StoredShard(NamedTuple):
    """A shard as read back from its file."""

    result: ShardResult
    latencies_ms: np.ndarray
    """Wall times of single-episode decisions, measured with the task's first shard; else empty."""


class RunFolder:
    """One run on disk."""

    def __init__(self, path: Path, card: dict[str, Any], fresh: bool = False) -> None:
        """Open a run, new or to be continued.

        Args:
            path: its folder.
            card: what it is a run of.
            fresh: discard an older run in the folder.

        Raises:
            WrongUse: the folder holds another run or other files, or another process is writing it.
        """
        self.path = path
        self.card = card
        if not (path / "run.json").exists() and _other_files(path):
            raise WrongUse(f"{path} is not a run folder; it is left as it is, choose another --out")
        try:
            (path / "traces").mkdir(parents=True, exist_ok=True)
            self._lock = (path / ".lock").open("w")
        except OSError as error:
            raise BimodalError(f"cannot write to {path}: {error.strerror}") from error
        try:
            self._take(fresh)
        except BaseException:
            self.close()
            raise

    def _take(self, fresh: bool) -> None:
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise WrongUse(
                f"another run is writing {self.path}; wait for it or choose another --out"
            ) from None
        if fresh:
            _empty(self.path)
        for partial in (*self.path.glob(_PARTIAL), *self.path.glob(f"traces/{_PARTIAL}")):
            partial.unlink(missing_ok=True)
        self._check_identity()

    def _check_identity(self) -> None:
        file = self.path / "run.json"
        if file.exists():
            old = read_card(self.path)
            different = [key for key in _IDENTITY if old.get(key) != self.card[key]]
            if different:
                raise WrongUse(
                    f"{self.path} holds another run ({' and '.join(different)} differ); "
                    "choose another --out, or add --fresh to discard it"
                )
            self.card |= {name: old[name] for name in ("created", "wall_s") if name in old}
        else:
            write_json(file, self.card)

    def file(self, shard: Shard) -> Path:
        """Return where a shard's record lies."""
        return self.path / "traces" / f"{shard.task}-{shard.variant}-{shard.index:03d}.npz"

    def has(self, shard: Shard) -> bool:
        """Whether a shard has been finished."""
        try:
            return read_shard(self.file(shard)).result.shard == shard
        except BimodalError:
            return False

    def finish(self, shards: list[Shard], wall_s: float, invalid: list[str]) -> None:
        """Write the tables and the final record."""
        self.card["wall_s"] = round(self.card.get("wall_s", 0.0) + wall_s, 1)
        self.card["invalid_shards"] = invalid
        stored = [read_shard(self.file(shard)) for shard in shards if self.file(shard).exists()]
        self.card["latency_ms"] = {
            item.result.shard.task: {
                "p50": round(float(np.percentile(item.latencies_ms, 50)), 3),
                "p99": round(float(np.percentile(item.latencies_ms, 99)), 3),
                "batch": 1,
                "decisions": len(item.latencies_ms),
            }
            for item in stored
            if len(item.latencies_ms)
        }
        results = [item.result for item in stored]
        _write_table(self.path / "episodes.parquet", _episode_table(results))
        _write_table(self.path / "decisions.parquet", _decision_table(results))
        write_json(self.path / "run.json", self.card)

    def close(self) -> None:
        """Let others write."""
        self._lock.close()


def seal(path: Path) -> None:
    """Write SHA256SUMS over every file of a run."""
    files = sorted(f for f in path.rglob("*") if f.is_file() and not f.name.startswith((".", "SHA256SUMS")))
    lines = [f"{hashlib.sha256(f.read_bytes()).hexdigest()}  {f.relative_to(path)}\n" for f in files]
    write_text(path / "SHA256SUMS", "".join(lines))


def write_shard(path: Path, result: ShardResult, latencies_ms: list[float]) -> None:
    """Write a shard's record, whole or not at all."""
    shard = result.shard
    meta = {
        "task": shard.task,
        "variant": shard.variant,
        "index": shard.index,
        "faults": result.faults.tolist(),
    }
    arrays = {
        "meta": np.array(json.dumps(meta)),
        "seeds": np.array(shard.seeds, np.int64),
        "digests": result.digests,
        "decisions": np.array(result.decisions, np.float64).reshape(-1, len(DecisionRecord._fields)),
        "latencies_ms": np.array(latencies_ms, np.float64),
        "actions": result.trace.actions,
        "states": result.trace.states,
    } | {f"verdict.{name}": value for name, value in result.verdict._asdict().items()}
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with zipfile.ZipFile(partial, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
            for name, array in arrays.items():
                with archive.open(f"{name}.npy", "w") as member:
                    np.lib.format.write_array(member, array, allow_pickle=False)
        partial.replace(path)
    except OSError as error:
        raise disk_error(path.parent.parent, error) from error
    finally:
        partial.unlink(missing_ok=True)


def read_shard(path: Path) -> StoredShard:
    """Read a shard's record; never unpickles.

    Raises:
        BimodalError: the file is missing or damaged.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        meta = json.loads(str(arrays["meta"]))
        shard = Shard(meta["task"], meta["variant"], meta["index"], tuple(int(s) for s in arrays["seeds"]))
        decisions = [DecisionRecord(int(s), float(ms), int(rows)) for s, ms, rows in arrays["decisions"]]
        verdict = Verdict(*(arrays[f"verdict.{name}"] for name in Verdict._fields))
        trace = Trace(arrays["actions"], arrays["states"])
        result = ShardResult(shard, verdict, np.array(meta["faults"]), arrays["digests"], decisions, trace)
    except Exception as error:
        raise BimodalError(
            f"{path} is missing or damaged; run the same evaluation again to mend it"
        ) from error
    return StoredShard(result, arrays["latencies_ms"])


def read_card(path: Path) -> dict[str, Any]:
    """Read a run's run.json.

    Raises:
        WrongUse: there is no run, or its record is damaged.
    """
    try:
        card = json.loads((path / "run.json").read_text())
        if card["schema_version"] > SCHEMA_VERSION:
            raise WrongUse(f"{path} was written by a newer bimodal (schema {card['schema_version']}); update")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise WrongUse(f"{path} is not a run folder, or its run.json is damaged ({error})") from error
    return card


def write_text(path: Path, text: str) -> None:
    """Write a small file, whole or not at all."""
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        partial.write_text(text, encoding="utf-8")
        partial.replace(path)
    except OSError as error:
        raise disk_error(path.parent, error) from error
    finally:
        partial.unlink(missing_ok=True)


def _write_table(path: Path, table: pa.Table) -> None:
    """Write a parquet file, whole or not at all."""
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        pq.write_table(table, partial)
        partial.replace(path)
    except OSError as error:
        raise disk_error(path.parent, error) from error
    finally:
        partial.unlink(missing_ok=True)


def _other_files(path: Path) -> bool:
    """Whether a folder holds anything; an empty `traces` does not count."""
    return path.is_dir() and any(
        child.name not in (".lock", "traces") or (child.is_dir() and any(child.iterdir()))
        for child in path.iterdir()
    )


def _empty(path: Path) -> None:
    """Delete what a run's folder holds, but for its lock."""
    for child in path.iterdir():
        if child.is_dir() and not child.is_symlink():
            shutil.rmtree(child)
        elif child.name != ".lock":
            child.unlink()
    (path / "traces").mkdir()


def write_json(path: Path, content: Any) -> None:
    """Write JSON, whole or not at all."""
    write_text(path, json.dumps(content, indent=1) + "\n")


def disk_error(path: Path, error: OSError) -> BimodalError:
    """Say that a write failed, and that what is finished is kept."""
    return BimodalError(
        f"cannot write to {path}: {error.strerror or error}; finished shards are kept, "
        "run the same command again to go on"
    )


def _episode_table(results: list[ShardResult]) -> pa.Table:
    rows: dict[str, list] = {name: [] for name, _ in _EPISODE_COLUMNS}
    for result in results:
        shard, verdict = result.shard, result.verdict
        modes = load_task(shard.task).modes
        every = step_counts(result)
        for row, seed in enumerate(shard.seeds):
            mode, label = int(verdict.mode[row]), str(verdict.label[row])
            values = {
                "task": shard.task,
                "variant": shard.variant,
                "seed": seed,
                "shard": shard.index,
                "mode": mode,
                "mode_name": modes[mode] if mode >= 0 else "",
                "label": label,
                "success": label == SUCCESS,
                "success_ever": bool(verdict.success_ever[row]),
                "success_final": bool(verdict.success_final[row]),
                "first_success_step": int(verdict.first_success[row]),
                "steps": int(verdict.steps[row]),
                "averaging": label.endswith("_MID"),
                "alpha": float(verdict.alpha[row]),
                "decisions": int(every[row]),
                "fault": str(result.faults[row]),
                "digest": str(result.digests[row]),
            }
            for name, value in values.items():
                rows[name].append(value)
    return pa.table(rows, schema=pa.schema(_EPISODE_COLUMNS))


def step_counts(result: ShardResult) -> np.ndarray:
    """Number of decisions that each episode lived to see, (N,)."""
    asked = np.array([decision.step for decision in result.decisions])
    return (asked[None] < np.maximum(result.verdict.steps, 1)[:, None]).sum(axis=1)


def _decision_table(results: list[ShardResult]) -> pa.Table:
    rows: dict[str, list] = {name: [] for name, _ in _DECISION_COLUMNS}
    for result in results:
        shard, alive = result.shard, result.verdict.steps
        for number, decision in enumerate(result.decisions):
            for row, seed in enumerate(shard.seeds):
                if decision.step < max(int(alive[row]), 1):
                    for name, value in zip(
                        rows,
                        (
                            shard.task,
                            shard.variant,
                            seed,
                            number,
                            decision.step,
                            decision.latency_ms,
                            decision.rows,
                        ),
                        strict=True,
                    ):
                        rows[name].append(value)
    return pa.table(rows, schema=pa.schema(_DECISION_COLUMNS))


_EPISODE_COLUMNS = [
    ("task", pa.string()),
    ("variant", pa.string()),
    ("seed", pa.int64()),
    ("shard", pa.int32()),
    ("mode", pa.int8()),
    ("mode_name", pa.string()),
    ("label", pa.string()),
    ("success", pa.bool_()),
    ("success_ever", pa.bool_()),
    ("success_final", pa.bool_()),
    ("first_success_step", pa.int32()),
    ("steps", pa.int32()),
    ("averaging", pa.bool_()),
    ("alpha", pa.float64()),
    ("decisions", pa.int32()),
    ("fault", pa.string()),
    ("digest", pa.string()),
]
_DECISION_COLUMNS = [
    ("task", pa.string()),
    ("variant", pa.string()),
    ("seed", pa.int64()),
    ("decision", pa.int32()),
    ("step", pa.int32()),
    ("latency_ms", pa.float64()),
    ("rows", pa.int32()),
]
