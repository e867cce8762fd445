"""Reads folders of entries for a board: what cannot stand on it costs itself alone, and a line says why."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from ..envs.errors import BimodalError
from ..envs.storage.bounded_read import json_files
from .entry import read_entry
from .entry_model import Entry
from .own_policies import folded

COPIED = 0.5
"""An entry of which so many episodes are another's, whose policy is made of other files, is a copy."""


class Found(NamedTuple):
    """The entries of some folders."""

    entries: tuple[Entry, ...]
    """Those that can stand on one board, in the order of folders and file names."""
    left_out: tuple[str, ...]
    """One line for every file that cannot."""


def read_folders(folders: Sequence[Path]) -> Found:
    """Return the sound entries of folders; called by whatever shows a board, see `cli/leaderboard.py`.

    Raises:
        WrongUse: one is no folder.
    """
    kept: dict[Path, Entry] = {}
    owners: defaultdict[str, dict[str, Path]] = defaultdict(dict)  # by the hash of a suite, and by digest
    left_out = []
    for path in json_files(folders):
        try:
            entry = read_entry(path)
        except BimodalError as error:
            left_out.append(str(error))
            continue
        begun = _begun(entry)
        rivals = (_rivalry(entry, other, kept[other]) for other in kept)
        if problem := next(filter(None, rivals), "") or _copied(entry, begun, kept, owners[entry.suite.hash]):
            left_out.append(f"{path} {problem}")
        else:
            kept[path] = entry
            owners[entry.suite.hash] |= dict.fromkeys(begun, path)
    for path, problem in _orphaned(kept).items():
        left_out.append(f"{path} {problem}")
        del kept[path]
    return Found(tuple(kept.values()), tuple(left_out))


def _rivalry(entry: Entry, other_path: Path, other: Entry) -> str:
    """Return why an entry cannot stand beside another one, "" if it can."""
    if entry.entry_id == other.entry_id:
        return f"is a copy of {other_path}"
    same_suite = entry.suite.hash == other.suite.hash
    names = entry.policy.name, other.policy.name
    if same_suite and folded(names[0]) == folded(names[1]) and not _later(entry, other):
        return f"has the name of {other_path}: {', '.join(names)}"
    return ""


def _later(one: Entry, other: Entry) -> bool:
    """Whether two entries are different attempts of one policy with an author in common."""
    same_name = one.policy.name == other.policy.name
    return same_name and one.attempt != other.attempt and bool({*one.authors} & {*other.authors})


def _orphaned(entries: Mapping[Path, Entry]) -> dict[Path, str]:
    """Return the entries that do not supersede the attempt right before them, and why they cannot stand."""
    known = {entry.entry_id: entry for entry in entries.values()}
    found = {}
    for path, entry in entries.items():
        before = known.get(entry.supersedes or "")
        right = before is not None and _later(entry, before) and before.attempt == entry.attempt - 1
        right = right and before is not None and before.suite.hash == entry.suite.hash
        if not right and (entry.supersedes or entry.attempt > 1):
            found[path] = f"is attempt {entry.attempt}, but supersedes no attempt {entry.attempt - 1} here"
    return found


def _copied(
    entry: Entry, begun: Sequence[str], kept: Mapping[Path, Entry], owners: Mapping[str, Path]
) -> str:
    """Return whose episodes an entry holds although its policy is made of other files, "" for its own."""
    shared = Counter(
        owners[episode]
        for episode in begun
        if episode in owners and kept[owners[episode]].policy.artifacts != entry.policy.artifacts
    )
    for path, count in shared.most_common(1):
        if count >= COPIED * len(begun):
            return f"holds the episodes of {path}, whose policy is made of other files"
    return ""


def _begun(entry: Entry) -> list[str]:
    """Return the digests of an entry's episodes but those that ended before their first step: all alike."""
    return [
        digest
        for block in entry.episodes
        for digest, steps in zip(block.fingerprints, block.steps, strict=True)
        if steps
    ]
