"""Writes docs/certificates.md: the certificates of all tasks, for `bimodal certify --page`."""

from collections.abc import Sequence

from ...certificate.certificate import Certificate, Check
from ...certificate.certify import GATES
from .markdown import markdown_page, markdown_table

SUMMARY = {
    "average": "average: successes; lifts",
    "average acts": "fails at step",
    "dead zone": "dead zone",
    "mse, 8 of 16": "mse",
    "labelled mse, 8 of 16": "labelled mse",
    "flow, 8 of 16": "flow; rarest mode",
}
"""Checks of the first table of the page, and what they are called there."""


def certificates_page(certificates: Sequence[Certificate], missing: Sequence[str] = ()) -> str:
    """Return the certificates as a page of Markdown: one table of all tasks, then one of each.

    Args:
        certificates: at least one.
        missing: tasks that have none.
    """
    verdicts = {True: "certified", False: "**not certified**"}
    summary = [(c.task, *(_value(c, name) for name in SUMMARY), verdicts[c.passed]) for c in certificates]
    header = ("gate", "check", "measured", "value", "asked for", "")
    return markdown_page(
        "certificates",
        gates=GATES,
        summary=markdown_table(("task", *SUMMARY.values(), "verdict"), summary),
        versions=certificates[0].versions,
        cpu=certificates[0].machine["cpu"],
        missing=missing,
        tasks=[(c, markdown_table(header, [_cells(check) for check in c.checks])) for c in certificates],
    )


def _cells(check: Check) -> tuple[str, ...]:
    mark = {True: "passed", False: "**failed**", None: ""}[check.passed]
    return f"{check.gate} {GATES[check.gate][0]}", check.name, check.measured, check.value, check.bound, mark


def _value(certificate: Certificate, name: str) -> str:
    """Return the value of a check; of those for each pair of modes, the first with the pair's numbers."""
    for check in certificate.checks:
        if check.name == name or (name == "dead zone" and check.name.startswith("dead zone ")):
            return f"{check.value}{check.name[len(name) :]}"
    return "not measured"
