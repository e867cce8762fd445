"""The window in which a task plays: the modes in turn, marks on the table, and no display in one line."""

import sys
from contextlib import contextmanager, nullcontext
from types import SimpleNamespace

import mujoco
import numpy as np
import pytest
from bimodal.benchmark.media import viewer
from bimodal.benchmark.media.mode_rollouts import mode_rollouts
from bimodal.cli.main import main
from bimodal.tasks import load_task

TASK = "PandaLiftDumbbell-v1"


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
    rollouts = mode_rollouts(task, 3)
    once = sum(len(one.states) for one in rollouts)
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
    white = [geom for geom in geoms if len({*geom.rgba[:3]}) == 1]
    dots = [geom for geom in geoms if geom.type == mujoco.mjtGeom.mjGEOM_SPHERE]
    orange = [geom for geom in geoms if geom not in white and geom not in dots]
    assert len(dots) == 2 and len(white) >= 4 and len(orange) >= 4
    assert max(geom.pos[2] for geom in white) < 0.005 and min(geom.pos[2] for geom in orange) > 0.065
    assert min(geom.pos[1] for geom in dots) < min(geom.pos[1] for geom in orange)
    assert max(geom.pos[1] for geom in dots) > max(geom.pos[1] for geom in orange)


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
