"""`bimodal certify`: measures what tasks claim, by gates, by causal controls, or in every variant."""

from itertools import compress
from pathlib import Path
from typing import Annotated

from ..envs.errors import WrongUse
from . import certificate_studies as studies
from .arguments import Page, Workers, argument, flag, task_name, task_names

EXAMPLE = "bimodal certify PandaLiftPot-v1 --quick"

Tasks = Annotated[
    list[str] | None,
    argument("TASK", "task ids or files", task_name, "every task", autocompletion=task_names),
]
Every = Annotated[bool, flag("--all", "every task, as without any task id")]
Quick = Annotated[
    bool,
    flag(
        "--quick",
        "20 seeds and gates 1 to 4 only: no learning (--variants: 10 seeds, nothing is kept; "
        "--vision: one training seed)",
    ),
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
Rare = Annotated[
    bool,
    flag("--rare", "instead: whether policies keep a mode that is rarely shown (docs/headroom.md)"),
]
Vision = Annotated[
    bool,
    flag(
        "--vision",
        "instead: gates for policies that learn from pictures, of the tasks of core-vision unless some "
        "are named (docs/certificates-vision.md)",
    ),
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
STUDIES = "--variants, --vision, --grace, --regressions, --headroom, --rare, and --controls or --limits,"
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
    rare: Rare = False,
    vision: Vision = False,
    variants: Variants = False,
    publish: Renew = False,
    fresh: Fresh = False,
    page: Page = None,
    workers: Workers = None,
) -> int:
    """Check a task against every gate of the certificate.

    The exit code is 1 if a gate is not passed. Eight options measure something else instead.
    """
    from ..benchmark.provenance import cores

    names = _names(task, every, vision)
    kinds = (studies.grace, studies.regressions, studies.headroom, studies.rare)
    asked = list(compress(kinds, (grace, regressions, headroom, rare)))
    if len(asked) + vision + variants + (controls or limits) > 1:
        raise WrongUse(f"{STUDIES} are studies; name one of them")
    if publish and not variants:
        raise WrongUse("--publish is for --variants; leave it out, or name both")
    processes = cores() if workers is None else workers
    if vision:
        return studies.pictures(names, quick, fresh, page, processes)
    if variants:
        return studies.feasibility(names, quick, fresh, page, publish, processes)
    if asked:
        return asked[0](names, fresh, page, processes)
    if controls or limits:
        return studies.validity(names, controls, limits, fresh, page, processes)
    return _gates(names, quick, fresh, page, processes)


def _names(task: list[str] | None, every: bool, vision: bool) -> tuple[str, ...]:
    """Return the tasks that are meant: those that are named, else all, from pictures those of core-vision."""
    from ..benchmark.suites import SUITES
    from ..tasks.core.registry import own_names

    if every and task:
        raise WrongUse("--all means every task; leave it out, or leave out the task ids")
    return tuple(task or (SUITES["core-vision"].tasks if vision and not every else own_names()))


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
