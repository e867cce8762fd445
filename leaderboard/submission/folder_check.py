"""Checks a folder of entries as a pull request leaves it: `bimodal check FOLDER`, `make check-entries`.

Nothing of a submitted policy runs or is imported. Entries are only ever added: a change of one that is there,
or of anything else, is not a submission.
"""

import subprocess
from collections.abc import Iterator
from pathlib import Path

from ...benchmark.records.field_types import one_line
from ...benchmark.records.shard_file import sha256
from ...envs.errors import BimodalError, WrongUse
from ..entry import read_entry
from ..entry_model import Entry
from ..folders import read_folders
from ..verification.verify import archive_beside
from .submit import MOST_TRACE_BYTES, entry_path, terms_problems


def folder_problems(folder: Path, since: str | None = None) -> list[str]:
    """Return everything that is wrong with a folder of entries, one line each.

    Args:
        folder: where the entries lie.
        since: a revision of git; what was added after it must be a complete submission, and nothing else may
            have changed. None for the soundness of all entries alone.

    Raises:
        WrongUse: no such folder, or git does not know the revision.
    """
    found = list(read_folders([folder]).left_out)
    if since is not None:
        for path, problem in _changes(folder, since):
            found.append(f"{path}: {problem}")
    return found


def _changes(folder: Path, since: str) -> Iterator[tuple[str, str]]:
    """Yield what a pull request changes that it must not, and what its new entries lack."""
    root = Path(_git(folder, "rev-parse", "--show-toplevel").strip())
    names = _git(folder, "diff", "--no-renames", "--name-status", "-z", f"{since}...HEAD", "--").split("\0")
    inside = folder.resolve()
    for kind, name in zip(names[::2], names[1::2], strict=False):
        path = root / name
        if inside not in path.resolve().parents:
            yield one_line(name), "is not in the folder of entries; propose code and entries apart"
        elif kind != "A":
            yield (
                one_line(name),
                "was changed or removed; entries are only added, another attempt is a new file",
            )
        elif path.suffix == ".json":
            yield from ((one_line(name), problem) for problem in _lacks(path))
        elif not path.name.endswith(".trace.npz") or not path.with_suffix("").with_suffix(".json").is_file():
            yield one_line(name), "is neither an entry nor its trace archive"


def _lacks(path: Path) -> Iterator[str]:
    """Yield what a new entry lacks; one that is unsound is told already."""
    try:
        entry = read_entry(path)
    except BimodalError:
        return
    yield from terms_problems(entry)
    if path != entry_path(path.parent, entry):
        yield f"its file must be called {entry_path(path.parent, entry).name}"
    yield from _archive_problems(path, entry)


def _archive_problems(path: Path, entry: Entry) -> Iterator[str]:
    archive = archive_beside(path)
    if entry.trace is None:
        yield "it names no trace archive: bimodal submit writes both"
    elif entry.trace.url is None and not archive.is_file():
        yield f"its trace archive {archive.name} is missing"
    elif archive.is_file() and archive.stat().st_size > MOST_TRACE_BYTES:
        most = f"{MOST_TRACE_BYTES / 1e6:g} MB"
        yield f"its trace archive is larger than {most}: name its address with bimodal submit --url"
    elif archive.is_file() and sha256(archive) != entry.trace.sha256:
        yield f"its trace archive {archive.name} is another one than it names"


def _git(folder: Path, *words: str) -> str:
    """Ask git about the repository that a folder lies in.

    Raises:
        WrongUse: git says no.
    """
    command = ["git", "-C", str(folder), *words]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise WrongUse(f"git cannot be asked what changed: {error}") from None
    if done.returncode:
        raise WrongUse(f"git cannot say what changed: {one_line(done.stderr.strip() or done.returncode)}")
    return done.stdout
