"""`bimodal results`: compares the methods that have finished runs."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from ..envs.errors import WrongUse
from .arguments import Page, Workers, flag

if TYPE_CHECKING:
    from ..benchmark.studies.method_results import Result

EXAMPLE = "bimodal results --page results.md"

Sampling = Annotated[bool, flag("--sampling", "also measure samplers by executed length")]
Choices = Annotated[bool, flag("--choices", "also measure what makes methods choose a mode")]
Fresh = Annotated[bool, flag("--fresh", "measure samplers and choices again")]


def run(
    sampling: Sampling = False,
    choices: Choices = False,
    page: Page = None,
    fresh: Fresh = False,
    workers: Workers = None,
) -> int:
    """Compare every method that has a run of the core suite.

    Options also measure how samplers trade time and what makes methods choose a mode.
    """
    from ..benchmark.provenance import cores
    from ..benchmark.report.results_page import results_tables
    from ..benchmark.studies import mode_choice, samplers
    from ..benchmark.studies.method_results import decision_ms, result, runs_of
    from .console import console, progress_bar

    found = [result(finished) for finished in runs_of()]
    if not found:
        raise WrongUse("no finished run of the core suite in runs/; make one with: bimodal evaluate flow")
    processes = cores() if workers is None else workers
    studies = (("mode_choice", mode_choice, "episodes", choices), ("samplers", samplers, "cells", sampling))
    for name, study, unit in (study[:3] for study in studies if study[3]):
        with progress_bar(name, unit) as update:
            study.measure(
                workers=processes,
                fresh=fresh,
                progress=lambda text, n, total: update(n, total, text),
            )
    with console.status("timing decisions") as status:
        times = decision_ms([one.policy for one in found], lambda name: status.update(f"timing {name}"))
    for table in results_tables(found, times):
        console.print(table)
    if page:
        _write_page(page, found, times)
    return 0


def _write_page(page: Path, found: Sequence["Result"], times: dict) -> None:
    """Write docs/results.md, of all studies that runs/ holds."""
    from ..benchmark.certificate.causal_controls import measure
    from ..benchmark.provenance import machine
    from ..benchmark.report.results_page import results_page
    from ..benchmark.studies import mode_choice, samplers
    from ..benchmark.studies.method_results import result, seed_runs
    from ..envs.files import write_text
    from ..tasks import load_task
    from ..tasks.core.registry import own_names

    controls = measure(map(load_task, own_names()), controls=False, limits=False)
    seeds = {one.policy: [one, *map(result, seed_runs(one.policy))] for one in found}
    shown = (samplers.kept(), controls, mode_choice.kept())
    write_text(page, results_page(found, times, seeds, *shown, str(machine()["cpu"])))
