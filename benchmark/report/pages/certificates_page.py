"""Writes docs/certificates.md: the certificates of all tasks, for `bimodal certify --page`."""

from collections.abc import Sequence

from ...certificate.certificate import Certificate, Check
from ...certificate.certify import GATES
from .markdown import markdown_table

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
    tried = certificates[0].versions
    cpu = certificates[0].machine["cpu"]
    verdicts = {True: "certified", False: "**not certified**"}
    summary = [(c.task, *(_value(c, name) for name in SUMMARY), verdicts[c.passed]) for c in certificates]
    lines = [
        "# Certificates",
        "",
        "Is a task bimodal? Each is measured against seven gates; `bimodal certify TASK` measures it again.",
        "",
        *(f"{number}. **{name}.** {text}" for number, (name, text) in GATES.items()),
        "",
        markdown_table(("task", *SUMMARY.values(), "verdict"), summary),
        "",
        f"Measured with MuJoCo {tried['mujoco']}, torch {tried['torch']} and numpy {tried['numpy']},",
        f"on one core of: {cpu}. The seeds are of no suite's panel. Steps are control steps of",
        "50 ms, the first after the modes part is 0. Figures side by side are of several training seeds; the",
        "worst counts. Bars show the success of the mixtures 0.05, 0.1 .. 0.95 of the two modes' plans.",
        "Learned policies are tried in 100 episodes, executing 16 actions in 50; in 25 where no gate asks.",
    ]
    if missing:
        lines += ["", f"Without a certificate so far, and so in no suite: {', '.join(missing)}."]
    header = ("gate", "check", "measured", "value", "asked for", "")
    for c in certificates:
        source = f"Fingerprint `{c.fingerprint[:16]}`, measured in {c.seconds:.0f} s."
        lines += [
            "",
            f"## {c.task}",
            "",
            source,
            "",
            markdown_table(header, [_cells(check) for check in c.checks]),
        ]
    return "\n".join(lines) + "\n"


def _cells(check: Check) -> tuple[str, ...]:
    mark = {True: "passed", False: "**failed**", None: ""}[check.passed]
    return f"{check.gate} {GATES[check.gate][0]}", check.name, check.measured, check.value, check.bound, mark


def _value(certificate: Certificate, name: str) -> str:
    """Return the value of a check; of those for each pair of modes, the first with the pair's numbers."""
    for check in certificate.checks:
        if check.name == name or (name == "dead zone" and check.name.startswith("dead zone ")):
            return f"{check.value}{check.name[len(name) :]}"
    return "not measured"
