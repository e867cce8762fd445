"""`bimodal results --trainings`: methods over their training seeds, and docs/trainings.md; see results.py."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ..benchmark.comparison.arm import arm_of_run
from ..benchmark.comparison.method_ranking import MethodPair, MethodRanking, rank_methods
from ..benchmark.comparison.methods import Method
from ..benchmark.comparison.sentences import SEEDS_OF_A_METHOD as SEEDS
from ..benchmark.number_text import bounds, p_text, percent, ranks_text, short_name
from ..benchmark.provenance import versions
from ..benchmark.records.run_folder import RUNS
from ..benchmark.report.pages.markdown import markdown_page
from ..benchmark.rich_table import number_table
from ..benchmark.statistics.rates import ALPHA
from ..benchmark.studies.method_results import MethodResult, method_result, training_runs
from ..benchmark.suites import find_suite
from ..envs.errors import WrongUse
from ..envs.storage.atomic_write import write_text
from ..policies.core.registry import own_names, policy_class
from .arguments import ENTRIES
from .console import console
from .leaderboard import sound_entries

STEADY = 0.01
"""Standard deviation between trainings below which a method is called steady."""
_HEADER = ("method", "mean success", "deviation", "trainings", "worst", "averaged", "may be ranked")


class TrainingSeeds(NamedTuple):
    """Methods with their trainings."""

    results: dict[str, list[MethodResult]]
    """Of each method its trainings, by seed."""
    ranking: MethodRanking
    """Of all of them."""
    missing: tuple[str, ...]
    """Methods that are not measured so far."""


def show_trainings(page: Path | None) -> int:
    """Show the methods of the board of `core` over their training seeds, and write the page."""
    entries = sound_entries([ENTRIES]).entries
    board = {entry.policy.name for entry in entries if entry.suite.name == "core"}
    found = count_trainings([name for name in trained_names() if name in board])
    if found is None:
        raise WrongUse(
            f"runs/ holds fewer than two methods with {SEEDS} trainings on core; for each: "
            f"bimodal train --all --methods NAME --seeds 1..{SEEDS - 1}, "
            f"then bimodal evaluate NAME@seed0..{SEEDS - 1} --variant clean"
        )
    console.print(number_table("Trainings on core, clean", _HEADER, training_rows(found)))
    if page:
        write_text(page, trainings_page(found))
    return 0


def trained_names() -> list[str]:
    """Return the policies of the state whose training draws anything, in the registry's order."""
    from ..policies.core.chunk_policy import ChunkPolicy

    kinds = {name: policy_class(name) for name in own_names()}
    return [
        name
        for name, kind in kinds.items()
        if issubclass(kind, ChunkPolicy) and not kind.cameras and kind.training_steps > 1
    ]


def count_trainings(names: Sequence[str], folder: Path = RUNS) -> TrainingSeeds | None:
    """Count the runs of every method that has enough of them; None where fewer than two methods have.

    Args:
        names: of the methods.
        folder: of run folders, as `bimodal evaluate NAME@seed0..2 --variant clean` writes them.
    """
    runs = {name: training_runs(name, folder=folder) for name in names}
    enough = {name: found for name, found in runs.items() if len(found) >= SEEDS}
    if len(enough) < 2:
        return None
    methods = [Method(name, tuple(map(arm_of_run, found))) for name, found in enough.items()]
    results = {name: list(map(method_result, found)) for name, found in enough.items()}
    missing = tuple(name for name in names if name not in enough)
    return TrainingSeeds(results, rank_methods(methods), missing)


def training_rows(found: TrainingSeeds) -> list[tuple[str, ...]]:
    """Return a row for each method: mean, deviation, each training, the worst, averaging, and ranks."""
    rows = []
    for one in found.ranking.spreads:
        averaged = np.mean([result.averaging.estimate for result in found.results[one.name]])
        seed, share = one.worst
        rows.append(
            (
                one.name,
                f"{percent(one.mean.estimate, 1)} {bounds(one.mean)}",
                percent(one.deviation, 1),
                ", ".join(percent(value, 1) for value in one.shares),
                f"{percent(share, 1)} (seed {seed})",
                percent(float(averaged), 1),
                ranks_text(*found.ranking.ranks[one.name]),
            )
        )
    return rows


def task_rows(found: TrainingSeeds) -> list[tuple[str, ...]]:
    """Return a row for each method: mean success and the worst training's, task by task."""
    rows = []
    for name in found.ranking.ranks:
        success = np.array([[cell.success.estimate for cell in one.cells] for one in found.results[name]])
        cells = zip(success.mean(0), success.min(0), strict=True)
        rows.append((name, *(f"{percent(mean, 1)} ({percent(worst, 1)})" for mean, worst in cells)))
    return rows


def trainings_page(found: TrainingSeeds) -> str:
    """Return the page docs/trainings.md."""
    ranking = found.ranking
    suite = find_suite("core", variants=())
    tasks = [short_name(task) for task in suite.tasks]
    apart = [pair for pair in ranking.pairs if pair.p_value <= ALPHA]
    return markdown_page(
        "trainings",
        seeds=SEEDS,
        episodes=len(suite.seeds),
        tasks=", ".join(tasks),
        example=ranking.spreads[0].name,
        header=_HEADER,
        methods=training_rows(found),
        steady=sum((one.deviation or 0.0) < STEADY for one in ranking.spreads),
        groups=ranking.groups,
        pairs=len(ranking.pairs),
        apart=len(apart),
        closest=_pair_text(min(apart, key=lambda pair: pair.difference)) if apart else "",
        task_header=("method", *tasks),
        by_task=task_rows(found),
        missing=found.missing,
        hash=suite.hash()[:16],
        versions=", ".join(f"{name} {version}" for name, version in versions().items()),
    )


def _pair_text(pair: MethodPair) -> str:
    """Return two methods that are told apart, in words."""
    ahead = f"{pair.better} succeeds {100 * pair.difference:.1f} points more than {pair.worse}"
    return f"{ahead}, p {p_text(pair.p_value)}"
