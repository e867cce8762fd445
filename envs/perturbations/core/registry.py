"""The perturbations: every class in these files that has a `name` is one; see `perturbation.py`.

Those from outside the package come from the files in BIMODAL_AXES and from the entry points of installed
packages; like a task's, no code of theirs runs because a record names them.
"""

import importlib
import importlib.util
import os
import pkgutil
import re
import warnings
from collections.abc import Iterable
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path

from ...errors import WrongUse
from ...plugins.import_file import import_file
from .perturbation import LEVELS, Perturbation, overrides

FILES = "BIMODAL_AXES"
"""Environment variable with further files of perturbations, separated as in PATH."""
GROUP = "bimodal.axes"
"""Entry points of installed packages: a perturbation's name = `module:Class`."""
_NAME = re.compile(r"[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*")
_HOOKS = (
    "perturb_scene",
    "perturb_model",
    "perturb_appearance",
    "perturb_start",
    "joint_offsets",
    "episode_steps",
    "perturb_observation",
    "perturb_action",
    "perturb_simulation",
)


def perturbations() -> dict[str, type[Perturbation]]:
    """Return every perturbation by name, in alphabetical order.

    Raises:
        WrongUse: a file of BIMODAL_AXES does not load, or holds no perturbation or a wrong one.
        TypeError: two classes of the package have one name.
    """
    return _perturbations(os.environ.get(FILES, ""))


@cache
def _perturbations(files: str) -> dict[str, type[Perturbation]]:
    found = dict(_built_in()) | dict(_installed())
    for path in filter(None, files.split(os.pathsep)):
        kinds = _in_file(Path(path).resolve())
        for kind in kinds:
            if wrong := flaw(kind) or (kind.name in found and f"{kind.name!r} exists already"):
                raise WrongUse(f"{path}: {kind.__name__}: {wrong} (the variable {FILES} names this file)")
            found[kind.name] = kind
    return dict(sorted(found.items()))


def flaw(kind: type[Perturbation]) -> str:
    """Return what is wrong with the class of a perturbation, "" for nothing."""
    if not _NAME.fullmatch(kind.name):
        return f'its name is {kind.name!r}; write one such as "contact.dust"'
    if not isinstance(getattr(kind, "unit", None), str):
        return 'it has no unit; write one such as unit = "mm"'
    if len(getattr(kind, "levels", ())) != len(LEVELS):
        return f"`levels` are the {len(LEVELS)} magnitudes of level 0, which is clean, to {LEVELS[-1]}"
    if not any(overrides(kind, hook) for hook in _HOOKS):
        return f"it changes nothing; write one of its hooks: {', '.join(_HOOKS)}"
    return ""


@cache
def _built_in() -> dict[str, type[Perturbation]]:
    found: dict[str, type[Perturbation]] = {}
    for module in pkgutil.iter_modules([str(Path(__file__).parents[1])]):
        if module.ispkg:
            continue
        file = importlib.import_module(f"bimodal.envs.perturbations.{module.name}")
        for kind in _named(vars(file).values()):
            if (first := found.setdefault(kind.name, kind)) is not kind:
                raise TypeError(f"{first.__module__} and {kind.__module__} both define {kind.name!r}")
    return found


@cache
def _installed() -> dict[str, type[Perturbation]]:
    """Return the perturbations of installed packages; what is wrong there is left out with a warning."""
    found: dict[str, type[Perturbation]] = {}
    for point in entry_points(group=GROUP):
        try:
            kind = _point(point)
        except Exception as error:
            name = point.dist.name if point.dist else point.value
            why = f"{type(error).__name__}: {error}"
            warnings.warn(f"{name}: its perturbation {point.name!r} is left out: {why}", stacklevel=2)
        else:
            found.setdefault(kind.name, kind)
    return found


def _point(point: EntryPoint) -> type[Perturbation]:
    kind = point.load()
    if kind not in _named([kind]) or kind.name != point.name or point.name in _built_in():
        raise WrongUse(f"{point.value} is no perturbation of this name, or the name is Bimodal's own")
    if wrong := flaw(kind):
        raise WrongUse(wrong)
    return kind


def _in_file(file: Path) -> list[type[Perturbation]]:
    try:
        module = import_file(file, "axis")
    except (Exception, SystemExit) as error:
        why = f"{type(error).__name__}: {' '.join(str(error).split())}"
        raise WrongUse(f"{file} does not load: {why} (the variable {FILES} names this file)") from error
    if not (kinds := _named(vars(module).values())):
        raise WrongUse(
            f"{file} holds no subclass of Perturbation with a name (the variable {FILES} names this file)"
        )
    return kinds


def _named(values: Iterable[object]) -> list[type[Perturbation]]:
    """Return the perturbations among the values of a module: those that state a name of their own."""
    kinds = [kind for kind in values if isinstance(kind, type) and issubclass(kind, Perturbation)]
    return [kind for kind in kinds if "name" in vars(kind)]
