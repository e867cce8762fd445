"""The page of `bimodal view --browser`: bodies are where the replay has them, the page chooses."""

import sys
import time
from pathlib import Path

import mujoco
import numpy as np
import pytest
from bimodal.benchmark.evaluation.evaluate import evaluate
from bimodal.benchmark.evaluation.options import EvalOptions
from bimodal.envs.physics_state import set_state
from bimodal.tasks import load_task
from browser import BROWSER, Browser
from PIL import Image
from scoring import DUMBBELL, panel


def test_without_viser_one_line_names_the_extra(bimodal, monkeypatch):
    for name in [name for name in sys.modules if name.split(".")[0] == "viser" or ".browser." in name]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "viser", None)
    monkeypatch.setitem(sys.modules, "trimesh", None)
    code, _, err = bimodal("view", DUMBBELL, "--browser")
    assert code == 2 and err[-1].endswith("needs the package viser: pip install 'bimodal-bench[view]'")


def test_what_does_not_go_together_is_refused(bimodal, tmp_path):
    (tmp_path / "run.json").write_text("{}")
    for words, why in (
        ((tmp_path,), "add --browser"),
        ((DUMBBELL, "--browser", "--png", "a.png"), "writes no files"),
    ):
        code, _, err = bimodal("view", *words)
        assert code == 2 and why in err[-1], words


def test_what_cannot_be_shown_is_refused(bimodal, tmp_path):
    pytest.importorskip("viser", reason="needs the extra view")
    (tmp_path / "run.json").write_text("{}")
    for words, why in (
        ((tmp_path, "--browser"), "is not a run folder"),
        ((DUMBBELL, "--browser", "--port", "0"), "--port 0"),
        ((DUMBBELL, "--browser", "--seed", "-1"), "seed"),
        (("no-such-thing", "--browser"), "unknown task"),
    ):
        code, _, err = bimodal("view", *words)
        assert code == 2 and why in err[-1], words


@pytest.fixture(scope="module")
def view(tmp_path_factory):
    """The page of a run of four episodes in two tasks, served."""
    pytest.importorskip("viser", reason="needs the extra view")
    from bimodal.benchmark.browser.films import run_films
    from bimodal.benchmark.browser.show import BrowserView

    run = evaluate("expert", panel(2), EvalOptions(tmp_path_factory.mktemp("run") / "run", workers=0))
    with BrowserView(run_films(run), port=18080) as page:
        page.playing.value = False
        page.tick()
        yield page


def expected(page, step):
    """Places of the bodies of the first episode at a control step, from the physics alone, by name."""
    physics = load_task(page.group.value).spec().compile()
    data = mujoco.MjData(physics)
    set_state(physics, data, page._open.states[step])
    mujoco.mj_kinematics(physics, data)
    return {physics.body(body).name: data.xpos[body] for body in range(physics.nbody)}


@pytest.mark.slow
def test_bodies_follow_the_replay(view):
    model = view._scene._model
    for step in (0, 40, view.step.max):
        view.step.value = step
        view.tick()
        places = expected(view, step)
        seen = {model.body(body).name: frame.position for body, frame in view._scene.frames.items()}
        shared = seen.keys() & places.keys()
        assert len(shared) > 8
        for name in shared:
            np.testing.assert_allclose(seen[name], places[name], atol=1e-6, err_msg=name)
    moved = [name for name in shared if np.abs(places[name] - expected(view, 0)[name]).max() > 0.03]
    assert moved, "something is lifted"
    assert view.caption.content.startswith("expert: SUCCESS")


@pytest.mark.slow
def test_the_page_chooses_and_plays(view):
    view.group.value = "PandaPickAroundPost-v1"
    view.tick()
    assert view.film.value == "episode 0" and view.step.value == 0
    view.playing.value = True
    for _ in range(5):
        view.tick()
    assert view.step.value == 5
    view.film.value = "episode 1"
    view.tick()
    assert view.step.value == 0
    view.playing.value = False
    view.group.value = DUMBBELL
    view.tick()


@pytest.mark.slow
@pytest.mark.skipif(not BROWSER, reason="no browser here")
def test_a_browser_draws_the_scene(view, tmp_path):
    view.step.value = 40
    view.tick()
    with Browser(tmp_path / "profile") as page:
        page.open(view.address)
        page.wait("document.querySelector('canvas') !== null")
        page.wait("document.body.innerText.includes('Control step')")
        picture = Path(tmp_path / "page.png")
        orange = 0
        deadline = time.monotonic() + 300
        while orange < 3000:  # pixels of the hub; a message of the page has a third of that
            assert time.monotonic() < deadline, "the page stays without the scene"
            time.sleep(2)
            page.picture(picture, whole=False)
            red, _, blue = np.asarray(Image.open(picture).convert("RGB"), int).transpose(2, 0, 1)
            orange = int((red - blue > 70).sum())


@pytest.mark.slow
def test_every_kind_of_shape_has_the_size_that_mujoco_gives_it():
    pytest.importorskip("trimesh", reason="needs the extra view")
    from bimodal.benchmark.browser.scene import triangles

    spec = mujoco.MjSpec()
    for kind, size in (
        ("BOX", (0.1, 0.2, 0.3)),
        ("SPHERE", (0.1, 0, 0)),
        ("CYLINDER", (0.1, 0.3, 0)),
        ("CAPSULE", (0.1, 0.3, 0)),
        ("ELLIPSOID", (0.1, 0.2, 0.3)),
    ):
        spec.worldbody.add_geom(type=getattr(mujoco.mjtGeom, f"mjGEOM_{kind}"), size=size)
    model = spec.compile()
    boxes = [triangles(model, geom).vertices for geom in range(model.ngeom)]
    found = [np.ptp(vertices, axis=0) / 2 for vertices in boxes]
    np.testing.assert_allclose(found, model.geom_aabb[:, 3:], rtol=0.02)
