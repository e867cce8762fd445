"""`bimodal results`: compares the methods that have finished runs."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from ..envs.errors import WrongUse
from .arguments import Page, Workers, flag

if TYPE_CHECKING:
    from ..benchmark.studies.method_results import MethodResult

Replanning = Annotated[
    bool, flag("--replanning", "instead: samplers that decide again and again (docs/replanning.md)")
]
Vision = Annotated[
    bool, flag("--vision", "instead: the policies that learnt from pictures (a part of docs/vision.md)")
]
Trainings = Annotated[
    bool, flag("--trainings", "instead: methods over their training seeds (docs/trainings.md)")
]
Latent = Annotated[bool, flag("--latent", "instead: what ACT's latent variable does (docs/latent.md)")]
Doses = Annotated[
    bool, flag("--doses", "instead: success against the magnitude of every perturbation (docs/doses.md)")
]
Families = Annotated[
    bool, flag("--families", "instead: what each method buys on which family of tasks (docs/families.md)")
]
EXAMPLE = "bimodal results --page results.md"


def run(
    sampling: Annotated[bool, flag("--sampling", "also measure samplers by executed length")] = False,
    replanning: Replanning = False,
    vision: Vision = False,
    trainings: Trainings = False,
    latent: Latent = False,
    doses: Doses = False,
    families: Families = False,
    choices: Annotated[bool, flag("--choices", "also measure what makes methods choose a mode")] = False,
    page: Page = None,
    fresh: Annotated[bool, flag("--fresh", "measure samplers and choices again")] = False,
    workers: Workers = None,
) -> int:
    """Compare every method that has a run of the core suite.

    Options also measure how samplers trade time and what makes methods choose a mode.
    """
    alone = {"--replanning": replanning, "--vision": vision, "--trainings": trainings}
    alone |= {"--latent": latent, "--doses": doses, "--families": families}
    if named := [name for name, asked in alone.items() if asked]:
        if sampling or choices or len(named) > 1:
            raise WrongUse(f"{named[-1]} is a study of its own; leave out the others")
        return _study(named[0], page, fresh, workers)
    from ..benchmark.report.pages.results_page import results_tables
    from ..benchmark.studies.method_results import decision_ms, method_result, runs_of
    from .console import console

    found = [method_result(finished) for finished in runs_of()]
    if not found:
        raise WrongUse("no finished run of the core suite in runs/; make one with: bimodal evaluate flow")
    _measure(sampling, choices, fresh, workers)
    with console.status("timing decisions") as status:
        times = decision_ms([one.policy for one in found], lambda name: status.update(f"timing {name}"))
    for table in results_tables(found, times):
        console.print(table)
    if page:
        _write_page(page, found, times)
    return 0


def _study(name: str, page: Path | None, fresh: bool, workers: int | None) -> int:
    """Measure one of the studies that stand alone, show it, and write its page."""
    if name == "--trainings":
        from .training_seeds import show_trainings

        return show_trainings(page)
    if name == "--vision":
        from .vision_scores import study_vision as study
    elif name == "--latent":
        from .latent import study_latent as study
    elif name == "--doses":
        from .doses import study_doses as study
    elif name == "--families":
        from .families import study_families as study
    else:
        from .replanning import study_replanning as study
    return study(page, fresh, workers)


def _measure(sampling: bool, choices: bool, fresh: bool, workers: int | None) -> None:
    """Measure the studies that are asked for."""
    from ..benchmark.provenance import cores
    from ..benchmark.studies.mode_choice import measure_choices
    from ..benchmark.studies.samplers import measure_samplers
    from .console import progress_bar

    studies = (
        ("mode choice", measure_choices, "episodes", choices),
        ("samplers", measure_samplers, "cells", sampling),
    )
    for name, measure, unit in (study[:3] for study in studies if study[3]):
        with progress_bar(name, unit) as update:
            measure(
                workers=cores() if workers is None else workers,
                fresh=fresh,
                progress=lambda text, n, total: update(n, total, text),
            )


def _write_page(page: Path, found: Sequence["MethodResult"], times: dict) -> None:
    """Write docs/results.md, of all studies that runs/ holds."""
    from ..benchmark.certificate.causal_controls import measure_controls
    from ..benchmark.provenance import machine
    from ..benchmark.report.pages.results_page import results_page
    from ..benchmark.studies.method_results import method_result, seed_runs
    from ..benchmark.studies.mode_choice import load_choices
    from ..benchmark.studies.samplers import load_sampler_studies
    from ..envs.storage.atomic_write import write_text
    from ..tasks import load_task
    from ..tasks.core.registry import own_names

    controls = measure_controls(map(load_task, own_names()), controls=False, limits=False)
    seeds = {one.policy: [one, *map(method_result, seed_runs(one.policy))] for one in found}
    shown = (load_sampler_studies(), controls, load_choices())
    write_text(page, results_page(found, times, seeds, *shown, str(machine()["cpu"])))
