"""The study of vision policies: what is measured is what is shown, and the page is of the shipped weights."""

import re
from pathlib import Path

import numpy as np
import pytest
from bimodal.benchmark.report.pages.markdown import write_section
from bimodal.benchmark.studies import vision
from bimodal.benchmark.studies.vision import VisionScore
from bimodal.benchmark.suites import SUITES
from bimodal.cli.vision_scores import pose_rows, vision_rows, vision_section
from bimodal.envs.errors import WrongUse
from bimodal.policies import load_policy
from bimodal.tasks import load_task

DUMBBELL, POST = "PandaLiftDumbbell-v1", "PandaPickAroundPost-v1"
PAGE = Path(__file__).parents[2] / "docs" / "vision.md"
SCORES = {
    DUMBBELL: {"vision_flow": VisionScore(50, 0.5, 0.2, 0.0012), "flow": VisionScore(50, 1.0, 0.5, None)},
    POST: {"vision_flow": VisionScore(50, 0.0, 0.0, 0.002)},
}


def test_the_rows_show_success_with_its_interval_and_a_dash_for_the_rest():
    rows = {row[0]: row[1:] for row in vision_rows(SCORES)}
    assert rows["vision_flow"] == ("50 [35,65], 20", "0 [0,8], –")
    assert rows["flow"] == ("100 [92,100], 50", "–") and rows["mse"] == ("–", "–")
    assert pose_rows(SCORES) == [("vision_flow", "1.2", "2.0")]
    section = vision_section(SCORES)
    assert (
        "| vision_flow | 50 [35,65], 20 | 0 [0,8], – |" in section
        and "| vision_flow | 1.2 | 2.0 |" in section
    )


def test_what_is_known_is_not_measured_again(tmp_path, monkeypatch):
    asked = []

    def measured(task, name, seeds, weights):
        asked.append((task, name, len(seeds)))
        return VisionScore(len(seeds), 0.5, 0.25, None)

    monkeypatch.setattr(vision, "try_policy", measured)
    monkeypatch.setattr(vision, "METHODS", ("mse", "flow"))
    options = {"tasks": (DUMBBELL,), "workers": 0, "folder": tmp_path, "episodes": 10}
    found = vision.measure_vision(**options)
    assert asked == [(DUMBBELL, "mse", 10), (DUMBBELL, "flow", 10)] and set(found[DUMBBELL]) == {
        "mse",
        "flow",
    }
    assert vision.measure_vision(**options) == found and len(asked) == 2
    vision.measure_vision(**options | {"episodes": 11})
    assert len(asked) == 4


def test_weights_that_were_trained_here_have_a_row_too_and_no_others(tmp_path, monkeypatch):
    asked = []

    def measured(task, name, seeds, weights):
        asked.append((name, weights))
        return VisionScore(len(seeds), 0.5, 0.25, None)

    here = tmp_path / "checkpoints"
    (here / DUMBBELL).mkdir(parents=True)
    for name in ("vision_flow_no_pose", "flow"):
        (here / DUMBBELL / f"{name}.safetensors").touch()
    monkeypatch.setattr(vision, "try_policy", measured)
    monkeypatch.setattr(vision, "METHODS", ("vision_flow_no_pose", "flow"))
    monkeypatch.setattr(vision, "CHECKPOINTS", here)
    monkeypatch.setattr(vision, "_measured_on", lambda task, episodes, folder: {"episodes": episodes})
    found = vision.measure_vision((DUMBBELL, POST), 0, folder=tmp_path, episodes=10)
    assert asked == [("flow", None), ("flow", None), ("vision_flow_no_pose", here)]
    assert {task: set(cells) for task, cells in found.items()} == {
        DUMBBELL: {"flow", "vision_flow_no_pose"},
        POST: {"flow"},
    }


def test_the_error_of_poses_is_the_distance_in_metres(monkeypatch):
    task = load_task(DUMBBELL)
    policy = load_policy("vision_flow", task)
    place = next(i for i, pose in enumerate(policy.vision.poses) if pose.name == "dumbbell_position")
    begin = sum(pose.size for pose in policy.vision.poses[:place])

    def believed(observation):
        poses = np.concatenate([observation[pose.name] for pose in policy.vision.poses], 1)
        poses[:, begin : begin + 3] += [0.003, 0.004, 0.0]
        return poses

    monkeypatch.setattr(policy, "estimated_poses", believed)
    np.testing.assert_allclose(vision.pose_errors(task, policy, range(7000, 7003)), 0.005, atol=1e-9)


def test_a_part_of_a_page_is_written_and_the_rest_stays(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("before\n<!-- scores -->\nold\n<!-- /scores -->\nafter\n")
    write_section(page, "scores", "new")
    assert page.read_text() == "before\n<!-- scores -->\nnew\n<!-- /scores -->\nafter\n"
    with pytest.raises(WrongUse, match="no part between <!-- other --> and <!-- /other -->"):
        write_section(page, "other", "new")
    with pytest.raises(WrongUse, match="no part between"):
        write_section(tmp_path / "none.md", "scores", "new")


def test_the_page_was_measured_with_the_weights_that_are_shipped():
    text = PAGE.read_text()
    for task in SUITES["core"].tasks:
        for name, digest in vision.weights_digest(task).items():
            assert re.search(rf"{name} `{digest}`", text), "bimodal results --vision --page docs/vision.md"


def test_two_studies_at_once_are_refused(bimodal):
    for others in (("--replanning",), ("--sampling",)):
        code, _, err = bimodal("results", "--vision", *others)
        assert code == 2 and "--vision is a study of its own" in err[0]
