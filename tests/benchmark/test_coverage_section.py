"""How often intervals hold a rate, and the table of it in docs/compare.md.

It is renewed by `BIMODAL_WRITE_DOCS=1 python -m pytest tests/benchmark/test_coverage_section.py`.
"""

import os
import re
from pathlib import Path

import numpy as np
import pytest
from bimodal.benchmark.report.pages.coverage_section import coverage, coverage_section, jeffreys
from bimodal.benchmark.statistics.rates import clopper_pearson, wilson
from scipy import stats

PAGE = Path(__file__).parents[2] / "docs" / "compare.md"


def test_coverage_is_the_chance_of_the_outcomes_whose_interval_holds_the_rate():
    def sure_of_most(k, n):
        return (0.0, 1.0) if k >= 8 else (1.0, 1.0)

    assert coverage(sure_of_most, 10, 0.7) == pytest.approx(stats.binom.sf(7, 10, 0.7))


def test_the_exact_interval_covers_high_rates_where_the_others_do_not():
    grid = np.linspace(0.97, 1, 100)[:-1]
    assert min(coverage(clopper_pearson, 50, p) for p in grid) >= 0.95
    assert (
        min(coverage(wilson, 50, p) for p in grid) < 0.85
        and min(coverage(jeffreys, 50, p) for p in grid) < 0.9
    )


@pytest.mark.parametrize("k", [0, 1, 7, 10])
def test_jeffreys_interval_is_the_middle_of_its_posterior(k):
    low, high = stats.beta.ppf([0.025, 0.975], k + 0.5, 10 - k + 0.5)
    assert jeffreys(k, 10) == pytest.approx((low if k else 0.0, high if k < 10 else 1.0))


def test_the_table_in_docs_is_the_computed_one():
    text = PAGE.read_text()
    if os.environ.get("BIMODAL_WRITE_DOCS") == "1":
        text = re.sub(
            r"## Why the exact interval\n.*?\n(?=\n## )",
            lambda _: coverage_section() + "\n",
            text,
            flags=re.S,
        )
        PAGE.write_text(text)
    assert coverage_section() in text, "docs/compare.md is old; see this file's first lines"
