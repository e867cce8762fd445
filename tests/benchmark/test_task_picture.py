"""The picture of a task: the right moments, a true map, files that others can show, errors in one line."""

import importlib.util
import os
import sys
from contextlib import contextmanager, nullcontext
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace

import mujoco
import numpy as np
import pytest
from bimodal.benchmark.media import task_picture as view
from bimodal.benchmark.media import viewer
from bimodal.benchmark.media.mode_rollouts import AVERAGE, play
from bimodal.benchmark.media.task_map import (
    COLOURS,
    RED,
    dead_paths,
    dead_region,
    hull,
    middle_state,
    object_points,
    spawn_region,
)
from bimodal.benchmark.media.task_picture import animate, draw, framing
from bimodal.cli.main import main
from bimodal.envs.errors import WrongUse
from bimodal.envs.rendering.cameras import FOVY
from bimodal.envs.simulation import Simulation
from bimodal.tasks import load_task, task_names
from bimodal.tasks.core.task import ALONG_X, ALONG_Y, Task
from PIL import Image
from scipy.spatial import ConvexHull

TASK = "PandaLiftDumbbell-v1"
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def gallery():
    spec = importlib.util.spec_from_file_location("gallery_tool", ROOT / "tools" / "gallery.py")
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    return tool


def inside(points, polygon):
    """Return how far points (N, 2) lie within a counter-clockwise convex polygon; negative outside [m]."""
    edge = np.roll(polygon, -1, axis=0) - polygon
    normal = np.stack([-edge[:, 1], edge[:, 0]], -1) / np.linalg.norm(edge, axis=1)[:, None]
    return ((points[:, None] - polygon) * normal).sum(-1).min(1)


def share(picture, colour):
    return (np.abs(np.asarray(picture).astype(int) - colour).max(-1) < 45).mean()


# -------------------------------------------------------------------------------------------- moments


@pytest.mark.parametrize("name", task_names())
def test_every_mode_is_shown_taken_and_the_average_where_it_fails(name):
    task = load_task(name)
    k, takes = len(task.modes), play(task, 0)
    assert [take.name for take in takes] == [*task.modes, AVERAGE]
    assert [take.label for take in takes[:k]] == ["SUCCESS"] * k and takes[k].label.endswith("_MID")
    assert [bool(take.note) for take in takes] == [False] * k + [True]
    simulation = Simulation(task, k + 1)
    simulation.reset([0] * (k + 1))
    assert all((take.states[0] == row).all() for take, row in zip(takes, simulation.state(), strict=True))
    simulation.restore(np.stack([take.states[take.moment] for take in takes]))
    simulation.batch.forward()
    seen = task.measure(simulation)
    assert list(seen.part[:k]) == list(range(k))
    assert seen.illegal[:k].max() == 0.0
    assert seen.illegal[k] > 1.0 or takes[k].label == "AIR_GRASP_MID"


def test_the_note_names_what_the_average_touches():
    assert play(load_task(TASK))[-1].caption == "average: touches the hub"
    assert play(load_task("PandaPickAroundPost-v1"))[-1].caption == "average: touches the post"


def test_a_mode_that_fails_is_shown_with_its_verdict():
    class Weak(type(load_task(TASK))):
        success_height = 0.5

    takes = play(Weak())
    assert takes[0].label == "TIMEOUT" and takes[0].caption == "left bar: ran out of time"


# ------------------------------------------------------------------------------------------------ map


@pytest.mark.parametrize("count", [3, 4, 10, 200])
def test_hull_is_scipys(count):
    points = np.random.default_rng(count).normal(size=(count, 2))
    found, expected = hull(points), ConvexHull(points)
    assert np.allclose(sorted(map(tuple, found)), sorted(map(tuple, points[expected.vertices])), atol=1e-6)
    assert inside(found.mean(0)[None], found) > 0, "counter-clockwise"


@pytest.mark.parametrize("name", task_names())
def test_the_outline_holds_the_objects_of_every_start_and_little_else(name):
    task = load_task(name)
    model, n = task.spec().compile(), 60
    region = spawn_region(task, object_points(task, model, middle_state(task)))
    simulation = Simulation(task, n)
    simulation.reset(range(n))
    points = np.concatenate([object_points(task, model, state)[:, :2] for state in simulation.state()])
    assert inside(points, region).min() > -0.002
    assert np.abs(np.subtract([points.min(0), points.max(0)], [region.min(0), region.max(0)])).max() < 0.02


def test_the_dead_zone_of_two_bars_is_the_middle_half():
    (path,) = dead_paths(load_task(TASK))
    y = load_task(TASK).grasps[0, 1]
    assert np.allclose([path[:, 1].min(), path[:, 1].max()], [-y / 2, y / 2], atol=0.03 * y)
    corners = np.concatenate(dead_region(load_task(TASK)))
    assert np.allclose(np.abs(corners[:, 0]).max(), 0.04, atol=1e-6), "the fingers open along x"


def test_the_dead_zone_of_two_yaws_is_a_turn():
    class Turned(Task):
        modes = ("x", "y")
        grasps = np.array([[0, 0, 0.02, ALONG_X], [0, 0, 0.02, ALONG_Y]])

    (path,) = dead_paths(Turned())
    assert np.allclose(np.sort(path[[0, -1], 3]), np.radians([112.5, 157.5]), atol=0.02)
    assert np.linalg.norm(np.concatenate(dead_region(Turned())), axis=1).max() < 0.043


def test_the_dead_zone_of_three_modes_is_what_lies_among_them():
    turn = np.radians([0, 120, 240])

    class Three(Task):
        modes = ("a", "b", "c")
        grasps = np.stack([0.1 * np.cos(turn), 0.1 * np.sin(turn), 0 * turn, 0 * turn + ALONG_X], 1)

    (region,) = dead_region(Three())
    assert inside(np.zeros((1, 2)), region) > 0.03
    assert inside(Three.grasps[:, :2], region).max() < -0.02


# ------------------------------------------------------------------------------------------- pictures


@pytest.mark.parametrize("name", task_names())
def test_the_view_holds_all_objects(name):
    task = load_task(name)
    takes, size = play(task), (304, 380)
    chosen = framing(task, takes, size)
    position, axes = chosen.frame()
    model = task.spec().compile()
    points = np.concatenate([object_points(task, model, take.states[take.moment]) for take in takes])
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
    step = (picture.width + view._GAP) // n
    head, foot = view._HEADER, view._CAPTION
    parts = [picture.crop((i * step, 0, (i + 1) * step - view._GAP, picture.height)) for i in range(n)]
    scenes = [np.asarray(part)[head:-foot].astype(int) for part in parts]
    assert all(np.abs(a - b).mean() > 2 for a, b in pairwise(scenes))
    captions = [part.crop((0, part.height - foot, part.width, part.height)) for part in parts]
    for index, colour in enumerate([*COLOURS[: n - 2], RED]):
        assert share(captions[index], colour) > 0.003, "its dot"
    assert share(captions[n - 2], RED) > 2 * share(captions[0], COLOURS[0]), "the average's note is red"
    for colour in COLOURS[: n - 2]:
        assert share(scenes[-1], colour) > 0.001, "its grasp on the map"


def test_the_map_has_no_robot_and_its_dead_zone_is_red_between_the_grasps(drawing, tmp_path):
    picture = np.asarray(Image.open(draw(load_task(TASK), tmp_path / "a.png", passes=1))).astype(int)
    width = view._SIZES[4][0]
    chart = picture[view._HEADER : -view._CAPTION, -width:]
    middle = chart[chart.shape[0] // 2 - 40 : chart.shape[0] // 2 + 40]
    beside = middle[5:18]  # above the bars, which are as blue as the first mode, there are fingers only
    near = [np.abs(beside - colour).max(-1) < 40 for colour in COLOURS[:2]]
    blue, green = (np.nonzero(mask)[1].mean() for mask in near)
    assert blue > green + 100, "the robot's left is on the right"
    red = (middle[..., 0] > 180) & (middle[..., 1] < 125) & (middle[..., 2] < 110)
    columns = np.nonzero(red.mean(0) > 0.5)[0]
    assert green + 20 < columns.min() and columns.max() < blue - 20
    dark = (chart.max(-1) < 60).mean()
    assert dark < 0.005, "no black joints of a robot"


def test_a_moving_picture_plays_in_real_time_until_all_have_ended(drawing, tmp_path, monkeypatch):
    monkeypatch.setattr(view, "_GIF_PANEL", (144, 120))
    takes = play(load_task(TASK))
    path = animate(load_task(TASK), tmp_path / "new" / "moving.gif")
    assert path.stat().st_size < view.GIF_LIMIT
    gif = Image.open(path)
    frames, seconds = [], 0.0
    for index in range(gif.n_frames):
        gif.seek(index)
        frames.append(np.asarray(gif.convert("RGB")).astype(int))
        seconds += gif.info["duration"] / 1000
    longest = (max(len(take.states) for take in takes) - 1) / 20
    assert longest + 1.0 < seconds < longest + 2.0 and gif.info["loop"] == 0
    wide = frames[0].shape[1]
    plain = np.array([share(frame[-40:, 2 * wide // 3 :], view._INK) for frame in frames])
    assert plain[0] > 0.005 and plain[-1] < 0.1 * plain[0], "the average ends in red"
    assert np.abs(frames[-1][:, : wide // 3] - frames[0][:, : wide // 3]).mean() > 2
    stopped = int((plain < 0.1 * plain[0]).argmax())
    assert np.abs(frames[-1][:, 2 * wide // 3 :] - frames[stopped][:, 2 * wide // 3 :]).max() < 20


# --------------------------------------------------------------------------------------------- window


class Window:
    """What is asked of MuJoCo's viewer, without a window; closes after some frames."""

    def __init__(self, model, data, frames):
        self.cam, self.opt = mujoco.MjvCamera(), mujoco.MjvOption()
        self.user_scn = mujoco.MjvScene(model, maxgeom=1000)
        self.data, self.left, self.texts, self.poses = data, frames, [], []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.left = 0

    def lock(self):
        return nullcontext()

    def is_running(self):
        return self.left > 0

    def set_texts(self, text):
        self.texts.append(text[-1])

    def sync(self):
        self.left -= 1
        self.poses.append(self.data.qpos.copy())


@contextmanager
def windows(monkeypatch, frames):
    """Let the viewer open such windows and time stand still."""
    opened = []

    def launch_passive(model, data, **_):
        opened.append(Window(model, data, frames))
        return opened[-1]

    fake = SimpleNamespace(launch_passive=launch_passive)
    monkeypatch.setitem(sys.modules, "mujoco.viewer", fake)
    monkeypatch.setattr(mujoco, "viewer", fake, raising=False)
    monkeypatch.setattr(viewer, "check_display", lambda: None)
    monkeypatch.setattr(viewer.time, "sleep", lambda seconds: None)
    yield opened


def test_the_window_plays_the_modes_in_turn_then_the_average_and_begins_again(monkeypatch):
    task = load_task(TASK)
    takes = play(task, 3)
    once = sum(len(take.states) for take in takes)
    with windows(monkeypatch, once + 5) as opened:
        viewer.show(task, 3)
    (window,) = opened
    said = list(dict.fromkeys(window.texts))
    assert said == ["left bar", "right bar", "average", "average: touches the hub"]
    assert len(window.texts) == once + 5 and window.texts[once] == "left bar"
    assert np.array_equal(window.poses[0], window.poses[once])
    assert not np.array_equal(window.poses[0], window.poses[once - 1])


def test_the_window_marks_outline_grasps_and_dead_zone(monkeypatch):
    with windows(monkeypatch, 1) as opened:
        viewer.show(load_task(TASK))
    scene = opened[0].user_scn
    geoms = [scene.geoms[index] for index in range(scene.ngeom)]
    white = [geom for geom in geoms if tuple(geom.rgba) == (1, 1, 1, 1)]
    dots = [geom for geom in geoms if geom.type == mujoco.mjtGeom.mjGEOM_SPHERE]
    red = [geom for geom in geoms if geom not in white and geom not in dots]
    assert len(dots) == 2 and len(white) >= 4 and len(red) >= 4
    assert max(geom.pos[2] for geom in white) < 0.005 and min(geom.pos[2] for geom in red) > 0.065
    assert min(geom.pos[1] for geom in dots) < min(geom.pos[1] for geom in red)
    assert max(geom.pos[1] for geom in dots) > max(geom.pos[1] for geom in red)


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


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere there is always a display")
@pytest.mark.parametrize("display", ["", ":987"])
def test_without_a_display_a_line_says_what_to_do(display, monkeypatch, capsys, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    monkeypatch.setenv("DISPLAY", display)
    assert main(["view", TASK]) == 1
    said = capsys.readouterr().err
    assert "--png FILE" in said and said.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_without_opengl_the_message_helps(monkeypatch, capsys, tmp_path):
    monkeypatch.setenv("MUJOCO_GL", "none")
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
