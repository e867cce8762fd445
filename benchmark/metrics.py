"""Every number on the leaderboard and in a run's report: one function a metric, declared once.

To add a metric, write one function with `@metric` here. The terminal's tables, the report, the board with its
CSV and JSON, and docs/metrics.md loop over `METRICS` and find it. Entries made before it need no change: all
metrics are computed from the episodes that every entry holds. Whether a policy commits, whether it averages
and which modes it covers are three questions, never mixed into one number.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple, Protocol, TypeVar

import numpy as np

from ..tasks.core.outcomes import averaged, succeeded
from .statistics import modes as mode_statistics
from .statistics import rates
from .statistics.over_tasks import Value, mean_known, mean_rate, smallest
from .statistics.rates import Interval


class Latency(Protocol):
    """Wall times of one decision for one episode; None when none was timed."""

    @property
    def p50(self) -> float | None:
        """Median [ms]."""

    @property
    def p99(self) -> float | None:
        """99th percentile [ms]."""


@dataclass(frozen=True, eq=False)
class Episodes:
    """What a metric may read: the episodes of one policy on one task in one variant."""

    labels: Sequence[str]
    """Name of each episode's outcome, (N,)."""
    modes: np.ndarray
    """Index of each episode's realised mode, -1 for none, (N,) int."""
    steps: np.ndarray
    """Length of each episode [control steps], (N,)."""
    k: int
    """Number of the task's modes."""
    latency: Latency | None = None
    """Wall times of a decision for one episode, as the submitter measured them."""
    asked: np.ndarray | None = None
    """Index of the mode that each episode was asked for, (N,) int; None where any would do."""

    @cached_property
    def succeeded(self) -> np.ndarray:
        """Which episodes succeeded, (N,) bool."""
        return succeeded(self.labels)

    @cached_property
    def mode_counts(self) -> np.ndarray:
        """Successes in each mode, (k,) int."""
        return mode_statistics.mode_counts(self.modes, self.succeeded, self.k)


class Metric(NamedTuple):
    """One number of a policy: what it is called, how it is computed and how it is shown."""

    compute: Callable[[Episodes], Value]
    """From the episodes of one task; its name is the metric's."""
    title: str
    """Heading on a page."""
    formula: str
    """How it follows from the records, in one line."""
    short: str
    """Heading where room is scarce; a line break where it may be broken."""
    unit: str = "%"
    """`%` for a share, else the unit that is printed."""
    better: str = "higher"
    """`higher`, `lower`, or "" when neither is."""
    over_tasks: Callable[[Sequence[Value]], Value] = mean_known
    """From the values of the tasks to the policy's value."""
    from_records: str = "episodes"
    """`episodes`: recounted when an entry is checked; `latency`: as the submitter measured it."""
    on_board: bool = False
    """Whether it has a column in the terminal's tables and in the first table of the site."""
    digits: int = 0
    """Decimals that are printed."""
    full: float = 1.0
    """Best possible value of a share, at which its bar is full."""
    instructed: bool = False
    """Whether only a suite that asks for modes has an answer; other tables have no such column."""

    @property
    def name(self) -> str:
        """Key in JSON and CSV."""
        return self.compute.__name__

    @property
    def meaning(self) -> str:
        """What it tells a reader, in a sentence: the first line of its function's docstring."""
        return (self.compute.__doc__ or "").strip().splitlines()[0]

    @property
    def interval(self) -> bool:
        """Whether it comes with its 95 % interval."""
        return self.over_tasks is mean_rate


Compute = TypeVar("Compute", bound=Callable[[Episodes], Value])
METRICS: dict[str, Metric] = {}
"""Every metric by name, in the order in which they are shown; the first one ranks the board."""


def metric(title: str, formula: str, short: str = "", **how: Any) -> Callable[[Compute], Compute]:
    """Declare the function below it as a metric; `how` are the other fields of `Metric`."""

    def declare(compute: Compute) -> Compute:
        found = Metric(compute, title, formula, short or title.lower(), **how)
        METRICS[found.name] = found
        return compute

    return declare


def board_metrics(instructed: bool) -> list[Metric]:
    """Return the metrics of a table, the one that ranks first; with those of a suite that asks for modes."""
    return [one for one in METRICS.values() if one.on_board and (instructed or not one.instructed)]


# ------------------------------------------------------------------------------------------ the metrics


def _rate(hits: np.ndarray) -> Interval:
    """Return the share of hits (N,) bool with its exact interval."""
    return rates.rate(int(hits.sum()), len(hits))


@metric("Success", "n_success / n", over_tasks=mean_rate, on_board=True, digits=1)
def success(episodes: Episodes) -> Interval:
    """The share of all episodes that end well; faults and timeouts count as failures."""
    return _rate(episodes.succeeded)


@metric(
    "Obedience",
    "P(mode = asked | mode != none)",
    over_tasks=mean_rate,
    on_board=True,
    instructed=True,
    digits=1,
)
def obedience(episodes: Episodes) -> Interval | None:
    """The share of the episodes that realise a mode in which it is the one that the instruction asks for."""
    committed = episodes.modes >= 0
    if episodes.asked is None or not committed.any():
        return None
    return _rate((episodes.modes == episodes.asked)[committed])


@metric(
    "Averaging failures",
    "n_averaging / n",
    short="aver-\naged",
    better="lower",
    over_tasks=mean_rate,
    on_board=True,
    digits=1,
)
def averaging_rate(episodes: Episodes) -> Interval:
    """The share of episodes in which the hand acted between two modes, where every attempt fails."""
    return _rate(averaged(episodes.labels))


@metric(
    "Rarest mode",
    "min_m p_m, with p_m = n_m / n_success",
    short="rarest\nmode",
    over_tasks=smallest,
    on_board=True,
    full=0.5,
)
def minority_share(episodes: Episodes) -> float | None:
    """The rarest mode's share of the successes: 1/k is an even choice of k, 0 a mode that was forgotten."""
    return mode_statistics.minority_share(episodes.mode_counts)


@metric(
    "ms a decision",
    "median",
    short="p50\nms",
    unit="ms",
    better="lower",
    from_records="latency",
    on_board=True,
    digits=1,
)
def latency_p50_ms(episodes: Episodes) -> float | None:
    """The median wall time of one decision for one episode, as the submitter measured it."""
    return episodes.latency.p50 if episodes.latency else None


@metric("ms, slowest 1 %", "99th percentile", unit="ms", better="lower", from_records="latency", digits=1)
def latency_p99_ms(episodes: Episodes) -> float | None:
    """What 99 of 100 decisions for one episode do not exceed, as the submitter measured it."""
    return episodes.latency.p99 if episodes.latency else None


@metric("Commitment", "P(mode != none)")
def commitment(episodes: Episodes) -> float | None:
    """The share of episodes in which any mode was realised, whether or not it then succeeded."""
    return mode_statistics.commitment(episodes.modes) if len(episodes.modes) else None


@metric("Feasible choice", "n_mode / (n_mode + n_COLLISION_OTHER)", over_tasks=mean_rate)
def feasible_choice(episodes: Episodes) -> Interval | None:
    """The share of the episodes that act at a mode, not between two, in which nothing forbidden bars it."""
    taken = episodes.modes >= 0
    barred = ~taken & (np.array(episodes.labels) == "COLLISION_OTHER")
    return _rate(taken[taken | barred]) if (taken | barred).any() else None


@metric("Coverage", "|{m : p_m >= 0.05}| / k")
def coverage(episodes: Episodes) -> float:
    """The share of the modes that have at least one in twenty successes."""
    return mode_statistics.coverage(episodes.mode_counts)


@metric("Mode entropy", "(-sum_m p_m ln p_m + (K - 1) / 2n) / ln k, at most 1; K modes seen (Miller-Madow)")
def mode_entropy(episodes: Episodes) -> float | None:
    """How evenly the successes fall on the modes: 100 is an even choice, 0 a single mode."""
    return mode_statistics.normalised_entropy(episodes.mode_counts)


@metric("Distance to even modes", "sum_m |p_m - 1/k| / 2 (total variation)", better="lower")
def mode_distance(episodes: Episodes) -> float | None:
    """How far the modes' shares are from those of the demonstrations, which show every mode equally often.

    Chance alone makes it about 3 % at 200 successes in two modes, sqrt(1 / (2 pi n)).
    """
    shares = mode_statistics.mode_shares(episodes.mode_counts)
    if episodes.k < 2 or np.isnan(shares).any():
        return None
    return mode_statistics.total_variation(shares, np.full(episodes.k, 1 / episodes.k))


@metric("Steps", "mean of the episodes' lengths", unit="steps", better="", digits=1)
def steps_mean(episodes: Episodes) -> float:
    """The mean length of an episode in control steps of 50 ms."""
    return float(np.mean(episodes.steps)) if len(episodes.steps) else 0.0
