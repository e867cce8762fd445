"""Diffusion in its smallest form: the printed example, its laws, and a denoiser trained on two grasps."""

import re
import sys
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from bimodal.benchmark.studies import denoising
from bimodal.cli import main as cli
from bimodal.policies.generative.noising import ddim_step, noised
from bimodal.policies.worked_example import two_grasps as toy
from bimodal.policies.worked_example.forward_reverse import (
    SCHEDULE,
    endpoint_distance,
    forward,
    reverse,
    straight_plan,
)

NOISED = ["0.178", "0.232", "0.267", "0.318", "0.422"]
DENOISED = ["0.326", "0.282", "0.250", "0.195", "0.016"]
"""As the source text prints them: levels 1 to 5, and levels 4 to 0."""
PAGE = Path(__file__).parents[2] / "docs" / "probe.md"


@pytest.fixture(scope="module")
def learned():
    return denoising.run_learned()


@pytest.fixture(scope="module")
def lopsided():
    """A denoiser and a regression trained on demonstrations of which 70 % go above."""
    data = toy.demonstrations(np.random.default_rng(1), above=0.7)
    return toy.train_denoiser(data, seed=1), toy.train_regression(data, seed=1)


def noise(rows, seed=5):
    return np.random.default_rng(seed).standard_normal((rows, toy.WAYPOINTS, 2))


def exact_denoiser(scenes, above):
    """Bayes' rule for two Gaussian modes: E[tau_0 | tau_t, c], without any network."""
    means = straight_plan(toy.grasps(scenes))

    def clean(plan, abar):
        variance = abar * toy.SPREAD**2 + 1 - abar
        rest = plan[:, None] - np.sqrt(abar) * means
        score = np.log([above, 1 - above]) - (rest**2).sum((2, 3)) / (2 * variance)
        weights = np.exp(score - score.max(1, keepdims=True))
        weights /= weights.sum(1, keepdims=True)
        best = means + np.sqrt(abar) * toy.SPREAD**2 / variance * rest
        return (weights[..., None, None] * best).sum(1)

    return clean


# ------------------------------------------------------------------------------------------ the example


def test_the_two_columns_are_those_of_the_source_text(capsys):
    assert cli.main(["probe"]) == 0
    rows = re.findall(r"^ +(\d) +(\d\.\d\d) +(\d\.\d{3}) +(\d\.\d{3})", capsys.readouterr().out, re.M)
    assert [row[0] for row in rows] == list("012345")
    assert [row[1] for row in rows[1:]] == ["0.85", "0.65", "0.45", "0.25", "0.08"]
    assert [row[2] for row in rows[1:]] == NOISED
    assert [row[3] for row in rows[-2::-1]] == DENOISED
    assert rows[0][2] == "0.000" and rows[5][3] == NOISED[-1]


def test_noised_plans_have_the_mean_and_the_variance_of_the_forward_process():
    draws = np.random.default_rng(0).standard_normal((40_000, 6, 2))
    for abar, plans in zip((1.0, *SCHEDULE), forward(straight_plan(), draws), strict=True):
        assert np.abs(plans.mean(0) - np.sqrt(abar) * straight_plan()).max() < 0.025
        assert np.abs(plans.var(0) - (1 - abar)).max() < 0.04


def test_with_the_right_guess_the_walk_back_retraces_the_noising():
    plan, draw = straight_plan(np.array([[1.0, 0.3], [-0.4, 2.0]])), noise(2)
    there = forward(plan, draw)
    np.testing.assert_allclose(reverse(there[-1], lambda tau, abar: plan), there, atol=1e-12)


def test_a_step_keeps_the_implied_noise_and_ends_on_the_guess():
    plan, guess = noise(1, 1), noise(1, 2)
    implied = (plan - np.sqrt(0.25) * guess) / np.sqrt(0.75)
    np.testing.assert_allclose(ddim_step(plan, guess, 0.25, 0.45), noised(guess, implied, 0.45))
    np.testing.assert_array_equal(ddim_step(plan, guess, 0.25, 1.0), guess)


# ------------------------------------------------------------------------------------------ two grasps


def test_the_average_demonstration_is_the_plan_of_the_example():
    both = straight_plan(toy.grasps(np.zeros(1)))[0]
    np.testing.assert_allclose(both.mean(0), straight_plan(), atol=1e-12)


@pytest.mark.slow
@pytest.mark.parametrize("scene", [-0.4, 0.0, 0.4])
def test_samples_lie_at_both_grasps_with_the_shares_of_the_data_and_regression_between(scene, lopsided):
    denoiser, regression = lopsided
    scenes = np.full(1000, scene)
    plans = toy.sample(denoiser, scenes, noise(1000))[0]
    above, below, neither = toy.shares(plans, scenes)
    assert abs(above - 0.7) < 0.07 and abs(below - 0.3) < 0.07 and neither < 0.03
    assert np.median(toy.grasp_distances(plans, scenes).min(1)) < 0.08

    (end,) = toy.regress(regression, scenes[:1])[:, -1]
    average = 0.7 * (scene + 1) + 0.3 * (scene - 1)
    assert np.abs(end - (1.0, average)).max() < 0.1
    assert toy.taken(end[None, None], scenes[:1]) == -1


@pytest.mark.slow
def test_even_data_gives_even_shares_and_a_regression_that_ends_on_the_object(learned):
    above, below, neither = toy.shares(learned.denoised[0], learned.scenes)
    assert abs(above - 0.5) < 0.05 and abs(below - 0.5) < 0.05 and neither < 0.01
    assert endpoint_distance(learned.plans["regression"]).max() < 0.1


@pytest.mark.slow
def test_the_trained_denoiser_is_close_to_bayes_rule(lopsided):
    scenes = np.random.default_rng(2).uniform(*toy.SCENES, 500)
    trained, exact = toy.denoiser(lopsided[0], scenes), exact_denoiser(scenes, 0.7)
    clean = toy.plans_to(scenes, np.arange(500) % 2, np.random.default_rng(3))
    for abar in toy.COARSE:
        noisy = noised(clean, noise(500), abar)
        assert np.sqrt(((trained(noisy, abar) - exact(noisy, abar)) ** 2).mean()) < 0.1, abar


@pytest.mark.slow
def test_fewer_steps_leave_more_plans_between_the_grasps_and_one_step_is_a_regression(lopsided):
    scenes, starts = np.zeros(1000), noise(1000)
    for walk in (toy.denoiser(lopsided[0], scenes), exact_denoiser(scenes, 0.7)):
        fine, coarse, one = (
            reverse(starts, walk, levels)[0] for levels in (toy.LEVELS, toy.COARSE, toy.COARSE[-1:])
        )
        lost = [toy.shares(plans, scenes)[2] for plans in (fine, coarse, one)]
        assert lost[0] < lost[1] < 0.1 and lost[2] == 1.0
        ends = coarse[toy.taken(coarse, scenes) == -1][:, -1, 1]
        assert np.abs(ends).max() < 1
        assert np.abs(one[:, -1].mean(0) - (1.0, 0.4)).max() < 0.06
        assert one[:, -1, 1].std() < 0.15 < fine[:, -1, 1].std()


def test_equal_seeds_train_equal_weights_and_other_seeds_others():
    data = toy.demonstrations(np.random.default_rng(0), 64)
    first, again, other = (toy.train_denoiser(data, seed, steps=3).state_dict() for seed in (0, 0, 1))
    assert all(bool((first[name] == again[name]).all()) for name in first)
    assert not all(bool((first[name] == other[name]).all()) for name in first)


# --------------------------------------------------------------------------------- tables and pictures


@pytest.mark.slow
def test_the_learned_probe_prints_its_columns_and_the_shares(learned, monkeypatch, capsys):
    monkeypatch.setattr(denoising, "run_learned", lambda: learned)
    assert cli.main(["probe", "--learned"]) == 0
    out = capsys.readouterr().out
    columns = re.findall(r"^ +\d +\d\.\d\d +(\d\.\d{3}) +(\d\.\d{3})", out, re.M)
    assert len(columns) == 7
    for column in np.array(columns, float).T:
        assert (np.diff(column) > 0).all()
    shown = dict(re.findall(r"^ +([a-z]+[\w, ]*?) {2,}([\d.]+% +[\d.]+% +[\d.]+%)", out, re.M))
    assert shown["regression"].split() == ["0.0%", "0.0%", "100.0%"]
    assert shown["demonstrations"].split() == ["50.0%", "50.0%", "0.0%"]
    above, below, neither = (float(cell[:-1]) for cell in shown["diffusion, 18 steps"].split())
    assert above + below + neither == pytest.approx(100, abs=0.2) and min(above, below) > 45


@pytest.mark.parametrize(
    "flags", [(), pytest.param(("--learned",), marks=pytest.mark.slow)], ids=["example", "learned"]
)
def test_the_picture_is_an_svg_that_stands_alone_and_shows_the_figures(
    flags, request, monkeypatch, tmp_path, capsys
):
    if flags:
        monkeypatch.setattr(denoising, "run_learned", lambda: request.getfixturevalue("learned"))
    path = tmp_path / "new" / "picture.svg"
    assert cli.main(["probe", *flags, "--plot", str(path)]) == 0
    text = path.read_text()
    root = ElementTree.fromstring(text)
    written = [part.text for part in root.iter("{http://www.w3.org/2000/svg}text")]
    assert root.get("aria-label") and set(re.findall(r"(?:href=\"|url\()(.)", text)) <= {"#"}
    if flags:
        assert sum(cell.endswith(" %") for cell in written) == 2
    else:
        assert {*NOISED, *DENOISED} <= set(written)


def test_a_drawing_is_the_same_every_time_and_needs_matplotlib_only_when_asked_for(
    monkeypatch, tmp_path, capsys
):
    first, second = tmp_path / "first.svg", tmp_path / "second.svg"
    assert [cli.main(["probe", "--plot", str(path)]) for path in (first, second)] == [0, 0]
    assert first.read_bytes() == second.read_bytes()
    monkeypatch.setitem(sys.modules, "matplotlib", None)  # as if it were not installed
    assert cli.main(["probe"]) == 0
    capsys.readouterr()
    assert cli.main(["probe", "--plot", str(tmp_path / "third.svg")]) != 0
    (line,) = capsys.readouterr().err.splitlines()
    assert "pip install matplotlib" in line and not (tmp_path / "third.svg").exists()


def test_a_picture_of_another_kind_is_refused_before_anything_runs(tmp_path, capsys):
    assert cli.main(["probe", "--learned", "--plot", str(tmp_path / "picture.png")]) == 2
    assert "FILE.svg" in capsys.readouterr().err and not list(tmp_path.iterdir())


def test_the_page_prints_what_the_command_prints(capsys):
    assert cli.main(["probe"]) == 0
    rows = [line.strip() for line in capsys.readouterr().out.splitlines() if re.match(r" +\d ", line)]
    assert rows and all(row in PAGE.read_text() for row in rows)
