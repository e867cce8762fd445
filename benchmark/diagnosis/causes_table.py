"""Shows in the terminal what a diagnosis found."""

from collections import Counter, defaultdict
from collections.abc import Sequence

from rich.table import Table

from ..number_text import short_name
from ..rich_table import plain_table
from .causes import Causes, EpisodeCause

LISTED = 10
"""Episodes of which `episode_table` shows the re-runs at most."""


def cause_of(one: EpisodeCause) -> str:
    """Return an episode's cause in words: one interface, several, or why there is none."""
    joint = {"several": " or ", "together": " with "}.get(one.finding, "")
    return joint.join(one.causes) or {"none": "none found", "fault": "the policy broke down"}.get(
        one.finding, one.finding
    )


def cause_table(causes: Causes) -> Table:
    """Return how often each cause was found, by task and variant, the most frequent first."""
    shown = len(causes.episodes)
    rest = f"; {causes.failures - shown} more failed" if causes.failures > shown else ""
    table = plain_table(
        f"Why {causes.policy} failed: {shown} episodes run again{rest}",
        f"cause: the repair that saves the episode beyond doubt, in {causes.reruns} re-runs with new noise"
        " against as many without a repair; chance: at least half of the latter succeed; docs/diagnosis.md"
        " says what each word repairs",
        key_columns=2,
    )
    for column in ("task", "variant", "failed", "cause", "ended as"):
        table.add_column(column, justify="right" if column == "failed" else "left", no_wrap=True)
    cells: dict[tuple[str, str], list[EpisodeCause]] = defaultdict(list)
    for one in causes.episodes:
        cells[one.task, one.variant].append(one)
    for (task, variant), episodes in cells.items():
        found = _counted([cause_of(one) for one in episodes])
        ended = _counted([one.label for one in episodes])
        table.add_row(short_name(task), variant, str(len(episodes)), found, ended)
    return table


def episode_table(causes: Causes) -> Table:
    """Return the re-runs of the first episodes: successes of so many, repair by repair."""
    table = plain_table(
        "Re-runs: successes of the re-runs with new noise, 95 % interval",
        "* saves the episode beyond doubt (Fisher's exact test, Holm over the repairs)",
        key_columns=3,
    )
    for column in ("task", "variant", "seed", "repaired", "saved", "of", "95 %"):
        words = column in ("task", "variant", "repaired", "95 %")
        table.add_column(column, justify="left" if words else "right", no_wrap=not words)
    for one in causes.episodes[:LISTED]:
        name = (short_name(one.task), one.variant, str(one.seed))
        for tried in one.tried:
            star = "*" if tried.p < 0.05 else ""
            interval = f"{100 * tried.low:.0f}..{100 * tried.high:.0f}"
            table.add_row(*name, tried.repair + star, str(tried.successes), str(tried.n), interval)
            name = ("", "", "")
    return table


def _counted(names: Sequence[str]) -> str:
    """Return `12 timing` and `1 chance`, a line each, of a list of names."""
    return "\n".join(f"{n} {name}" for name, n in Counter(names).most_common())
