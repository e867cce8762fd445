"""Reads folders of entries for a board: what cannot stand on it costs itself alone, and a line says why."""

from collections import Counter
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


Episode = tuple[str, str]
"""The hash of a suite, and the digest of an episode in it."""


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
    owners: dict[Episode, Path] = {}
    left_out = []
    for path in json_files(folders):
        try:
            entry = read_entry(path)
        except BimodalError as error:
            left_out.append(str(error))
            continue
        rivals = (_rivalry(entry, other, kept[other]) for other in kept)
        if problem := next(filter(None, rivals), "") or _copied(entry, kept, owners):
            left_out.append(f"{path} {problem}")
        else:
            kept[path] = entry
            owners |= dict.fromkeys(_begun(entry), path)
    return Found(tuple(kept.values()), tuple(left_out))


def _rivalry(entry: Entry, other_path: Path, other: Entry) -> str:
    """Return why an entry cannot stand beside another one, "" if it can."""
    if entry.entry_id == other.entry_id:
        return f"is a copy of {other_path}"
    same_suite = entry.suite.hash == other.suite.hash
    if same_suite and folded(entry.policy.name) == folded(other.policy.name):
        return f"has the name of {other_path}: {entry.policy.name}, {other.policy.name}"
    return ""


def _copied(entry: Entry, kept: Mapping[Path, Entry], owners: Mapping[Episode, Path]) -> str:
    """Return whose episodes an entry holds although its policy is made of other files, "" for its own."""
    begun = _begun(entry)
    shared = Counter(
        owners[episode]
        for episode in begun
        if episode in owners and kept[owners[episode]].policy.artifacts != entry.policy.artifacts
    )
    for path, count in shared.most_common(1):
        if count >= COPIED * len(begun):
            return f"holds the episodes of {path}, whose policy is made of other files"
    return ""


def _begun(entry: Entry) -> list[Episode]:
    """Return an entry's episodes but those that ended before their first step, which are all alike."""
    return [
        (entry.suite.hash, digest)
        for block in entry.episodes
        for digest, steps in zip(block.digests, block.steps, strict=True)
        if steps
    ]
