"""Where a task, a policy or a perturbation lives: a file, or entry points of installed packages."""

import importlib.util
from importlib.metadata import EntryPoint
from pathlib import Path

Source = Path | tuple[EntryPoint, ...]
"""A file, or the entry points that offer a name; to load it, they must be one."""


def package_of(point: EntryPoint) -> str:
    """Return the name of the package that an entry point belongs to."""
    return point.dist.name if point.dist else point.value


def place_of(source: Source) -> str:
    """Return the file or the packages of a source, for people to read."""
    if isinstance(source, Path):
        return str(source)
    return " and ".join(f"{package_of(point)} ({point.value})" for point in source)


def files_of(points: tuple[EntryPoint, ...]) -> set[Path]:
    """Return the files of entry points' modules."""
    found = set()
    for point in points:
        try:
            spec = importlib.util.find_spec(point.module)
        except Exception:  # importing the parent package may raise anything
            spec = None
        found |= {Path(spec.origin).resolve()} if spec and spec.origin else set()
    return found
