"""The page docs/regressions.md and the terminal table of `bimodal certify --regressions`."""

from collections.abc import Sequence

from rich.table import Table

from ....policies.training.recipes import RECIPES
from ....tasks import load_task
from ...certificate.grace import GraceResult
from ...certificate.learning_checks import MSE_CEILING
from ...certificate.learning_gates import TRIAL_SEEDS
from ...certificate.regression_panel import SEEDS, RegressionResult, TaskRegressions
from ...number_text import percent
from ...rich_table import number_table
from .markdown import markdown_page, markdown_table

_HEADER = ("task", *(str(recipe) for recipe in RECIPES))
_STRONGEST = ("task", "grace", "recipe", "success by training seed")


def regression_rows(found: Sequence[TaskRegressions]) -> list[tuple[str, ...]]:
    """Return a row for each task: the worst and the best training of each recipe, a dash if not measured."""
    rows = []
    for task in found:
        ranges = {result.recipe: _range(result) for result in task.results}
        rows.append((task.task, *(ranges.get(name, "–") for name in _HEADER[1:])))
    return rows


def regressions_table(found: Sequence[TaskRegressions]) -> Table:
    """Return the table for the terminal."""
    title = f"Success [%] of regressions, worst to best of {SEEDS} trainings"
    return number_table(title, _HEADER, regression_rows(found))


def regressions_page(
    found: Sequence[TaskRegressions], graces: Sequence[GraceResult], missing: Sequence[str] = ()
) -> str:
    """Return the page docs/regressions.md; a task whose grace is not known has a dash there.

    Tasks that are `missing` are named.
    """
    known = {one.task: str(one.grace) for one in graces}
    strongest = [
        (
            task.task,
            known.get(task.task, "–"),
            task.strongest.recipe,
            ", ".join(map(percent, task.strongest.success)),
        )
        for task in found
    ]
    best = {task.task: max(task.strongest.success) for task in found}
    escaped = [name for name, most in best.items() if most >= MSE_CEILING]
    mended = [
        f"{name} (at most {percent(most)} %)"
        for name, most in best.items()
        if most < MSE_CEILING and load_task(name).supersedes in escaped
    ]
    return markdown_page(
        "regressions",
        recipes=RECIPES,
        seeds=SEEDS,
        n=len(TRIAL_SEEDS),
        ceiling=percent(MSE_CEILING),
        tasks=len(found),
        escaped=escaped,
        mended=mended,
        missing=missing,
        ranges=markdown_table(_HEADER, regression_rows(found)),
        strongest=markdown_table(_STRONGEST, strongest),
        prints=", ".join(f"{one.task} `{one.fingerprint[:16]}`" for one in found),
    )


def _range(result: RegressionResult) -> str:
    return f"{percent(min(result.success))} to {percent(max(result.success))}"
