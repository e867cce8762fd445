"""A comparison in the terminal: tables that fit 80 columns, then sentences; for `bimodal compare`."""

from collections.abc import Iterator

from rich.table import Table

from ..comparison.compare import Comparison
from ..comparison.method_ranking import MethodRanking
from ..comparison.methods import MethodComparison
from ..comparison.ranking import Ranking
from ..comparison.sentences import difference_text
from ..number_text import bounds, p_text, percent, ranks_text, short_name
from ..rich_table import number_table
from ..statistics.rates import Interval


def comparison_tables(comparison: Comparison) -> Iterator[Table]:
    """Yield success, variants and modes of a candidate beside its baseline."""
    yield _success_table(comparison)
    if comparison.variants:
        yield _variant_table(comparison)
    if comparison.modes:
        yield _mode_table(comparison)


def _success_table(comparison: Comparison) -> Table:
    a, b = _names(comparison)
    test = "whole scenes exchanged at random" if comparison.scenes else "McNemar's mid-p"
    rows = (
        (
            short_name(row.task),
            str(len(comparison.baseline.cells[row.task, comparison.variant].seeds)),
            _share(row.baseline),
            _share(row.candidate),
            difference_text(row.difference),
            str(row.only_baseline),
            str(row.only_candidate),
            p_text(row.p_value),
        )
        for row in comparison.tasks
    )
    return number_table(
        f"{b} against {a} on {comparison.baseline.suite.name}, the same seeds",
        ["task", "n", f"{a} %", f"{b} %", "points", f"only {a}", f"only {b}", "p"],
        rows,
        caption=f"success with its exact 95 % interval; p: {test}, adjusted by Holm over the tasks",
    )


def _variant_table(comparison: Comparison) -> Table:
    rows = (
        (
            row.variant,
            str(row.tasks),
            f"{100 * row.baseline:+.0f}",
            f"{100 * row.candidate:+.0f}",
            difference_text(row.difference),
        )
        for row in comparison.variants
    )
    return number_table(
        "What a variant costs",
        ["variant", "tasks", *_names(comparison), "difference"],
        rows,
        caption="points of success in a variant minus the same seeds clean; difference: of the two policies",
    )


def _mode_table(comparison: Comparison) -> Table:
    test = "whole scenes exchanged" if comparison.scenes else "Stuart, Maxwell"
    rows = (
        (
            short_name(row.task),
            " ".join(percent(share) for share in row.baseline),
            " ".join(percent(share) for share in row.candidate),
            str(row.changed),
            str(row.both),
            p_text(row.p_value),
        )
        for row in comparison.modes
    )
    return number_table(
        "Which modes they take",
        ["task", *(f"{name} %" for name in _names(comparison)), "changed", "of", "p"],
        rows,
        caption=f"on the seeds where both take a mode; p: of equal shares ({test}), adjusted by Holm",
    )


def method_tables(comparison: MethodComparison) -> Iterator[Table]:
    """Yield two methods task by task, and the success of every training seed."""
    names = _names(comparison)
    yield number_table(
        f"{names[1]} against {names[0]} on {comparison.baseline.arms[0].suite.name}, over training seeds",
        ["task", *(f"{name} %" for name in names), "points"],
        (
            (
                short_name(row.task),
                percent(row.baseline, 1),
                percent(row.candidate, 1),
                difference_text(row.difference),
            )
            for row in comparison.tasks
        ),
        caption="mean success; points: 95 % interval, training seeds and scenes drawn again",
    )
    yield number_table(
        "Every training",
        ["method", "seed", "success %"],
        (
            (spread.name, seed, percent(share, 1))
            for spread in comparison.spreads
            for seed, share in zip(spread.seeds, spread.shares, strict=True)
        ),
        caption="mean over the tasks",
    )


def _names(comparison: Comparison | MethodComparison) -> tuple[str, str]:
    """Return how the two sides head their columns."""
    names = (comparison.baseline.name, comparison.candidate.name)
    return names if names[0] != names[1] else ("baseline", "candidate")


def ranking_table(ranking: Ranking) -> Table:
    """Return several policies with the ranks that each may have."""
    return number_table(
        f"{len(ranking.policies)} policies on {ranking.episodes:,} episodes that all of them ran",
        ["policy", "success %", "may be ranked", "may be the best"],
        (
            (one.name, _share(one.success), ranks_text(*one.ranks), "yes" if one.may_be_best else "no")
            for one in ranking.policies
        ),
        caption=f"Cochran's Q {ranking.q:.1f}, p {p_text(ranking.p_value)}; "
        "ranks: McNemar's test of every two, adjusted by Holm",
    )


def method_ranking_table(ranking: MethodRanking) -> Table:
    """Return several methods over training seeds with the ranks that each may have."""
    return number_table(
        f"{len(ranking.spreads)} methods over training seeds",
        ["method", "trainings", "mean success %", "deviation", "worst %", "may be ranked"],
        (
            (
                one.name,
                str(len(one.shares)),
                _share(one.mean),
                percent(one.deviation, 1),
                percent(one.worst[1], 1),
                ranks_text(*ranking.ranks[one.name]),
            )
            for one in ranking.spreads
        ),
        caption="interval: training seeds and scenes drawn again; deviation: between trainings; "
        "ranks: Welch's test of every two over trainings and scenes, adjusted by Holm",
    )


def _share(value: Interval) -> str:
    return f"{percent(value.estimate, 1)} {bounds(value)}"
