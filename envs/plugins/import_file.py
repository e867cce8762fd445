"""Imports a Python file that belongs to no package: a task, a policy or a perturbation from outside."""

import hashlib
import importlib.util
import sys
from pathlib import Path
from types import ModuleType

from ..errors import WrongUse

_FOLDERS: list[str] = []
"""Folders of imported files, whose other modules they may import."""


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
    _offer_neighbours(file.parent)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def _offer_neighbours(folder: Path) -> None:
    """Let a file import the modules beside it, as in `python file.py`, but behind all that is installed.

    So a `queue.py` there shadows nothing. A helper of the same name beside another file is forgotten.
    """
    if str(folder) in sys.path and str(folder) not in _FOLDERS:
        return
    others = [path for path in _FOLDERS if path != str(folder)]
    own = {child.stem for child in folder.iterdir() if child.is_dir() or child.suffix == ".py"}
    for name, module in list(sys.modules.items()):
        origin = vars(module).get("__file__") or "" if isinstance(module, ModuleType) else ""
        if name.partition(".")[0] in own and any(str(parent) in others for parent in Path(origin).parents):
            del sys.modules[name]
    sys.path[:] = [path for path in sys.path if path not in _FOLDERS] + [str(folder), *others]
    _FOLDERS[:] = [str(folder), *others]
