"""`bimodal certify`: measures what tasks claim, by gates, by causal controls, or in every variant."""

from pathlib import Path
from typing import Annotated

from ..envs.errors import WrongUse
from .arguments import Page, Workers, argument, flag, task_name, task_names

EXAMPLE = "bimodal certify PandaLiftPot-v1 --quick"

Tasks = Annotated[
    list[str] | None,
    argument("TASK", "task ids or files", task_name, "every task", autocompletion=task_names),
]
Every = Annotated[bool, flag("--all", "every task, as without any task id")]
Quick = Annotated[
    bool,
    flag("--quick", "20 seeds and gates 1 to 4 only: no learning (--variants: 10 seeds, nothing is kept)"),
]
Controls = Annotated[
    bool,
    flag(
        "--controls",
        "instead: success when the demonstrations show one mode, both, or a visible one, and on one task "
        "what branch time and process noise do",
    ),
]
Limits = Annotated[bool, flag("--limits", "instead: when regression succeeds anyway (docs/validity.md)")]
Grace = Annotated[
    bool,
    flag("--grace", "instead: for how long the average of the modes stays harmless (docs/grace.md)"),
]
Regressions = Annotated[
    bool,
    flag("--regressions", "instead: whether another recipe of regression succeeds (docs/regressions.md)"),
]
Headroom = Annotated[
    bool,
    flag("--headroom", "instead: how far policies fall short of one that is told more (docs/headroom.md)"),
]
Variants = Annotated[
    bool,
    flag("--variants", "instead: in which variants the experts of all modes succeed (docs/variants.md)"),
]
Renew = Annotated[
    bool,
    flag("--publish", "with --variants: also renew the figures that come with the package, feasible.json"),
]
Fresh = Annotated[bool, flag("--fresh", "measure again what runs/ holds already")]
STUDIES = "--variants, --grace, --regressions, --headroom, and --controls or --limits,"
"""What is measured instead of a certificate, in words."""


def run(
    task: Tasks = None,
    every: Every = False,
    quick: Quick = False,
    controls: Controls = False,
    limits: Limits = False,
    grace: Grace = False,
    regressions: Regressions = False,
    headroom: Headroom = False,
    variants: Variants = False,
    publish: Renew = False,
    fresh: Fresh = False,
    page: Page = None,
    workers: Workers = None,
) -> int:
    """Check a task against every gate of the certificate.

    The exit code is 1 if a gate is not passed. Six options measure something else instead.
    """
    from ..benchmark.provenance import cores
    from ..tasks.core.registry import own_names

    if every and task:
        raise WrongUse("--all means every task; leave it out, or leave out the task ids")
    chosen = {_grace: grace, _regressions: regressions, _headroom: headroom}
    asked = [study for study, wanted in chosen.items() if wanted]
    if len(asked) + variants + (controls or limits) > 1:
        raise WrongUse(f"{STUDIES} are studies; name one of them")
    if publish and not variants:
        raise WrongUse("--publish is for --variants; leave it out, or name both")
    names = tuple(task or own_names())
    processes = cores() if workers is None else workers
    if variants:
        return _feasibility(names, quick, fresh, page, publish, processes)
    if asked:
        return asked[0](names, fresh, page, processes)
    if controls or limits:
        return _studies(names, controls, limits, fresh, page, processes)
    return _gates(names, quick, fresh, page, processes)


def _gates(names: tuple[str, ...], quick: bool, fresh: bool, page: Path | None, workers: int) -> int:
    """Measure the certificates of tasks and print them; returns 1 if a gate is not passed."""
    from ..benchmark.certificate.certify import certificate_table, certify
    from ..benchmark.certificate.store import load_certificate, load_certificates, save_certificate
    from ..benchmark.report.pages.certificates_page import certificates_page
    from ..envs.storage.atomic_write import write_text
    from ..tasks import load_task
    from ..tasks.core.registry import own_names, place
    from ..tasks.core.validation import require_sound
    from .console import console, progress_bar

    passed = True
    for name in names:
        task = load_task(name)
        require_sound(task, place(name))
        found = None if fresh or quick else load_certificate(task)
        if found is None:
            with progress_bar(name, "") as update:
                found = certify(
                    task,
                    quick=quick,
                    progress=lambda text, n, total: update(n, total, text),
                    workers=workers,
                )
            if not found.quick:
                save_certificate(found)
        console.print(certificate_table(found))
        passed &= found.passed
    if page:
        shown = load_certificates(map(load_task, own_names()))
        missing = sorted(set(own_names()) - {found.task for found in shown})
        write_text(page, certificates_page(shown, missing))
    return 0 if passed else 1


def _studies(
    names: tuple[str, ...], controls: bool, limits: bool, fresh: bool, page: Path | None, workers: int
) -> int:
    """Measure the causal controls and the limits of tasks, and print them."""
    from ..benchmark.certificate.causal_controls import measure_controls
    from ..benchmark.report.pages.validity_page import validity_page, validity_tables
    from ..envs.storage.atomic_write import write_text
    from ..tasks import load_task
    from ..tasks.core.registry import own_names
    from .console import console, progress_bar

    with progress_bar("studies", "") as update:
        found = measure_controls(
            [load_task(name) for name in names],
            controls=controls,
            limits=limits,
            workers=workers,
            fresh=fresh,
            progress=lambda text, n, total: update(n, total, text),
        )
    for table in validity_tables(found):
        console.print(table)
    if page:
        everything = measure_controls(map(load_task, own_names()), controls=False, limits=False)
        write_text(page, validity_page([one for one in everything if one.results]))
    return 0


def _grace(names: tuple[str, ...], fresh: bool, page: Path | None, workers: int) -> int:
    """Measure for how long the mean plan of tasks stays harmless, and print it."""
    from ..benchmark.certificate.grace import measure_grace
    from ..benchmark.report.pages.grace_page import grace_page, grace_table
    from ..envs.storage.atomic_write import write_text
    from .console import console, progress_bar

    with progress_bar("grace", "tasks") as update:
        found = measure_grace(names, workers, fresh, lambda text, n, total: update(n, total, text))
    console.print(grace_table(found))
    if page:
        write_text(page, grace_page(found))
    return 0


def _regressions(names: tuple[str, ...], fresh: bool, page: Path | None, workers: int) -> int:
    """Try whether any recipe of regression succeeds on tasks, and print it."""
    from ..benchmark.certificate.grace import known_grace
    from ..benchmark.certificate.regression_panel import measure_regressions
    from ..benchmark.report.pages.regressions_page import regressions_page, regressions_table
    from ..envs.storage.atomic_write import write_text
    from .console import console, progress_bar

    with progress_bar("regressions", "recipes") as update:
        found = measure_regressions(names, workers, fresh, lambda text, n, total: update(n, total, text))
    console.print(regressions_table(found))
    if page:
        write_text(page, regressions_page(found, known_grace(names)))
    return 0


def _headroom(names: tuple[str, ...], fresh: bool, page: Path | None, workers: int) -> int:
    """Measure how far policies fall short of the informed control, in the tasks that have one; print it."""
    from ..benchmark.report.pages.headroom_page import headroom_page, headroom_tables
    from ..benchmark.studies.headroom import measure_headroom
    from ..envs.storage.atomic_write import write_text
    from ..tasks import load_task
    from ..tasks.core.registry import own_names
    from .console import console, progress_bar

    hard = [name for name in names if load_task(name).informed_control]
    if not hard:
        raise WrongUse(f"{names[0]} states no `informed_control`, so it claims no headroom; see --limits")
    with progress_bar("headroom", "policies") as update:
        found = measure_headroom(hard, workers, fresh, lambda text, n, total: update(n, total, text))
    for table in headroom_tables(found):
        console.print(table)
    if page:
        missing = {one for one in own_names() if load_task(one).informed_control} - {*hard}
        write_text(page, headroom_page(found, sorted(missing)))
    return 0


def _feasibility(
    names: tuple[str, ...], quick: bool, fresh: bool, page: Path | None, renew: bool, workers: int
) -> int:
    """Measure in which variants the experts still succeed, and print it."""
    from ..benchmark.certificate.feasibility import QUICK_EPISODES, measure_feasibility
    from ..benchmark.report.pages.variants_page import feasibility_tables, variants_page
    from ..benchmark.scoring.feasible_cells import (
        EPISODES,
        FeasibilityCell,
        known_cells,
        load_cells,
        publish,
        save_cell,
    )
    from ..envs.storage.atomic_write import write_text
    from ..tasks.core.registry import own_names
    from .console import console, progress_bar

    with progress_bar("variants", "cells") as update:

        def done(cell: FeasibilityCell, n: int, total: int) -> None:
            if not quick:
                save_cell(cell)
            update(n, total, f"{cell.task} {cell.perturbation}:{cell.level}")

        found = measure_feasibility(
            names,
            workers=workers,
            episodes=QUICK_EPISODES if quick else EPISODES,
            known=None if fresh or quick else load_cells(names),
            progress=done,
        )
    for table in feasibility_tables(found):
        console.print(table)
    if page:
        write_text(page, variants_page(own_names(), known_cells(own_names())))
    if renew:
        publish(own_names())
    return 0
