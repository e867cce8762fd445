"""A leaderboard entry: made from a run, checked from nothing but itself, kept as one JSON file.

An entry from elsewhere is hostile until it is checked: `files.read_unchecked` parses it with bounds,
`check_entry` holds it against `entry_model.Entry` and counts everything again from its episodes; only then it
is an `Entry`.
"""

import os
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from ..benchmark.comparison.arm import Arm, arm_of_run, training_seeds
from ..benchmark.records.contract_card import Answers, ContractCard, known, read_card
from ..benchmark.records.field_types import problems
from ..benchmark.records.run_record import RunRecord
from ..benchmark.scoring.run_episodes import Run, mode_names, read_run
from ..benchmark.scoring.task_scores import score_run
from ..benchmark.suites import EARLIER
from ..envs.errors import BimodalError, WrongUse
from ..envs.storage.atomic_write import write_text
from ..policies.core.wrapping import with_inner
from .check import aggregate, check_entry, checked_entry, id_problems, results
from .entry_model import Entry, EntryPolicy, Training
from .episode_block import EpisodeBlock
from .files import canonical, entry_id, pretty, read_unchecked
from .impossible import policy_problems
from .marks import known_marks


def entry_from_run(run_dir: Path | str) -> Entry:
    """Return the entry of a finished run; called by `bimodal evaluate --entry` and `bimodal bench`.

    Raises:
        BimodalError: the run is unfinished, invalid, or holds what no entry may hold.
    """
    run = read_run(run_dir)
    if run.record.invalid_shards:
        raise BimodalError(f"{run.folder} has invalid shards {list(run.record.invalid_shards)}; run it again")
    try:
        entry = _unidentified(run)
    except ValidationError as error:
        raise BimodalError(f"the entry is unsound: {problems(error)[0]}") from None
    return entry.model_copy(update={"entry_id": entry_id(entry.plain())})


def _unidentified(run: Run) -> Entry:
    """Return a run's entry, all but its id."""
    record = _portable(run.record).plain()
    scores = score_run(run)
    return Entry.model_validate(
        {
            "schema_version": 2,
            "entry_id": "0" * 64,
            "created": datetime.now(UTC).isoformat(timespec="seconds"),
            "authors": (),
            "licence": None,
            "attempt": 1,
            "supersedes": None,
            **{name: record[name] for name in ("suite", "policy", "training")},
            "card": read_card(run.folder) or ContractCard(known=known(run.record), stated=Answers()),
            "isolation": run.record.isolation,
            "results": results(run.cells, scores, run.record.latency_ms),
            "aggregate": aggregate(scores),
            "episodes": [
                EpisodeBlock.of(*key, cell, mode_names(key[0], cell.modes)) for key, cell in run.cells.items()
            ],
            "provenance": {
                name: record[name] for name in ("versions", "machine", "created", "wall_s", "options")
            },
            "trace": None,
        }
    )


def check_before_run(record: RunRecord, folder: Path | str) -> None:
    """Refuse, before its first episode, a run whose entry would be refused after the last.

    Raises:
        BimodalError: what the policy says of itself breaks a rule of entries, or the folder cannot take it.
    """
    record = _portable(record)
    plain = record.plain()
    parts = {"policy": TypeAdapter(EntryPolicy), "training": TypeAdapter(Training)}
    for name, kind in parts.items():
        try:
            kind.validate_python(plain[name])
            canonical(plain[name])
        except ValidationError as error:
            raise BimodalError(f"the entry would be unsound: {name}.{problems(error)[0]}") from None
        except ValueError:
            raise BimodalError(
                f"the entry would be unsound: {name} holds a number that is not finite"
            ) from None
    policy = EntryPolicy.model_validate(plain["policy"])
    for problem in policy_problems(policy, record.suite, bool(record.options.checkpoints)):
        raise BimodalError(f"the entry would be unsound: {problem}")
    _writable(Path(folder) / file_name(record), plain)


def _writable(path: Path, plain: Mapping[str, Any]) -> None:
    """Refuse a place where an entry cannot be written, or where another policy's lies; creates nothing.

    Raises:
        BimodalError: the folder cannot be written, or the file holds another policy's entry.
    """
    near = next(folder for folder in path.absolute().parents if folder.exists())
    if not near.is_dir():
        raise WrongUse(f"no entry can be written into {path.parent}: {near} is a file")
    if not os.access(near, os.W_OK):
        raise WrongUse(f"no entry can be written into {path.parent}: no permission")
    if path.exists() and _owner(read_unchecked(path)) != _owner(plain):
        raise BimodalError(f"{path} holds another policy's entry; give this policy another name")


def _portable(record: RunRecord) -> RunRecord:
    """Return a record that names no folder of its maker's."""
    checkpoints = record.options.checkpoints
    options = record.options.model_copy(update={"checkpoints": checkpoints and Path(checkpoints).name})
    policy = record.policy.model_copy(update={"uri": portable_uri(record.policy.uri)})
    return record.model_copy(update={"options": options, "policy": policy})


def portable_uri(uri: str) -> str:
    """Return a policy's URI with its file relative to the working directory, bare if it lies elsewhere."""
    return with_inner(uri, _portable_uri)


def _portable_uri(uri: str) -> str:
    file, _, attribute = uri.rpartition(":")
    path = Path(file)
    if path.suffix != ".py" or not (path.is_absolute() or {"..", "~"} & set(path.parts)):
        return uri
    here = Path.cwd()
    near = path.resolve().is_relative_to(here)
    return f"{path.resolve().relative_to(here).as_posix() if near else path.name}:{attribute}"


def read_entry(path: Path | str) -> Entry:
    """Return the entry of a file, checked.

    One that has a mark of the maintainers is not checked again, which would take longest of all that a board
    takes: it was checked for its mark, and its id, which is computed here, is the hash of all that it says.

    Raises:
        BimodalError: the file cannot be read as strict JSON, or the entry is unsound.
    """
    raw = read_unchecked(path)
    if marked := _marked_entry(raw):
        return marked
    entry, found = checked_entry(raw)
    if found or entry is None:
        raise BimodalError(f"{path} is unsound: {found[0]}; see: bimodal check {path}")
    return entry


def _marked_entry(raw: Mapping[str, Any]) -> Entry | None:
    """Return the content of a file as an entry if it is one that maintainers have replayed or reproduced."""
    stated = raw.get("entry_id")
    if not isinstance(stated, str) or stated not in known_marks() or any(id_problems(raw)):
        return None
    try:
        return Entry.model_validate(raw)
    except ValidationError:  # of `created`, which is not hashed; the check says what is wrong with it
        return None


def arm_of_entry(entry: Entry, source: str = "") -> Arm:
    """Return the episodes of an entry as one side of a comparison."""
    return Arm(
        name=entry.policy.name,
        source=source or entry.policy.name,
        suite=entry.suite,
        versions=entry.provenance.versions,
        created=entry.provenance.created,
        training_seeds=training_seeds(entry.training),
        cells=entry.cells,
    )


def read_arm(path: Path) -> Arm:
    """Read a run folder, or the file of an entry.

    Raises:
        BimodalError: it is neither, or not sound.
    """
    return arm_of_run(read_run(path)) if path.is_dir() else arm_of_entry(read_entry(path), str(path))


def write_entry(entry: Entry, folder: Path | str) -> Path:
    """Write an entry as `<suite>-<policy>.json`, whole or not at all.

    Raises:
        BimodalError: the entry is unsound, or the file holds another policy's entry.
    """
    plain = entry.plain()
    if found := check_entry(plain):
        more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
        raise BimodalError(f"the entry is unsound: {found[0]}{more}")
    path = Path(folder) / file_name(entry)
    _writable(path, plain)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_text(path, pretty(plain))
    return path


def file_name(record: Entry | RunRecord) -> str:
    """Return `<suite>-<policy>.json` for an entry or a run, in lower case, without odd characters.

    With the version of a suite that follows an earlier one, `hard-2-flow.json`; a suite has no hyphen in it,
    `core_vision-flow.json`.
    """
    suite = record.suite
    first = next((one.version for one in EARLIER if one.name == suite.name), suite.version)
    version = suite.version if suite.version != first else ""
    names = suite.name.replace("-", "_"), version, record.policy.name.replace("_", "-")
    return "-".join(filter(None, map(_plain, names))) + ".json"


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9_]+", "-", name.lower().replace("*", "-part")).strip("-")


def _owner(raw: Mapping[str, Any]) -> list[Any]:
    """Return whose entry an unchecked file holds: of which suite and policy."""
    fields = (("suite", "name"), ("suite", "version"), ("policy", "name"), ("policy", "uri"))
    return [raw[part].get(name) if isinstance(raw.get(part), dict) else None for part, name in fields]
