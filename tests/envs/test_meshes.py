"""Meshes: round edges that keep the extents, normals that break at creases, a cache that mends itself."""

import numpy as np
import platformdirs
import pytest
from bimodal.envs.rendering import meshes, panda_meshes
from slow_cases import mostly_slow


@pytest.fixture(scope="module", autouse=True)
def _own_cache(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


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
    coarse, fine = panda_meshes.panda_parts(6000), panda_meshes.panda_parts(12000)
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
    panda_meshes.panda_parts.cache_clear()
    parts = panda_meshes.panda_parts(2000)
    (file,) = platformdirs.user_cache_path("bimodal-bench").rglob("*-2000-*.npz")
    return parts, file, file.read_bytes()


@pytest.mark.parametrize("damage", mostly_slow(["empty", "cut", "flipped", "other"], "flipped"))
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
    panda_meshes.panda_parts.cache_clear()
    again = panda_meshes.panda_parts(2000)
    for a, b in zip(right, again, strict=True):
        assert a[:2] == b[:2]
        assert all(np.array_equal(x, y) for x, y in zip(a.mesh, b.mesh, strict=True))
    assert len(file.read_bytes()) == len(content)
    assert not list(file.parent.glob("*.tmp"))
