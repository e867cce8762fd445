"""Run, measure, record: the standard evaluator and everything that reads its records.

What is named here is imported when it is first used: who reads records needs no evaluator.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .evaluation.evaluate import evaluate
    from .evaluation.options import EvalOptions
    from .suites import SUITES, Suite, find_suite

__all__ = ["SUITES", "EvalOptions", "Suite", "evaluate", "find_suite"]
_PLACES = {"evaluate": ".evaluation.evaluate", "EvalOptions": ".evaluation.options"}


def __getattr__(name: str) -> Any:
    """Import what is asked for by its name."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_PLACES.get(name, ".suites"), __name__), name)
