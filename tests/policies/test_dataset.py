"""From demonstrations to windows, and what is said of those that cannot be learnt from; normalisers."""

import json

import numpy as np
import pytest
import torch
from bimodal.envs.errors import BimodalError
from bimodal.policies.core.chunk_policy import mode_labels, valid_actions
from bimodal.policies.core.dataset import load_demonstrations, make_windows
from bimodal.policies.core.normaliser import Normaliser
from bimodal.policies.networks.film_resnet import ResFiLM
from bimodal.policies.networks.layers import count_parameters
from bimodal.tasks.demonstrations import collect as demonstrations
from toy import save, spec, toy_demos


@pytest.fixture(scope="module")
def demos(tmp_path_factory):
    return save(toy_demos(), tmp_path_factory.mktemp("demos") / "toy.npz")


def test_windows_start_at_the_first_frame_and_repeat_the_last_action(demos):
    loaded = load_demonstrations(demos, "Toy-v1")
    windows = make_windows(loaded)
    assert [tuple(component) for component in windows.components] == [
        ("tcp_position", 3),
        ("pole_position", 2),
    ]
    assert windows.chunks.shape == (100 * 24, 16, 10)
    for episode, t in ((0, 0), (5, 8), (5, 9), (99, 23)):
        actions, row = loaded.actions[episode], episode * 24 + t
        for k in range(16):
            assert np.array_equal(windows.chunks[row, k], actions[min(t + k, 23)])
        seen = np.concatenate([values[episode, t] for values in loaded.observations.values()])
        assert np.array_equal(windows.observations[row], seen)
        assert windows.modes[row] == episode % 2


def test_failed_demonstrations_are_left_out(tmp_path):
    shown = toy_demos(episodes=6)
    shown.success[[1, 4]] = False
    shown.modes[1] = -1
    windows = make_windows(load_demonstrations(save(shown, tmp_path / "d.npz")))
    assert np.array_equal(windows.chunks[:, 0].reshape(4, 24, 10), shown.actions[[0, 2, 3, 5]])
    assert windows.modes[::24].tolist() == [0, 0, 1, 1]


def test_graded_episodes_are_learnt_from_up_to_their_end_whatever_their_outcome(tmp_path):
    shown, ends = toy_demos(episodes=4), np.array([24, 9, 24, 1])
    shown.success[1] = False
    valid = np.arange(24) < ends[:, None]
    returns = np.linspace(0, 1, 4 * 24, dtype=np.float32).reshape(4, 24)
    graded = shown._replace(valid=valid, returns=returns)
    windows = make_windows(load_demonstrations(save(graded, tmp_path / "d.npz")))
    assert np.array_equal(windows.returns, returns[valid])
    assert np.array_equal(windows.actions, shown.actions[valid])
    first = np.cumsum(ends) - ends
    for episode, t in ((0, 10), (1, 0), (1, 8), (3, 0)):
        rows = windows.ahead[first[episode] + t] - first[episode]
        assert np.array_equal(rows, np.minimum(t + np.arange(16), ends[episode] - 1))


def test_a_past_ends_at_the_frame_and_repeats_the_first_of_its_own_episode(tmp_path):
    shown = toy_demos(episodes=3)._replace(valid=np.arange(24) < np.array([[24], [5], [24]]))
    demos = load_demonstrations(
        save(shown._replace(returns=np.zeros((3, 24), np.float32)), tmp_path / "d.npz")
    )
    windows = make_windows(demos, n_obs_steps=4)
    for row, behind in ((0, [0, 0, 0, 0]), (9, [6, 7, 8, 9]), (24, [24] * 4), (26, [24, 24, 25, 26])):
        assert windows.behind[row].tolist() == behind
    assert np.array_equal(make_windows(demos).behind[:, 0], np.arange(24 + 5 + 24))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"success": np.zeros(100, bool)}, "no episode succeeded"),
        ({"actions": np.full((100, 24, 10), np.nan, np.float32)}, "finite"),
        ({"actions": np.zeros((100, 9, 10), np.float32)}, "shape"),
        ({"modes": np.zeros(3, np.int8)}, "modes"),
        ({"modes": np.full(100, -1, np.int8)}, "no mode"),
        ({"observations": {}}, "no observation"),
        ({"meta": {"task": "Other-v1"}}, "show Other-v1, not Toy-v1"),
    ],
)
def test_unusable_demonstrations_are_refused_in_one_line(tmp_path, change, message):
    save(toy_demos()._replace(**change), tmp_path / "d.npz")
    with pytest.raises(BimodalError, match=message) as caught:
        load_demonstrations(tmp_path / "d.npz", "Toy-v1")
    assert "\n" not in str(caught.value)


def test_missing_or_broken_demonstration_files_are_refused_in_one_line(demos, tmp_path):
    raw = demos.read_bytes()
    (tmp_path / "cut.npz").write_bytes(raw[: len(raw) // 2])
    (tmp_path / "flipped.npz").write_bytes(raw[:3000] + bytes([raw[3000] ^ 1]) + raw[3001:])
    (tmp_path / "empty.npz").write_bytes(b"")
    demonstrations.save(
        toy_demos(4)._replace(meta={"task": "Toy-v1", "digest": "0" * 64}), tmp_path / "forged.npz"
    )
    np.savez(tmp_path / "pickled.npz", meta=np.array([{}]))
    for name in ("cut", "flipped", "empty", "missing", "forged", "pickled"):
        with pytest.raises(BimodalError, match=r"no demonstrations|damaged|digest") as caught:
            load_demonstrations(tmp_path / f"{name}.npz")
        assert "\n" not in str(caught.value)


def test_normaliser_round_trip_through_json_keeps_every_value():
    values = np.random.default_rng(0).normal([0.5, -3, 0], [0.1, 4, 0.02], (500, 3))
    for fitted in (Normaliser.of_observations(values), Normaliser.of_actions(values, (spec("p", 3),))):
        read = Normaliser.from_json(json.loads(json.dumps(fitted.to_json())))
        assert np.array_equal(read.mean, fitted.mean)
        assert np.array_equal(read.scale, fitted.scale)
        np.testing.assert_allclose(read.restore(read.normalise(values)), values, atol=1e-5)


def test_normaliser_guards_dimensions_that_hardly_change():
    rng = np.random.default_rng(0)
    values = np.column_stack([np.full(400, 0.7), rng.normal(0, 1e-4, 400), rng.normal(0, 0.1, 400)])
    scores = Normaliser.of_observations(values).normalise(values)
    assert np.abs(scores[:, 0]).max() < 1e-12
    assert np.abs(scores[:, 1]).max() < 0.5  # jitter of 0.1 mm stays small against the floor of 2 mm
    assert abs(scores[:, 2].std() - 1) < 1e-3
    moved = Normaliser.of_observations(values).normalise(values[:1] + 0.1)
    assert abs(moved[0, 0]) < 1  # a value that never changed does not explode when it does
    assert Normaliser.of_actions(values, (spec("p", 3),)).restore(np.ones(3))[0] == pytest.approx(0.701)
    with pytest.raises(BimodalError, match="positive"):
        Normaliser.from_json({"mean": [0.0], "scale": [0.0]})


def test_labels_are_signs_for_two_modes_and_one_hot_for_more():
    assert mode_labels(np.array([0, 1]), 2).tolist() == [[-1], [1]]
    assert mode_labels(np.array([2, 0]), 3).tolist() == [[0, 0, 1], [1, 0, 0]]
    assert mode_labels(np.array([0, 0]), 0).shape == (2, 0)


def test_tidied_actions_are_rotations_within_the_bounds():
    raw = np.random.default_rng(0).normal(0, 1, (4, 16, 10))
    actions = valid_actions(raw, "ee_absolute")
    a, b = actions[..., 3:6], actions[..., 6:9]
    np.testing.assert_allclose((a * a).sum(-1), 1, atol=1e-12)
    np.testing.assert_allclose((b * b).sum(-1), 1, atol=1e-12)
    np.testing.assert_allclose((a * b).sum(-1), 0, atol=1e-12)
    assert np.array_equal(actions[..., :3], np.clip(raw[..., :3], -2, 2))
    assert np.array_equal(actions[..., 9], np.clip(raw[..., 9], -0.008, 0.08))


def test_an_untrained_trunk_ignores_its_residual_blocks():
    trunk = ResFiLM(160, 20, torch.Generator().manual_seed(0))
    x, t, c = torch.ones(2, 160), torch.zeros(2), torch.ones(2, 20)
    before = trunk(x, t, c)
    with torch.no_grad():
        for layer in trunk.inner:
            layer.weight.mul_(3)
    assert torch.equal(before, trunk(x, t, c))
    assert not torch.equal(before, trunk(x, t + 0.5, c))
    assert 200_000 < count_parameters(trunk) < 300_000
