"""The measures of a run: kept with its records, measured again when these change, shown without a NaN."""

import csv
import json
from dataclasses import fields

import numpy as np
import pyarrow.parquet as pq
import pytest
from bimodal.benchmark.measures import measure_run
from bimodal.benchmark.measures.cell_summary import SHOWN, mean, rate, summarise
from bimodal.benchmark.measures.episode_measures import EpisodeMeasures
from bimodal.benchmark.measures.measure_run import read_measures
from bimodal.benchmark.measures.measures_file import NAME, stored_measures, write_measures
from bimodal.benchmark.records.checksums import changed_files
from bimodal.benchmark.report.measures_table import shown_value, significant
from bimodal.benchmark.scoring.run_episodes import read_run
from bimodal.benchmark.statistics.rates import Interval
from bimodal.envs.errors import BimodalError
from scipy import stats
from scoring import bimodal, score

DUMBBELL = ("PandaLiftDumbbell-v1", "clean")


@pytest.fixture
def runs(tmp_path, capsys):
    """Return a function that runs a policy on four episodes and reads its folder."""

    def make(policy="expert", name="run"):
        score(policy, tmp_path / name, capsys=capsys)
        capsys.readouterr()
        return read_run(tmp_path / name)

    return make


def equal(one, two):
    assert list(one) == list(two)
    for cell in one:
        for field in fields(EpisodeMeasures):
            a, b = getattr(one[cell], field.name), getattr(two[cell], field.name)
            assert np.array_equal(a, b, equal_nan=a.dtype.kind == "f"), field.name


def test_measures_repeat_the_records_and_come_back_as_they_were_written(runs):
    run = runs()
    before = [
        file.read_bytes() for file in sorted(run.folder.rglob("*.npz")) + [run.folder / "episodes.parquet"]
    ]
    found = read_measures(run, workers=0)
    measures, episodes = found[DUMBBELL], run.cells[DUMBBELL]
    assert measures.success.tolist() == (episodes.labels == "SUCCESS").tolist()
    assert np.array_equal(measures.alpha, episodes.alphas) and np.array_equal(measures.mode, episodes.modes)
    assert np.allclose(measures.length_s * 20, episodes.steps) and set(measures.horizon_s) == {5.0}
    decisions = pq.read_table(run.folder / "decisions.parquet").to_pydict()
    lived = [decisions["seed"].count(seed) for seed in episodes.seeds]
    assert measures.decisions.tolist() == lived and measures.interventions.tolist() == [-1] * 4
    equal(stored_measures(run), found)
    after = [
        file.read_bytes() for file in sorted(run.folder.rglob("*.npz")) + [run.folder / "episodes.parquet"]
    ]
    assert before == after


def test_what_is_kept_is_not_measured_again_until_the_records_change(runs, monkeypatch):
    run = runs()
    found = read_measures(run, workers=0)
    with monkeypatch.context() as patch:
        patch.setattr(measure_run, "measure_shard", None)
        equal(read_measures(run, workers=0), found)
    other = runs("mean", "other")
    read_measures(other, workers=0)
    (other.folder / NAME).replace(run.folder / NAME)  # the measures of another run
    assert stored_measures(run) is None
    equal(read_measures(run, workers=0), found)


@pytest.mark.parametrize("harm", ["truncated", "other columns", "a row less", "no digest", "link"])
def test_a_damaged_file_counts_as_none(runs, harm, tmp_path):
    run = runs()
    found = read_measures(run, workers=0)
    file = run.folder / NAME
    table = pq.read_table(file)
    if harm == "truncated":
        file.write_bytes(file.read_bytes()[:-100])
    elif harm == "link":
        file.rename(tmp_path / NAME)
        file.symlink_to(tmp_path / NAME)
    else:
        edited = {
            "other columns": table.drop_columns(["jerk"]),
            "a row less": table.slice(1),
            "no digest": table.replace_schema_metadata({}),
        }
        pq.write_table(edited[harm], file)
    assert stored_measures(run) is None
    if harm != "link":
        equal(read_measures(run, workers=0), found)


def test_a_trace_of_other_episodes_is_refused(runs):
    run = runs()
    (trace,) = run.folder.glob("traces/*.npz")
    (other,) = runs("mean", "other").folder.glob("traces/*.npz")
    trace.write_bytes(other.read_bytes()[:-9])
    with pytest.raises(BimodalError, match="missing or damaged"):
        read_measures(run, workers=0)
    trace.write_bytes(other.read_bytes())
    with pytest.raises(BimodalError, match="not the record of its episodes"):
        read_measures(run, workers=0)


def test_interventions_of_the_safety_filter_are_those_of_the_decisions(runs):
    run = runs("safe(random)")
    measures = read_measures(run, workers=0)[DUMBBELL]
    decisions = pq.read_table(run.folder / "decisions.parquet").to_pylist()
    changed = [row["seed"] for row in decisions if not row["verdict"].endswith("pass")]
    assert measures.interventions.tolist() == [changed.count(seed) for seed in measures.seed]
    assert measures.interventions.sum() > 0 and not measures.workspace_events.any()


def test_a_policy_that_fails_at_once_has_measures_and_no_nan_on_a_page(runs, hostile, capsys):
    run = runs(f"{hostile}:WrongShape")
    code, out, _ = bimodal("measures", run.folder, "--workers", 0, capsys=capsys)
    assert code == 0 and "nan" not in out.lower()
    report = (run.folder / "report.html").read_text()
    assert "How it moved" in report and ">nan" not in report.lower() and ">–<" in report


def test_the_command_prints_a_table_json_and_csv(runs, tmp_path, capsys):
    run = runs()
    assert "How it moved" not in (run.folder / "report.html").read_text()
    code, out, _ = bimodal("measures", run.folder, "--workers", 0, "--csv", tmp_path / "e.csv", capsys=capsys)
    assert code == 0 and "Lift Dumbbell" in out and "100" in out
    assert "How it moved" in (run.folder / "report.html").read_text()
    assert changed_files(run.folder, (NAME, "report.html", "episodes.parquet")) == []
    with (tmp_path / "e.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["seed"] for row in rows] == ["0", "1", "2", "3"] and float(rows[0]["energy_j"]) > 10
    code, out, _ = bimodal("measures", run.folder, "--json", capsys=capsys)
    (cell,) = json.loads(out)
    assert cell["episodes"] == 4 and set(cell["measures"]) == {shown.name for shown in SHOWN}
    assert (
        cell["measures"]["success"]["estimate"] == 1 and cell["measures"]["interventions"]["estimate"] is None
    )


@pytest.mark.parametrize(
    ("more", "said"), [((), "not a run folder"), (("--csv", "."), "is a folder"), (("--jsn",), "--json")]
)
def test_bad_words_are_refused_in_a_line(more, said, tmp_path, capsys):
    code, _, (line,) = bimodal("measures", tmp_path, *more, capsys=capsys)
    assert code == 2 and said in line


def test_ten_thousand_episodes_are_read_and_summarised_in_seconds(runs):
    run = runs()
    small = read_measures(run, workers=0)[DUMBBELL]
    n = 10_000
    big = small.part(np.arange(n) % 4)
    episodes = run.cells[DUMBBELL].part(np.arange(n) % 4)
    many = run._replace(cells={DUMBBELL: episodes})
    write_measures(many, {DUMBBELL: big})
    (cell,) = summarise(many, stored_measures(many))
    assert cell.episodes == n and cell.values["success"].low > 0.999


def test_means_and_rates_have_the_intervals_of_a_reference():
    values = np.array([1.0, 2.0, 4.0, 5.5])
    low, high = stats.t.interval(0.95, 3, values.mean(), stats.sem(values))
    assert mean(values + 10) == pytest.approx((13.125, low + 10, high + 10))
    assert mean(values).low == 0.0 > low or mean(values).low == pytest.approx(low)
    exact = stats.binomtest(3, 4).proportion_ci(method="exact")
    assert rate(np.array([1, 1, 1, 0], bool)) == pytest.approx((0.75, exact.low, exact.high))
    assert mean(values[:1]) == 1.0 and mean(np.ones(5)) == 1.0 and mean(values[:0]) is None


def test_numbers_are_rounded_to_the_nearest_and_intervals_outwards():
    energy = next(shown for shown in SHOWN if shown.name == "energy_j")
    assert shown_value(energy, Interval(28.454, 27.91, 28.991)) == "28.5 [27.9,29]"
    assert shown_value(energy, None) == "–" and shown_value(energy, 0.0) == "0"
    assert significant(227_839.0) == "2.28e+05" and significant(-2.4961) == "-2.5"
