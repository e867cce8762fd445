"""The sources of perturbations that do not come with the package."""

from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path

from ...plugins.source import files_of
from .registry import PERTURBATIONS
from .variant import Variant


def outside_sources(variants: Iterable[str]) -> dict[str, dict[str, str]]:
    """Return the sha256 of the files of the variants' perturbations from outside, in `sources`; else nothing.

    Part of a suite's hash: an edited file makes another suite, as an edited task does.
    """
    names = sorted({part.name for variant in variants for part in Variant(variant).parts})
    found: dict[str, str] = {}
    for name in names:
        source = PERTURBATIONS.source(name)
        if not PERTURBATIONS.is_own(source):
            files = [source] if isinstance(source, Path) else sorted(files_of(source))
            found[name] = sha256(b"".join(file.read_bytes() for file in files)).hexdigest()
    return {"sources": found} if found else {}
