"""The studies of `bimodal certify`, which measure something else than a certificate: one function each.

All take the ids of tasks, whether what is known is measured again, the page to write, and the processes.
"""

from pathlib import Path

from ..envs.errors import WrongUse


def validity(
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


def grace(names: tuple[str, ...], fresh: bool, page: Path | None, workers: int) -> int:
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


def regressions(names: tuple[str, ...], fresh: bool, page: Path | None, workers: int) -> int:
    """Try whether any recipe of regression succeeds on tasks, and print it."""
    from ..benchmark.certificate.grace import known_grace
    from ..benchmark.certificate.regression_panel import known_regressions, measure_regressions
    from ..benchmark.report.pages.regressions_page import regressions_page, regressions_table
    from ..envs.storage.atomic_write import write_text
    from ..tasks.core.registry import own_names
    from .console import console, progress_bar

    with progress_bar("regressions", "recipes") as update:
        found = measure_regressions(names, workers, fresh, lambda text, n, total: update(n, total, text))
    console.print(regressions_table(found))
    if page:
        known = known_regressions(own_names())
        missing = sorted(set(own_names()) - {one.task for one in known})
        write_text(page, regressions_page(known, known_grace(own_names()), missing))
    return 0


def headroom(names: tuple[str, ...], fresh: bool, page: Path | None, workers: int) -> int:
    """Measure how far policies fall short of the informed control, in the tasks that have one; print it."""
    from ..benchmark.report.pages.headroom_page import headroom_page, headroom_tables
    from ..benchmark.studies.headroom import measure_headroom
    from ..benchmark.studies.rare_modes import known_rare
    from ..envs.storage.atomic_write import write_text
    from ..tasks import load_task
    from ..tasks.core.registry import own_names
    from ..tasks.demonstrations.regimes import RARE_SHARES
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
        known = [one for one in own_names() if len(load_task(one).modes) in RARE_SHARES]
        write_text(page, headroom_page(found, sorted(missing), known_rare(known)))
    return 0


def rare(names: tuple[str, ...], fresh: bool, page: Path | None, workers: int) -> int:
    """Measure whether policies keep a mode that is rarely shown, and print it."""
    from ..benchmark.report.pages.headroom_page import rare_table
    from ..benchmark.studies.rare_modes import measure_rare
    from ..tasks import load_task
    from ..tasks.demonstrations.regimes import RARE_SHARES
    from .console import console, progress_bar

    if page:
        raise WrongUse("--rare has no page of its own; --headroom --page FILE shows its table, too")
    few = [name for name in names if len(load_task(name).modes) in RARE_SHARES]
    if not few:
        raise WrongUse(f"{names[0]} has more than three modes; --rare is for tasks with two or three")
    with progress_bar("rare modes", "policies") as update:
        found = measure_rare(few, workers, fresh, lambda text, n, total: update(n, total, text))
    console.print(rare_table(found))
    return 0


def pictures(names: tuple[str, ...], quick: bool, fresh: bool, page: Path | None, workers: int) -> int:
    """Measure the gates for pictures of tasks, and print them; returns 1 if one is not passed."""
    from ..benchmark.certificate.vision_panel import PANEL, known_pictures, measure_pictures
    from ..envs.storage.atomic_write import write_text
    from ..tasks.core.registry import own_names
    from .console import console, progress_bar
    from .demos import demonstrations_file
    from .vision_certificates import pictures_page, pictures_table

    seeds = 1 if quick else max(PANEL.values())
    with progress_bar("pictures", "trainings") as update:

        def done(text: str, n: int, total: int) -> None:
            update(n, total, text)

        found = measure_pictures(names, demonstrations_file, workers, seeds, fresh, done)
    console.print(pictures_table(found))
    if page:
        write_text(page, pictures_page(known_pictures(own_names())))
    return 1 if any(one.failures for one in found) else 0


def feasibility(
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
            update(n, total, f"{cell.task} {cell.key.part}")

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
