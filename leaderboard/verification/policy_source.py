"""Finds the code of an entry's policy and compares its sha256 before anything is imported.

An entry comes from a stranger: its URI may name any module here. Called by `reproduce.py`.
"""

from collections.abc import Iterator
from hashlib import sha256
from importlib.machinery import PathFinder
from itertools import islice
from pathlib import Path
from sys import path as module_path

from ...benchmark.records.field_types import one_line
from ...envs.errors import NotComparable, WrongUse
from ...policies.core.registry import policy_names
from ...policies.core.server_address import is_remote
from ...policies.core.wrapping import with_inner
from ..entry_model import EntryPolicy

MOST_FILES = 10_000
"""Files of a folder that are looked at."""


def checked_uri(entry: Path, policy: EntryPolicy, told: Path | None = None) -> str:
    """Return the URI by which the policy of an entry runs here, its file found by sha256; imports nothing.

    Args:
        entry: the entry's file; its policy may lie beside it.
        policy: what the entry says of it.
        told: where its file lies, or a folder in which it is found by its sha256; None to look for it.

    Raises:
        NotComparable: its code is not here, or what lies here is other code.
        WrongUse: `told` is no file, or the policy is none of a file.
    """
    return with_inner(policy.uri, lambda uri: _checked(entry, uri, policy.artifacts, told))


def _checked(entry: Path, uri: str, artifacts: dict[str, str], told: Path | None) -> str:
    location, _, attribute = uri.rpartition(":")
    if location.endswith(".py"):
        wanted = Path(location)
        places = _told(told) if told else [wanted, entry.parent / wanted, entry.parent / wanted.name]
        return f"{_first_equal(entry, wanted.name, places, artifacts)}:{attribute}"
    if told:
        raise WrongUse(f"{entry} is of {one_line(uri)}, which is no file; --policy is for one of a file")
    if is_remote(uri):
        return uri
    if location and location.split(".")[0] != "bimodal":
        files = list(_files_of_module(location))
        if not files:
            raise NotComparable(f"{entry} was made with the module {one_line(location)}, which is not here")
        _first_equal(entry, files[-1].name, files[-1:], artifacts)
    elif not location and uri not in policy_names():
        raise NotComparable(f"{entry} was made with the policy {one_line(uri)}, which is not known here")
    return uri


def _told(place: Path) -> list[Path]:
    """Return the file that a user names, or the Python files of a folder, whatever they are called."""
    if not place.is_dir():
        return [place]
    found = list(islice((file for file in place.rglob("*.py") if file.is_file()), MOST_FILES + 1))
    if len(found) > MOST_FILES:
        raise WrongUse(f"{place} has more than {MOST_FILES} Python files; name a folder nearer to the policy")
    return sorted(found)


def _first_equal(entry: Path, name: str, places: list[Path], artifacts: dict[str, str]) -> Path:
    """Return the first of some files whose sha256 is that of an entry's artifact `name`."""
    found = [place for place in places if place.is_file()]
    if not found:
        raise NotComparable(
            f"there is no {one_line(name)} here or beside {entry}; say where it is: --policy FILE"
        )
    for place in found:
        if sha256(place.read_bytes()).hexdigest() == artifacts.get(name):
            return place
    raise NotComparable(f"{entry} was made with another {one_line(name)} than {one_line(found[0])}")


def _files_of_module(name: str) -> Iterator[Path]:
    """Yield the file of a module without importing it or its packages; none if there is no such module."""
    path = [str(Path.cwd()), *module_path]
    for depth in range(1, name.count(".") + 2):
        spec = PathFinder.find_spec(".".join(name.split(".")[:depth]), path)
        if spec is None:
            return
        if depth == name.count(".") + 1 and spec.origin and Path(spec.origin).suffix == ".py":
            yield Path(spec.origin)
        path = list(spec.submodule_search_locations or ())
