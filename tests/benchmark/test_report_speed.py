"""The time of metrics, comparison and report, in proportion to the episodes."""

import time

import numpy as np
import pytest
from bimodal.benchmark.comparison.arm import arm_of_run
from bimodal.benchmark.comparison.compare import compare_two
from bimodal.benchmark.report.comparison_tables import comparison_tables
from bimodal.benchmark.report.run_report import write_report
from bimodal.benchmark.scoring.run_episodes import read_run
from bimodal.benchmark.speed import pages
from bimodal.benchmark.suites import find_suite
from fabricated import outcome, run_folder

VARIANTS = ("clean", "contact.friction:2", "sensing.noise:2", "scene.size:2")


def fabricate(folder, seeds, policy, share):
    suite = find_suite("core", variants=VARIANTS)._replace(name="core*", seeds=range(seeds), shifted=seeds)
    rng = np.random.default_rng(seeds)
    ends = [
        outcome("SUCCESS", seed % 2, rng.normal(seed % 2, 0.03), 40 + int(rng.integers(40)))
        if rng.random() < share
        else outcome("COLLISION_MID", -1, rng.normal(0.5, 0.05), 40)
        for seed in range(seeds)
    ]
    return run_folder(folder, dict.fromkeys(suite.tasks, ends), policy, suite=suite)


def cpu_s(folder, seeds):
    """Return the CPU time of reading, comparing and showing 24 episodes a seed, and the page's size."""
    runs = [fabricate(folder / name, seeds, name, share) for name, share in (("mse", 0.7), ("flow", 0.9))]
    begin = time.process_time()
    old, new = (arm_of_run(read_run(run)) for run in runs)
    list(comparison_tables(compare_two(old, new)))
    page = write_report(runs[1])
    return time.process_time() - begin, page.stat().st_size


@pytest.mark.slow
def test_ten_thousand_episodes_cost_seconds_and_a_small_page(tmp_path):
    cpu_s(tmp_path / "warm", 2)
    few, _ = cpu_s(tmp_path / "few", 42)
    many, size = cpu_s(tmp_path / "many", 417)
    assert many < 20 and size < 3_000_000
    assert many / few < 15, "ten times the episodes"


def test_the_row_of_make_speed_counts_the_episodes_that_it_compares_and_reports(monkeypatch):
    suites = []
    written = []

    def played(policy, suite, options):
        suites.append(suite)
        ends = [outcome("SUCCESS", seed % 2, seed % 2, 60) for seed in suite.seeds]
        return run_folder(options.out, dict.fromkeys(suite.tasks, ends), policy, suite=suite)

    def kept(run):
        written.append(write_report(run).read_text())

    monkeypatch.setattr(pages, "evaluate", played)
    monkeypatch.setattr(pages, "write_report", kept)
    row = pages.pages_row(2)
    assert row.name.endswith(" 48 episodes") and row.unit == "s" and row.target == 20 and row.at_most
    assert suites[0] == suites[1] and len(suites[0].tasks) * len(suites[0].variants) * 2 == 48
    assert len(written) == 1 and row.value > 0
