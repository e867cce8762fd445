"""Run, measure, record: the standard evaluator and everything that reads its records."""

from .evaluation.evaluate import evaluate
from .evaluation.options import EvalOptions
from .suites import SUITES, Suite, find_suite

__all__ = ["SUITES", "EvalOptions", "Suite", "evaluate", "find_suite"]
