"""The table of what episodes cost: a line through measured runs, and what is not measured says so."""

import pytest
from bimodal.benchmark.speed.scaling import SIZES, Cost, fitted, measure
from bimodal.cli.scaling import SHOWN, write_scaling
from bimodal.envs.errors import BimodalError, WrongUse


def pretended(policy, size):
    """A run of 7 s and 0.05 s an episode, ten times as much for `flow`."""
    factor = {"expert": 1, "flow": 10}[policy]
    return Cost(policy, size, factor * (7 + 0.05 * size), 400.0 + factor)


def test_the_line_is_that_of_the_runs():
    line = fitted([pretended("expert", size) for size in SIZES["expert"]])
    assert (line.start_s, line.episode_s) == pytest.approx((7, 0.05))
    assert line.at(1000) == pytest.approx(57)


def test_the_page_has_measured_and_extrapolated_rows_and_the_rest_stays(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("before\n<!-- scaling -->\nold\n<!-- /scaling -->\nafter\n")
    told = []
    write_scaling(page, told.append, pretended)
    text = page.read_text()
    assert text.startswith("before\n<!-- scaling -->\n") and text.endswith("<!-- /scaling -->\nafter\n")
    assert "old" not in text and len(told) == sum(map(len, SIZES.values()))
    assert "| `flow` | 70 s | 500 core-seconds | 139 core-hours | 0% |" in text
    rows = [line for line in text.splitlines() if line.startswith(tuple(f"| {size:,} |" for size in SHOWN))]
    assert rows[1] == "| 1,000 | 57 s | 401 MB | 570 s | 410 MB |"
    assert rows[3] == "| 100,000 | *5,007 s* |  | *50,070 s* |  |"
    for size, row in zip(SHOWN, rows, strict=True):
        assert row.count("*") == 2 * sum(size not in sizes for sizes in SIZES.values()), row


def test_a_page_without_the_place_is_refused_before_anything_is_measured(tmp_path):
    for content in (None, "no marks"):
        if content:
            (tmp_path / "page.md").write_text(content)
        with pytest.raises(WrongUse, match="has no part between"):
            write_scaling(tmp_path / "page.md", print, lambda policy, size: pytest.fail("measured"))


@pytest.mark.slow
def test_a_run_is_measured_and_one_that_fails_is_no_cost():
    cost = measure("mean", 2)
    assert cost.cpu_s > 0.5 and cost.peak_mb > 100
    with pytest.raises(BimodalError, match=r"a run of no_such_policy failed .*unknown policy"):
        measure("no_such_policy", 2)
