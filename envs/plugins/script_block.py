"""What a plug-in file asks for in its PEP 723 block, and what of that is missing here.

    # /// script
    # dependencies = ["einops>=0.8"]
    # ///

The block is read before the file runs. Nothing is installed: what is missing is named, with the command that
mends it. Format: https://peps.python.org/pep-0723/
"""

import platform
import re
import shlex
import sys
import tomllib
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from typing import Any, NamedTuple

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import canonicalize_name

from ..errors import WrongUse
from ..storage.bounded_read import read_bounded

_LARGEST = 1_000_000  # bytes
_BLOCK = re.compile(r"^# /// script[ \t]*\n((?:#(?: .*)?\n)*?)# ///[ \t]*$", re.MULTILINE)
_OURS = "bimodal-bench"
_ELSEWHERE = 'serve it from an environment of its own, see docs/policies.md, "Packages that a file asks for"'


class ScriptBlock(NamedTuple):
    """What a file asks for."""

    dependencies: tuple[Requirement, ...] = ()
    """Packages that apply to this system."""
    python: SpecifierSet = SpecifierSet()
    """Versions of Python."""


def script_block(file: Path) -> ScriptBlock:
    """Return what a Python file asks for; called for plug-in files before they are imported.

    Raises:
        WrongUse: the file cannot be read, or its block is not as PEP 723 says.
    """
    text = read_bounded(file, _LARGEST).decode(errors="replace").replace("\r\n", "\n")
    found = _BLOCK.findall(text)
    if len(found) > 1:
        raise WrongUse(f"{file} has {len(found)} blocks '# /// script'; PEP 723 allows one")
    try:
        return _parsed("".join(line[2:] or "\n" for line in "".join(found).splitlines(keepends=True)))
    except (ValueError, InvalidRequirement, InvalidSpecifier) as error:
        what = " ".join(str(error).split())
        raise WrongUse(f"the block '# /// script' of {file} cannot be read: {what}") from None


def installed_versions(file: Path) -> dict[str, str]:
    """Return the version that is installed of each package that a file asks for; for the run's record."""
    return {canonicalize_name(one.name): _installed(one.name) for one in script_block(file).dependencies}


def refuse_missing(file: Path) -> None:
    """Refuse a file whose block asks for what is not installed here.

    Raises:
        WrongUse: that is so; the message names all of it and the command that mends it.
    """
    block = script_block(file)
    missing = [one for one in block.dependencies if not _fits(one)]
    told = [f"{one} ({_why(one)})" for one in missing]
    python = platform.python_version()
    if not block.python.contains(python, prereleases=True):
        told.insert(0, f"Python {block.python} (this is {python})")
    if not told:
        return
    words = [sys.executable, "-m", "pip", "install", *map(str, missing)]
    alone = len(told) > len(missing) or any(map(_breaks_us, missing))
    raise WrongUse(f"{file} asks for {', '.join(told)}: {_ELSEWHERE if alone else shlex.join(words)}")


def _parsed(content: str) -> ScriptBlock:
    told: dict[str, Any] = tomllib.loads(content)
    listed = told.get("dependencies", [])
    python = told.get("requires-python", "")
    if not isinstance(listed, list) or not all(isinstance(one, str) for one in listed):
        raise ValueError('dependencies must be a list of texts, e.g. ["einops>=0.8"]')
    if not isinstance(python, str):
        raise ValueError('requires-python must be a text, e.g. ">=3.11"')
    every = [Requirement(one) for one in listed]
    return ScriptBlock(
        tuple(one for one in every if one.marker is None or one.marker.evaluate()), SpecifierSet(python)
    )


def _installed(name: str) -> str:
    """Return the installed version of a package, "" for none."""
    try:
        return version(name)
    except PackageNotFoundError:
        return ""


def _fits(asked: Requirement) -> bool:
    """Whether what a requirement asks for is installed; of a URL only that the package is there."""
    found = _installed(asked.name)
    return bool(found) and asked.specifier.contains(found, prereleases=True)


def _ours(name: str) -> SpecifierSet | None:
    """Return the versions of a package that Bimodal itself needs; None for one that it does not need."""
    every = [one for one in map(Requirement, requires(_OURS) or ()) if "extra" not in str(one.marker)]
    found = (one for one in every if canonicalize_name(one.name) == canonicalize_name(name))
    return next((one.specifier for one in found), None)


def _why(asked: Requirement) -> str:
    found = _installed(asked.name)
    if not found:
        return "not installed"
    ours = _ours(asked.name)
    return f"{found} is installed" + (f", Bimodal needs {ours}" if ours and _breaks_us(asked) else "")


def _breaks_us(asked: Requirement) -> bool:
    """Whether no version that either side names suits both, so that installing it would break Bimodal."""
    ours = _ours(asked.name)
    if ours is None:
        return False
    both = asked.specifier & ours
    named = [one.version.removesuffix(".*") for one in both]
    return not any(both.contains(one, prereleases=True) for one in named)
