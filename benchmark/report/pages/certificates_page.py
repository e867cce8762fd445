"""Writes docs/certificates.md, all certificates, for `bimodal certify --page`; and reads it for the site."""

import re
from collections.abc import Sequence
from typing import NamedTuple

from ...certificate.certificate import Certificate, Check
from ...certificate.certify import GATES
from ...certificate.learning_checks import LABELLED, TOLD
from .markdown import markdown_page, markdown_table, table_rows

SUMMARY = {
    "average": "average: successes; lifts",
    "average acts": "fails at step",
    "grace": "[grace](grace.md)",
    "dead zone": "dead zone",
    "mse, 8 of 16": "mse",
    TOLD: "told the mode, or more",
    "flow, 8 of 16": "flow; rarest mode",
}
"""Checks of the first table of the page, by name or by what they measure, and what they are called there."""

_SECTION = re.compile(r"^## (\S+)\n\nFingerprint `([0-9a-f]+)`.*?\n\n((?:\|.*\n?)+)", re.MULTILINE)
_MARKS = {True: "passed", False: "**failed**", None: ""}


class WrittenCertificate(NamedTuple):
    """A task's certificate as the page has it, in words."""

    fingerprint: str
    """First digits of the fingerprint of the task that was measured."""
    checks: tuple[Check, ...]
    """What was checked, gate by gate."""

    @property
    def passed(self) -> bool:
        """Whether no check failed."""
        return all(check.passed is not False for check in self.checks)


def read_certificates(page: str) -> dict[str, WrittenCertificate]:
    """Return the certificates of a page that `certificates_page` wrote, by task; for the site."""
    found = {}
    for task, fingerprint, table in _SECTION.findall(page):
        checks = []
        for gate, name, measured, value, bound, mark in table_rows(table):
            passed = next((passed for passed, text in _MARKS.items() if text == mark), None)
            checks.append(Check(int(gate.split()[0]), name, measured, value, bound, passed))
        found[task] = WrittenCertificate(fingerprint, tuple(checks))
    return found


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
        cpu=" or ".join(dict.fromkeys(str(c.machine["cpu"]) for c in certificates)),
        missing=missing,
        tasks=[(c, markdown_table(header, [_cells(check) for check in c.checks])) for c in certificates],
    )


def _cells(check: Check) -> tuple[str, ...]:
    gate = f"{check.gate} {GATES[check.gate][0]}"
    return gate, check.name, check.measured, check.value, check.bound, _MARKS[check.passed]


def _value(certificate: Certificate, name: str) -> str:
    """Return the value of a check in the summary.

    Of those for each pair of modes it is the first, with the pair's numbers; of a policy that is told
    something else than the mode, it has its name.
    """
    for check in certificate.checks:
        if check.name == name or (name == "dead zone" and check.name.startswith("dead zone ")):
            return f"{check.value}{check.name[len(name) :]}"
        if name == TOLD and check.measured.startswith(TOLD):
            policy = check.name.partition(",")[0]
            return check.value if policy == LABELLED else f"{check.value} ({policy})"
    return "not measured"
