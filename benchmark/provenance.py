"""What a result was measured on: processor, cores, system and library versions."""

import hashlib
import os
import platform
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path


def cores() -> int:
    """Return the number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def machine() -> dict[str, str | int]:
    """Return the kind of machine; two runs on equal kinds are equal to the last bit."""
    return {
        "cpu": _processor(),
        "cores": cores(),
        "os": f"{platform.system()} {' '.join(platform.libc_ver())}".strip(),
        "python": platform.python_version(),
    }


def versions() -> dict[str, str]:
    """Return the versions of the libraries that can change a result."""
    return {name: _version(name) for name in ("mujoco", "numpy", "torch", "robosuite")}


@cache
def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "missing"


def code_digest() -> str:
    """Return the sha256 of this package's own code: a run is only continued by the code that began it."""
    sha = hashlib.sha256()
    root = Path(__file__).parents[1]
    for room in ("envs", "tasks", "policies", "benchmark"):
        for file in sorted((root / room).rglob("*.py")):
            sha.update(str(file.relative_to(root)).encode() + b"\0" + file.read_bytes())
    return sha.hexdigest()[:16]


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()
