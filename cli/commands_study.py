"""What `certify` and `results` do: studies of tasks and of methods."""

import argparse

from ..benchmark.provenance import cores
from ..envs.errors import WrongUse
from ..envs.files import write_text
from ..tasks import load_task
from ..tasks.core.registry import own_names, place
from ..tasks.core.validation import require_sound
from .console import console, progress_bar


def certify(options: argparse.Namespace) -> int:
    """Check a task against every gate of the certificate; exit code 1 if one fails."""
    if options.variants:
        return _feasibility(options)
    if options.controls or options.limits:
        return _studies(options)
    from ..benchmark.certificate.certify import certificate_table, certificates_page
    from ..benchmark.certificate.certify import certify as check
    from ..benchmark.certificate.store import all_kept, keep, kept

    names, workers, passed = _chosen(options), cores() if options.workers is None else options.workers, True
    for name in names:
        task = load_task(name)
        require_sound(task, place(name))
        found = None if options.fresh or options.quick else kept(task)
        if found is None:
            with progress_bar(name, "") as update:
                found = check(
                    task,
                    quick=options.quick,
                    progress=lambda text, n, total: update(n, total, text),
                    workers=workers,
                )
            if not found.quick:
                keep(found)
        console.print(certificate_table(found))
        passed &= found.passed
    if options.page:
        shown = all_kept(map(load_task, own_names()))
        missing = sorted(set(own_names()) - {found.task for found in shown})
        write_text(options.page, certificates_page(shown, missing))
    return 0 if passed else 1


def _chosen(options: argparse.Namespace) -> tuple[str, ...]:
    """Return the tasks to certify or study."""
    if options.all and options.task:
        raise WrongUse("--all means every task; leave it out, or leave out the task ids")
    return tuple(options.task) or own_names()


def _studies(options: argparse.Namespace) -> int:
    """Measure the causal controls and the limits of tasks, and print them."""
    from ..benchmark.certificate.causal_controls import measure
    from ..benchmark.report.validity_page import validity_page, validity_tables

    with progress_bar("studies", "") as update:
        found = measure(
            [load_task(name) for name in _chosen(options)],
            controls=options.controls,
            limits=options.limits,
            workers=cores() if options.workers is None else options.workers,
            fresh=options.fresh,
            progress=lambda text, n, total: update(n, total, text),
        )
    for table in validity_tables(found):
        console.print(table)
    if options.page:
        everything = measure(map(load_task, own_names()), controls=False, limits=False)
        write_text(options.page, validity_page([one for one in everything if one.findings]))
    return 0


def _feasibility(options: argparse.Namespace) -> int:
    """Measure in which variants the experts still succeed, and print it."""
    from ..benchmark.certificate.feasibility import QUICK_SEEDS, SEEDS, Cell, measure
    from ..benchmark.certificate.feasibility_store import keep, kept
    from ..benchmark.report.variants_page import feasibility_tables, variants_page

    if options.controls or options.limits:
        raise WrongUse("--variants, and --controls or --limits, are two studies; leave one out")
    names = _chosen(options)
    with progress_bar("variants", "cells") as update:

        def done(cell: Cell, n: int, total: int) -> None:
            if not options.quick:
                keep(cell)
            update(n, total, f"{cell.task} {cell.axis}:{cell.level}")

        found = measure(
            names,
            workers=cores() if options.workers is None else options.workers,
            seeds=QUICK_SEEDS if options.quick else SEEDS,
            known=None if options.fresh or options.quick else kept(names),
            progress=done,
        )
    for table in feasibility_tables(found):
        console.print(table)
    if options.page:
        write_text(options.page, variants_page(own_names(), kept(own_names())))
    return 0


def results(options: argparse.Namespace) -> int:
    """Compare every method that has a finished run on the core suite, and how samplers trade time."""
    from ..benchmark.certificate import causal_controls as validity
    from ..benchmark.provenance import machine
    from ..benchmark.report.results_page import results_page, results_tables
    from ..benchmark.studies import mode_choice as choices
    from ..benchmark.studies import samplers as sampling
    from ..benchmark.studies.method_results import decision_ms, result, runs_of, seed_runs

    runs = runs_of()
    if not runs:
        raise WrongUse("no finished run of the core suite in runs/; make one with: bimodal evaluate flow")
    found = [result(run) for run in runs]
    workers = cores() if options.workers is None else options.workers
    studies = ((options.choices, choices, "episodes"), (options.sampling, sampling, "cells"))
    for study, unit in ((study, unit) for wanted, study, unit in studies if wanted):
        with progress_bar(study.__name__.rpartition(".")[2], unit) as update:
            study.measure(
                workers=workers,
                fresh=options.fresh,
                progress=lambda text, n, total: update(n, total, text),
            )
    with console.status("timing decisions") as status:
        times = decision_ms([one.policy for one in found], lambda name: status.update(f"timing {name}"))
    for table in results_tables(found, times):
        console.print(table)
    if options.page:
        controls = validity.measure(map(load_task, own_names()), controls=False, limits=False)
        seeds = {one.policy: [one, *map(result, seed_runs(one.policy))] for one in found}
        cpu = str(machine()["cpu"])
        shown = (sampling.kept(), controls, choices.kept())
        write_text(options.page, results_page(found, times, seeds, *shown, cpu))
    return 0
