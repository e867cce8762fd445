"""From the episodes of a run to the numbers of a task: one place for every page, table and entry."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ...envs.perturbations.core.variant import CLEAN
from ...tasks import load_task
from ...tasks.core.outcomes import averaged, count_outcomes
from ..metrics import METRICS, Episodes, Latency
from ..statistics.over_tasks import Value, number
from ..statistics.rates import Interval
from .run_episodes import EpisodeColumns, Run


@dataclass(frozen=True)
class Score:
    """The metrics of one task, or of a policy over all tasks."""

    metrics: Mapping[str, Value]
    """Every metric of `metrics.METRICS` by name."""

    def rate(self, name: str) -> Interval:
        """Return a metric that comes with its interval."""
        value = self.metrics[name]
        if not isinstance(value, Interval):
            raise TypeError(f"{name} has no interval")
        return value

    @property
    def success(self) -> Interval:
        """Share of successes."""
        return self.rate("success")

    @property
    def averaging(self) -> Interval:
        """Share of averaging failures."""
        return self.rate("averaging_rate")

    @property
    def minority_share(self) -> float | None:
        """Share of the rarest mode among successes; None without a success."""
        return number(self.metrics["minority_share"])

    @property
    def steps_mean(self) -> float:
        """Mean length of an episode [control steps]."""
        return number(self.metrics["steps_mean"]) or 0.0


@dataclass(frozen=True)
class TaskScore(Score):
    """The numbers of one task in one variant."""

    task: str
    """Task id."""
    variant: str
    """Variant; `clean` for none."""
    episodes: int
    """Episodes, all of which count."""
    successes: int
    """Episodes that succeeded."""
    modes: dict[str, int]
    """Successes in each of the task's modes, unused ones included."""
    averaging_failures: int
    """Episodes that failed between the modes."""
    labels: dict[str, int]
    """Episodes with each outcome that occurred."""


@dataclass(frozen=True)
class SuiteScore(Score):
    """The numbers of a policy over all tasks of a suite, every task weighing the same."""

    narrowest: TaskScore | None
    """The task with the smallest minority share; None when nothing succeeded anywhere."""


def score_task(task: str, variant: str, columns: EpisodeColumns, latency: Latency | None = None) -> TaskScore:
    """Compute every metric of one task. Called for runs, and for entries when they are checked and shown.

    Args:
        task: a task id.
        variant: the variant's name.
        columns: how its episodes ended.
        latency: wall times of a decision, if they were measured.
    """
    names = load_task(task).modes
    labels = columns.labels.tolist()
    episodes = Episodes(labels, columns.modes, columns.steps, len(names), latency, columns.asked)
    return TaskScore(
        metrics={name: metric.compute(episodes) for name, metric in METRICS.items()},
        task=task,
        variant=variant,
        episodes=len(labels),
        successes=int(episodes.succeeded.sum()),
        modes=dict(zip(names, episodes.mode_counts.tolist(), strict=True)),
        averaging_failures=int(averaged(labels).sum()),
        labels=count_outcomes(labels),
    )


def score_suite(scores: Sequence[TaskScore]) -> SuiteScore:
    """Summarise over the tasks of the `clean` variant (over all cells if there is no such variant)."""
    cells = clean_cells(scores)
    found = {
        name: metric.over_tasks([cell.metrics[name] for cell in cells]) for name, metric in METRICS.items()
    }
    shares = {i: cell.minority_share for i, cell in enumerate(cells) if cell.minority_share is not None}
    return SuiteScore(found, cells[min(shares, key=shares.__getitem__)] if shares else None)


def clean_cells(scores: Sequence[TaskScore]) -> list[TaskScore]:
    """Return the scores of the `clean` variant, all of them if there is no such variant."""
    return [cell for cell in scores if cell.variant == CLEAN] or list(scores)


def score_run(run: Run) -> list[TaskScore]:
    """Count every task and variant of a run, in the suite's order."""
    times = run.record.latency_ms
    return [score_task(task, variant, cell, times.get(task)) for (task, variant), cell in run.cells.items()]
