"""Methods over their training seeds: known runs in, known ranks out; a test of known size behind them."""

import numpy as np
import pytest
from bimodal.benchmark.comparison.method_ranking import rank_methods
from bimodal.benchmark.comparison.methods import Method
from bimodal.benchmark.statistics.trainings import trainings_p
from bimodal.benchmark.studies.method_results import seed_runs
from bimodal.benchmark.suites import find_suite
from bimodal.cli import training_seeds as cli
from bimodal.envs.errors import NotComparable, WrongUse
from fabricated import outcome, run_folder
from fabricated_arms import SMOKE, N, arm, columns
from scipy import stats


def method(name, *wins):
    """Return a method whose training seed i succeeds on the first wins[i] seeds of every task."""
    arms = [arm(name, columns(np.arange(N) < w), training_seeds=(i,)) for i, w in enumerate(wins)]
    return Method(name, tuple(arms))


def test_the_p_value_is_welchs_where_scenes_do_not_scatter():
    """SciPy's test of the trainings' means."""
    rng = np.random.default_rng(0)
    a, b = rng.random(3), rng.random(4)
    found = trainings_p([np.repeat(a[:, None], 50, 1)], [np.repeat(b[:, None], 50, 1)])
    assert found == pytest.approx(stats.ttest_ind(a, b, equal_var=False).pvalue)


def test_trainings_that_are_alike_leave_the_paired_scenes():
    """SciPy's paired test of the scenes, where all trainings of a method do the same."""
    rng = np.random.default_rng(1)
    a, b = rng.random((2, 40)) < [[0.4], [0.7]]
    found = trainings_p([np.stack([a, a])], [np.stack([b, b])])
    assert found == pytest.approx(stats.ttest_rel(a.astype(float), b.astype(float)).pvalue)


def test_where_nothing_scatters_few_scenes_prove_little():
    always, never = np.ones((3, 4)), np.zeros((3, 4))
    assert trainings_p([always], [always]) == 1.0
    assert trainings_p([always], [never]) == 2 * 0.5**4 - 0.5**4  # mid-p of four discordant pairs
    assert trainings_p([np.ones((3, 100))], [np.zeros((3, 100))]) < 1e-20


@pytest.mark.parametrize("between", [0.0, 0.08])
def test_methods_that_are_alike_are_told_apart_five_times_in_a_hundred(between):
    rng = np.random.default_rng(0)

    def played(scenes):
        rates = rng.normal(0.7, between, (len(scenes), 3))
        return [rng.random((3, 60)) < rate[:, None] + one for rate, one in zip(rates, scenes, strict=True)]

    rejected = 0
    for _ in range(600):
        scenes = rng.normal(0, 0.1, (3, 60))
        rejected += trainings_p(played(scenes), played(scenes)) <= 0.05
    assert rejected / 600 <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 600)


def test_methods_that_are_told_apart_stand_in_other_groups():
    found = rank_methods([method("mse", 0, 1, 0), method("flow", 15, 16, 16), method("mip", 16, 15, 15)])
    assert [one.name for one in found.spreads] == ["flow", "mip", "mse"]
    assert found.groups == (("flow", "mip"), ("mse",))
    assert found.ranks == {"flow": (1, 2), "mip": (1, 2), "mse": (3, 3)}
    p_values = {(pair.better, pair.worse): pair.p_value for pair in found.pairs}
    assert set(p_values) == {("flow", "mip"), ("flow", "mse"), ("mip", "mse")}
    assert p_values["flow", "mip"] > 0.05 >= p_values["flow", "mse"]


def test_wide_trainings_are_not_told_apart_by_their_means():
    found = rank_methods([method("mse", 0, 2, 1), method("flow", 16, 1, 0)])
    assert found.groups == (("flow", "mse"),) and found.ranks["mse"] == (1, 2)


def test_what_cannot_be_ranked_is_refused():
    with pytest.raises(WrongUse, match="flow has one training"):
        rank_methods([method("mse", 1, 2), method("flow", 16)])
    with pytest.raises(WrongUse, match="two methods are called mse"):
        rank_methods([method("mse", 1, 2), method("mse", 1, 3)])
    other = [arm("flow", training_seeds=(i,), suite=SMOKE._replace(version="9")) for i in range(2)]
    with pytest.raises(NotComparable, match="suite smoke v"):
        rank_methods([method("mse", 1, 2), Method("flow", tuple(other))])


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Runs of three trainings of `mse` and `flow`, and of one of `mip`."""
    home = tmp_path_factory.mktemp("runs")
    suite = find_suite("core", variants=())
    for name, wins in {"mse": (10, 20, 0), "flow": (200, 198, 199), "mip": (50,)}.items():
        for seed, won in enumerate(wins):
            ends = [outcome("SUCCESS", place % 2, place % 2) for place in range(won)]
            ends += [outcome("COLLISION_MID", -1, 0.5)] * (len(suite.seeds) - won)
            training = {task: {"seed": seed} for task in suite.tasks}
            where = home / f"core-part-{name}-seed-{seed}"
            run_folder(where, dict.fromkeys(suite.tasks, ends), name, suite=suite, training=training)
    return home


def test_runs_are_counted_training_by_training(folder):
    found = cli.count_trainings(["mse", "mip", "flow", "gmm"], folder)
    assert found.missing == ("mip", "gmm")
    (flow, mse) = found.ranking.spreads
    assert (flow.name, mse.name) == ("flow", "mse")
    assert mse.shares == pytest.approx((0.05, 0.1, 0.0)) and mse.worst == ("2", 0.0)
    assert found.ranking.spreads[0].shares == pytest.approx((1.0, 0.99, 0.995))
    assert [run.folder.name for run in seed_runs("mse", folder=folder)] == [
        "core-part-mse-seed-1",
        "core-part-mse-seed-2",
    ]
    assert cli.count_trainings(["mse", "mip"], folder) is None


def test_the_page_shows_what_was_counted(folder):
    found = cli.count_trainings(["mse", "mip", "flow"], folder)
    rows = {row[0]: row for row in cli.training_rows(found)}
    assert rows["mse"][2:] == ("5.0", "5.0, 10.0, 0.0", "0.0 (seed 2)", "95.0", "2")
    assert rows["flow"][1].startswith("99.5 [") and rows["flow"][-1] == "1"
    assert set(cli.task_rows(found)[0][1:]) == {"99.5 (99.0)"}
    page = cli.trainings_page(found)
    assert "Not measured so far: mip." in page and "Of 1 pairs 1 are" in page
    assert "\n- flow\n- mse\n" in page and "94.5 points more than mse" in page


def test_the_trained_methods_are_those_of_the_state_that_draw_something():
    names = cli.trained_names()
    assert {"mse", "flow", "flow_1step", "diffuser"} <= set(names)
    assert not {"nearest", "vision_flow", "expert", "mpc"} & set(names)


def test_too_few_runs_name_the_commands_that_make_them(tmp_path, monkeypatch, bimodal):
    monkeypatch.chdir(tmp_path)
    code, _, err = bimodal("results", "--trainings")
    assert code == 2 and len(err) == 1 and "bimodal evaluate NAME@seed0..2 --variant clean" in err[0]
    code, _, err = bimodal("results", "--trainings", "--vision")
    assert code == 2 and "--trainings is a study of its own" in err[0]
