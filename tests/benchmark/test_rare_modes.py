"""Rare modes: the regime shows them as stated, and the distance tells a policy that forgets them."""

import numpy as np
import pytest
from bimodal.benchmark.report.pages.headroom_page import headroom_page
from bimodal.benchmark.studies import rare_modes
from bimodal.benchmark.studies.rare_modes import RareResult, known_rare, measure_rare, try_rare
from bimodal.envs.errors import WrongUse
from bimodal.tasks import load_task
from bimodal.tasks.demonstrations.regimes import RARE, schedule

DUMBBELL, TREFOIL, CROSS = "PandaLiftDumbbell-v1", "PandaLiftTrefoil-v1", "PandaLiftCross-v1"


@pytest.mark.parametrize(
    ("name", "episodes", "right"),
    [(DUMBBELL, 300, [270, 30]), (TREFOIL, 300, [210, 60, 30]), (TREFOIL, 15, [10, 4, 1])],
)
def test_the_regime_shows_each_mode_in_its_share_once_a_scene(name, episodes, right):
    seeds, modes = schedule(load_task(name), RARE, episodes, 0)
    counts = np.bincount(modes)
    assert np.abs(counts - right).max() <= 1 and counts.sum() == episodes
    assert len(set(seeds.tolist())) == episodes and (np.diff(modes.astype(int)) < 0).any(), "in a drawn order"


def test_a_policy_that_forgets_the_rare_mode_is_as_far_as_its_share():
    kept = RareResult(DUMBBELL, "flow", 1.0, (270, 30))
    forgot = RareResult(DUMBBELL, "flow", 1.0, (300, 0))
    assert kept.distance == pytest.approx(0) and forgot.distance == pytest.approx(0.1)
    assert RareResult(TREFOIL, "flow", 1.0, (100, 0, 0)).distance == pytest.approx(0.3)
    assert np.isnan(RareResult(DUMBBELL, "mse", 0.0, (0, 0)).distance)


@pytest.mark.parametrize("shown", [(0.9, 0.1), (0.7, 0.2, 0.1)])
def test_the_distance_by_chance_is_that_of_draws(shown):
    draws = np.random.default_rng(0).multinomial(300, shown, size=20_000)
    distances = np.abs(draws / 300 - shown).sum(1) / 2
    assert RareResult("", "", 1.0, tuple(draws[0])).by_chance == pytest.approx(distances.mean(), rel=0.03)


def test_what_is_known_is_not_measured_again_and_the_page_shows_it(tmp_path, monkeypatch):
    def made_up(task, method, folder):
        assert (folder / "demonstrations.npz").is_file()
        return RareResult(task, method, 0.95, (280, 5) if method == "flow" else (0, 0))

    monkeypatch.setattr(rare_modes, "try_rare", made_up)
    monkeypatch.setattr(rare_modes, "EPISODES", 10)
    first = measure_rare([DUMBBELL], workers=0, folder=tmp_path)
    monkeypatch.setattr(rare_modes, "try_rare", None)
    assert measure_rare([DUMBBELL], workers=0, folder=tmp_path) == first == known_rare([DUMBBELL], tmp_path)
    page = headroom_page([], rare=first)
    assert "| PandaLiftDumbbell-v1 | flow | 90 / 10 | 95 | 98 / 2 | 8.2 | 1.4 |" in page
    assert "## Rare modes" in page and "## Rare modes" not in headroom_page([])


def test_a_trained_policy_is_tried_and_its_modes_are_counted(tmp_path, monkeypatch):
    monkeypatch.setattr(rare_modes, "EPISODES", 10)
    trained = rare_modes.TaskTraining(load_task(DUMBBELL), tmp_path, 10, RARE, steps=2)
    monkeypatch.setattr(rare_modes, "_training", lambda task, folder: trained)
    found = try_rare(DUMBBELL, "flow", tmp_path, range(500_000, 500_004))
    assert found.method == "flow" and sum(found.counts) == round(4 * found.success)


def test_tasks_with_more_modes_and_a_page_of_its_own_are_refused(bimodal, tmp_path):
    with pytest.raises(WrongUse, match="4 modes; rare is for tasks with two or three"):
        measure_rare([CROSS], folder=tmp_path)
    for options, said in (
        ((CROSS,), "more than three modes"),
        ((DUMBBELL, "--page", "x.md"), "no page of its"),
    ):
        code, _, err = bimodal("certify", *options, "--rare")
        assert code == 2 and said in err[0]
    code, _, err = bimodal("demos", CROSS, "--regime", "rare")
    assert code == 2 and "2 or 3 modes, not for 4" in err[0]
