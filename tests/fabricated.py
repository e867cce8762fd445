"""Fabricated run folders: known episodes in, so that every number that comes out is known too."""

import json
from hashlib import md5, sha256
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from bimodal.benchmark.suites import find_suite
from bimodal.policies.core.registry import POLICIES, SHIPPED_CHECKPOINTS
from bimodal.tasks import load_task


def run_folder(folder, outcomes, policy="flow", track="state", suite="smoke", **changes):
    """Write run.json and episodes.parquet; every variant ends as its clean arm does.

    Args:
        folder: where to.
        outcomes: {task: [(label, mode, alpha, steps), ...]}, one for each seed of the suite.
        policy: its name.
        track: the policy's track.
        suite: the suite, or its name.
        changes: replaces top-level fields of run.json.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    panel = find_suite(suite) if isinstance(suite, str) else suite
    rows = [
        {
            "task": task,
            "variant": variant,
            "seed": seed,
            "shard": 0,
            "mode": mode,
            "mode_name": load_task(task).modes[mode] if mode >= 0 else "",
            "label": label,
            "success": label == "SUCCESS",
            "steps": steps,
            "averaging": label.endswith("_MID"),
            "alpha": float(alpha),
            "switches": seed % 2,
            "fault": "",
            "digest": md5(f"{policy} {task} {variant} {seed}".encode(), usedforsecurity=False).hexdigest(),
        }
        for task, episodes in outcomes.items()
        for variant in panel.variants
        for seed, (label, mode, alpha, steps) in zip(panel.panel(variant), episodes, strict=False)
    ]
    pq.write_table(pa.Table.from_pylist(rows), folder / "episodes.parquet")
    run = card(list(outcomes), policy, track, panel.record().plain()) | changes
    (folder / "run.json").write_text(json.dumps(run, indent=1))
    return folder


def own_files(tasks, policy):
    """Return class and files, with their sha256, of one of Bimodal's own policies, else made-up ones."""
    name = policy.removeprefix("safe(").rstrip(")")
    if name not in POLICIES.own():
        return "FlowChunks", {f"{tasks[0]}/{policy}.safetensors": "ab" * 32}
    names = [f"{task}/{name}.{kind}" for task in tasks for kind in ("safetensors", "json")]
    files = {name: SHIPPED_CHECKPOINTS / name for name in names if (SHIPPED_CHECKPOINTS / name).is_file()}
    kind = POLICIES.names_in(POLICIES.own()[name])[name]
    found = {name: sha256(file.read_bytes()).hexdigest() for name, file in files.items()}
    return f"bimodal.policies.own:{kind}", found


def card(tasks, policy, track, suite):
    """Return a run.json."""
    kind, artifacts = own_files(tasks, policy)
    return {
        "schema_version": 1,
        "suite": suite,
        "policy": {
            "name": policy,
            "uri": policy,
            "class": kind,
            "track": track,
            "description": "Samples a chunk of sixteen actions by integrating a learned flow.",
            "parameters": 240_000,
            "execute": 8,
            "action": "ee_absolute",
            "observations": ["tcp_position", "tcp_rotation", "gripper_opening"],
            "artifacts": artifacts,
        },
        "training": {"demonstrations": 300, "regime": "bi50", "seed": 0},
        "created": "2026-11-23T00:00:00+00:00",
        "machine": {"cpu": "A processor", "cores": 2, "os": "Linux", "python": "3.11.2"},
        "versions": {
            "mujoco": "4.0.0",
            "numpy": "2.4.6",
            "torch": "2.13.0",
            "bimodal": "0.1.0",
            "code": "0" * 16,
        },
        "options": {"threads": 1, "deadline_s": 30.0},
        "latency_ms": {task: {"p50": 1.5, "p99": 3.25, "batch": 1, "decisions": 100} for task in tasks},
        "wall_s": 61.5,
        "invalid_shards": [],
    }


def outcome(label, mode=-1, alpha=np.nan, steps=80):
    return label, mode, alpha, steps
