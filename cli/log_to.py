"""The option `--log-to` of `bimodal train` and `bimodal evaluate`: numbers go to a tracker, too."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated

from .arguments import option

if TYPE_CHECKING:
    from ..benchmark.scoring.run_episodes import Run


def tracker(text: str) -> str:
    """Parse a tracker, before hours of work are spent on numbers that it would not take."""
    from ..policies.training.run_log import check_target

    return check_target(text)


LogTo = Annotated[
    str | None,
    option(
        "TARGET", "also send numbers to wandb[:PROJECT], trackio[:PROJECT] or tensorboard[:FOLDER]", tracker
    ),
]


def log_runs(runs: Iterable["Run"], target: str | None) -> None:
    """Send finished runs' success and averaging, in every task and variant, to a tracker."""
    if target is None:
        return
    from ..benchmark.scoring.task_scores import score_run
    from ..policies.training.run_log import logged

    for run in runs:
        rates = {}
        for cell in score_run(run):
            rates[f"success/{cell.task}/{cell.variant}"] = cell.successes / cell.episodes
            rates[f"averaging/{cell.task}/{cell.variant}"] = cell.averaging_failures / cell.episodes
        config = {"policy": run.record.policy.name, "suite": run.record.suite.name}
        with logged(target, run.folder.name, config) as numbers:
            numbers(0, rates)
