"""Times what is made of finished runs: metrics, comparison and report, without videos."""

import tempfile
from pathlib import Path

from ...envs.perturbations.core.variant import CLEAN
from ..comparison.arm import arm_of_run
from ..comparison.compare import compare_two
from ..evaluation.evaluate import evaluate
from ..evaluation.options import EvalOptions
from ..report.comparison_tables import comparison_tables
from ..report.run_report import write_report
from ..scoring.run_episodes import read_run
from ..suites import find_suite
from .measure import SpeedRow, cpu_s

POLICIES = ("mean", "expert")
"""Baseline and candidate; they decide in no time, so that playing the episodes does not take long."""
VARIANTS = (CLEAN, "contact.friction:2", "sensing.noise:2", "scene.size:2")
LIMIT_S = 20.0
"""Longest CPU time of the pages of 10,000 episodes [s]."""


def pages_row(seeds: int = 417) -> SpeedRow:
    """Time reading and comparing two runs and the report of one; of 24 episodes a seed each, played before.

    CPU time of this process, which does all of it.
    """
    panel = find_suite("core", seeds=range(seeds), variants=VARIANTS)
    with tempfile.TemporaryDirectory() as folder:
        runs = [evaluate(name, panel, EvalOptions(out=Path(folder) / name)) for name in POLICIES]
        compared = cpu_s(lambda: _compare(*runs))
        written = cpu_s(lambda: write_report(runs[1]))
    episodes = sum(len(panel.panel(variant)) for _, variant in panel.cells())
    note = f"CPU time; {compared:.1f} s to compare two runs of them, {written:.1f} s for the report of one"
    name = f"metrics, comparison and report of {episodes:,} episodes"
    return SpeedRow(name, compared + written, "s", LIMIT_S, at_most=True, note=note)


def _compare(baseline: Path, candidate: Path) -> None:
    """Compare two runs and lay out the tables."""
    old, new = (arm_of_run(read_run(run)) for run in (baseline, candidate))
    list(comparison_tables(compare_two(old, new)))
