"""The page docs/certificates-vision.md and the terminal table of `bimodal certify --vision`."""

from collections.abc import Sequence

from rich.table import Table

from ..benchmark.certificate.learning_checks import FAIR, FLOW_FLOOR, MSE_CEILING, ORACLE_FLOOR
from ..benchmark.certificate.learning_gates import TRIAL_SEEDS
from ..benchmark.certificate.vision_panel import (
    FLOW,
    PANEL,
    REGRESSIONS,
    TOLD,
    PictureCertificate,
    PictureTrial,
)
from ..benchmark.number_text import percent
from ..benchmark.provenance import versions
from ..benchmark.report.pages.markdown import markdown_page, markdown_table
from ..benchmark.rich_table import number_table
from ..benchmark.suites import SUITES

HEADER = ("task", FLOW, str(TOLD), *REGRESSIONS, "verdict")
"""Of the table: the policies of the panel, in the order of the gates."""
SUITE = "core-vision"
"""The suite of the tasks that are certified from pictures."""


def pictures_rows(found: Sequence[PictureCertificate]) -> list[tuple[str, ...]]:
    """Return a row for each task: successes and rarest modes of every policy by training, and the verdict."""
    return [(one.task, *(_trials(one.trials[name]) for name in PANEL), verdict(one)) for one in found]


def verdict(one: PictureCertificate) -> str:
    """Return what the measurements say of a task: certified, not certified and why, or not yet."""
    if one.failures:
        return f"**not certified from pictures**: {'; '.join(one.failures)}"
    return (
        f"open: {one.missing} training{'s are' if one.missing > 1 else ' is'} not measured"
        if one.missing
        else "certified"
    )


def pictures_table(found: Sequence[PictureCertificate]) -> Table:
    """Return the table for the terminal."""
    title = "Success [%], rarest mode [%], by training seed"
    rows = [[cell.replace("**", "") for cell in row] for row in pictures_rows(found)]
    return number_table(title, HEADER, rows)


def pictures_page(found: Sequence[PictureCertificate]) -> str:
    """Return the page docs/certificates-vision.md: all tasks of which anything is known."""
    suite = SUITES[SUITE]
    certified = {one.task for one in found if one.certified}
    return markdown_page(
        "certificates_vision",
        n=len(TRIAL_SEEDS),
        flow=percent(FLOW_FLOOR),
        told=percent(ORACLE_FLOOR),
        fair=percent(FAIR),
        ceiling=percent(MSE_CEILING),
        summary=markdown_table(HEADER, pictures_rows(found)),
        suite=suite,
        unproved=[task for task in suite.tasks if task not in certified],
        failed=[one.task for one in found if one.failures],
        incomplete={one.task: one.missing for one in found if one.missing},
        versions=", ".join(f"{name} {version}" for name, version in versions().items()),
        prints=", ".join(f"{one.task} `{one.fingerprint[:16]}`" for one in found),
    )


def _trials(trials: Sequence[PictureTrial]) -> str:
    cells = [f"{percent(one.success)} ({percent(one.rarest) if one.success else '–'})" for one in trials]
    return ", ".join(cells) or "–"
