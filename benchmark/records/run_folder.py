"""The folder of a run: finished shards survive anything, and the same command goes on where it stopped.

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
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from ...envs.errors import BimodalError, WrongUse
from ...envs.files import DRAFTS, whole, write_json, write_text
from ..rollout.plan_records import plan_file, read_plans
from ..rollout.shard import Shard, ShardResult, Trace
from .parquet_tables import decision_table, episode_table
from .shard_file import StoredShard, read_shard, sha256, shard_file

SCHEMA_VERSION = 1
_IDENTITY = ("suite", "policy", "training", "versions")
_NOTHING = np.zeros((0, 0, 0))


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
        for partial in (*self.path.glob(DRAFTS), *self.path.glob(f"traces/{DRAFTS}")):
            partial.unlink(missing_ok=True)
        self._check_identity()

    def _check_identity(self) -> None:
        file = self.path / "run.json"
        if file.exists():
            old = read_card(self.path)
            different = [key for key in _IDENTITY if old.get(key) != self.card.get(key)]
            if different:
                raise WrongUse(
                    f"{self.path} holds another run: another {' and '.join(different)}, or changed since; "
                    "choose another folder (--out), or discard the old run (--fresh)"
                )
            self.card |= {name: old[name] for name in ("created", "wall_s") if name in old}
        else:
            write_json(file, self.card)

    def file(self, shard: Shard) -> Path:
        """Return where a shard's record lies."""
        return shard_file(self.path, shard.task, shard.variant, shard.index)

    def has(self, shard: Shard) -> bool:
        """Whether a shard has been finished."""
        try:
            stored = read_shard(self.file(shard))
        except BimodalError:
            return False
        sound = not stored.plans or sha256(plan_file(self.file(shard))) == stored.plans
        return sound and stored.result.shard == shard

    def finish(self, shards: list[Shard], wall_s: float, invalid: list[str]) -> None:
        """Write the tables and the final record."""
        self.card["wall_s"] = round(self.card.get("wall_s", 0.0) + wall_s, 1)
        self.card["invalid_shards"] = invalid
        stored = [
            item._replace(result=item.result._replace(trace=Trace(_NOTHING, _NOTHING)))  # one trace at a time
            for item in (read_shard(self.file(shard)) for shard in shards if self.file(shard).exists())
        ]
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
        results = [self._with_plans(item) for item in stored]
        for name, table in (("episodes", episode_table(results)), ("decisions", decision_table(results))):
            with whole(self.path / f"{name}.parquet") as draft:
                pq.write_table(table, draft)
        write_json(self.path / "run.json", self.card)

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


def _other_files(path: Path) -> bool:
    """Whether a folder holds anything; an empty `traces` does not count."""
    return path.is_dir() and any(
        child.name not in (".lock", "traces") or (child.is_dir() and any(child.iterdir()))
        for child in path.iterdir()
    )


def _is_foreign(file: Path) -> bool:
    """Whether a run.json is somebody else's: sound JSON that no run of ours wrote."""
    try:
        card = json.loads(file.read_bytes())
    except (OSError, ValueError):
        return False
    return isinstance(card, dict) and bool(card) and not {"suite", "schema_version"} & set(card)


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
