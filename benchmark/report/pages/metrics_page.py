"""The page docs/metrics.md: every metric of the leaderboard with its formula and unit."""

from ...metrics import METRICS
from ...statistics.over_tasks import mean_known, mean_rate, smallest
from .markdown import markdown_page

_OVER_TASKS = {mean_rate: "mean, with its interval", mean_known: "mean", smallest: "smallest"}
_SOURCE = {"episodes": "the episodes", "latency": "measured by the submitter"}


def metrics_page() -> str:
    """Return the page. Called by its test, which also renews it."""
    rows = [
        (
            f"`{metric.name}`",
            metric.meaning,
            f"`{metric.formula}`",
            metric.unit,
            metric.better or "neither",
            _OVER_TASKS.get(metric.over_tasks, "its own"),
            _SOURCE[metric.from_records],
        )
        for metric in METRICS.values()
    ]
    header = ("name", "what it tells", "formula", "unit", "better", "over tasks", "from")
    return markdown_page("metrics", header=header, rows=rows)
