"""A leaderboard entry: made from a run, checked from nothing but itself, kept as one JSON file.

An entry from elsewhere is hostile until it is checked: `read_entry` parses it with bounds, `check_entry`
holds it against the schema and counts everything again from its episodes.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ..benchmark.scoring.task_scores import mode_names, read_run, score_run, score_suite
from ..envs.errors import BimodalError, WrongUse
from ..envs.files import write_text
from .check import aggregate, check_entry, result
from .files import entry_id, pretty, read_entry

__all__ = [
    "check_entry",
    "entry_from_run",
    "entry_id",
    "read_entries",
    "read_entry",
    "write_entry",
]


def entry_from_run(run_dir: Path | str) -> dict[str, Any]:
    """Return the entry of a finished run.

    Raises:
        BimodalError: the run is unfinished, invalid, or contradicts itself.
    """
    run = read_run(run_dir)
    card = run.card
    if card.get("invalid_shards"):
        raise BimodalError(f"{run.folder} has invalid shards {card['invalid_shards']}; run it again")
    entry = {
        "schema_version": 1,
        "entry_id": "",
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        **{name: card[name] for name in ("suite", "policy", "training")},
        "results": [result(cell) | {"latency_ms": _latency(card, cell.task)} for cell in score_run(run)],
        "aggregate": aggregate(score_suite(score_run(run))),
        "episodes": [
            {
                "task": task,
                "variant": variant,
                "seeds": rows["seed"],
                "labels": rows["label"],
                "modes": mode_names(task, rows["mode"]),
                "steps": rows["steps"],
                "digests": rows["digest"],
            }
            for (task, variant), rows in run.cells.items()
        ],
        "provenance": {name: card[name] for name in ("versions", "machine", "created", "wall_s", "options")},
        "verification": {"level": "reported", "by": None, "date": None},
    }
    entry["entry_id"] = entry_id(entry)
    return entry


def read_entries(folder: Path | str) -> list[dict[str, Any]]:
    """Return every entry of a folder, all of them sound, in the order of their file names.

    Raises:
        BimodalError: there is no such folder, or an entry in it is unsound.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise WrongUse(f"{folder} is not a folder of entries")
    entries = []
    for path in sorted(folder.glob("*.json")):
        entry = read_entry(path)
        if problems := check_entry(entry):
            raise BimodalError(f"{path} is unsound: {problems[0]}; see: bimodal check {path}")
        entries.append(entry)
    return entries


def write_entry(entry: dict[str, Any], folder: Path | str) -> Path:
    """Write an entry as `<suite>-<policy>.json`, whole or not at all.

    Raises:
        BimodalError: the entry is unsound, or the file holds another policy's entry.
    """
    if problems := check_entry(entry):
        more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
        raise BimodalError(f"the entry is unsound: {problems[0]}{more}")
    path = Path(folder) / file_name(entry)
    if path.exists() and _owner(read_entry(path)) != _owner(entry):
        raise BimodalError(f"{path} holds another policy's entry; give this policy another name")
    path.parent.mkdir(parents=True, exist_ok=True)
    write_text(path, pretty(entry))
    return path


def file_name(entry: Mapping[str, Any]) -> str:
    """Return `<suite>-<policy>.json` for an entry or a run's card, in lower case, without odd characters."""
    names = f"{entry['suite']['name']}-{entry['policy']['name']}".lower().replace("*", "-part")
    return re.sub(r"[^a-z0-9]+", "-", names).strip("-") + ".json"


def _latency(card: dict[str, Any], task: str) -> dict[str, float | None]:
    timed = card["latency_ms"].get(task, {})
    return {name: timed.get(name) for name in ("p50", "p99")}


def _owner(entry: dict[str, Any]) -> tuple[Any, ...]:
    suite, policy = entry.get("suite") or {}, entry.get("policy") or {}
    return suite.get("name"), suite.get("version"), policy.get("name"), policy.get("uri")
