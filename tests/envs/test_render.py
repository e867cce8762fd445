"""Pictures: the same state gives the same pixels, and what matters can be seen in them."""

import mujoco
import numpy as np
import pytest
from bimodal.envs.errors import BimodalError
from bimodal.envs.physics_state import STATE, set_state, state_size
from bimodal.envs.rendering.appearance import visual_spec
from bimodal.envs.rendering.cameras import CAMERAS
from bimodal.envs.rendering.marks import Mark
from bimodal.envs.rendering.render import Renderer
from bimodal.envs.simulation import Simulation
from bimodal.tasks import load_task, task_names
from slow_cases import DIFFERENT_TASKS, mostly_slow

TASK = "PandaLiftDumbbell-v1"


@pytest.fixture(scope="module")
def states():
    """Start and one second later, {task: (2, nstate)}."""
    rows = {}
    for name in task_names():
        task = load_task(name)
        simulation = Simulation(task, 1)
        simulation.reset([5])
        plan = task.plan(simulation, np.zeros(1, int))
        first = simulation.state()[0]
        for step in range(20):
            simulation.step(plan[:, step])
        rows[name] = np.stack([first, simulation.state()[0]])
    return rows


@pytest.fixture(scope="module")
def renderer(drawing):
    with Renderer(load_task(TASK), 128, 96, "policy") as renderer:
        renderer.everything = renderer.model.geom_group.copy()
        yield renderer


def share_of_hue(picture, rgb, tolerance=0.06):
    """Share of pixels whose chromaticity is that of the colour `rgb`."""
    picture = picture.astype(float) + 1e-6
    chromaticity = picture / picture.sum(-1, keepdims=True)
    colour = np.asarray(rgb) / np.sum(rgb)
    return (np.abs(chromaticity - colour).max(-1) < tolerance).mean()


# ------------------------------------------------------------------------------------------- pictures


def test_same_state_gives_same_pixels_in_another_renderer(renderer, states):
    first = renderer.frame(states[TASK][0])
    renderer.frame(states[TASK][1], "wrist")
    with Renderer(load_task(TASK), 128, 96, "policy") as other:
        assert np.array_equal(first, other.frame(states[TASK][0]))
    assert np.array_equal(first, renderer.frame(states[TASK][0]))
    assert first.shape == (96, 128, 3) and first.dtype == np.uint8


@pytest.mark.parametrize("camera", CAMERAS)
def test_every_camera_sees_the_robot_move(renderer, states, camera):
    before, after = (renderer.frame(row, camera).astype(int) for row in states[TASK])
    assert (np.abs(before - after).max(-1) > 20).mean() > 0.01


def test_a_mark_is_drawn_where_its_point_is_projected_and_in_this_picture_alone(renderer, states):
    point = (0.5, -0.25, 0.2)  # nearer than the robot
    bare = renderer.frame(states[TASK][0], "side").astype(int)
    marked = renderer.frame(states[TASK][0], "side", [Mark("sphere", (0.1,) * 3, point, (255, 0, 255))])
    seen = np.argwhere(np.abs(marked - bare).max(-1) > 40)
    assert len(seen) > 4
    assert np.abs(seen.mean(0)[::-1] + 0.5 - renderer.pixels(np.array([point]))[0]).max() < 1
    assert np.array_equal(bare, renderer.frame(states[TASK][0], "side"))


def test_speed_and_solver_state_do_not_show(renderer, states):
    task = load_task(TASK)
    model = task.spec().compile()
    data = mujoco.MjData(model)
    set_state(model, data, states[TASK][1])
    data.qvel[:], data.qacc_warmstart[:], data.time = 1.0, 1.0, 99.0
    row = np.empty_like(states[TASK][1])
    mujoco.mj_getState(model, data, row, STATE)
    assert np.array_equal(renderer.frame(row), renderer.frame(states[TASK][1]))


@pytest.mark.parametrize("name", mostly_slow(task_names(), *DIFFERENT_TASKS))
@pytest.mark.parametrize("camera", mostly_slow(["front", "closeup"], "closeup"))
def test_every_colourful_object_is_in_view(drawing, states, name, camera):
    task = load_task(name)
    model = task.spec().compile()
    colours = {tuple(rgba[:3].round(2)) for rgba in model.geom_rgba[model.geom_group == 0]}
    vivid = [colour for colour in colours if max(colour) - min(colour) > 0.35]
    with Renderer(task, 160, 120, "policy") as renderer:
        picture = renderer.frame(states[name][0], camera)
    if not vivid:
        pytest.skip(f"nothing in {name} has a strong colour")
    shares = {colour: share_of_hue(picture, colour) for colour in vivid}
    assert max(shares.values()) > 0.0002 and min(shares.values()) > 0.0001, shares


def test_pictures_are_neither_burnt_nor_black(drawing, states):
    for quality in ("policy", "video", "still"):
        with Renderer(load_task(TASK), 160, 120, quality) as renderer:
            row = states[TASK][0]
            picture = renderer.still(row, passes=4) if quality == "still" else renderer.frame(row)
        assert (picture.min(-1) == 255).mean() < 0.03
        assert (picture.max(-1) < 20).mean() < 0.03
        assert 120 < picture.mean() < 210


def test_what_is_left_out_beside_a_picture_does_not_show(renderer, states, monkeypatch):
    shown = {camera: renderer.frame(states[TASK][1], camera) for camera in ("wrist", "closeup", "front")}
    left_out = {}
    for camera in shown:
        renderer.frame(states[TASK][1], camera)
        left_out[camera] = (renderer.model.geom_group != renderer.everything).sum()
    assert left_out["wrist"] > 8 > left_out["front"]  # most links are behind the hand's camera
    monkeypatch.setattr(renderer, "_view", None)
    renderer.model.geom_group[:] = renderer.everything
    for camera, picture in shown.items():
        assert np.array_equal(picture, renderer.frame(states[TASK][1], camera)), camera


def test_a_video_has_shadows_and_a_policy_camera_has_none(drawing, states):
    pictures = {}
    for quality in ("policy", "video"):
        with Renderer(load_task(TASK), 160, 120, quality) as renderer:
            pictures[quality] = renderer.frame(states[TASK][0], "top").astype(int)
    darker = (pictures["policy"] - pictures["video"]).min(-1) > 25
    assert 0.01 < darker.mean() < 0.5


def test_a_still_is_reproducible_and_needs_its_quality(renderer, states, drawing):
    with pytest.raises(BimodalError, match='quality="still"'):
        renderer.still(states[TASK][0])
    with Renderer(load_task(TASK), 96, 96, "still") as fine:
        first = fine.still(states[TASK][0], passes=3)
        fine.still(states[TASK][1], "top", passes=2)
        assert np.array_equal(first, fine.still(states[TASK][0], passes=3))
        with pytest.raises(BimodalError, match="at least 1"):
            fine.still(states[TASK][0], passes=0)


@pytest.mark.parametrize("size", [(95, 96), (96, 95), (1281, 480), (480, 1281)])
def test_sizes_outside_the_range_are_refused(size):
    with pytest.raises(BimodalError, match=r"96\.\.1280"):
        Renderer(load_task(TASK), *size)


def test_wrong_names_and_states_are_refused_with_what_would_be_right(renderer, states):
    with pytest.raises(BimodalError, match="front"):
        renderer.frame(states[TASK][0], "frnt")
    with pytest.raises(BimodalError, match="video"):
        Renderer(load_task(TASK), quality="vidoe")
    with pytest.raises(BimodalError, match=str(states[TASK].shape[1])):
        renderer.frame(states[TASK][0][:-1])


# ------------------------------------------------------------------------------------- drawn scenes


@pytest.mark.parametrize("name", mostly_slow(task_names(), *DIFFERENT_TASKS))
def test_a_recorded_pose_means_the_same_in_both_models(name, states):
    spec = load_task(name).spec()
    physics, drawn = spec.compile(), visual_spec(spec, 3000).compile()
    assert (physics.nq, physics.nv, physics.nmocap) == (drawn.nq, drawn.nv, drawn.nmocap)
    poses = []
    for model in (physics, drawn):
        data = mujoco.MjData(model)
        source = mujoco.MjData(physics)
        set_state(physics, source, states[name][1])
        data.qpos[:], data.mocap_pos[:], data.mocap_quat[:] = source.qpos, source.mocap_pos, source.mocap_quat
        mujoco.mj_kinematics(model, data)
        poses.append({model.body(i).name: (*data.xpos[i], *data.xmat[i]) for i in range(1, model.nbody)})
    assert poses[0].keys() == poses[1].keys()
    for body in poses[0]:
        assert np.allclose(poses[0][body], poses[1][body], atol=1e-12), body


def test_making_the_drawn_scene_leaves_the_physics_scene_alone():
    spec = load_task(TASK).spec()
    before = spec.to_xml()
    visual_spec(spec, 3000)
    assert spec.to_xml() == before


def test_every_kind_of_shape_is_shown_in_its_own_colour(drawing):
    class Shapes:
        def spec(self):
            spec = load_task(TASK).spec()
            for index, kind in enumerate(("SPHERE", "CAPSULE", "ELLIPSOID", "CYLINDER", "BOX")):
                rgba = [0.9, 0.1, 0.9, 1] if kind != "BOX" else [0.9, 0.1, 0.9, 0]
                spec.worldbody.add_geom(
                    type=getattr(mujoco.mjtGeom, f"mjGEOM_{kind}"),
                    size=[0.03, 0.03, 0.03],
                    pos=[0.35, -0.3 + 0.15 * index, 0.2],
                    rgba=rgba,
                )
            return spec

    task = Shapes()
    row = np.zeros(state_size(task.spec().compile()))
    with Renderer(task, 256, 256, "policy") as renderer:
        pink = renderer.frame(row, "top")
    pink = (pink[..., 0] > 120) & (pink[..., 1] < 90) & (pink[..., 2] > 120)
    # Seen from above, world y runs to the left: four shapes are pink, the see-through box is not.
    filled = np.flatnonzero(pink.any(axis=0))
    assert len(np.flatnonzero(np.diff(filled) > 3)) + 1 == 4
