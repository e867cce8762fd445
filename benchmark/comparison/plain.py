"""A comparison as plain values, for `bimodal compare --json` and for pages."""

from typing import Any

from ..statistics.rates import Interval
from .compare import Comparison
from .method_ranking import MethodRanking
from .methods import MethodComparison
from .ranking import Ranking
from .rule import Decision, Rule
from .sentences import comparison_sentences, method_sentences


def plain_comparison(comparison: Comparison, decision: Decision, rule: Rule) -> dict[str, Any]:
    """Return everything that a comparison found; shares are between 0 and 1."""
    return {
        "verdict": comparison.verdict.name.lower(),
        "sentences": comparison_sentences(comparison),
        "baseline": comparison.baseline.source,
        "candidate": comparison.candidate.source,
        "difference": _interval(comparison.difference),
        "p_value": comparison.p_value,
        "pairs": comparison.pairs,
        "scenes": comparison.scenes,
        "detectable": comparison.detectable,
        "episodes_needed": comparison.episodes_needed,
        "tasks": [_row(row) for row in comparison.tasks],
        "variants": [_row(row) for row in comparison.variants],
        "modes": [_row(row) for row in comparison.modes],
        "time_to_success_s": _interval(comparison.time),
        "rule": {
            **rule.plain(),
            "sha256": rule.sha256(),
            "verdict": decision.verdict.name.lower(),
            "reasons": list(decision.reasons),
        },
    }


def plain_ranking(ranking: Ranking) -> dict[str, Any]:
    """Return the ranks that each policy may have."""
    return {
        "cochran_q": ranking.q,
        "p_value": ranking.p_value,
        "episodes": ranking.episodes,
        "policies": [
            {
                "name": one.name,
                "success": _interval(one.success),
                "ranks": list(one.ranks),
                "may_be_best": one.may_be_best,
            }
            for one in ranking.policies
        ],
    }


def plain_methods(comparison: MethodComparison) -> dict[str, Any]:
    """Return everything that a comparison of methods over training seeds found."""
    sides = zip(("baseline", "candidate"), comparison.spreads, strict=True)
    return {
        "verdict": comparison.verdict.name.lower(),
        "sentences": method_sentences(comparison),
        "difference": _interval(comparison.difference),
        **{side: _row(spread) | {"standard_deviation": spread.deviation} for side, spread in sides},
        "tasks": [_row(row) for row in comparison.tasks],
    }


def plain_method_ranking(ranking: MethodRanking) -> dict[str, Any]:
    """Return several methods over training seeds: their ranks, who is told apart, and every pair."""
    return {
        "methods": [
            _row(one) | {"standard_deviation": one.deviation, "ranks": list(ranking.ranks[one.name])}
            for one in ranking.spreads
        ],
        "groups": [list(group) for group in ranking.groups],
        "pairs": [_row(pair) for pair in ranking.pairs],
    }


def _interval(value: Interval) -> dict[str, float]:
    return {"estimate": value.estimate, "low": value.low, "high": value.high}


def _row(row: Any) -> dict[str, Any]:
    """Return the fields of a row; intervals by name, arrays as lists."""
    return {name: _value(value) for name, value in row._asdict().items()}


def _value(value: Any) -> Any:
    if isinstance(value, Interval):
        return _interval(value)
    return value.tolist() if hasattr(value, "tolist") else value
