"""The page of certificates, as the site reads it again."""

from bimodal.benchmark.certificate.certificate import Certificate, Check
from bimodal.benchmark.report.pages.certificates_page import certificates_page, read_certificates

VERSIONS = {"mujoco": "4.0.0", "torch": "2.10", "numpy": "2.4"}
CHECKS = (
    Check(1, "left", "successes", "3/3", ">= 98 %", True),
    Check(2, "a | b", "c|d", "1", "", False),
    Check(7, "mean", "success", "0 %", "", None),
)


def certificate(task, checks):
    return Certificate(task, False, checks, "f" * 64, VERSIONS, {"cpu": "abacus"}, 1.0)


def test_the_page_is_read_again_as_it_was_written():
    page = certificates_page(
        [certificate("Good-v1", CHECKS[::2]), certificate("Odd-v2", CHECKS)], ["None-v1"]
    )
    found = read_certificates(page)
    assert {task: one.checks for task, one in found.items()} == {"Good-v1": CHECKS[::2], "Odd-v2": CHECKS}
    assert [(one.fingerprint, one.passed) for one in found.values()] == [("f" * 16, True), ("f" * 16, False)]


def test_a_page_without_certificates_holds_none():
    assert read_certificates("# Certificates\n\n## Nothing\n\n| a |\n") == {}
