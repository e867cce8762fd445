"""Run, measure, record: the standard evaluator and everything that reads its records."""

from .evaluation.evaluate import evaluate
from .suites import SUITES, Suite

__all__ = ["SUITES", "Suite", "evaluate"]
