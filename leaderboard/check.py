"""The check of an entry: its types and bounds, then everything counted again from its episodes.

Nothing here trusts the entry, and nothing here can tell whether its episodes ever happened; that takes a
replay.
"""

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any

from pydantic import TypeAdapter, ValidationError

from ..benchmark.number_text import DECIMALS
from ..benchmark.records.field_types import Many, one_line, problems
from ..benchmark.records.run_record import DecisionTime, SuiteRecord
from ..benchmark.scoring.run_episodes import Cell, EpisodeColumns
from ..benchmark.scoring.task_scores import TaskScore, clean_cells, score_suite, score_task
from ..benchmark.statistics.rates import Interval, mean_interval, wilson
from ..benchmark.suites import SUITES, suite_from_record, suite_of
from ..envs.errors import WrongUse
from ..envs.perturbations.core.variant import CLEAN
from ..tasks import load_task, task_names
from .entry_model import Aggregate, Entry, EntryLatency, EntryPolicy, Provenance, Result
from .episode_block import EpisodeBlock
from .files import entry_id, too_many
from .impossible import possibility_problems


def check_entry(raw: object) -> list[str]:
    """Return everything that is wrong with an entry as read from its file, one line each; [] if sound."""
    return checked_entry(raw)[1]


def checked_entry(raw: object) -> tuple[Entry | None, list[str]]:
    """Return the entry as read from its file, None if a type is wrong, and everything that is wrong with it.

    Types and bounds first; then the panel, every total, interval and aggregate, and the id, all recomputed
    from the episodes. A part whose shape is wrong is not recomputed. Called for every entry without a mark.
    """
    if huge := too_many(raw):
        return None, [huge]
    entry = None
    found: list[str] = []
    broken: set[str] = set()
    try:
        entry = Entry.model_validate(raw)
    except ValidationError as error:
        found = problems(error)
        broken = {str(one["loc"][0]) for one in error.errors() if one["loc"]}
    if not isinstance(raw, dict):
        return None, found
    # What is sound by itself is checked further, so that a submitter sees every problem at once.
    sound = [name for name in _parts() if name not in broken]
    parts = {
        name: getattr(entry, name) if entry else _parts()[name].validate_python(raw[name]) for name in sound
    }
    if "suite" in parts:
        found += _suite_problems(parts["suite"])
    if {"suite", "policy"} <= parts.keys() and parts["suite"].pictures != bool(parts["policy"].pictures):
        found.append("suite: pictures must be true for a policy that reads pictures, and only for one")
    if {"suite", "episodes"} <= parts.keys():
        found += _panel_problems(parts["suite"], parts["episodes"], parts.get("results", ()))
    if {"suite", "episodes", "results", "aggregate"} <= parts.keys():
        found += _count_problems(parts["episodes"], parts["results"], parts["aggregate"])
    found += possibility_problems(parts)
    if "entry_id" not in broken:
        found += id_problems(raw)
    return entry, found


# ------------------------------------------------------------------------------------ what is counted


def results(
    cells: Mapping[Cell, EpisodeColumns], scores: Sequence[TaskScore], timed: Mapping[str, DecisionTime]
) -> list[Result]:
    """Return the rows of `results`; the latency is as it was measured, no episode can prove it."""
    return [
        _result(score, timed.get(score.task) if score.variant == CLEAN else None, _clean_twins(cells, score))
        for score in scores
    ]


def _clean_twins(cells: Mapping[Cell, EpisodeColumns], score: TaskScore) -> int | None:
    """Return the clean successes on the seeds of a perturbed cell; None for a clean one, or without them."""
    clean = cells.get((score.task, CLEAN))
    if score.variant == CLEAN or clean is None:
        return None
    return clean.successes_on(cells[score.task, score.variant].seeds)


def _result(cell: TaskScore, timed: DecisionTime | None, twins: int | None) -> Result:
    return Result(
        task=cell.task,
        variant=cell.variant,
        episodes=cell.episodes,
        successes=cell.successes,
        success=_rounded(cell.success.estimate),
        wilson95=_interval(*wilson(cell.successes, cell.episodes)),
        modes=cell.modes,
        minority_share=_rounded(cell.minority_share),
        clean_successes=twins,
        averaging_failures=cell.averaging_failures,
        labels=cell.labels,
        steps_mean=_rounded(cell.steps_mean),
        latency_ms=EntryLatency(p50=timed.p50, p99=timed.p99) if timed else None,
    )


def aggregate(cells: Sequence[TaskScore]) -> Aggregate:
    """Return the entry's `aggregate`; its interval combines Wilson's intervals of the clean cells."""
    total = score_suite(cells)
    parts = [(x.success.estimate, *wilson(x.successes, x.episodes)) for x in clean_cells(cells)]
    macro = mean_interval([Interval(*part) for part in parts])
    return Aggregate(
        success_macro=_rounded(macro.estimate),
        success_macro95=_interval(max(macro.low, 0.0), min(macro.high, 1.0)),
        averaging_macro=_rounded(total.averaging.estimate),
        minority_share_min=_rounded(total.minority_share),
    )


def _suite_problems(suite: SuiteRecord) -> Iterator[str]:
    """Yield how a suite differs from ours of that name; a suite of one's own cannot borrow a name."""
    if (ours := _suite_record(suite.name, suite.version)) is None:
        known = ", ".join(SUITES)
        yield f"suite: {one_line(repr(suite.name))} is not a whole suite of the leaderboard ({known})"
        return
    right = ours.plain() | suite.model_dump(include={"pictures"})
    stated = suite.plain()
    for name in right | stated:
        if (said := stated.get(name)) != (meant := right.get(name)):
            yield f"suite: {name} is {one_line(said, 60)}, but {one_line(meant, 90)} in this version"


def _panel_problems(
    suite: SuiteRecord, episodes: tuple[EpisodeBlock, ...], results: tuple[Result, ...]
) -> Iterator[str]:
    """Yield what is missing, doubled or foreign among cells, seeds, list lengths and modes."""
    try:
        cells = suite_from_record(suite).cells()
    except WrongUse as error:  # a task, a perturbation or a level that is not known here
        yield _line("suite", str(error))
        return
    for part, rows in (("results", results), ("episodes", episodes)):
        if not rows:  # results of a wrong shape, which is a problem already
            continue
        found = Counter((row.task, row.variant) for row in rows)
        for task, variant in cells:
            if found[task, variant] != 1:
                yield f"{part}: {task} ({variant}) is there {found[task, variant]} times; expected once"
        for task, variant in (cell for cell in found if cell not in cells):
            yield _line(part, f"{task} ({variant}) is not in the suite")
    if CLEAN not in suite.variants:
        yield "suite: a perturbed score counts only beside its clean arm, and there is none"
    for block in episodes:
        count = suite.seeds.count if block.variant == CLEAN else suite.seeds.shifted
        yield from _block_problems(block, range(suite.seeds.start, suite.seeds.start + count))


def _block_problems(block: EpisodeBlock, panel: range) -> Iterator[str]:
    """Yield what is wrong with the seeds, the lengths of the lists and the modes of one block."""
    where = f"episodes of {block.task} ({block.variant})"
    if block.seeds != panel:
        told = (f"{len(seeds)} from seed {seeds.start}" for seeds in (block.seeds, panel))
        yield "{}: there are {}, the suite has {}".format(where, *told)
    for name, length in (("steps", len(block.steps)), ("digests", len(block.fingerprints))):
        if length != len(block.ended):
            yield f"{where}: {length} {name} for {len(block.ended)} episodes"
    if block.task in task_names():
        known = load_task(block.task).modes
        for mode in sorted({mode for _, mode in block.endings if mode is not None} - set(known)):
            yield f"{where}: unknown mode {mode!r}; known: {', '.join(known)}"


def _count_problems(
    episodes: tuple[EpisodeBlock, ...], rows: tuple[Result, ...], total: Aggregate
) -> Iterator[str]:
    """Yield every number of `results` and `aggregate` that does not follow from the episodes."""
    blocks = {(block.task, block.variant): block for block in episodes}
    known = task_names()
    stated = {(row.task, row.variant): row for row in rows}
    cells = {key: block.columns for key, block in blocks.items() if key[0] in known and block.is_even}
    scores = [score_task(task, variant, columns) for (task, variant), columns in cells.items()]
    for right in results(cells, scores, {}):
        if row := stated.get((right.task, right.variant)):
            yield from _differences(f"results of {right.task} ({right.variant})", row, right)
    if len(scores) == len(blocks):
        yield from _differences("aggregate", total, aggregate(scores))


def _differences(where: str, stated: Result | Aggregate, right: Result | Aggregate) -> Iterator[str]:
    said = stated.plain()
    for name, value in right.plain().items():
        if name != "latency_ms" and not _same(said[name], value):
            yield f"{where}: {name} is {one_line(said[name])}, its episodes give {one_line(value)}"


def id_problems(raw: Mapping[str, Any]) -> Iterator[str]:
    """Yield how the id of an entry as read from its file differs from the hash of its content."""
    try:
        right = entry_id(raw)
    except (ValueError, RecursionError):
        yield "entry: holds a number that is not finite, a broken character or too deep nesting"
        return
    if raw["entry_id"] != right:
        yield f"entry_id: is {one_line(raw['entry_id'])}, the content gives {right}"


# ------------------------------------------------------------------------------------------- helpers


@cache
def _parts() -> dict[str, TypeAdapter]:
    """Return what checks, each by itself, the parts of an entry that are recomputed."""
    return {
        "suite": TypeAdapter(SuiteRecord),
        "results": TypeAdapter(Many[Result]),
        "aggregate": TypeAdapter(Aggregate),
        "episodes": TypeAdapter(Many[EpisodeBlock]),
        "policy": TypeAdapter(EntryPolicy),
        "provenance": TypeAdapter(Provenance),
    }


@cache
def _suite_record(name: str, version: str) -> SuiteRecord | None:
    return known.record() if (known := suite_of(name, version)) else None


def _same(stated: Any, right: Any) -> bool:
    if isinstance(right, list):
        return len(stated) == len(right) and all(map(_same, stated, right))
    if isinstance(right, float) and stated is not None:
        return math.isclose(stated, right, rel_tol=0, abs_tol=1.5 * 10.0**-DECIMALS)
    return stated == right


def _rounded(value: Any) -> Any:
    return None if value is None else round(float(value), DECIMALS)


def _interval(low: float, high: float) -> tuple[float, float]:
    return _rounded(low), _rounded(high)


def _line(where: str, what: str) -> str:
    return f"{one_line(where)}: {one_line(what)}"
