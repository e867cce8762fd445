"""Doses: magnitudes between and beyond the levels, the experts' limit, and what policies feel of them."""

from itertools import pairwise
from types import SimpleNamespace

import numpy as np
import pytest
from bimodal.benchmark.rollout.shard import Shard, run_shard
from bimodal.benchmark.scoring.feasible_cells import CellKey, FeasibilityCell
from bimodal.benchmark.studies import dose_limits, doses
from bimodal.benchmark.studies.dose_findings import cliffs, first_felt
from bimodal.benchmark.studies.dose_limits import Limit, axes, ladder, limit_of, try_experts
from bimodal.benchmark.studies.doses import Curve, Doses
from bimodal.benchmark.suite_lists import AT_DOSES
from bimodal.envs.errors import BimodalError
from bimodal.envs.perturbations.core.dosed import Dosed
from bimodal.envs.perturbations.core.magnitudes import part_at
from bimodal.envs.perturbations.core.registry import perturbations
from bimodal.policies import load_policy
from bimodal.tasks import load_task

DUMBBELL = "PandaLiftDumbbell-v1"
KINDS = perturbations()


def digests(variant, world=None):
    task = load_task(DUMBBELL)
    return run_shard(
        task, load_policy("expert", task), Shard(DUMBBELL, variant, 0, (3,)), "1", world=world
    ).digests


@pytest.mark.parametrize("name", ["start.joints", "scene.table_tilt"])
def test_at_the_magnitude_of_level_3_it_is_level_3_and_at_another_it_is_not(name):
    kind = KINDS[name]
    level = digests(f"{name}:3")
    assert digests("a dose", Dosed(kind, kind.levels[3])) == level
    assert digests("a dose", Dosed(kind, 1.25 * kind.levels[3])) != level


@pytest.mark.parametrize("name", axes())
def test_a_ladder_holds_the_levels_and_leads_away_from_the_clean_world(name):
    clean, *levels = KINDS[name].levels
    steps = ladder(KINDS[name])
    assert {*levels} <= {*steps}
    assert all(abs(b - clean) > abs(a - clean) > 0 for a, b in pairwise(steps))
    assert min(steps) >= 0
    assert max(steps) <= 1 or not KINDS[name].unit.startswith("share")


def test_factors_go_by_powers_all_else_by_sums_and_steps_are_whole():
    assert ladder(KINDS["contact.mass"])[-1] == pytest.approx(3.0**3)
    assert 2.45 in ladder(KINDS["contact.mass"])  # the root of 2 x 3
    assert ladder(KINDS["sensing.bias"]) == (2.5, 5, 7.5, 10, 15, 20, 30, 40, 60)
    assert ladder(KINDS["actuation.delay"]) == (1, 2, 3, 4, 6, 8, 12)
    assert ladder(KINDS["actuation.dropped"])[-2:] == (0.75, 1.0)


def known(*successes):
    """Return the cells of a perturbation's levels with these successes of the experts."""
    cells = [FeasibilityCell(DUMBBELL, "contact.push", 1 + i, one) for i, one in enumerate(successes)]
    return lambda tasks: {CellKey(DUMBBELL, "contact.push", one.level): one for one in cells}


def test_experts_are_asked_where_the_levels_do_not_say_and_no_further_than_they_bear(monkeypatch):
    asked = []

    def worst(task, world, seeds):
        asked.append(world.parts[0].magnitude)
        return 0.9 if asked[-1] < 8 else 0.84

    monkeypatch.setattr(dose_limits, "_worst", worst)
    monkeypatch.setattr(dose_limits, "known_cells", known(1.0, 1.0, 1.0))
    found = try_experts(DUMBBELL, "contact.push")
    assert asked == [6.0, 8.0]
    limit = limit_of(DUMBBELL, "contact.push", found)
    assert limit.ladder == (0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0)
    assert limit.ladder[limit.borne - 1] == 6.0


def test_between_a_level_that_they_bear_and_one_that_they_do_not_experts_are_asked(monkeypatch):
    monkeypatch.setattr(dose_limits, "_worst", lambda task, world, seeds: 1.0)
    monkeypatch.setattr(dose_limits, "known_cells", known(1.0, 0.89, 0.9))  # level 2 asks for 0.90
    found = try_experts(DUMBBELL, "contact.push")
    assert found == {"1.5": 1.0}
    limit = limit_of(DUMBBELL, "contact.push", found)
    assert limit.ladder == (0.5, 1.0, 1.5, 2.0)
    assert limit.borne == 3


def test_a_magnitude_without_a_scene_is_beyond_the_limit(monkeypatch):
    def none(task, world, seeds):
        raise BimodalError("no scene")

    monkeypatch.setattr(dose_limits, "_worst", none)
    monkeypatch.setattr(dose_limits, "known_cells", known(1.0, 1.0, 1.0))
    assert try_experts(DUMBBELL, "contact.push") == {"6": 0.0}


def test_a_policy_is_played_at_every_magnitude_that_has_a_scene():
    seeds = range(60_000, 60_002)
    played = doses.try_policy(DUMBBELL, "expert", "sensing.bias", (5.0, 60.0), seeds)
    assert played == {"5": "11", "60": "11"}  # the expert needs no eyes
    assert doses.try_policy(DUMBBELL, "expert", "horizon.short", (0.125,), seeds) == {"0.125": "00"}
    assert doses.try_policy(DUMBBELL, "expert", "start.bias", (90.0,), seeds) == {}  # out of reach
    assert doses.try_policy(DUMBBELL, "expert", "clean", (), seeds) == {"clean": "11"}


def test_episodes_in_which_a_mode_is_blocked_do_not_count_against_its_expert():
    task = load_task(DUMBBELL)
    blocked = Dosed(KINDS["scene.blocked"], 0.0)
    assert dose_limits._worst(task, blocked, range(60_000, 60_004)) == 1.0
    assert dose_limits._worst(task, Dosed(KINDS["horizon.short"], 0.125), range(60_000, 60_002)) == 0.0


def test_what_is_known_is_not_measured_again_and_what_is_missing_is(tmp_path, monkeypatch):
    asked = []

    def policy(task, method, name, magnitudes):
        asked.append((method, name))
        return {f"{one:g}": "10" for one in magnitudes} or {"clean": "11"}

    kinds = {name: KINDS[name] for name in ("contact.push", "sensing.latency")}
    for module in (doses, dose_limits):
        monkeypatch.setattr(module, "axes", lambda: kinds)
    monkeypatch.setattr(doses, "load_policy", lambda name, task: SimpleNamespace(artifacts=lambda: name))
    monkeypatch.setattr(doses, "METHODS", ("flow", "bet"))
    monkeypatch.setattr(doses, "OTHERS", ())
    monkeypatch.setattr(doses, "try_experts", lambda task, name: {"6": 0.0})
    monkeypatch.setattr(doses, "try_policy", policy)
    found = doses.measure_doses((DUMBBELL,), workers=0, folder=tmp_path)
    assert asked == [(method, name) for method in ("flow", "bet") for name in ("clean", *kinds)]
    assert [one.limit.ladder[-1] for one in found] == [6.0, 12]  # no expert feels latency
    assert found[0].curves["bet"].doses[6.0].tolist() == [True, False]
    doses.measure_doses((DUMBBELL,), workers=0, folder=tmp_path)
    assert len(asked) == 6
    monkeypatch.setattr(doses, "OTHERS", (("gmm",),))
    found = doses.measure_doses((DUMBBELL,), workers=0, folder=tmp_path)
    assert asked[6:] == [("gmm", name) for name in ("clean", *kinds)]  # those of before stay
    assert list(found[0].curves) == ["flow", "bet", "gmm"]
    monkeypatch.setattr(doses, "OTHERS", ())
    del asked[6:]
    monkeypatch.setattr(doses, "METHODS", ("flow", "bet", "mse"))
    doses.measure_doses((DUMBBELL,), workers=0, folder=tmp_path)
    assert len(asked) == 15  # other weights: another study
    doses.measure_doses((DUMBBELL,), workers=0, fresh=True, folder=tmp_path)
    assert len(asked) == 24


def test_who_plans_is_asked_what_full_plays_and_others_everything():
    ladder = dose_limits.ladder(KINDS["contact.push"])
    assert doses.asked("flow", "contact.push", ladder) == ladder
    played = doses.asked("diffuser", "contact.push", ladder)
    assert {str(part_at(KINDS["contact.push"], one)) for one in played} == {
        name for name in AT_DOSES if name.startswith("contact.push")
    }
    assert doses.asked("diffuser", "scene.clutter", dose_limits.ladder(KINDS["scene.clutter"])) == ()


def curve(**successes):
    """Return a curve of 50 episodes; of each magnitude the first so many succeed, all in the clean world."""
    hits = {float(name[1:].replace("_", ".")): np.arange(50) < count for name, count in successes.items()}
    return Curve(np.ones(50, bool), hits)


def dose(name, steps, borne, **curves):
    return Doses(DUMBBELL, name, Limit(steps, borne, {}), curves)


def test_the_first_magnitude_felt_is_where_the_unbroken_losses_up_to_the_limit_begin():
    bias = dose("sensing.bias", (5, 10, 20, 30), 3, flow=curve(m5=40, m10=50, m20=30, m30=0))
    assert first_felt([bias], "flow") == {"sensing.bias": 20}  # 10 was not felt, so neither was 5
    fewer = dose("sensing.bias", (5, 10, 20, 30), 2, flow=curve(m5=40, m10=50, m20=30, m30=0))
    assert first_felt([fewer], "flow") == {"sensing.bias": None}  # what no expert bears does not count
    assert first_felt([bias], "bet") == {}


def test_more_perturbations_ask_for_a_larger_loss():
    weak = dose("sensing.bias", (5,), 1, flow=curve(m5=45))  # mid-p of 5 to 0: 1 / 32
    none = [dose(name, (1,), 1, flow=curve(m1=50)) for name in ("contact.push", "contact.mass")]
    assert first_felt([weak], "flow")["sensing.bias"] == 5
    assert first_felt([weak, *none], "flow")["sensing.bias"] is None


def test_a_gain_is_not_felt():
    better = Curve(np.zeros(50, bool), {5.0: np.ones(50, bool)})
    assert first_felt([dose("sensing.bias", (5,), 1, flow=better)], "flow") == {"sensing.bias": None}


def test_a_cliff_lies_between_two_levels_and_shows_what_is_between():
    steps = ladder(KINDS["contact.friction"])
    hits = dict.fromkeys(steps, np.ones(50, bool)) | {0.387: np.arange(50) < 20, 0.3: np.zeros(50, bool)}
    one = Doses(DUMBBELL, "contact.friction", Limit(steps, 6, {}), {"flow": Curve(np.ones(50, bool), hits)})
    (cliff,) = cliffs([one])
    assert cliff.doses == (0.5, 0.387, 0.3)
    assert cliff.success == (1.0, 0.4, 0.0)
    assert not cliffs([one._replace(limit=Limit(steps, 5, {}))])  # no expert bears level 3
