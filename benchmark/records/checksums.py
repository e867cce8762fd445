"""SHA256SUMS of a run's folder: written when it is finished, compared when it is read."""

from pathlib import Path

from ...envs.storage.atomic_write import write_text
from .shard_file import sha256


def seal(path: Path) -> None:
    """Write SHA256SUMS over every file of a run."""
    files = sorted(f for f in path.rglob("*") if f.is_file() and not f.name.startswith((".", "SHA256SUMS")))
    lines = [f"{sha256(f)}  {f.relative_to(path)}\n" for f in files]
    write_text(path / "SHA256SUMS", "".join(lines))


def changed_files(path: Path, names: tuple[str, ...]) -> list[str]:
    """Return which of a run's files are not those that it was sealed with; none where it is not sealed."""
    try:
        lines = (path / "SHA256SUMS").read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return []
    sums = {name: digest for digest, _, name in (line.partition("  ") for line in lines)}
    return [name for name in names if sums.get(name) != sha256(path / name)]
