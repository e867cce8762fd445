"""The perturbations: every class in these files that has a `name` is an axis; see `envs/axis.py`."""

import importlib
import pkgutil
from functools import cache

from ..axis import Axis


@cache
def axes() -> dict[str, type[Axis]]:
    """Return every axis by name, in alphabetical order.

    Raises:
        TypeError: two classes have one name.
    """
    found: dict[str, type[Axis]] = {}
    for module in pkgutil.iter_modules(__path__):
        for kind in vars(importlib.import_module(f".{module.name}", __name__)).values():
            if not (isinstance(kind, type) and issubclass(kind, Axis) and "name" in vars(kind)):
                continue
            if (first := found.setdefault(kind.name, kind)) is not kind:
                raise TypeError(f"{first.__module__} and {kind.__module__} both define {kind.name!r}")
    return dict(sorted(found.items()))
