"""Learned chunk policies: known answers, determinism, and checkpoints refused when they should be."""

import json

import numpy as np
import pytest
import safetensors.torch
import torch
from bimodal.envs.errors import BimodalError
from bimodal.policies.core import checkpoint as checkpoints
from bimodal.policies.core.chunk_policy import ROWS, in_micro_batches, mode_labels, tidy
from bimodal.policies.core.dataset import batches, load_demonstrations, make_windows
from bimodal.policies.core.normaliser import Normaliser
from bimodal.policies.core.policy import Episodes
from bimodal.policies.flow import Flow
from bimodal.policies.generative.losses import flow_loss, mip_loss, regression_loss
from bimodal.policies.generative.samplers import flow_euler, mip_sample, regression_sample
from bimodal.policies.mip import MIP
from bimodal.policies.mse import MSE
from bimodal.policies.mse_labelled import LabelledMSE
from bimodal.policies.networks.film_resnet import ResFiLM, count_parameters
from bimodal.policies.training.train import METHODS, train
from bimodal.tasks.demonstrations import collect as demonstrations
from toy import first_chunks, fork, save, sideways, spec, takes_both, toy_demos, toy_task


@pytest.fixture(scope="module")
def demos(tmp_path_factory):
    return save(toy_demos(), tmp_path_factory.mktemp("demos") / "toy.npz")


@pytest.fixture(scope="module")
def trained(demos, tmp_path_factory):
    """Every method, trained briefly."""
    out = tmp_path_factory.mktemp("checkpoints")
    steps = {"mse": 250, "mse_labelled": 250, "mip": 100, "flow": 800}
    return {method: train(method, demos, out, steps=steps[method]) for method in steps}


# ------------------------------------------------------------------------------ what the methods learn


def test_regression_ends_in_the_middle(trained):
    ends = np.abs(sideways(first_chunks(MSE(toy_task(), trained["mse"]), 200)))
    assert (ends < 0.5).mean() > 0.95
    assert ends.max() < 0.75


def test_flow_takes_both_modes_and_hardly_ever_the_middle(trained):
    assert takes_both(first_chunks(Flow(toy_task(), trained["flow"]), 200))


def test_regression_that_is_told_the_mode_goes_there(trained):
    ends = sideways(first_chunks(LabelledMSE(toy_task(), trained["mse_labelled"]), 200))
    assert (np.abs(np.abs(ends) - 1) < 0.25).mean() > 0.95
    assert 0.3 < (ends > 0).mean() < 0.7


def test_deterministic_methods_ignore_the_noise_key(trained):
    for kind in (MSE, MIP):
        policy = kind(toy_task(), trained[kind.method])
        one = first_chunks(policy, 3)
        policy.reset(Episodes(np.array([9, 8, 7], np.uint64), None))
        assert np.array_equal(policy.act(fork(3)).actions, one)


# ------------------------------------------------------------------------- objectives and samplers


def test_flow_carries_a_normal_to_the_gaussian_whose_posterior_mean_it_follows():
    mean, spread = torch.tensor([0.7, -2.0]), torch.tensor([0.3, 1.5])

    def posterior_mean(x, t, c):
        """E[a | x_t] for a ~ N(mean, spread^2) and x_t = (1 - t) e + t a (Gaussian conditioning)."""
        t = t[:, None]
        gain = t * spread**2 / ((1 - t) ** 2 + t**2 * spread**2)
        return mean + gain * (x - t * mean)

    noise = torch.randn(4096, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    fine = flow_euler(posterior_mean, noise, torch.zeros(4096, 0), steps=2000)
    torch.testing.assert_close(fine, mean + spread * noise, atol=0.01, rtol=0)  # the exact flow is affine
    default = flow_euler(posterior_mean, noise, torch.zeros(4096, 0))
    torch.testing.assert_close(default.mean(0), (mean + spread * noise).mean(0), atol=0.05, rtol=0)
    assert ((default.std(0) / spread - 1).abs() < 0.25).all()


def test_flow_loss_vanishes_for_a_trunk_that_knows_the_clean_chunk():
    rng = torch.Generator().manual_seed(0)
    chunk, noise, time = (
        torch.randn(8, 5, generator=rng),
        torch.randn(8, 5, generator=rng),
        torch.linspace(0.1, 0.9, 8),
    )

    def inverse(x, t, c):
        return (x - (1 - t[:, None]) * noise) / t[:, None]

    assert flow_loss(inverse, chunk, chunk[:, :1], noise, time) < 1e-9
    assert flow_loss(inverse, chunk, chunk[:, :1], noise + 0.1, time) > 1e-3


def test_regression_and_mip_see_the_inputs_of_their_equations():
    calls = []

    def trunk(x, t, c):
        calls.append((x.clone(), t.clone()))
        return torch.full_like(x, float(len(calls)))

    chunk, noise, condition = torch.full((2, 3), 3.0), torch.full((2, 3), 10.0), torch.zeros(2, 1)
    assert regression_loss(trunk, chunk, condition) == 4.0  # (1 - 3)^2
    assert (calls[0][0] == 0).all()
    assert (calls[0][1] == 0).all()
    calls.clear()
    mip_loss(trunk, chunk, condition, noise)
    inputs = sorted((x[0, 0].item(), t[0].item()) for x, t in calls)
    np.testing.assert_allclose(inputs, [(0, 0), (4.0, 0.9)], rtol=1e-6)  # 3 + 0.1 * 10
    calls.clear()
    assert (mip_sample(trunk, condition, 3) == 2.0).all()
    assert (calls[1][0] == 1.0).all()  # the second pass reads the first answer
    calls.clear()
    assert (regression_sample(trunk, condition, 3) == 1.0).all()


# ------------------------------------------------------------------------------------- determinism


@pytest.mark.parametrize("method", ["flow", "mse_labelled"])
def test_a_row_is_the_same_in_any_batch_and_any_order(trained, method):
    policy = METHODS[method](toy_task(), trained[method])
    rows, keys = 40, np.arange(40, dtype=np.uint64) + 1
    scene = fork(rows)

    def run(chosen):
        policy.reset(Episodes(keys[chosen], None))
        seen = {name: values[chosen] for name, values in scene.items()}
        return np.stack([policy.act(seen).actions for _ in range(2)], axis=1)

    whole = run(np.arange(rows))
    for size in (1, 5, ROWS, 17, rows):
        for chosen in np.array_split(np.random.default_rng(size).permutation(rows), -(-rows // size)):
            assert np.array_equal(run(chosen), whole[chosen])
    if method == "flow":
        assert not np.array_equal(whole[:, 0], whole[:, 1])  # a decision draws fresh noise


def test_micro_batches_leave_the_padding_out():
    noise, condition = np.ones((19, 2), np.float32), np.arange(19, dtype=np.float32)[:, None]
    shapes = []

    def sample(rows, c):
        shapes.append(tuple(rows.shape))
        return rows + c

    assert np.array_equal(in_micro_batches(sample, noise, condition), noise + condition)
    assert shapes == [(ROWS, 2)] * 2


def test_equal_seeds_give_equal_files_and_the_global_generator_is_left_alone(demos, tmp_path):
    before = torch.random.get_rng_state()
    first, again, other = (
        train("flow", demos, tmp_path / str(i), steps=20, seed=seed) for i, seed in enumerate((1, 1, 2))
    )
    assert torch.equal(before, torch.random.get_rng_state())
    assert first.read_bytes() == again.read_bytes()
    assert first.with_suffix(".json").read_bytes() == again.with_suffix(".json").read_bytes()
    assert first.read_bytes() != other.read_bytes()


def test_progress_counts_every_step(demos, tmp_path):
    seen = []
    train("mse", demos, tmp_path, steps=3, progress=lambda *report: seen.append(report))
    assert [report[:2] for report in seen] == [(1, 3), (2, 3), (3, 3)]
    assert all(np.isfinite(report[2]) for report in seen)


def test_batches_visit_every_row_before_any_row_twice():
    generator = torch.Generator().manual_seed(0)
    walk = torch.cat(list(batches(10, 4, 5, generator)))
    assert sorted(walk[:10].tolist()) == list(range(10))
    assert sorted(walk[10:].tolist()) == list(range(10))


# ------------------------------------------------------------------------------ data and normaliser


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
    actions = tidy(raw, "ee_absolute")
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


# ------------------------------------------------------------------------------------- checkpoints


@pytest.fixture
def copy(trained, tmp_path):
    """A checkpoint of `flow` that a test may spoil."""
    path = checkpoints.checkpoint_path(tmp_path, "Toy-v1", "flow")
    path.parent.mkdir()
    for suffix in (".safetensors", ".json"):
        path.with_suffix(suffix).write_bytes(trained["flow"].with_suffix(suffix).read_bytes())
    return path


def refusal(path, task=None, kind=Flow):
    with pytest.raises(BimodalError) as caught:
        kind(task or toy_task(), path)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def edit(path, **changes):
    data = json.loads(path.with_suffix(".json").read_text())
    path.with_suffix(".json").write_text(json.dumps({**data, **changes}))


def test_a_flipped_byte_is_refused(copy):
    raw = bytearray(copy.read_bytes())
    raw[len(raw) // 2] ^= 1
    copy.write_bytes(raw)
    assert "damaged" in refusal(copy)


def test_a_truncated_checkpoint_is_refused(copy):
    copy.write_bytes(copy.read_bytes()[:-100])
    assert "damaged" in refusal(copy)
    copy.with_suffix(".json").write_text("{")
    assert "damaged" in refusal(copy)


def test_a_missing_checkpoint_is_refused(copy):
    copy.unlink()
    assert "no checkpoint" in refusal(copy)


def test_a_checkpoint_of_something_else_is_refused(copy):
    assert "not for flow on Other-v1" in refusal(copy, toy_task("Other-v1"))
    assert "not for mse on Toy-v1" in refusal(copy, kind=MSE)
    assert "pole_position (2 values), the task offers 3" in refusal(copy, toy_task(sizes=(3, 3)))
    edit(copy, action="ee_delta")
    assert "ee_delta" in refusal(copy)


def test_a_newer_or_inconsistent_config_is_refused(copy):
    edit(copy, schema_version=2)
    assert "schema version 2" in refusal(copy)
    edit(copy, schema_version=1, width=64)
    assert "do not fit" in refusal(copy)
    edit(copy, observations=[{"name": "tcp_position", "size": 3}])
    assert "damaged" in refusal(copy)
    edit(copy, surprise=1)
    assert "damaged" in refusal(copy)


def test_a_labelled_checkpoint_needs_as_many_modes(trained):
    message = refusal(trained["mse_labelled"], toy_task(modes=("a", "b", "c")), LabelledMSE)
    assert "2 modes" in message


def test_a_training_that_breaks_down_leaves_the_last_checkpoint_alone(trained, demos, tmp_path, monkeypatch):
    path = train("mse", demos, tmp_path, steps=2)
    good = path.read_bytes()
    monkeypatch.setattr(
        MSE,
        "loss",
        staticmethod(
            lambda net, batch, rng: net(batch.chunk, batch.chunk[:, 0], batch.condition).sum() * np.nan
        ),
    )
    with pytest.raises(BimodalError, match="broke down at step 0"):
        train("mse", demos, tmp_path, steps=2)
    assert path.read_bytes() == good
    assert sorted(p.name for p in path.parent.iterdir()) == ["mse.json", "mse.safetensors"]


def test_a_checkpoint_is_small_and_holds_only_the_trunk(trained):
    raw = trained["flow"].read_bytes()
    config = json.loads(trained["flow"].with_suffix(".json").read_text())
    assert len(raw) <= checkpoints.SIZE_LIMIT
    assert sum(tensor.numel() for tensor in safetensors.torch.load(raw).values()) == config["parameters"]


def test_unknown_methods_and_impossible_budgets_are_refused(demos, tmp_path, trained):
    with pytest.raises(BimodalError, match="did you mean flow"):
        train("flwo", demos, tmp_path)
    with pytest.raises(BimodalError, match="0 steps"):
        train("mse", demos, tmp_path, steps=0)
    with pytest.raises(BimodalError, match="17 of 16"):
        Flow(toy_task(), trained["flow"], n_action_steps=17)
    assert Flow(toy_task(), trained["flow"], n_action_steps=16).needs().n_action_steps == 16


def test_the_file_beside_the_weights_keeps_its_keys_and_every_field(trained):
    """Entries on the board hold the sha256 of these files."""
    data = json.loads(trained["flow"].with_suffix(".json").read_text())
    assert data["horizon"] == 16 and data["execute"] == 8
    assert not {"chunk_size", "n_action_steps"} & set(data)
    assert checkpoints.Config.from_json(data).to_json() == data
