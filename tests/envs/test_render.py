"""Pictures: the same state gives the same pixels, and what matters can be seen in them."""

import os
import subprocess
import sys
import time

import mujoco
import numpy as np
import platformdirs
import pytest
from bimodal.envs.errors import BimodalError
from bimodal.envs.rendering import gl, meshes
from bimodal.envs.rendering.appearance import CAMERAS, dress
from bimodal.envs.rendering.overlay import AMBER, GREEN, RED, Caption, Ending, overlay
from bimodal.envs.rendering.render import Renderer
from bimodal.envs.simulation import Simulation
from bimodal.tasks import load_task, task_names

TASK = "PandaLiftDumbbell-v1"


@pytest.fixture(scope="module", autouse=True)
def _own_cache(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="module")
def drawing():
    try:
        gl.configure_gl()
    except BimodalError as error:
        pytest.skip(str(error))


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


def test_speed_and_solver_state_do_not_show(renderer, states):
    task = load_task(TASK)
    model = task.spec().compile()
    data = mujoco.MjData(model)
    mujoco.mj_setState(model, data, states[TASK][1], mujoco.mjtState.mjSTATE_INTEGRATION)
    data.qvel[:], data.qacc_warmstart[:], data.time = 1.0, 1.0, 99.0
    row = np.empty_like(states[TASK][1])
    mujoco.mj_getState(model, data, row, mujoco.mjtState.mjSTATE_INTEGRATION)
    assert np.array_equal(renderer.frame(row), renderer.frame(states[TASK][1]))


@pytest.mark.parametrize("name", task_names())
@pytest.mark.parametrize("camera", ["front", "closeup"])
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


@pytest.mark.parametrize("size", [(95, 96), (96, 95), (641, 480), (480, 641)])
def test_sizes_outside_the_range_are_refused(size):
    with pytest.raises(BimodalError, match=r"96\.\.640"):
        Renderer(load_task(TASK), *size)


def test_wrong_names_and_states_are_refused_with_what_would_be_right(renderer, states):
    with pytest.raises(BimodalError, match="front"):
        renderer.frame(states[TASK][0], "frnt")
    with pytest.raises(BimodalError, match="video"):
        Renderer(load_task(TASK), quality="vidoe")
    with pytest.raises(BimodalError, match=str(states[TASK].shape[1])):
        renderer.frame(states[TASK][0][:-1])


# ------------------------------------------------------------------------------------- dressed scenes


@pytest.mark.parametrize("name", task_names())
def test_a_recorded_pose_means_the_same_in_both_models(name, states):
    spec = load_task(name).spec()
    physics, dressed = spec.compile(), dress(spec, 3000).compile()
    assert (physics.nq, physics.nv, physics.nmocap) == (dressed.nq, dressed.nv, dressed.nmocap)
    poses = []
    for model in (physics, dressed):
        data = mujoco.MjData(model)
        source = mujoco.MjData(physics)
        mujoco.mj_setState(physics, source, states[name][1], mujoco.mjtState.mjSTATE_INTEGRATION)
        data.qpos[:], data.mocap_pos[:], data.mocap_quat[:] = source.qpos, source.mocap_pos, source.mocap_quat
        mujoco.mj_kinematics(model, data)
        poses.append({model.body(i).name: (*data.xpos[i], *data.xmat[i]) for i in range(1, model.nbody)})
    assert poses[0].keys() == poses[1].keys()
    for body in poses[0]:
        assert np.allclose(poses[0][body], poses[1][body], atol=1e-12), body


def test_dressing_leaves_the_physics_scene_alone():
    spec = load_task(TASK).spec()
    before = spec.to_xml()
    dress(spec, 3000)
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
    row = np.zeros(mujoco.mj_stateSize(task.spec().compile(), mujoco.mjtState.mjSTATE_INTEGRATION))
    with Renderer(task, 256, 256, "policy") as renderer:
        pink = renderer.frame(row, "top")
    pink = (pink[..., 0] > 120) & (pink[..., 1] < 90) & (pink[..., 2] > 120)
    # Seen from above, world y runs to the left: four shapes are pink, the see-through box is not.
    filled = np.flatnonzero(pink.any(axis=0))
    assert len(np.flatnonzero(np.diff(filled) > 3)) + 1 == 4


# --------------------------------------------------------------------------------------------- meshes


def volume_and_agreement(mesh):
    """Return the enclosed volume [m^3] and the least cosine between faces and their normals."""
    corners = mesh.vertices.astype(float)[mesh.faces]
    normal = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    volume = np.einsum("ij,ij->i", corners[:, 0], normal).sum() / 6
    normal /= np.linalg.norm(normal, axis=1, keepdims=True)
    given = mesh.normals[mesh.faces].astype(float)
    return volume, np.einsum("ij,ikj->ik", normal, given).min()


@pytest.mark.parametrize("half", [(0.05, 0.03, 0.02), (0.004, 0.2, 0.03), (0.01, 0.01, 0.01)])
@pytest.mark.parametrize("bevel", [0.001, 0.004, 0.5])
def test_a_rounded_box_keeps_its_extents_and_loses_little(half, bevel):
    mesh = meshes.rounded_box(np.array(half), bevel)
    assert np.allclose([mesh.vertices.min(0), mesh.vertices.max(0)], [np.negative(half), half], atol=1e-6)
    volume, agreement = volume_and_agreement(mesh)
    radius = min(bevel, *half)
    round_edges = (4 - np.pi) * radius**2 * 2 * sum(half)
    assert 8 * np.prod(half) - 1.3 * round_edges < volume < 8 * np.prod(half)
    assert agreement > 0.9


@pytest.mark.parametrize(
    ("radius", "half", "bevel"), [(0.02, 0.07, 0.004), (0.06, 0.005, 0.003), (0.01, 0.01, 1)]
)
def test_a_rounded_cylinder_keeps_its_extents_and_loses_little(radius, half, bevel):
    mesh = meshes.rounded_cylinder(radius, half, bevel)
    extents = [radius, radius, half]
    assert np.allclose(
        [mesh.vertices.min(0), mesh.vertices.max(0)], [np.negative(extents), extents], atol=1e-6
    )
    assert np.linalg.norm(mesh.vertices[:, :2], axis=1).max() < radius + 1e-6
    volume, agreement = volume_and_agreement(mesh)
    sharp = 2 * np.pi * radius**2 * half
    assert 0.98 * sharp - 2 * np.pi * radius * min(bevel, radius, half) ** 2 < volume < sharp
    assert agreement > 0.9


def test_smooth_normals_break_at_sharp_edges_only():
    turn = np.linspace(0, np.pi, 13)[:-1]
    bent = np.concatenate([np.stack([np.cos(turn), np.sin(turn), 0 * turn + z], 1) for z in (0.0, 1.0)])
    strip = [[i, i + 1, i + 13] for i in range(11)] + [[i, i + 13, i + 12] for i in range(11)]
    curved = meshes.smooth(bent, np.array(strip))
    assert len(curved.vertices) == len(bent)
    cube = meshes.rounded_box(np.ones(3), 1e-9, arcs=1)
    grid, index = np.unique(cube.vertices.round(3), axis=0, return_inverse=True)
    sharp = meshes.smooth(grid, index[cube.faces])
    assert len(np.unique(sharp.normals.round(3), axis=0)) == 6


def test_the_robot_has_its_bodies_and_about_its_budget():
    coarse, fine = meshes.panda_parts(6000), meshes.panda_parts(12000)
    bodies = {f"link{i}" for i in range(8)} | {"right_gripper", "leftfinger", "rightfinger"}
    for parts, budget in ((coarse, 6000), (fine, 12000)):
        assert {part.body for part in parts} == bodies
        assert 0.9 * budget < sum(len(part.mesh.faces) for part in parts) < 1.25 * budget
    for a, b in zip(coarse, fine, strict=True):
        low, high = a.mesh.vertices.min(0), a.mesh.vertices.max(0)
        assert np.allclose(low, b.mesh.vertices.min(0), atol=0.006), a[:2]
        assert np.allclose(high, b.mesh.vertices.max(0), atol=0.006), a[:2]


@pytest.fixture(scope="module")
def cached():
    """The parts of a coarse robot, its cache file and the file's content."""
    meshes.panda_parts.cache_clear()
    parts = meshes.panda_parts(2000)
    (file,) = platformdirs.user_cache_path("bimodal-bench").rglob("*-2000-*.npz")
    return parts, file, file.read_bytes()


@pytest.mark.parametrize("damage", ["empty", "cut", "flipped", "other"])
def test_a_damaged_cache_file_is_rebuilt(cached, damage):
    right, file, content = cached
    middle = len(content) // 2
    if damage == "other":
        np.savez(file, something=np.zeros(3))
    elif damage == "flipped":
        turned = bytes(255 - byte for byte in content[middle : middle + 50])
        file.write_bytes(content[:middle] + turned + content[middle + 50 :])
    else:
        file.write_bytes(content[: middle if damage == "cut" else 0])
    meshes.panda_parts.cache_clear()
    again = meshes.panda_parts(2000)
    for a, b in zip(right, again, strict=True):
        assert a[:2] == b[:2]
        assert all(np.array_equal(x, y) for x, y in zip(a.mesh, b.mesh, strict=True))
    assert len(file.read_bytes()) == len(content)
    assert not list(file.parent.glob("*.tmp"))


# ------------------------------------------------------------------------------------------------- GL


def test_importing_the_package_touches_no_graphics_library():
    code = "import sys, bimodal.envs.rendering.render\n"
    code += "sys.exit(bool({'mujoco.egl', 'OpenGL.GL'} & sys.modules.keys()))"
    environment = {
        key: value for key, value in os.environ.items() if key not in ("MUJOCO_GL", "PYOPENGL_PLATFORM")
    }
    assert subprocess.run([sys.executable, "-c", code], env=environment, check=False).returncode == 0


def test_a_driver_that_hangs_ends_in_one_line_with_the_cure(monkeypatch):
    monkeypatch.delenv("MUJOCO_GL", raising=False)
    monkeypatch.delenv("BIMODAL_GL", raising=False)
    monkeypatch.setattr(gl, "_LIMIT_S", 0.3)
    monkeypatch.setattr(gl, "_TRIAL", "import time; time.sleep(60)")
    monkeypatch.setattr(sys, "platform", "linux")
    for limit in (5.0, 0.05):  # the second time the answer is remembered
        start = time.perf_counter()
        with pytest.raises(BimodalError, match="sudo apt-get install -y libegl1 libgl1-mesa-dri") as caught:
            gl.configure_gl()
        assert time.perf_counter() - start < limit
        assert "\n" not in str(caught.value)
    os.environ.pop("BIMODAL_GL")


def test_a_chosen_backend_is_respected_and_a_wrong_one_named(monkeypatch, drawing):
    assert gl.configure_gl() == os.environ["MUJOCO_GL"]
    monkeypatch.setenv("MUJOCO_GL", "nonsense")
    with pytest.raises(BimodalError, match="nonsense"):
        gl.configure_gl()
    assert os.environ["MUJOCO_GL"] == "nonsense"


# -------------------------------------------------------------------------------------------- overlay


@pytest.mark.parametrize("size", [(96, 96), (320, 480), (480, 640)])
def test_an_overlay_keeps_size_and_frame(size):
    frame = np.full((*size, 3), 200, np.uint8)
    caption = Caption("PandaPickEitherCube-v1", 10_012, "pushed at contact-3", "left cube", 12.35)
    drawn = overlay(frame, caption)
    assert drawn.shape == frame.shape and drawn.dtype == np.uint8
    assert (frame == 200).all()
    touched = (drawn != frame).any(-1)
    assert touched[-size[0] // 5 :].any() and not touched[: size[0] // 2].any()


def test_an_overlay_tells_what_changed():
    frame = np.full((480, 640, 3), 200, np.uint8)
    caption = Caption(TASK, 1, "clean", "", 0.0)
    plain = overlay(frame, caption)
    for change in (
        {"seed": 2},
        {"variant": "mass-1"},
        {"mode": "left bar"},
        {"time": 1.0},
        {"task": "Other-v1"},
    ):
        assert (overlay(frame, caption._replace(**change)) != plain).any(), change


@pytest.mark.parametrize(("name", "colour"), [("GREEN", GREEN), ("RED", RED), ("AMBER", AMBER)])
def test_an_ending_is_stamped_in_its_colour(name, colour):
    frame = np.full((320, 480, 3), 120, np.uint8)
    caption = Caption(TASK, 1, "clean", "", 0.0, Ending("DROP  ·  dropped it", colour))
    drawn = overlay(frame, caption).astype(int)
    red, green, blue = drawn[200:].transpose(2, 0, 1)
    seen = {
        "GREEN": (green > red + 60).mean() > 0.01,
        "RED": ((red > green + 100) & (abs(green - blue) < 15)).mean() > 0.01,
        "AMBER": ((red > green + 50) & (green > blue + 50)).mean() > 0.01,
    }
    assert [known for known in seen if seen[known]] == [name]
