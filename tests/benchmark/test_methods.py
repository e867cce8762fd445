"""Methods over several training seeds: known spreads, honest words, and coverage by simulation."""

import numpy as np
import pytest
from bimodal.benchmark.comparison.compare import Verdict
from bimodal.benchmark.comparison.methods import Method, compare_methods, seed_spread
from bimodal.benchmark.comparison.sentences import method_sentences, spread_sentence
from bimodal.benchmark.statistics import resampling
from bimodal.benchmark.statistics.paired import tango
from bimodal.benchmark.statistics.resampling import seed_and_scene_difference, seed_and_scene_mean
from bimodal.envs.errors import NotComparable, WrongUse
from fabricated_arms import SMOKE, N, arm, columns


def method(name, *wins):
    """Return a method whose training seed i succeeds on the first wins[i] seeds of every task."""
    arms = [arm(name, columns(np.arange(N) < w), training_seeds=(i,)) for i, w in enumerate(wins)]
    return Method(name, tuple(arms))


def test_the_spread_is_that_of_the_training_seeds():
    found = seed_spread(method("flow", 8, 16, 12))
    assert found.shares == (0.5, 1.0, 0.75) and found.worst == ("0", 0.5)
    assert found.mean.estimate == 0.75 and found.deviation == pytest.approx(0.25)
    assert found.mean.low < 0.5 and found.mean.high == 1.0
    assert "worst: seed 0 with 50.0 %" in spread_sentence(found)


def test_success_everywhere_is_not_beyond_doubt():
    found = seed_spread(method("flow", N, N, N))
    assert found.mean.estimate == 1.0 and found.mean.low < 0.9
    same = compare_methods(method("flow", N, N, N), method("mip", N, N, N))
    assert same.difference == tango(0, 0, 2 * N) and same.verdict is Verdict.UNDECIDED
    apart = compare_methods(method("flow", N, N, N), method("mse", 0, 0, 0))
    assert apart.difference == tango(0, 2 * N, 2 * N) and apart.verdict is Verdict.WORSE


def test_a_method_is_better_only_where_its_training_seeds_agree():
    steady = compare_methods(method("mse", 1, 2, 1), method("flow", 14, 15, 16))
    assert steady.verdict is Verdict.BETTER
    assert steady.difference.low < steady.tasks[0].difference.estimate < steady.difference.high
    assert method_sentences(steady)[0].startswith("better: flow succeeds more often than mse: ")
    turned = compare_methods(method("flow", 14, 15, 16), method("mse", 1, 2, 1))
    assert turned.verdict is Verdict.WORSE and turned.difference.estimate == -steady.difference.estimate
    lucky = compare_methods(method("mse", 2, 2, 2), method("flow", 16, 2, 1))
    assert lucky.verdict is Verdict.UNDECIDED and lucky.difference.estimate > 0.25
    assert not {"better", "worse"} & set(method_sentences(lucky)[0].split(":")[0].split())


def test_two_trainings_speak_for_checkpoints_alone():
    words = method_sentences(compare_methods(method("mse", 0, 0), method("flow", 16, 16, 16)))
    assert "flow succeeds more often than mse (these checkpoints)" in words[0]
    widest = compare_methods(method("mse", 0, 2, 0), method("flow", N, N, N))
    assert widest.difference.high == widest.tasks[0].difference.high == 1.0


def test_one_training_twice_and_other_experiments_are_refused():
    one = method("flow", 3, 4)
    with pytest.raises(WrongUse, match="two runs of training seed 0"):
        seed_spread(Method("flow", (one.arms[0], one.arms[0])))
    other = arm("flow", training_seeds=(7,), suite=SMOKE._replace(version="9"))
    with pytest.raises(NotComparable, match="suite smoke v"):
        compare_methods(one, Method("mse", (other,)))


def test_one_training_has_the_interval_of_its_scenes():
    hits = (np.arange(100) < 90).astype(float)
    found = seed_and_scene_mean([hits[None]])
    assert found.high - found.low == pytest.approx(2 * 1.96 * 0.03, rel=0.15)


@pytest.mark.parametrize(("trainings", "between"), [(3, 0.05), (5, 0.0)])
def test_the_interval_of_methods_that_are_alike_holds_zero(monkeypatch, trainings, between):
    """Over 120 pairs of equal methods: at least as often as it says, within what chance allows."""
    monkeypatch.setattr(resampling, "DRAWS", 300)
    rng = np.random.default_rng(0)

    def played(scenes):
        rates = rng.normal(0.8, between, trainings)
        return [(rng.random((trainings, 60)) < rates[:, None] + one).astype(float) for one in scenes]

    held = 0
    for _ in range(120):
        scenes = rng.normal(0, 0.1, (2, 60))
        found = seed_and_scene_difference(played(scenes), played(scenes))
        held += found.low <= 0 <= found.high
    assert held / 120 >= 0.95 - 3 * np.sqrt(0.95 * 0.05 / 120)
