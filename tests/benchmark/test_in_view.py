"""Which object a pixel shows is what a picture of it shows, and what is covered is not counted."""

import numpy as np
import pytest
from bimodal.benchmark.studies import in_view
from bimodal.benchmark.studies.in_view import COLOURING, InView, SegmentRenderer, measure_in_view, pixels, see
from bimodal.cli.vision_scores import in_view_rows, in_view_section
from bimodal.envs.perturbations.core.variant import Variant
from bimodal.envs.rendering.cameras import View
from bimodal.envs.rendering.render import Renderer
from bimodal.envs.simulation import Simulation
from bimodal.tasks import load_task

DUMBBELL = "PandaLiftDumbbell-v1"
TASK = load_task(DUMBBELL)
SEED = 300_000


@pytest.fixture(scope="module")
def state():
    simulation = Simulation(TASK, 1)
    simulation.reset([SEED])
    return simulation.state()[0]


@pytest.mark.parametrize("camera", ["front", "wrist"])
def test_the_pixels_of_an_object_are_those_that_its_colour_changes(state, camera):
    """Painted green in an ordinary picture, it changes as many pixels, but for half covered ones at edges."""
    with SegmentRenderer(TASK, 96, 96, "policy") as renderer:
        shown, alone = renderer.visible(state, [camera], TASK.objects)[0, 0]
        own = renderer._geoms("dumbbell")
    pictures = []
    for green in (0.0, 1.0):
        with Renderer(TASK, 96, 96, "policy") as renderer:
            renderer.model.geom_matid[own] = -1
            renderer.model.geom_rgba[own] = (0.5, green, 0.5, 1)
            pictures.append(renderer.frame(state, camera).astype(int))
    changed = int((np.abs(pictures[0] - pictures[1]).max(axis=2) > 8).sum())
    assert 0.7 * changed <= shown <= changed and shown <= alone


def test_what_the_table_covers_is_not_shown_but_would_be_alone(state):
    above, below = (View((0.5, 0.0, 0.0), 0.8, 180.0, elevation) for elevation in (-60.0, 60.0))
    with SegmentRenderer(TASK, 96, 96, "policy") as renderer:
        seen = renderer.visible(state, [above, below], TASK.objects)[:, 0]
        again = renderer.visible(state, [above], TASK.objects)[0, 0]
    assert 0 < seen[0, 0] <= seen[0, 1] and seen[1, 0] == 0 < seen[1, 1]
    assert np.array_equal(again, seen[0]), "nothing stays hidden"


@pytest.mark.parametrize("name", [name for name in COLOURING if name.startswith("scene.")])
def test_light_and_materials_move_nothing(name, state):
    seen = []
    for variant in (Variant(), Variant(f"{name}:3")):
        with SegmentRenderer(TASK, 96, 96, "policy", variant, SEED) as renderer:
            seen.append(renderer.visible(state, ["front", "wrist"], TASK.objects))
    assert np.array_equal(*seen)


def test_a_moved_camera_shows_other_pixels_and_the_clean_world_shows_every_object():
    clean = pixels(TASK, "clean", range(SEED, SEED + 2))
    moved = pixels(TASK, "scene.camera:3", range(SEED, SEED + 2))
    assert clean.shape == (2, 2, 2, 1, 2) and not np.array_equal(clean[:, :, 0], moved[:, :, 0])
    assert np.array_equal(clean[:, :, 1], moved[:, :, 1]), "the wrist's camera rides on the hand"
    assert see(DUMBBELL, "clean", range(SEED, SEED + 2)).all_seen == 1.0


def test_one_covered_object_in_one_decision_loses_its_episode(monkeypatch):
    seen = np.full((4, 2, 2, 2, 2), 100)  # episodes, decisions, cameras, objects, shown and alone
    seen[1, 1, 0, 0, 0] = 10  # too few pixels in front, but the wrist's camera sees it
    seen[2, 1, :, 1, 0] = (40, 49)  # covered by more than half in both
    seen[3, 0, :, 0] = 15  # whole, but too small in both
    monkeypatch.setattr(in_view, "pixels", lambda *_: seen)
    assert see(DUMBBELL, "clean", range(4)) == InView(4, 0.5, 0.0)
    seen[3] = 100
    assert see(DUMBBELL, "clean", range(4)) == InView(4, 0.75, 0.49)


def test_what_is_known_is_not_measured_again_and_low_figures_are_marked(tmp_path, monkeypatch):
    asked = []

    def found(task, variant, seeds):
        asked.append(variant)
        return InView(len(seeds), 0.9, 0.25)

    monkeypatch.setattr(in_view, "see", found)
    options = {"tasks": (DUMBBELL,), "workers": 0, "folder": tmp_path, "episodes": 10}
    seen = measure_in_view(**options)
    assert asked == list(in_view.VARIANTS) and measure_in_view(**options) == seen
    assert len(asked) == len(in_view.VARIANTS)
    levels = "**90 (25)** 90 (25) 90 (25)"
    assert in_view_rows(seen, "**{}**".format) == [(DUMBBELL, "**90 (25)**", levels, levels)]
    assert f"| {DUMBBELL} | **90 (25)** | {levels} | {levels} |" in in_view_section(seen)
