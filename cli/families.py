"""`bimodal results --families`: measures, shows, and writes docs/families.md; called by results.py."""

from collections.abc import Mapping
from pathlib import Path

from rich.table import Table

from ..benchmark.metrics import METRICS
from ..benchmark.number_text import bounds, metric_text, percent, points, short_name, signed_bounds
from ..benchmark.provenance import cores, versions
from ..benchmark.report.pages.markdown import markdown_page
from ..benchmark.rich_table import number_table
from ..benchmark.statistics.paired import paired_difference
from ..benchmark.statistics.rates import Interval
from ..benchmark.studies.families import (
    BEYOND,
    CONTENDERS,
    EPISODES,
    FAMILIES,
    FEWER,
    LENGTHS,
    RUNNERS,
    WORLDS,
    Contender,
    FamilyCell,
    measure_families,
    measure_lengths,
)
from ..benchmark.studies.mode_choice import PASSING, POST, measure_post
from ..envs.storage.atomic_write import write_text
from ..tasks import load_task
from ..tasks.core.fingerprint import fingerprint
from .console import console, progress_bar

Cells = Mapping[str, Mapping[str, FamilyCell]]
"""By task and policy."""
Lengths = Mapping[str, Mapping[tuple[str, int], FamilyCell]]
"""By task, policy and number of executed actions."""
Post = Mapping[str, Mapping[str, FamilyCell]]
"""By variant, the clean world first, and policy."""
Rows = list[tuple[str, ...]]


def study_families(page: Path | None, fresh: bool, workers: int | None) -> int:
    """Measure what methods reach on families of tasks, show it and write the page."""
    processes = cores() if workers is None else workers
    with progress_bar("families", "cells") as update:

        def tell(text: str, n: int, total: int) -> None:
            update(n, total, text)

        found = measure_families(workers=processes, fresh=fresh, progress=tell)
        lengths = measure_lengths(processes, fresh, tell)
        post = measure_post(processes, fresh, tell)
    for table in families_tables(found, lengths, post):
        console.print(table)
    if page:
        write_text(page, families_page(found, lengths, post))
    return 0


def family_names(found: Cells) -> tuple[str, ...]:
    """Return the names of the tasks' columns."""
    return tuple(f"{short_name(task)}: {FAMILIES[task]}" for task in found)


def success_rows(found: Cells) -> Rows:
    """Return a row for each policy: success and rarest mode, task by task."""
    return [(one.name, *(_success(cells.get(one.name)) for cells in found.values())) for one in CONTENDERS]


def gain_rows(found: Cells) -> Rows:
    """Return a row for each policy that stands for another: by how much it is better, task by task."""
    compared = [one for one in CONTENDERS if one.instead]
    return [(one.name, one.instead, *(_gain(one, cells) for cells in found.values())) for one in compared]


def beyond_header(found: Cells) -> tuple[str, ...]:
    """Return the names of the columns of `beyond_rows`."""
    asked = [(task, name) for task, names in BEYOND.items() if task in found for name in names]
    return "policy", *(f"{short_name(task)}: {METRICS[name].title.lower()}" for task, name in asked)


def beyond_rows(found: Cells) -> Rows:
    """Return a row for each policy: what is asked beside success of tasks with more than two modes."""
    tasks = [task for task in BEYOND if task in found]
    return [
        (one.name, *(_beyond(found[task].get(one.name), name) for task in tasks for name in BEYOND[task]))
        for one in CONTENDERS
    ]


def length_header(lengths: Lengths) -> tuple[str, ...]:
    """Return the names of the columns of `length_rows`."""
    return "policy", *(f"{short_name(task)}, {n}" for task in lengths for n in LENGTHS)


def length_rows(lengths: Lengths) -> Rows:
    """Return a row for each policy: success by task and number of executed actions."""
    return [
        (name, *(_success(cells.get((name, n))) for cells in lengths.values() for n in LENGTHS))
        for name in RUNNERS
    ]


POST_HEADER = ("policy", "clean", "with the post", "with the post: feasible choice")


def post_rows(post: Post) -> Rows:
    """Return a row for each policy: success without and with a post, and how often it takes the free way."""
    clean, barred = post.values()
    return [
        (
            one.name,
            _success(clean.get(one.uri)),
            _success(barred.get(one.uri)),
            _beyond(barred.get(one.uri), "feasible_choice"),
        )
        for one in PASSING
    ]


def families_tables(found: Cells, lengths: Lengths, post: Post) -> list[Table]:
    """Return the tables for the terminal."""
    names = family_names(found)
    return [
        number_table("Success [%], rarest mode [%]", ("policy", *names), success_rows(found)),
        number_table("Gain [points]", ("policy", "instead of", *names), gain_rows(found)),
        number_table("Beside success [%]", beyond_header(found), beyond_rows(found)),
        number_table("Success [%] by executed actions", length_header(lengths), length_rows(lengths)),
        number_table(f"Success [%] in {POST[1]}", POST_HEADER, post_rows(post)),
    ]


def families_page(found: Cells, lengths: Lengths, post: Post) -> str:
    """Return the page docs/families.md."""
    names = family_names(found)
    return markdown_page(
        "families",
        episodes=len(EPISODES),
        fewer=len(FEWER),
        worlds={short_name(task): variant for task, variant in WORLDS.items()},
        success_header=("policy", *names),
        success=success_rows(found),
        gain_header=("policy", "instead of", *names),
        gains=gain_rows(found),
        beyond_header=beyond_header(found),
        beyond=beyond_rows(found),
        length_header=length_header(lengths),
        lengths=length_rows(lengths),
        post_task=short_name(POST[0]),
        post_variant=POST[1],
        post_header=POST_HEADER,
        post=post_rows(post),
        prints=", ".join(f"{task} `{fingerprint(load_task(task))[:16]}`" for task in {**found, **lengths}),
        versions=", ".join(f"{name} {version}" for name, version in versions().items()),
    )


def _success(cell: FamilyCell | None) -> str:
    if cell is None:
        return "–"
    success = cell.metric("success")
    assert isinstance(success, Interval)
    rarest = cell.metric("minority_share")
    assert not isinstance(rarest, Interval)
    return f"{percent(success.estimate)} {bounds(success)}, {percent(rarest)}"


def _beyond(cell: FamilyCell | None, name: str) -> str:
    """Return a metric of a cell, with its interval where it has one."""
    if cell is None:
        return "–"
    value = cell.metric(name)
    text = metric_text(METRICS[name], value)
    return f"{text} {bounds(value)}" if isinstance(value, Interval) else text


def _gain(one: Contender, cells: Mapping[str, FamilyCell]) -> str:
    """Return the paired difference to what it stands for, with its interval."""
    if one.name not in cells or one.instead not in cells:
        return "–"
    found = paired_difference(cells[one.name].won, cells[one.instead].won)
    return f"{points(found.estimate)} {signed_bounds(found)}"
