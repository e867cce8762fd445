"""How the validity studies are shown: tables for the terminal, and the page docs/validity.md."""

from collections.abc import Sequence

from rich.table import Table

from ...certificate.causal_controls import FORM, FORM_TASK, LIMITS, METHODS, TaskControls
from ...certificate.learning_gates import TRIAL_SEEDS
from ...number_text import percent, points
from ...rich_table import number_table
from .markdown import markdown_page, markdown_table


def control_rows(found: Sequence[TaskControls], method: str) -> list[tuple[str, ...]]:
    """Return the controls of a method: task, success by regime, S(uni) - S(bi50)."""
    rows = []
    for one in found:
        values = [one.success("controls", regime, method) for regime in _BY_MIXTURE]
        both = values[0] is not None and values[-1] is not None
        gap = points(values[0] - values[-1]) if both else "–"  # type: ignore[operator]
        rows.append((one.task, *map(percent, values), gap))
    return rows


def limit_rows(found: Sequence[TaskControls]) -> list[tuple[str, ...]]:
    """Return the success of regression by limit: task, one column a limit."""
    return [(one.task, *(percent(one.success("limits", s.condition)) for s in LIMITS)) for one in found]


def form_rows(found: Sequence[TaskControls]) -> list[tuple[str, ...]]:
    """Return branch time and process noise of `FORM_TASK`: condition, success of each method."""
    conditions = list(dict.fromkeys(setting.condition for setting in FORM))
    return [
        (condition, *(percent(one.success("form", condition, method)) for method in METHODS))
        for one in found
        if one.task == FORM_TASK
        for condition in conditions
    ]


_BY_MIXTURE = ("uni", "ctx", "bi90", "bi70", "bi50")
_CONTROL_HEADER = ("task", *_BY_MIXTURE, "uni - bi50")
_LIMIT_HEADER = ("task", *(setting.condition for setting in LIMITS))
_FORM_HEADER = ("branch time, process noise", *METHODS.values())


def validity_tables(found: Sequence[TaskControls]) -> list[Table]:
    """Return what was measured for the terminal; tables of which nothing was measured are left out."""
    parts = [
        *((f"{name}: success [%] by what is shown", _CONTROL_HEADER, control_rows(found, method))
          for method, name in METHODS.items()),
        (f"{FORM_TASK}: success [%]", _FORM_HEADER, form_rows(found)),
        ("regression: success [%] when it may escape", _LIMIT_HEADER, limit_rows(found)),
    ]  # fmt: skip
    tables = []
    for title, header, rows in parts:
        if all(cell == "–" for row in rows for cell in row[1:]):
            continue
        tables.append(number_table(title, header, rows))
    return tables


def validity_page(found: Sequence[TaskControls]) -> str:
    """Return the page docs/validity.md."""
    regression, flow = (markdown_table(_CONTROL_HEADER, control_rows(found, method)) for method in METHODS)
    prints = ", ".join(f"{one.task} `{one.fingerprint[:16]}`" for one in found)
    return markdown_page(
        "validity",
        regression=regression,
        flow=flow,
        form=markdown_table(_FORM_HEADER, form_rows(found)),
        limits=markdown_table(_LIMIT_HEADER, limit_rows(found)),
        n=len(TRIAL_SEEDS),
        form_task=FORM_TASK,
        prints=prints,
    )
