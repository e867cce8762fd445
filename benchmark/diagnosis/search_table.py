"""Shows at which magnitude a policy breaks: a table of the steps, and a sentence for each task."""

from collections.abc import Sequence
from typing import Any

from rich.table import Table

from ..number_text import bounds, p_text, percent, points, short_name, signed_bounds
from ..rich_table import plain_table
from ..statistics.power import detectable_difference
from ..statistics.rates import Interval
from .search import LEVEL_OF_A_TEST, Search, Step


def search_table(found: Sequence[Search]) -> Table:
    """Return every step of a search, the weakest first."""
    one = found[0].searched
    table = plain_table(
        f"{one.axis} against {one.policy}: {len(one.seeds)} seeds each, paired with their clean twins",
        f"breaks: fewer successes than clean, p below {LEVEL_OF_A_TEST:g} (McNemar), 5 % over all steps",
        key_columns=2,
    )
    for column in ("task", "magnitude", "level", "success %", "change", "p", ""):
        table.add_column(column, justify="left" if column in ("task", "") else "right", no_wrap=True)
    for result in found:
        table.add_row(short_name(result.searched.task), "clean", "0", _rate(result.clean), "", "", "")
        for step in result.steps:
            change = f"{points(step.change.estimate)} {signed_bounds(step.change)}"
            level = str(step.level or "between")
            told = "breaks" if step.breaks else "holds"
            if step.expert is not None:
                told += f"; the expert, too, has {percent(step.expert)} %"
            table.add_row(
                "", _magnitude(result, step), level, _rate(step.success), change, p_text(step.p), told
            )
    return table


def search_sentence(result: Search) -> str:
    """Return what came out on one task."""
    one = result.searched
    name = short_name(one.task)
    clean = f"{percent(result.clean.estimate)} %"
    if not result.steps:
        return (
            f"{name}: {one.policy} succeeds in {clean} of {len(one.seeds)} clean episodes, "
            "too few to lose any beyond doubt; ask for more --seeds."
        )
    if (first := result.first) is None:
        least = detectable_difference(len(one.seeds), result.clean.estimate, LEVEL_OF_A_TEST)
        unseen = f"; these seeds would show a loss of {points(-least)[1:]} points" if least else ""
        return f"{name}: no level of {one.axis} breaks {one.policy}{unseen}."
    held = f", and holds at {_magnitude(result, result.last)}" if result.last else ""
    share = f"{percent(first.success.estimate)} % against {clean} clean"
    return f"{name}: {one.policy} breaks at {_magnitude(result, first)} of {one.axis} ({share}){held}."


def plain_search(found: Sequence[Search]) -> list[dict[str, Any]]:
    """Return the results for programs."""
    return [
        {
            "task": result.searched.task,
            "policy": result.searched.policy,
            "axis": result.searched.axis,
            "unit": result.unit,
            "seeds": len(result.searched.seeds),
            "clean": result.clean._asdict(),
            "steps": [_plain(step) for step in result.steps],
            "breaks_at": _plain(result.first) if result.first else None,
            "holds_at": _plain(result.last) if result.last else None,
        }
        for result in found
    ]


def _plain(step: Step) -> dict[str, Any]:
    return {**step._asdict(), "success": step.success._asdict(), "change": step.change._asdict()}


def _rate(value: Interval) -> str:
    return f"{percent(value.estimate)} {bounds(value)}"


def _magnitude(result: Search, step: Step) -> str:
    """Return a step's magnitude with its unit."""
    words = [result.unit, f"{step.magnitude:g}"]
    return " ".join(words if result.unit in ("x", "level") else reversed(words))
