"""What a run or a comparison must keep to end with exit code 0, and the JUnit file that tells a CI."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from xml.etree import ElementTree

if TYPE_CHECKING:
    from ..benchmark.scoring.run_episodes import Run


class Case(NamedTuple):
    """One condition."""

    name: str
    """What is asked."""
    problem: str = ""
    """What is wrong, in one line; "" for nothing."""
    code: int = 1
    """Exit code if something is."""


class Bounds(NamedTuple):
    """What a run is asked to keep."""

    min_success: float | None
    """Least mean success over the tasks in the clean world, 0 to 1; None for any."""
    max_averaging: float | None
    """Greatest mean share of averaging failures; None for any."""


def exit_code(cases: Sequence[Case]) -> int:
    """Return the exit code of the first condition that is not kept, 0 when all are."""
    return next((case.code for case in cases if case.problem), 0)


def run_cases(run: "Run", bounds: Bounds) -> list[Case]:
    """Return the conditions of a finished run: not faults alone, the bounds asked for, its verdict."""
    from ..benchmark.number_text import percent
    from ..benchmark.scoring.task_scores import score_run, score_suite

    total = score_suite(score_run(run))
    success = total.success.estimate
    averaging = total.averaging.estimate
    faulty = all(text for cell in run.cells.values() for text in cell.faults)
    cases = [
        Case(
            "episodes that show what the policy can do",
            "every episode was ended by a fault of the policy" if faulty else "",
        )
    ]
    if (least := bounds.min_success) is not None:
        low = f"success {percent(success, 1)} % is below {percent(least, 1)} %"
        cases.append(Case(f"success of at least {percent(least, 1)} %", low if success < least else ""))
    if (most := bounds.max_averaging) is not None:
        high = f"averaging {percent(averaging, 1)} % is above {percent(most, 1)} %"
        cases.append(Case(f"averaging of at most {percent(most, 1)} %", high if averaging > most else ""))
    return cases + _early_verdict(run)


def _early_verdict(run: "Run") -> list[Case]:
    """Return what a run has shown that was to end when decided; none for other runs."""
    from ..benchmark.comparison.arm import arm_of_run
    from ..benchmark.comparison.early_stop import verdict_of
    from ..benchmark.comparison.sentences import early_stop_sentence
    from .console import notices

    if not (stop := run.record.early_stop):
        return []
    verdict = verdict_of(stop)
    sentence = early_stop_sentence(arm_of_run(run), stop, verdict)
    notices.print(sentence, markup=False)
    return [Case(f"better than {stop.against}", sentence if verdict.value else "", verdict.value)]


def write_junit(file: Path, about: str, cases: Sequence[Case]) -> None:
    """Write a JUnit file: a test case for every condition, a failure for each that is not kept."""
    from ..envs.storage.atomic_write import write_text

    failures = sum(bool(case.problem) for case in cases)
    counts = {"tests": str(len(cases)), "failures": str(failures), "errors": "0"}
    suites = ElementTree.Element("testsuites", counts)
    suite = ElementTree.SubElement(suites, "testsuite", {"name": about, **counts})
    for case in cases:
        element = ElementTree.SubElement(suite, "testcase", {"name": case.name, "classname": "bimodal"})
        if case.problem:
            ElementTree.SubElement(element, "failure", {"message": case.problem}).text = case.problem
    ElementTree.indent(suites)
    write_text(file, ElementTree.tostring(suites, "unicode", xml_declaration=True) + "\n")
