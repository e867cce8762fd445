"""The picture of a task: the right moments, files that others can show, errors in one line."""

import importlib.util
import os
import threading
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from bimodal.benchmark.media import task_picture as view
from bimodal.benchmark.media.drawing import CAPTION, GAP, INK
from bimodal.benchmark.media.framing import framing
from bimodal.benchmark.media.mode_rollouts import AVERAGE, mode_rollouts
from bimodal.benchmark.media.task_geometry import (
    object_points,
)
from bimodal.benchmark.media.task_picture import animate, draw
from bimodal.cli.main import main
from bimodal.envs.errors import WrongUse
from bimodal.envs.rendering import gl
from bimodal.envs.rendering.cameras import FOVY
from bimodal.envs.rendering.colours import AVERAGED, MODE_COLOURS
from bimodal.envs.simulation import Simulation
from bimodal.tasks import load_task, task_names
from PIL import Image
from slow_cases import DIFFERENT_TASKS, mostly_slow

TASK = "PandaLiftDumbbell-v1"
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def gallery():
    spec = importlib.util.spec_from_file_location("gallery_tool", ROOT / "tools" / "gallery.py")
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    return tool


def share(picture, colour):
    return (np.abs(np.asarray(picture).astype(int) - colour).max(-1) < 45).mean()


# -------------------------------------------------------------------------------------------- moments


@pytest.mark.parametrize("name", mostly_slow(task_names(), *DIFFERENT_TASKS))
def test_every_mode_is_shown_taken_and_the_average_where_it_fails(name):
    task = load_task(name)
    k, rollouts = len(task.modes), mode_rollouts(task, 0)
    assert [one.name for one in rollouts] == [*task.modes, AVERAGE]
    assert [one.label for one in rollouts[:k]] == ["SUCCESS"] * k and rollouts[k].label.endswith("_MID")
    assert [bool(one.note) for one in rollouts] == [False] * k + [True]
    simulation = Simulation(task, k + 1)
    simulation.reset([0] * (k + 1))
    assert all((one.states[0] == row).all() for one, row in zip(rollouts, simulation.state(), strict=True))
    simulation.restore(np.stack([one.states[one.moment] for one in rollouts]))
    simulation.batch.forward()
    seen = task.measure(simulation)
    assert list(seen.part[:k]) == list(range(k))
    assert seen.illegal[:k].max() == 0.0
    assert seen.illegal[k] > 1.0 or rollouts[k].label == "AIR_GRASP_MID"


def test_the_note_names_what_the_average_touches():
    assert mode_rollouts(load_task(TASK))[-1].caption == "average: touches the hub"
    assert mode_rollouts(load_task("PandaPickAroundPost-v1"))[-1].caption == "average: touches the post"


def test_a_mode_that_fails_is_shown_with_its_verdict():
    class Weak(type(load_task(TASK))):
        success_height = 0.5

    rollouts = mode_rollouts(Weak())
    assert rollouts[0].label == "TIMEOUT" and rollouts[0].caption == "left bar: ran out of time"


# ------------------------------------------------------------------------------------------- pictures


@pytest.mark.parametrize("name", mostly_slow(task_names(), *DIFFERENT_TASKS))
def test_the_view_holds_all_objects(name):
    task = load_task(name)
    rollouts, size = mode_rollouts(task), (304, 380)
    chosen = framing(task, rollouts, size)
    position, axes = chosen.frame()
    model = task.spec().compile()
    points = np.concatenate([object_points(task, model, one.states[one.moment]) for one in rollouts])
    right, up, back = ((points - position) @ axes).T
    edge = np.tan(np.radians(FOVY / 2))
    assert (-back).min() > 0.2
    assert np.abs(up / -back).max() < edge and np.abs(right / -back).max() < edge * size[0] / size[1]


@pytest.mark.parametrize("name", [TASK, "PandaLiftTrefoil-v1"])
def test_a_picture_shows_every_mode_the_average_and_the_map(drawing, tmp_path, name):
    if name not in task_names():
        pytest.skip(f"no {name}")
    task = load_task(name)
    n = len(task.modes) + 2
    path = draw(task, tmp_path / "new" / "picture.jpg", passes=1)
    picture = Image.open(path)
    assert picture.width < 1600 and path.stat().st_size < 160_000
    step = (picture.width + GAP) // n
    head, foot = view._HEADER, CAPTION
    parts = [picture.crop((i * step, 0, (i + 1) * step - GAP, picture.height)) for i in range(n)]
    scenes = [np.asarray(part)[head:-foot].astype(int) for part in parts]
    assert all(np.abs(a - b).mean() > 2 for a, b in pairwise(scenes))
    captions = [part.crop((0, part.height - foot, part.width, part.height)) for part in parts]
    for index, colour in enumerate([*MODE_COLOURS[: n - 2], AVERAGED]):
        assert share(captions[index], colour) > 0.003, "its dot"
    assert share(captions[n - 2], AVERAGED) > 2 * share(captions[0], MODE_COLOURS[0]), "its note is orange"
    for colour in MODE_COLOURS[: n - 2]:
        assert share(scenes[-1], colour) > 0.001, "its grasp on the map"


def test_the_map_has_no_robot_and_its_dead_zone_is_orange_between_the_grasps(drawing, tmp_path):
    picture = np.asarray(Image.open(draw(load_task(TASK), tmp_path / "a.png", passes=1))).astype(int)
    width = view._SIZES[4][0]
    chart = picture[view._HEADER : -CAPTION, -width:]
    middle = chart[chart.shape[0] // 2 - 40 : chart.shape[0] // 2 + 40]
    beside = middle[5:18]  # above the bars there are fingers only
    near = [np.abs(beside - colour).max(-1) < 40 for colour in MODE_COLOURS[:2]]
    left, right = (np.nonzero(mask)[1].mean() for mask in near)
    assert left > right + 100, "the robot's left is on the right"
    stripes = (np.abs(middle - AVERAGED).max(-1) < 50)[20:60]
    columns = np.nonzero(stripes.mean(0) > 0.3)[0]
    assert right + 20 < columns.min() and columns.max() < left - 20
    assert (np.diff(stripes[:, columns].astype(int)) > 0).sum(1).min() > 5, "hatched"
    dark = (chart.max(-1) < 60).mean()
    assert dark < 0.005, "no black joints of a robot"


def test_a_moving_picture_plays_in_real_time_until_all_have_ended(drawing, tmp_path, monkeypatch):
    monkeypatch.setattr(view, "_GIF_PANEL", (144, 120))
    rollouts = mode_rollouts(load_task(TASK))
    path = animate(load_task(TASK), tmp_path / "new" / "moving.gif")
    assert path.stat().st_size < view.GIF_LIMIT
    gif = Image.open(path)
    frames, seconds = [], 0.0
    for index in range(gif.n_frames):
        gif.seek(index)
        frames.append(np.asarray(gif.convert("RGB")).astype(int))
        seconds += gif.info["duration"] / 1000
    longest = (max(len(one.states) for one in rollouts) - 1) / 20
    assert longest + 1.0 < seconds < longest + 2.0 and gif.info["loop"] == 0
    wide = frames[0].shape[1]
    plain = np.array([share(frame[-40:, 2 * wide // 3 :], INK) for frame in frames])
    assert plain[0] > 0.005 and plain[-1] < 0.1 * plain[0], "the average ends in red"
    assert np.abs(frames[-1][:, : wide // 3] - frames[0][:, : wide // 3]).mean() > 2
    stopped = int((plain < 0.1 * plain[0]).argmax())
    assert np.abs(frames[-1][:, 2 * wide // 3 :] - frames[stopped][:, 2 * wide // 3 :]).max() < 20


# --------------------------------------------------------------------------------------------- faults


@pytest.mark.parametrize(("flag", "name"), [("--png", "a.webp"), ("--gif", "a.png"), ("--png", "a")])
def test_another_kind_of_file_is_refused_before_anything_is_drawn(flag, name, tmp_path, capsys):
    assert main(["view", TASK, flag, str(tmp_path / name)]) == 2
    said = capsys.readouterr().err
    assert "must end in ." in said and said.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_functions_refuse_other_files_too(tmp_path):
    with pytest.raises(WrongUse, match=r"\.png or \.jpg"):
        draw(load_task(TASK), tmp_path / "a.gif")
    with pytest.raises(WrongUse, match=r"\.gif"):
        animate(load_task(TASK), tmp_path / "a.png")


def test_without_opengl_the_message_helps(monkeypatch, capsys, tmp_path):
    monkeypatch.setenv("MUJOCO_GL", "none")
    monkeypatch.setattr(gl, "_OPEN", threading.local())  # as in a process that has not drawn yet
    assert main(["view", TASK, "--png", str(tmp_path / "a.png")]) == 1
    said = capsys.readouterr().err
    assert "cannot draw" in said and said.count("\n") == 1
    assert os.environ["MUJOCO_GL"] == "none"


# -------------------------------------------------------------------------------------------- gallery


def test_the_gallery_shows_every_task(gallery, monkeypatch):
    monkeypatch.delenv("BIMODAL_TASKS", raising=False)
    text = (ROOT / "docs" / "gallery.md").read_text()
    assert text == gallery.page(), "run: python tools/gallery.py"
    for name in task_names():
        picture = ROOT / "docs" / "images" / f"{name}.jpg"
        assert f"images/{name}.jpg" in text and picture.stat().st_size <= view.LIMIT
        assert Image.open(picture).width < 1600
