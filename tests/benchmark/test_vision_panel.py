"""The gates for pictures: the recipes read what they say, and a strong regression fails its task."""

from pathlib import Path

import pytest
import torch
from bimodal.benchmark.certificate import vision_panel as panel
from bimodal.benchmark.certificate.vision_panel import PANEL, TOLD, PictureCertificate, PictureTrial
from bimodal.benchmark.suites import SUITES
from bimodal.cli.vision_certificates import pictures_page, pictures_rows, verdict
from bimodal.envs.errors import BimodalError
from bimodal.policies.core.checkpoint import load
from bimodal.policies.training import picture_regressions
from bimodal.policies.training.recipes import PictureRecipe
from bimodal.tasks import load_task
from bimodal.tasks.core.fingerprint import fingerprint
from bimodal.tasks.demonstrations import collect as demonstrations
from toy import train

DUMBBELL, POT = "PandaLiftDumbbell-v1", "PandaLiftPot-v1"


def shown(folder, seed=0):
    file = folder / f"demos-{seed}.npz"
    return demonstrations.save(demonstrations.collect(load_task(DUMBBELL), "bi50", 4, seed), file)


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Four demonstrations, and the weights of `vision_flow` after a few steps on them."""
    folder = tmp_path_factory.mktemp("pictures")
    file = shown(folder)
    return file, train("vision_flow", file, folder, steps=6, preset="tiny")


@pytest.mark.parametrize("recipe", [TOLD, PictureRecipe("poses")], ids=str)
def test_a_recipe_keeps_the_encoder_and_learns_a_trunk_of_its_own(recipe, place, tmp_path):
    file, encoder = place
    paths = [
        picture_regressions.train_picture_regression(recipe, encoder, file, seed, tmp_path / name, steps=3)
        for name, seed in (("a", 0), ("b", 0), ("c", 1))
    ]
    first, again, other = (path.read_bytes() for path in paths)
    assert first == again != other
    weights, seen = (
        load(path, DUMBBELL, name).weights for path, name in ((paths[0], "mse"), (encoder, "vision_flow"))
    )
    kept = {name for name in seen if not name.startswith("trunk.")}
    assert kept and all(torch.equal(weights[name], seen[name]) for name in kept)
    policy = picture_regressions.picture_regression(recipe)(load_task(DUMBBELL), paths[0])
    poses = sum(pose.size for pose in policy.vision.poses)
    given = poses if recipe.reads == "poses" else seen["features.weight"].shape[0]
    hand = 10 + recipe.told  # nine numbers of the hand and one of the gripper, and the label of two modes
    look = policy.encoder.look(torch.zeros(2, 2, 96, 96, 3, dtype=torch.uint8), torch.zeros(2, hand))
    assert look.shape == (2, given) and policy.config.modes == 2 * recipe.told
    assert policy.encoder.trunk(torch.zeros(2, 160), torch.zeros(2), torch.zeros(2, given + hand)).shape == (
        2,
        160,
    )


def test_an_encoder_that_learnt_from_other_demonstrations_is_refused(place, tmp_path):
    other = shown(tmp_path, seed=1)
    with pytest.raises(BimodalError, match=r"learnt from other demonstrations than these$"):
        picture_regressions.train_picture_regression(TOLD, place[1], other, 0, tmp_path, steps=1)


def test_all_first_seeds_come_before_the_second_ones_and_nothing_is_measured_twice(tmp_path, monkeypatch):
    asked = []

    def tried(task, policy, seed, file, folder):
        asked.append((task, policy, seed))
        return PictureTrial(0.2 if policy in panel.REGRESSIONS else 0.95, 0.4)

    monkeypatch.setattr(panel, "try_training", tried)
    options = {"shows": lambda *_: tmp_path / "none", "workers": 0, "folder": tmp_path}
    first = panel.measure_pictures([DUMBBELL, POT], seeds=1, **options)
    assert asked[:2] == [(DUMBBELL, "vision_flow", 0), (POT, "vision_flow", 0)]
    assert len(asked) == 2 * len(PANEL) and {seed for *_, seed in asked} == {0}
    assert [verdict(one) for one in first] == ["open: 6 trainings are not measured"] * 2
    whole = panel.measure_pictures([DUMBBELL, POT], **options)
    assert len(asked) == 2 * sum(PANEL.values()) == len(set(asked))
    assert [verdict(one) for one in whole] == ["certified"] * 2 and all(one.certified for one in whole)
    assert panel.known_pictures([DUMBBELL], tmp_path) == whole[:1]
    assert panel.known_pictures([DUMBBELL], tmp_path / "elsewhere") == []


def measured(**changed):
    trials = {name: (PictureTrial(0.1, 0.0),) * seeds for name, seeds in PANEL.items()}
    trials |= {"vision_flow": (PictureTrial(0.95, 0.3),), str(TOLD): (PictureTrial(0.9, 0.4),)}
    return PictureCertificate(DUMBBELL, "f" * 64, trials | changed)


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        (
            {"vision_mse": tuple(PictureTrial(rate, 0.1) for rate in (0.0, 0.4, 0.1))},
            "regression reaches 40 % (vision_mse)",
        ),
        ({"vision_flow": (PictureTrial(0.89, 0.5),)}, "vision_flow reaches 89 %, rarest mode 50 %"),
        ({"vision_flow": (PictureTrial(1.0, 0.24),)}, "vision_flow reaches 100 %, rarest mode 24 %"),
        ({str(TOLD): (PictureTrial(0.89, 0.5),)}, "the regression that is told the mode reaches 89 %"),
    ],
    ids=["regression", "flow", "mode", "told"],
)
def test_each_gate_fails_its_task_just_beyond_its_bound(changed, why):
    assert verdict(measured()) == "certified"
    assert verdict(measured(**changed)) == f"**not certified from pictures**: {why}"


def test_the_page_shows_every_training_and_names_what_is_not_measured():
    one = measured(vision_mse=(PictureTrial(0.76, 0.05), PictureTrial(0.0, 0.0)))
    (row,) = pictures_rows([one])
    assert row[:4] == (DUMBBELL, "95 (30)", "90 (40)", "76 (5), 0 (–)")
    page = pictures_page([one])
    assert "regression reaches 76 % (vision_mse)" in page
    assert f"stronger: 1 training of {DUMBBELL}." in page
    assert f"where a regression succeeds ({DUMBBELL})," in page


def test_the_page_says_which_tasks_of_the_suite_are_not_certified():
    first, *others = SUITES["core-vision"].tasks
    certified = [measured()._replace(task=task) for task in others]
    assert f"Of these not certified from pictures: {first}." in pictures_page(certified)
    whole = pictures_page([measured()._replace(task=first), *certified])
    assert "Each is certified from pictures." in whole and "where a regression succeeds" not in whole


def test_every_task_of_the_suite_is_certified_on_the_published_page():
    page = (Path(__file__).parents[2] / "docs" / "certificates-vision.md").read_text()
    for task in SUITES["core-vision"].tasks:
        (line,) = [line for line in page.splitlines() if line.startswith(f"| {task} |")]
        assert line.endswith("| certified |")
        assert f"{task} `{fingerprint(load_task(task))[:16]}`" in page
