"""Errors that a person reads: one line, what was wrong, what would be right."""

import difflib
from collections.abc import Iterable


class BimodalError(Exception):
    """Something went wrong that the user can understand and mend; exit code 1."""

    exit_code = 1


class WrongUse(BimodalError):
    """A name, option or file that cannot be used as asked; exit code 2."""

    exit_code = 2


class MissingPackage(WrongUse):
    """Something that needs a package which is not installed; exit code 2."""


class NotComparable(BimodalError):
    """Two results that must not be compared (other suite, other MuJoCo); exit code 3."""

    exit_code = 3


EXTRAS = {
    "torch": "train",
    "safetensors": "train",
    "msgpack": "serve",
    "websockets": "serve",
    "ray": "ray",
    "submitit": "slurm",
    "viser": "view",
}
"""Packages that only a part of Bimodal needs, with the extra of `pyproject.toml` that brings them."""


def missing_package(error: BaseException) -> str:
    """Return how to install the package that an import misses, "" if none of an extra is missing."""
    package = (getattr(error, "name", None) or "").partition(".")[0]
    if not isinstance(error, ModuleNotFoundError) or package not in EXTRAS:
        return ""
    return f"needs the package {package}: pip install 'bimodal-bench[{EXTRAS[package]}]'"


def unknown_name(kind: str, name: str, known: Iterable[str]) -> WrongUse:
    """Build the error for a name that does not exist, with the near names first."""
    names = sorted(known)
    near = difflib.get_close_matches(name, names, n=3, cutoff=0.4)
    hint = f"did you mean {' or '.join(near)}?" if near else f"known: {', '.join(names)}"
    return WrongUse(f"unknown {kind} {name!r}: {hint}")
