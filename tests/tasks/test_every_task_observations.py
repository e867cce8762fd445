"""What a policy sees in every task: finite, in range, in plausible units, and sharing no memory."""

import numpy as np
import pytest
from bimodal.envs.scene import table_extents
from task_worlds import names


@pytest.fixture(scope="module")
def world(played_world):
    return played_world


def test_observations_are_finite_in_shape_and_in_range(world):
    for rollout in (world.expert, world.mean):
        assert list(rollout.observations) == [spec.name for spec in world.task.observation]
        for spec in world.task.observation:
            seen = rollout.observations[spec.name]
            assert seen.dtype == np.float64 and seen.shape[2:] == spec.shape
            assert np.isfinite(seen).all()
            assert seen.min() >= spec.low and seen.max() <= spec.high, (spec.name, seen.min(), seen.max())


def test_no_observed_number_is_constant_but_the_height_of_what_is_fixed(world):
    bodies = names(world.model, "body")
    for name, seen in world.expert.observations.items():
        spread = np.ptp(seen.reshape(-1, seen.shape[-1]), axis=0)
        constant = np.flatnonzero(spread < 1e-12).tolist()  # rounding, where a body slides
        body = name.removesuffix("_position")
        root = world.model.body(body).rootid[0] if body in bodies else 0
        stands = body != name and world.model.body(root).mocapid[0] >= 0
        assert constant == ([2] if stands else []), f"{name} never changes in {constant}"


def test_observations_share_no_memory(world):
    simulation = world.begin([0, 1])
    first, second = simulation.observe(), simulation.observe()
    kept = {name: component.copy() for name, component in first.items()}
    live = [
        simulation.batch.state,
        simulation.xpos,
        simulation.xmat,
        simulation.site_xpos,
        simulation.site_xmat,
    ]
    for name in first:
        assert not any(np.shares_memory(first[name], other) for other in (*second.values(), *live))
    simulation.step(simulation.stay("ee_absolute") + 0.02)
    assert all((first[name] == kept[name]).all() for name in first)


def test_units_are_plausible(world):
    seen = world.expert.observations
    hand = seen["tcp_position"]
    assert (hand.min((0, 1)) > [0.25, -0.35, 0.005]).all() and (hand.max((0, 1)) < [0.85, 0.35, 0.45]).all()
    assert (
        seen["gripper_opening"][0].min() > 0.079 and seen["gripper_opening"].max() < 0.082
    )  # fingers that open again overshoot by a millimetre
    columns = seen["tcp_rotation"].reshape(*hand.shape[:2], 2, 3)
    np.testing.assert_allclose(
        columns @ columns.swapaxes(-1, -2), np.broadcast_to(np.eye(2), (*hand.shape[:2], 2, 2)), atol=1e-9
    )
    assert (np.cross(columns[..., 0, :], columns[..., 1, :])[..., 2] < -0.99).all()
    centre, half = table_extents(world.task.arms)
    for body in world.task.objects:
        if f"{body}_position" not in seen:
            continue  # one that is seen in pictures alone
        place = seen[f"{body}_position"][0]
        assert (np.abs(place[:, :2] - centre) < half[:2]).all() and (place[:, 2] >= 0).all()
        if f"{body}_heading" in seen:
            np.testing.assert_allclose(np.linalg.norm(seen[f"{body}_heading"], axis=-1), 1.0, atol=1e-12)
