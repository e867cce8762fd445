"""The study of what methods buy: cells are policies of 8 actions, the page compares the same episodes."""

import shutil

import numpy as np
import pytest
from bimodal.benchmark.statistics.paired import paired_difference
from bimodal.benchmark.studies import families
from bimodal.benchmark.studies.families import CONTENDERS, FAMILIES, FamilyCell, cell_name, measure_families
from bimodal.cli.families import families_page, gain_rows, success_rows
from bimodal.policies import load_policy
from bimodal.policies.core.registry import SHIPPED_CHECKPOINTS, policy_class
from bimodal.policies.core.wrapping import unwrapped
from bimodal.tasks import load_task

DUMBBELL, BUTTONS = list(FAMILIES)[:2]
SHIPPED = [one for one in CONTENDERS if families.weights_folder(one, DUMBBELL)]


@pytest.mark.parametrize("one", SHIPPED, ids=lambda one: one.name)
def test_a_contender_executes_eight_actions(one):
    policy = load_policy(one.uri, load_task(DUMBBELL), families.weights_folder(one, DUMBBELL))
    assert policy.needs().n_action_steps == 8 and policy.needs().n_obs_steps == 1


def test_contenders_have_names_of_their_own_and_stand_for_others():
    names = [one.name for one in CONTENDERS]
    assert len(set(names)) == len(names)
    for place, one in enumerate(CONTENDERS):
        assert policy_class(unwrapped(one.uri)).method == one.weights[0]
        assert one.instead in names[:place] or not one.instead


@pytest.fixture
def trained_here(tmp_path, monkeypatch):
    """An empty folder of checkpoints, in place of the working directory's."""
    monkeypatch.setattr(families, "CHECKPOINTS", tmp_path / "checkpoints")
    return tmp_path / "checkpoints"


def test_weights_that_were_made_here_come_first_and_all_of_them_must_be_there(trained_here):
    by_name = {one.name: one for one in CONTENDERS}
    flow, best = by_name["flow"], by_name["best_of_n(flow)"]
    assert families.weights_folder(flow, DUMBBELL) == SHIPPED_CHECKPOINTS
    assert families.weights_folder(flow, BUTTONS) is None
    here = trained_here / DUMBBELL
    here.mkdir(parents=True)
    shutil.copy(SHIPPED_CHECKPOINTS / DUMBBELL / "mse.safetensors", here / "flow.safetensors")
    assert families.weights_folder(flow, DUMBBELL) == trained_here
    assert families.weights_folder(best, DUMBBELL) is None
    shutil.copy(here / "flow.safetensors", here / "critic.safetensors")
    assert families.weights_folder(best, DUMBBELL) == trained_here
    names = {cell_name(flow, DUMBBELL, folder) for folder in (trained_here, SHIPPED_CHECKPOINTS)}
    assert len(names) == 2, "other weights are another cell"


def test_what_is_known_is_not_measured_again(trained_here, tmp_path, monkeypatch):
    asked = []

    def measured(task, uri, folder, seeds):
        asked.append((task, uri))
        return FamilyCell((True, False), 0.25)

    monkeypatch.setattr(families, "try_contender", measured)
    found = measure_families((DUMBBELL, BUTTONS), workers=0, folder=tmp_path)
    shipped = [one for one in CONTENDERS if families.weights_folder(one, DUMBBELL)]
    assert asked == [(DUMBBELL, one.uri) for one in shipped]
    assert list(found[DUMBBELL]) == [one.name for one in shipped] and found[BUTTONS] == {}
    assert measure_families((DUMBBELL, BUTTONS), workers=0, folder=tmp_path) == found
    assert len(asked) == len(shipped)


def test_a_cell_is_a_trial_of_the_policy():
    cell = families.try_contender(DUMBBELL, "flow", SHIPPED_CHECKPOINTS, range(7000, 7004))
    assert len(cell.won) == 4 and sum(cell.won) >= 3


def test_the_page_compares_with_what_a_policy_stands_for_on_the_same_episodes():
    rng = np.random.default_rng(0)
    won = {name: tuple(map(bool, rng.random(50) < p)) for name, p in {"mse": 0.1, "flow": 0.8}.items()}
    found = {DUMBBELL: {name: FamilyCell(one, 0.4) for name, one in won.items()}, BUTTONS: {}}
    success = {row[0]: row[1:] for row in success_rows(found)}
    share = round(100 * np.mean(won["flow"]))
    assert success["flow"][0].startswith(f"{share} [") and success["flow"][0].endswith(", 40")
    assert success["flow"][1] == success["mars"][0] == "–"
    gains = {row[:2]: row[2:] for row in gain_rows(found)}
    gain = paired_difference(won["flow"], won["mse"])
    assert gains["flow", "mse"][0].startswith(f"{round(100 * gain.estimate):+d} [+")
    assert gains["mars", "flow"] == ("–", "–")
    page = families_page(found)
    assert "| Lift Dumbbell: two ways |" in page and f"| flow | mse | {gains['flow', 'mse'][0]} | – |" in page
