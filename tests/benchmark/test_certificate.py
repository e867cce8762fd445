"""The certificate: it passes every task, fails a sabotaged one at the right row, and its probe can see."""

from io import StringIO

import numpy as np
import pytest
from bimodal.benchmark.certificate import physics_gates
from bimodal.benchmark.certificate.certificate import Certificate, Check
from bimodal.benchmark.certificate.certify import certificate_table, certify
from bimodal.benchmark.certificate.hidden_mode_gate import auc, grouped_auc, hidden_mode_checks, logistic
from bimodal.benchmark.certificate.physics_gates import (
    MIXTURES,
    average_checks,
    averages,
    dead_zone,
    dead_zone_checks,
    expert_checks,
)
from bimodal.benchmark.certificate.trials import Blend, run_trial
from bimodal.benchmark.report.pages.certificates_page import certificates_page
from bimodal.envs.specs import Spec
from bimodal.tasks import lift_dumbbell, load_task, task_names
from bimodal.tasks.core.hand_path import HandPath
from bimodal.tasks.demonstrations.collect import collect
from bimodal.tasks.lift_dumbbell import LiftDumbbell
from rich.console import Console
from scipy.optimize import minimize
from scipy.stats import mannwhitneyu
from slow_cases import mostly_slow

SEEDS = range(500_000, 500_006)


def failed(rows):
    return [row.name for row in rows if row.passed is False]


# ---------------------------------------------------------------------------------------- every task


@pytest.mark.parametrize("seeds", [4, pytest.param(None, marks=pytest.mark.slow)])
@pytest.mark.parametrize("name", mostly_slow(task_names(), "PandaLiftDumbbell-v1", "PandaPickAroundPost-v1"))
def test_every_task_passes_the_gates_of_physics(name, seeds, monkeypatch):
    if seeds is not None:  # the many mixtures of a dead zone take most of the time
        monkeypatch.setattr(physics_gates, "ZONE_SEEDS", seeds)
        monkeypatch.setattr(physics_gates, "ZONE_SHARE", 0)
    told = []
    found = certify(load_task(name), quick=True, progress=lambda *heard: told.append(heard))
    assert found.passed, [row for row in found.checks if row.passed is False]
    assert {row.gate for row in found.checks} == {1, 2, 3, 4}
    assert [done for _, done, _ in told] == list(range(told[-1][2] + 1))


# ---------------------------------------------------------------------------------- sabotaged tasks


class GraspableHub(LiftDumbbell):
    """With a hub of 6 cm the gripper fits around the middle; only the rule of touch is left."""

    def build(self, scene):
        super().build(scene)
        scene.watch_fingers("hub", "grip")

    def measure(self, simulation):
        seen = super().measure(simulation)
        held = seen.in_hand | (self.touched_part(simulation, ("grip",)) == 0)
        return seen._replace(in_hand=held, at_goal=held & (seen.lift >= self.success_height))


class LegalHub(GraspableHub):
    def measure(self, simulation):
        seen = super().measure(simulation)
        return seen._replace(illegal=np.zeros_like(seen.illegal))


@pytest.fixture
def narrow(monkeypatch):
    monkeypatch.setattr(lift_dumbbell, "HUB", (0.06, 0.06, 0.065))


def test_an_average_that_grasps_the_middle_fails_gate_2(narrow):
    assert failed(average_checks(LegalHub(), SEEDS)) == ["average", "average acts"]
    assert "dead zone" in failed(dead_zone_checks(LegalHub(), SEEDS[:2]))


def test_an_average_that_fails_late_or_only_by_the_rule_is_found_out(narrow):
    assert failed(average_checks(GraspableHub(), SEEDS)) == ["average acts"]
    blend = Blend(GraspableHub(), (0.5, 0.5))
    assert run_trial(GraspableHub(), blend, SEEDS).rate == 0.0
    assert run_trial(GraspableHub(), blend, SEEDS, forgiving=True).rate == 1.0


def test_a_dead_zone_stated_wider_than_measured_fails():
    class Boaster(LiftDumbbell):
        dead_zone = (0.1, 0.9)

    assert failed(dead_zone_checks(Boaster(), SEEDS[:2])) == ["stated dead zone"]


def test_an_expert_that_brushes_the_hub_fails_gate_1():
    class Clumsy(LiftDumbbell):
        def path(self, start, modes):
            low = np.concatenate([start[:, :2], np.full((len(start), 1), lift_dumbbell.HUB[2])], -1)
            return HandPath(start, np.pi).line(low, 16).arc(self.grasps[modes, :3], 12).close(8)

    assert {"left bar", "right bar", "contact"} <= set(failed(expert_checks(Clumsy(), SEEDS, 300)))


def test_modes_of_different_length_fail_gate_1():
    class Dawdler(LiftDumbbell):
        def path(self, start, modes):
            return super().path(start, modes).wait(1 + int(modes[0]))

    assert failed(expert_checks(Dawdler(), SEEDS, 300)) == ["duration"]


class Telltale(LiftDumbbell):
    """One observed number tells the mode."""

    @property
    def observation(self):
        return (*super().observation, Spec("hint", (1,), "1", "-", -1, 1, "The mode."))

    def plan(self, simulation, modes):
        self.hint = np.asarray(modes, float)[:, None]
        return super().plan(simulation, modes)

    def observe(self, simulation):
        return super().observe(simulation) | {"hint": self.hint}


class Hasty(LiftDumbbell):
    """The modes part four steps before the task says so."""

    def path(self, start, modes):
        early = start + self.grasps[modes, :3] * [0, 0.5, 0]
        return HandPath(start, np.pi).line(start, 12).line(early, 4).wait(80)


@pytest.mark.parametrize("kind", [Telltale, Hasty])
def test_a_mode_that_can_be_read_from_the_observation_fails_gate_4(kind):
    demos = collect(kind(), episodes=24, process_noise=0.0)
    assert failed(hidden_mode_checks(kind(), demos, demos)) == ["twins", "probe before"]


def test_a_mode_that_never_shows_makes_the_probe_worthless():
    class Undecided(LiftDumbbell):
        def path(self, start, modes):
            return super().path(start, np.zeros_like(modes))

    demos = collect(Undecided(), episodes=24, process_noise=0.0)
    assert failed(hidden_mode_checks(Undecided(), demos, demos)) == ["probe after"]


# -------------------------------------------------------------------------------------- known answers


def test_auc_counts_pairs_in_the_right_order():
    positive = np.array([False, True, False, True])
    assert auc(np.array([1.0, 2.0, 3.0, 4.0]), positive) == 0.75
    assert auc(np.zeros(4), positive) == 0.5
    assert auc(np.array([0.0, 1.0, 0.0, 1.0]), positive) == 1.0


def test_auc_is_the_mann_whitney_statistic():
    rng = np.random.default_rng(0)
    scores, positive = rng.integers(0, 12, 90).astype(float), rng.random(90) < 0.3
    u = mannwhitneyu(scores[positive], scores[~positive]).statistic
    assert auc(scores, positive) == pytest.approx(u / (positive.sum() * (~positive).sum()), abs=1e-12)


@pytest.mark.parametrize("slope", [0.7, 30.0])
def test_logistic_minimises_the_penalised_loss(slope):
    rng = np.random.default_rng(1)
    x = rng.normal(size=(120, 3))
    y = slope * x[:, 0] + rng.logistic(size=120) > 0.4

    def loss(weights):
        z = (2 * y - 1) * (x @ weights[:-1] + weights[-1])
        return np.logaddexp(0, -z).sum() + 0.5 * (weights[:-1] ** 2).sum()

    best = minimize(loss, np.zeros(4), tol=1e-12)
    assert logistic(x, y) == pytest.approx(best.x, abs=1e-4)


def test_twins_in_one_fold_make_identical_scenes_unpredictable():
    rng = np.random.default_rng(2)
    scenes, modes = np.repeat(np.arange(60), 2), np.tile([0, 1], 60)
    x = rng.normal(size=(60, 5))[scenes]
    assert grouped_auc(x, modes, scenes) == 0.5
    assert grouped_auc(x, modes, np.arange(120)) < 0.45
    assert grouped_auc(np.column_stack([x, modes + 0.1 * rng.normal(size=120)]), modes, scenes) == 1.0


def test_the_dead_zone_is_the_stretch_around_the_middle():
    success = np.ones(len(MIXTURES))
    success[4:14] = 0.0
    success[11] = 0.1
    success[1] = 0.0
    assert dead_zone(success) == (0.25, 0.55)
    assert np.isnan(dead_zone(np.ones(len(MIXTURES)))).all()


def test_three_modes_have_an_average_and_three_pairs():
    found = dict(averages(3))
    assert list(found) == ["average", "average 0-1", "average 0-2", "average 1-2"]
    assert found["average 0-2"].tolist() == [0.5, 0.0, 0.5]
    assert list(dict(averages(2))) == ["average"]


# ------------------------------------------------------------------------------------ how it is shown


def shown(passed):
    rows = (
        Check(1, "left", "successes", "3/3", ">= 98 %", True),
        Check(2, "average", "successes", "1/3", "<= 2 %", passed),
        Check(7, "mean", "success", "0 %", "", None),
    )
    versions = {"mujoco": "4.0.0", "torch": "2.10", "numpy": "2.4"}
    return Certificate("Toy-v1", False, rows, "f" * 64, versions, {"cpu": "abacus", "python": "3.11"}, 1.0)


def test_a_failed_row_decides_and_is_shown_everywhere():
    assert shown(True).passed
    assert not shown(False).passed
    page = certificates_page([shown(True), shown(False)])
    assert page.count("**not certified**") == 1
    assert page.count("**failed**") == 1
    text = StringIO()
    Console(width=100, file=text).print(certificate_table(shown(False)))
    assert [text.getvalue().count(mark) for mark in "✓✗"] == [1, 1]
    assert "1 check failed" in text.getvalue()


def test_markdown_tables_have_one_width():
    lines = certificates_page([shown(True)]).splitlines()
    widths = [line.count("|") for line in lines if line.startswith("| ")]
    assert widths == [10] * 3 + [7] * 5
