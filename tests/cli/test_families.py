"""The study of what methods buy: cells are policies of 8 actions, the page compares the same episodes."""

import shutil
from itertools import product

import numpy as np
import pytest
from bimodal.benchmark.statistics.paired import paired_difference
from bimodal.benchmark.studies import families
from bimodal.benchmark.studies.families import (
    BEYOND,
    CONTENDERS,
    FAMILIES,
    LENGTHS,
    RUNNERS,
    WORLDS,
    FamilyCell,
    cell_name,
    executing,
    measure_families,
    measure_lengths,
)
from bimodal.benchmark.studies.mode_choice import POST, measure_post
from bimodal.cli.families import (
    beyond_header,
    beyond_rows,
    families_page,
    gain_rows,
    length_rows,
    post_rows,
    success_rows,
)
from bimodal.envs.errors import BimodalError
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


def cell(won, modes=None, label="TIMEOUT", k=2):
    """Return a cell of episodes that succeeded in turn in each of k modes, or failed in the same way."""
    modes = [i % k if w else -1 for i, w in enumerate(won)] if modes is None else modes
    return FamilyCell(tuple("SUCCESS" if w else label for w in won), tuple(modes), (9,) * len(won), k)


def test_contenders_have_names_of_their_own_and_stand_for_others():
    names = [one.name for one in CONTENDERS]
    assert len(set(names)) == len(names)
    for place, one in enumerate(CONTENDERS):
        assert policy_class(unwrapped(one.uri)).method == one.weights[0]
        assert one.instead in names[:place] or not one.instead


@pytest.mark.parametrize(("name", "n"), list(product(RUNNERS, LENGTHS)))
def test_where_the_object_moves_a_policy_executes_the_length_of_its_column(name, n):
    one = executing(name, n)
    policy = load_policy(one.uri, load_task(DUMBBELL), families.weights_folder(one, DUMBBELL))
    assert policy.needs().n_action_steps == n


def test_tasks_of_more_than_two_modes_say_which_are_taken():
    many = [task for task in FAMILIES if len(load_task(task).modes) > 2]
    assert list(BEYOND) == many


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

    def measured(task, uri, folder, seeds, variant):
        asked.append((task, uri))
        return cell([True, False])

    monkeypatch.setattr(families, "try_contender", measured)
    found = measure_families((DUMBBELL, BUTTONS), workers=0, folder=tmp_path)
    shipped = [one for one in CONTENDERS if families.weights_folder(one, DUMBBELL)]
    assert asked == [(DUMBBELL, one.uri) for one in shipped]
    assert list(found[DUMBBELL]) == [one.name for one in shipped] and found[BUTTONS] == {}
    assert measure_families((DUMBBELL, BUTTONS), workers=0, folder=tmp_path) == found
    assert len(asked) == len(shipped)


def test_lengths_are_measured_where_the_object_moves_and_apart_from_the_families(
    trained_here, tmp_path, monkeypatch
):
    asked = []

    def measured(task, uri, folder, seeds, variant):
        asked.append((task, uri, len(seeds), variant))
        return cell([True])

    monkeypatch.setattr(families, "try_contender", measured)
    found = measure_lengths(workers=0, folder=tmp_path)
    assert all(found[task] == {} for task in WORLDS if task != DUMBBELL) and list(found) == list(WORLDS)
    assert list(found[DUMBBELL]) == list(product(RUNNERS, LENGTHS))
    assert {one[2:] for one in asked} == {(len(families.FEWER), WORLDS[DUMBBELL])}
    asked.clear()
    measure_families((DUMBBELL,), workers=0, folder=tmp_path)
    around = [one.uri for one in CONTENDERS if "bid" in one.uri and families.weights_folder(one, DUMBBELL)]
    assert around and all((DUMBBELL, uri, len(families.EPISODES), "clean") in asked for uri in around)


def test_a_decision_that_fails_is_no_measurement(monkeypatch):
    monkeypatch.setattr("bimodal.policies.flow.Flow.act", lambda self, seen: 1 / 0)
    with pytest.raises(BimodalError, match="flow: POLICY_ERROR; that is no measurement"):
        families.try_contender(DUMBBELL, "flow", SHIPPED_CHECKPOINTS, range(7000, 7002))


def test_the_post_is_played_beside_the_clean_world_by_poses_and_by_pictures(tmp_path, monkeypatch):
    barred = cell([True] * 5 + [False] * 5, label="COLLISION_OTHER")

    def measured(task, uri, folder, seeds, variant):
        return cell([True] * 10) if variant == "clean" else barred

    monkeypatch.setattr(families, "try_contender", measured)
    found = measure_post(workers=0, folder=tmp_path)
    assert list(found) == ["clean", POST[1]]
    rows = {name: tuple(text.split(" ")[0] for text in rest) for name, *rest in post_rows(found)}
    assert rows == dict.fromkeys(("flow", "bet", "vision_flow"), ("100", "50", "50"))
    assert POST[0] == DUMBBELL and load_policy("vision_flow", load_task(DUMBBELL)).cameras


def test_a_cell_is_a_trial_of_the_policy():
    found = families.try_contender(DUMBBELL, "flow", SHIPPED_CHECKPOINTS, range(7000, 7004))
    assert len(found.won) == 4 and sum(found.won) >= 3
    assert found.metric("coverage") == len({m for m, w in zip(found.modes, found.won, strict=True) if w}) / 2
    knocked = families.try_contender(
        DUMBBELL, "flow", SHIPPED_CHECKPOINTS, range(7000, 7004), "contact.knock=3"
    )
    assert knocked != found


def test_free_ways_and_modes_are_counted_beside_success():
    task = next(task for task, names in BEYOND.items() if "feasible_choice" in names)
    barred = cell([True] * 6 + [False] * 2, label="COLLISION_OTHER", k=4)
    rows = {row[0]: row[1:] for row in beyond_rows({task: {"flow": barred}})}
    assert rows["flow"][0].startswith("75 [") and rows["flow"][1] == "100" and rows["mse"] == ("–",) * 3
    assert beyond_header({task: {}})[1:] == (
        "Lift Free Grip: feasible choice",
        "Lift Free Grip: coverage",
        "Lift Free Grip: mode entropy",
    )


def test_the_page_compares_with_what_a_policy_stands_for_on_the_same_episodes():
    rng = np.random.default_rng(0)
    won = {name: tuple(map(bool, rng.random(50) < p)) for name, p in {"mse": 0.1, "flow": 0.8}.items()}
    found = {DUMBBELL: {name: cell(one) for name, one in won.items()}, BUTTONS: {}}
    success = {row[0]: row[1:] for row in success_rows(found)}
    share = round(100 * np.mean(won["flow"]))
    rarest = round(100 * found[DUMBBELL]["flow"].metric("minority_share"))
    assert success["flow"][0].startswith(f"{share} [") and success["flow"][0].endswith(f", {rarest}")
    assert success["flow"][1] == success["mars"][0] == "–"
    gains = {row[:2]: row[2:] for row in gain_rows(found)}
    gain = paired_difference(won["flow"], won["mse"])
    assert gains["flow", "mse"][0].startswith(f"{round(100 * gain.estimate):+d} [+")
    assert gains["mars", "flow"] == ("–", "–")
    lengths = {DUMBBELL: {("flow", 2): cell([True] * 3 + [False])}}
    post = {"clean": {"flow": cell([True] * 4)}, "scene.blocked:3": {"flow": cell([True, False])}}
    page = families_page(found, lengths, post)
    assert "| Lift Dumbbell: two ways |" in page and f"| flow | mse | {gains['flow', 'mse'][0]} | – |" in page
    assert (
        length_rows(lengths)[0][2].startswith("75 [")
        and f"| flow | – | {length_rows(lengths)[0][2]} |" in page
    )
