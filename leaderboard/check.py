"""The check of an entry: the schema, then everything counted again from its episodes.

Nothing here trusts the entry, and nothing here can tell whether its episodes ever happened; that takes a
replay.
"""

import json
import math
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema

from ..benchmark.scoring.task_scores import SuiteScore, TaskScore, score_suite, score_task
from ..benchmark.suites import SUITES, suite_from_card
from ..envs.errors import WrongUse
from ..envs.perturbations.core.variant import CLEAN
from ..tasks import load_task, task_names
from .files import entry_id, one_line

DECIMALS = 6
"""Decimal places of every computed number in an entry."""


def check_entry(entry: dict[str, Any]) -> list[str]:
    """Return everything that is wrong with an entry, one line each; an empty list when it is sound.

    The schema first; then the panel, every total, interval and aggregate, and the id, all recomputed from
    the episodes. A part whose shape is wrong is not recomputed.
    """
    errors = list(_validator().iter_errors(entry))
    problems = sorted({_line(_where(error.absolute_path), _reason(error)) for error in errors})
    if not isinstance(entry, dict):
        return problems
    broken = {str(error.absolute_path[0]) for error in errors if error.absolute_path}
    broken |= {part for part in _schema()["required"] if part not in entry}
    if "suite" not in broken:
        problems += _suite_problems(entry["suite"])
    if not broken & {"suite", "episodes"}:
        problems += _panel_problems(entry)
    if not broken & {"suite", "episodes", "results", "aggregate"}:
        problems += _count_problems(entry)
    if "verification" not in broken:
        problems += _verification_problems(entry["verification"])
    if "entry_id" in broken:
        return problems
    try:
        right = entry_id(entry)
    except (ValueError, RecursionError):
        return [
            *problems,
            "entry: holds a number that is not finite, a broken character or too deep nesting",
        ]
    if entry["entry_id"] != right:
        problems.append(f"entry_id: is {one_line(entry['entry_id'])}, the content gives {right}")
    return problems


# ------------------------------------------------------------------------------------ what is counted


def result(cell: TaskScore) -> dict[str, Any]:
    """Return a row of `results`, without the latency, which no episode can prove."""
    return {
        "task": cell.task,
        "variant": cell.variant,
        "episodes": cell.episodes,
        "successes": cell.successes,
        "success": _rounded(cell.success.estimate),
        "wilson95": [_rounded(cell.success.low), _rounded(cell.success.high)],
        "modes": cell.modes,
        "minority_share": _rounded(cell.minority_share),
        "averaging_failures": cell.averaging_failures,
        "labels": cell.labels,
        "steps_mean": _rounded(cell.steps_mean),
    }


def aggregate(total: SuiteScore) -> dict[str, Any]:
    """Return the entry's `aggregate`."""
    return {
        "success_macro": _rounded(total.success.estimate),
        "success_macro95": [_rounded(max(total.success.low, 0.0)), _rounded(min(total.success.high, 1.0))],
        "averaging_macro": _rounded(total.averaging),
        "minority_share_min": _rounded(total.minority_share),
    }


def _suite_problems(suite: dict[str, Any]) -> Iterator[str]:
    """Yield how a suite differs from ours of that name; a suite of one's own cannot borrow a name."""
    if suite["name"] not in SUITES:
        yield f"suite: {suite['name']!r} is not a whole suite of the leaderboard ({', '.join(SUITES)})"
        return
    for name, value in _suite_card(suite["name"]).items():
        if suite[name] != value:
            yield f"suite: {name} is {one_line(suite[name], 60)}, but {one_line(value, 90)} in this version"


def _panel_problems(entry: dict[str, Any]) -> Iterator[str]:
    """Yield what is missing, doubled or foreign among cells, seeds, list lengths and modes."""
    suite = entry["suite"]
    try:
        cells = suite_from_card(suite).cells()
    except WrongUse as error:  # a task, an axis or a level that is not known here
        yield _line("suite", str(error))
        return
    for part in ("results", "episodes"):
        if not isinstance(entry.get(part), list):
            continue
        rows = [row for row in entry[part] if isinstance(row, dict)]
        found = Counter((str(row.get("task")), str(row.get("variant"))) for row in rows)
        for task, variant in cells:
            if found[task, variant] != 1:
                yield f"{part}: {task} ({variant}) is there {found[task, variant]} times; expected once"
        for task, variant in found.keys() - set(cells):
            yield _line(part, f"{task} ({variant}) is not in the suite")
    if CLEAN not in suite["variants"]:
        yield "suite: a perturbed score counts only beside its clean arm, and there is none"
    start = suite["seeds"]["start"]
    for block in entry["episodes"]:
        count = suite["seeds"]["count" if block["variant"] == CLEAN else "shifted"]
        yield from _block_problems(block, range(start, start + count))


def _block_problems(block: dict[str, Any], panel: range) -> Iterator[str]:
    where = f"episodes of {block['task']} ({block['variant']})"
    counts = Counter(block["seeds"])
    for what, seeds in (
        ("are missing", [seed for seed in panel if seed not in counts]),
        ("are there twice or more", [seed for seed, n in counts.items() if n > 1]),
        ("are not in the suite's panel", [seed for seed in counts if seed not in panel]),
    ):
        if seeds:
            yield f"{where}: {len(seeds)} seeds {what}, such as {one_line(seeds[0])}"
    if block["seeds"] != sorted(block["seeds"]):
        yield f"{where}: seeds are not in ascending order"
    for name in ("labels", "modes", "steps", "digests"):
        if len(block[name]) != len(block["seeds"]):
            yield f"{where}: {len(block[name])} {name} for {len(block['seeds'])} seeds"
    if block["task"] in task_names():
        known = load_task(block["task"]).modes
        for mode in sorted({mode for mode in block["modes"] if mode is not None} - set(known)):
            yield f"{where}: unknown mode {mode!r}; known: {', '.join(known)}"


def _count_problems(entry: dict[str, Any]) -> Iterator[str]:
    """Yield every number of `results` and `aggregate` that does not follow from the episodes."""
    blocks = {(block["task"], block["variant"]): block for block in entry["episodes"]}
    scores = []
    for key, block in blocks.items():
        if key[0] in task_names() and len({len(block[name]) for name in ("labels", "modes", "steps")}) == 1:
            scores.append(score_task(*key, block["labels"], block["modes"], block["steps"]))
    for cell in scores:
        for row in entry["results"]:
            if (row["task"], row["variant"]) == (cell.task, cell.variant):
                yield from _differences(f"results of {cell.task} ({cell.variant})", row, result(cell))
    if len(scores) == len(blocks):
        yield from _differences("aggregate", entry["aggregate"], aggregate(score_suite(scores)))


def _differences(where: str, stated: dict[str, Any], right: dict[str, Any]) -> Iterator[str]:
    for name, value in right.items():
        if not _same(stated[name], value):
            yield f"{where}: {name} is {one_line(stated[name])}, its episodes give {one_line(value)}"


def _verification_problems(verification: dict[str, Any]) -> Iterator[str]:
    named = verification["by"] is not None and verification["date"] is not None
    empty = verification["by"] is None and verification["date"] is None
    if verification["level"] == "reported" and not empty:
        yield "verification: `reported` has nobody in `by` and no `date`"
    if verification["level"] != "reported" and not named:
        yield f"verification: `{verification['level']}` needs who (`by`) and when (`date`)"


# ------------------------------------------------------------------------------------------- helpers


@cache
def _schema() -> dict[str, Any]:
    return json.loads((Path(__file__).parent / "schema.json").read_text(encoding="utf-8"))


@cache
def _suite_card(name: str) -> dict[str, Any]:
    return SUITES[name].card()


@cache
def _validator() -> jsonschema.Draft202012Validator:
    return jsonschema.Draft202012Validator(_schema())


def _same(stated: Any, right: Any) -> bool:
    if isinstance(right, list):
        return len(stated) == len(right) and all(map(_same, stated, right))
    if isinstance(right, float) and stated is not None:
        return math.isclose(stated, right, rel_tol=0, abs_tol=1.5 * 10.0**-DECIMALS)
    return stated == right


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(float(value), DECIMALS)


def _where(path: Any) -> str:
    return ".".join(str(part) for part in path) or "entry"


def _reason(error: jsonschema.ValidationError) -> str:
    """Return why a value is refused, without quoting the whole value."""
    value, allowed = one_line(error.instance, 60), error.validator_value
    wanted = ", ".join(map(str, allowed)) if isinstance(allowed, list) else str(allowed)
    match error.validator:
        case "additionalProperties" | "required" | "propertyNames" | "const":
            return one_line(error.message)
        case "enum":
            return f"{value} is not one of {wanted}"
        case "type":
            return f"{value} is not of type {wanted}"
        case rule:
            return f"{value} breaks the rule {rule} {one_line(wanted, 80)}"


def _line(where: str, what: str) -> str:
    return f"{one_line(where)}: {one_line(what)}"
