"""One npz file a shard: its verdicts, its decisions, and the trace that replays it. Plans lie beside it."""

import hashlib
import json
import tempfile
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ...envs.errors import BimodalError
from ...envs.storage.atomic_write import write_arrays
from ...envs.storage.npz import read_arrays
from ...tasks.core.referee import Verdict
from ..rollout.plan_records import plan_file, write_plans
from ..rollout.policy_runner import DecisionRecord
from ..rollout.shard import Shard, ShardResult, Trace


class StoredShard(NamedTuple):
    """A shard as read back from its file."""

    result: ShardResult
    latencies_ms: np.ndarray
    """Wall times of single-episode decisions, measured with the task's first shard; else empty."""
    plans: str
    """sha256 of the file that holds the shard's plans, "" for none; `plans.plan_file` says where it lies."""
    run_id: str
    """The run that it belongs to."""


def shard_file(run: Path, task: str, variant: str, index: int) -> Path:
    """Return where a shard's record lies in the folder of a run."""
    return run / "traces" / f"{task}-{slug(variant)}-{index:03d}.npz"


def slug(variant: str) -> str:
    """Return a variant's name as it may stand in a file's name on any system."""
    return variant.replace(":", "").replace("+", "_")


def write_shard(path: Path, result: ShardResult, latencies_ms: list[float], run_id: str = "") -> None:
    """Write a shard's record, whole or not at all, and its plans before it."""
    shard = result.shard
    plans = plan_file(path)
    if result.plans is not None:
        write_plans(plans, result.plans)
    else:
        plans.unlink(missing_ok=True)
    meta = {
        "task": shard.task,
        "variant": shard.variant,
        "index": shard.index,
        "faults": result.faults.tolist(),
        "plans": "" if result.plans is None else sha256(plans),
        "run": run_id,
    } | ({"instructed": True} if shard.instructed else {})
    arrays = {
        "meta": np.array(json.dumps(meta)),
        "seeds": np.array(shard.seeds, np.int64),
        "digests": result.digests,
        "decisions": np.array(result.decisions, np.float64).reshape(-1, len(DecisionRecord._fields)),
        "latencies_ms": np.array(latencies_ms, np.float64),
        "actions": result.trace.actions,
        "states": result.trace.states,
    } | {f"verdict.{name}": value for name, value in result.verdict._asdict().items()}
    if result.clipped is not None:
        arrays["clipped"] = result.clipped
    write_arrays(path, arrays)


def stamp(content: bytes, run_id: str) -> bytes:
    """Return a shard's record with another run id; nothing else of it changes."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "shard.npz"
        file.write_bytes(content)
        arrays = read_arrays(file)
        meta = json.loads(str(arrays["meta"]))
        if meta["run"] == run_id:
            return content
        write_arrays(file, arrays | {"meta": np.array(json.dumps(meta | {"run": run_id}))})
        return file.read_bytes()


def read_shard(path: Path) -> StoredShard:
    """Read a shard's record; never unpickles.

    Raises:
        BimodalError: the file is missing or damaged.
    """
    try:
        arrays = read_arrays(path)
        meta = json.loads(str(arrays["meta"]))
        seeds = tuple(int(seed) for seed in arrays["seeds"])
        asks = bool(meta.get("instructed", False))
        shard = Shard(meta["task"], meta["variant"], meta["index"], seeds, asks)
        decisions = [DecisionRecord(int(s), float(ms), int(rows)) for s, ms, rows in arrays["decisions"]]
        verdict = Verdict(*(arrays[f"verdict.{name}"] for name in Verdict._fields))
        trace = Trace(arrays["actions"], arrays["states"])
        result = ShardResult(shard, verdict, np.array(meta["faults"]), arrays["digests"], decisions, trace)
        result = result._replace(clipped=arrays.get("clipped"))
    except Exception as error:
        raise BimodalError(
            f"{path} is missing or damaged; run the same evaluation again to mend it"
        ) from error
    return StoredShard(result, arrays["latencies_ms"], meta.get("plans", ""), meta.get("run", ""))


def sha256(path: Path) -> str:
    """Return the sha256 of a file, "" if there is none."""
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
