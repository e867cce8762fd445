"""What a result was measured on: processor, cores, system and library versions."""

import hashlib
import os
import platform
import sys
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_info

from ..envs.robot.model_files import ROBOSUITE_VERSION

KERNEL_SWITCHES = (
    "OPENBLAS_CORETYPE",
    "ATEN_CPU_CAPABILITY",
    "NPY_DISABLE_CPU_FEATURES",
    "MKL_CBWR",
    "MKL_ENABLE_INSTRUCTIONS",
    "GLIBC_TUNABLES",
)
"""Environment variables that choose numerical kernels."""


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


def kernels() -> dict[str, str]:
    """Return which numerical kernels this process uses; PyTorch's only where it is loaded."""
    found = {"openblas": _openblas_core(), "numpy": _numpy_features()}
    if "torch" in sys.modules:
        found["torch"] = sys.modules["torch"].backends.cpu.get_cpu_capability()
    set_ones = [f"{name}={os.environ[name]}" for name in KERNEL_SWITCHES if os.environ.get(name)]
    return found | {"switches": " ".join(set_ones)[:300]}


def versions() -> dict[str, str]:
    """Return the versions of the libraries that can change a result."""
    packages = {name: _version(name) for name in ("mujoco", "numpy", "torch")}
    return packages | {"robosuite": ROBOSUITE_VERSION}


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


def _openblas_core() -> str:
    """Return the core type that NumPy's OpenBLAS chose, "" where it has another library."""
    libraries = (one for one in threadpool_info() if one["internal_api"] == "openblas")
    return next((one.get("architecture") or "" for one in libraries), "")


def _numpy_features() -> str:
    """Return the processor features, above what it was built for, that NumPy uses."""
    known = np.show_config(mode="dicts") or {}
    return " ".join(known.get("SIMD Extensions", {}).get("found", []))[:300]


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()
