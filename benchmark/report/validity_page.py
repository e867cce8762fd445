"""How the validity studies are shown: tables for the terminal, and the page docs/validity.md."""

from collections.abc import Sequence

from rich import box
from rich.table import Table

from ..certificate.causal_controls import FORM, FORM_TASK, LIMITS, METHODS, Found
from ..certificate.learning_gates import TRIAL_SEEDS
from .markdown import markdown_table


def control_rows(found: Sequence[Found], method: str) -> list[tuple[str, ...]]:
    """Return the controls of a method: task, success by regime, S(uni) - S(bi50)."""
    rows = []
    for one in found:
        values = [one.success("controls", regime, method) for regime in _BY_MIXTURE]
        both = values[0] is not None and values[-1] is not None
        gap = f"{100 * (values[0] - values[-1]):+.0f}" if both else "-"  # type: ignore[operator]
        rows.append((one.task, *map(_share, values), gap))
    return rows


def limit_rows(found: Sequence[Found]) -> list[tuple[str, ...]]:
    """Return the success of regression by limit: task, one column a limit."""
    return [(one.task, *(_share(one.success("limits", s.condition)) for s in LIMITS)) for one in found]


def form_rows(found: Sequence[Found]) -> list[tuple[str, ...]]:
    """Return branch time and process noise of `FORM_TASK`: condition, success of each method."""
    conditions = list(dict.fromkeys(setting.condition for setting in FORM))
    return [
        (condition, *(_share(one.success("form", condition, method)) for method in METHODS))
        for one in found
        if one.task == FORM_TASK
        for condition in conditions
    ]


_BY_MIXTURE = ("uni", "ctx", "bi90", "bi70", "bi50")
_CONTROL_HEADER = ("task", *_BY_MIXTURE, "uni - bi50")
_LIMIT_HEADER = ("task", *(setting.condition for setting in LIMITS))
_FORM_HEADER = ("branch time, process noise", *METHODS.values())


def _share(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.0f}"


def validity_tables(found: Sequence[Found]) -> list[Table]:
    """Return what was measured for the terminal; tables of which nothing was measured are left out."""
    parts = [
        *((f"{name}: success [%] by what is shown", _CONTROL_HEADER, control_rows(found, method))
          for method, name in METHODS.items()),
        (f"{FORM_TASK}: success [%]", _FORM_HEADER, form_rows(found)),
        ("regression: success [%] when it may escape", _LIMIT_HEADER, limit_rows(found)),
    ]  # fmt: skip
    tables = []
    for title, header, rows in parts:
        if all(cell == "-" for row in rows for cell in row[1:]):
            continue
        table = Table(box=box.SIMPLE_HEAD, title=title, title_justify="left", pad_edge=False)
        for index, column in enumerate(header):
            table.add_column(column, justify="right" if index else "left")
        for row in rows:
            table.add_row(*row)
        tables.append(table)
    return tables


def validity_page(found: Sequence[Found]) -> str:
    """Return the page docs/validity.md."""
    regression, flow = (markdown_table(_CONTROL_HEADER, control_rows(found, method)) for method in METHODS)
    prints = ", ".join(f"{one.task} `{one.fingerprint[:16]}`" for one in found)
    return _PAGE.format(
        regression=regression,
        flow=flow,
        form=markdown_table(_FORM_HEADER, form_rows(found)),
        limits=markdown_table(_LIMIT_HEADER, limit_rows(found)),
        n=len(TRIAL_SEEDS),
        form_task=FORM_TASK,
        prints=prints,
    )


_PAGE = """\
# Validity: what a score here shows, and what it does not

<!-- Generated: bimodal certify --all --controls --limits --page docs/validity.md -->

Every figure is success in percent of {n} episodes of one training seed (95 % interval: at most 10 points
to each side), with the networks, budgets and demonstrations of the [certificates](certificates.md).

## It is the second mode that regression fails on

The same task, network and number of demonstrations; only what the demonstrations show is changed. `uni`
shows one mode, `ctx` a mode that an observed number tells (the part of the table on which the scene lies),
`bi90`, `bi70` and `bi50` show the first mode in 90, 70 and 50 of 100 scenes and the others in the rest.
`uni - bi50` is what the second mode costs.

Regression of chunks:

{regression}

Flow matching of chunks:

{flow}

`bi90` is a test of dropping modes, not of averaging: a mean that lies a tenth of the way from a grasp is
often still a grasp.

## Branch time and process noise

{form_task}: in the *late* form the modes share 0.8 s; in the *early* form they part at the first step.
Process noise is how far the demonstrating hand is shaken off its plan in each step.

{form}

## When regression escapes

None of this is hidden: averaging is fatal here because the average meets its failure within the first
executed block, from a start in the middle, and because touching ends the episode. Change one of these and
regression of the same network may get away:

{limits}

- **executes 4, executes 1** of each 16 predicted actions: looking again sooner lets a small chance lead to
  one side grow (the middle is an unstable balance).
- **start ±20 mm**: the hand starts up to 20 mm beside the middle, so the scene tells which side is nearer.
- **touching allowed**: touching what is forbidden neither ends nor fails an episode.
- **100 demos, 1,000 demos** instead of 300; **3x training**: 3,000 instead of 1,000 optimiser steps.

A score here therefore speaks of policies that execute blocks of actions in a closed loop, from starts that
favour no mode, where a wrong touch counts. It does not say that regression cannot grasp.

Measured tasks: {prints}.
"""
