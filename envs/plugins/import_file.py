"""Imports a Python file that belongs to no package: a task, a policy or a perturbation from outside."""

import hashlib
import importlib.util
import sys
from pathlib import Path
from types import ModuleType

from ..errors import WrongUse


def module_name(file: Path, kind: str) -> str:
    """Return the name under which a file is imported; `kind` says what it holds, e.g. "task"."""
    return f"bimodal_{kind}_{file.stem}_{hashlib.sha256(str(file).encode()).hexdigest()[:12]}"


def import_file(file: Path, kind: str) -> ModuleType:
    """Import a file that belongs to no package, once; when it raises, nothing of it is left behind.

    Raises:
        WrongUse: not a Python file; and whatever the file itself raises.
    """
    name = module_name(file, kind)
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(name, file)
    if spec is None or spec.loader is None:
        raise WrongUse(f"{file} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module
