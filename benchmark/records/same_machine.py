"""Whether two runs must agree to the last bit: by processor, libraries and numerical kernels.

Called by `leaderboard/verification`. The kernels decide: other ones of PyTorch may change digests of a
learned policy on one and the same processor. Records that do not tell them promise nothing.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from .field_types import one_line
from .run_record import RunRecord

_NO_MATTER = ("cores", "python")
"""What a machine's record says and no bit depends on."""
_PROCESSOR = ("cpu", "os")
"""What every machine's record says; anything else in it is a kernel, or a renderer of pictures."""
_LIBRARIES = ("mujoco", "numpy", "torch", "robosuite")
"""Packages whose version may change bits."""

Made = tuple[Mapping[str, Any], Mapping[str, str]]
"""The machine and the versions of a run, as its record has them."""


def compare_machines(entry: Made, here: Made) -> tuple[bool, str]:
    """Return whether two runs were made by the same arithmetic, and how they differ, in words.

    Args:
        entry: what an entry says of itself.
        here: what a run here says.
    """
    first = _told(entry)
    second = _told(here)
    differ = [name for name in first if name in second and first[name] != second[name]]
    if differ:
        parts = (f"{name} {first[name]} in the entry, {second[name]} here" for name in differ)
        return False, one_line("; ".join(parts), 400)
    for who, told in (("the entry", first), ("this machine", second)):
        if not {name for name in told if not name.startswith("renderer.")} - {*_PROCESSOR, *_LIBRARIES}:
            return False, f"{who} does not say which numerical kernels it used"
    return True, "both used the same processor, libraries and kernels"


def _told(made: Made) -> dict[str, str]:
    """Return what may change bits, by name, kernels with their own names."""
    machine, versions = made
    libraries = {name: versions[name] for name in _LIBRARIES if name in versions}
    return dict(_flat("", {n: v for n, v in machine.items() if n not in _NO_MATTER})) | libraries


def _flat(name: str, value: object) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        for key, part in value.items():
            yield from _flat(f"{name}.{key}".lstrip("."), part)
    elif value is not None:
        yield name, str(value)


_SAME_MACHINE = ("cpu", "os", "python")
"""What two sittings of a run must share of a machine; the number of cores changes nothing."""


def other_conditions(old: RunRecord, new: RunRecord) -> str:
    """Return how the conditions of two sittings of one run differ, "" if they do not.

    Called when a run resumes. What an older record does not tell, or a process that has not loaded PyTorch,
    is not compared.
    """
    pairs = {name: (getattr(old.machine, name), getattr(new.machine, name)) for name in _SAME_MACHINE}
    before = old.machine.kernels or {}
    now = new.machine.kernels or {}
    pairs |= {name: (before[name], now[name]) for name in before if name in now}
    pairs["renderer"] = str(old.machine.renderer or ""), str(new.machine.renderer or "")
    pairs["isolation"] = old.isolation, new.isolation
    pairs["deadline_s"] = old.options.deadline_s, new.options.deadline_s
    return ", ".join(
        f"{name} {a or 'unset'} then and {b or 'unset'} now" for name, (a, b) in pairs.items() if a != b
    )
