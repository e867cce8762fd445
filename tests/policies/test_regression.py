"""What stands beside the generative methods: mixtures, single actions, nearest neighbours."""

import numpy as np
import pytest
import safetensors.torch
import torch
from bimodal.envs.errors import BimodalError
from bimodal.policies import nearest
from bimodal.policies.core.micro_batches import ROWS
from bimodal.policies.core.policy import Episodes
from bimodal.policies.generative.losses import mixture_loss
from bimodal.policies.generative.samplers import mixture_sample
from bimodal.policies.gmm import GMM, Mixture
from bimodal.policies.mse_step import StepMSE
from bimodal.policies.nearest import Memory, Nearest, episode_ends
from bimodal.policies.shortcuts import MeanAction, ProprioceptionOnly, TimeOnly
from bimodal.policies.training.train import METHODS
from torch import distributions
from toy import first_chunks, fork, save, sideways, takes_both, toy_demos, toy_task, train


@pytest.fixture(scope="module")
def demos(tmp_path_factory):
    return save(toy_demos(), tmp_path_factory.mktemp("demos") / "toy.npz")


@pytest.fixture(scope="module")
def trained(demos, tmp_path_factory):
    out, steps = tmp_path_factory.mktemp("checkpoints"), {"gmm": 500, "mse_step": 250, "nearest": 1}
    return {method: train(method, demos, out, steps=n) for method, n in steps.items()}


# -------------------------------------------------------------------------------------- mixtures


def test_the_mixture_loss_is_the_likelihood_of_torch_distributions():
    rng = torch.Generator().manual_seed(0)
    mean, chunk = torch.randn(4, 3, 6, generator=rng), torch.randn(4, 6, generator=rng)
    logits = torch.randn(4, 3, generator=rng)
    for spread in (0.1, 0.7):
        each = distributions.Independent(distributions.Normal(mean, spread), 1)
        mixture = distributions.MixtureSameFamily(distributions.Categorical(logits=logits), each)
        torch.testing.assert_close(
            mixture_loss(mean, logits, chunk, spread), -mixture.log_prob(chunk).mean() / 6
        )


def test_components_are_drawn_as_often_as_they_weigh():
    weights = torch.tensor([0.5, 0.0, 0.2, 0.3])
    quantiles = (torch.arange(10_000) + 0.5) / 10_000
    noise = torch.special.ndtri(quantiles)[:, None]
    mean = torch.arange(4.0)[None, :, None].expand(10_000, 4, 2)
    drawn = mixture_sample(mean, weights.log().expand(10_000, 4), noise)
    assert torch.equal(drawn[:, 0], drawn[:, 1])
    shares = torch.bincount(drawn[:, 0].long(), minlength=4) / 10_000
    torch.testing.assert_close(shares, weights, atol=2e-4, rtol=0)
    extreme = mixture_sample(mean[:2], weights.log().expand(2, 4), torch.tensor([[-40.0], [40.0]]))
    assert extreme[:, 0].tolist() == [0.0, 3.0]


def test_a_mixture_whose_spread_is_given_takes_both_modes(trained):
    assert takes_both(first_chunks(GMM(toy_task(), trained["gmm"]), 200))


class Naive(GMM):
    """A mixture that learns its spreads: the network's chunks hold a spread for every value."""

    @classmethod
    def build(cls, config, generator):
        return Mixture(2 * config.chunk_values, config.condition_size, generator)

    @staticmethod
    def loss(network, batch, generator):
        answer, logs = network(batch.condition)
        mean, raw = answer.chunk(2, dim=2)
        each = distributions.Normal(mean, torch.nn.functional.softplus(raw) + 1e-4)
        return -torch.logsumexp(logs + each.log_prob(batch.chunk[:, None]).sum(2), 1).mean() / 160

    def sample(self, noise, condition):
        answer, logs = self.network(condition)
        return mixture_sample(answer.chunk(2, dim=2)[0], logs, noise)


@pytest.mark.slow
def test_a_mixture_that_learns_its_spreads_collapses_to_the_middle(demos, tmp_path, monkeypatch):
    monkeypatch.setitem(METHODS, "gmm", Naive)
    path = train("gmm", demos, tmp_path, steps=300)
    assert (np.abs(sideways(first_chunks(Naive(toy_task(), path), 200))) < 0.5).mean() > 0.9


def test_a_mixture_keeps_its_component_for_the_whole_chunk(trained):
    """Beside the pole, no chunk changes sides."""
    chunks = first_chunks(GMM(toy_task(), trained["gmm"]), 200)
    beside = (chunks[:, 2:, 1] - fork(200)["pole_position"][:, 1:]) * np.sign(sideways(chunks))[:, None]
    assert beside.min() > -0.01


# --------------------------------------------------------------------------------- single actions


def test_regression_of_single_actions_goes_on_between_the_modes(trained):
    policy = StepMSE(toy_task(), trained["mse_step"])
    assert policy.needs().n_action_steps == 1
    actions = first_chunks(policy, 200)
    assert actions.shape == (200, 1, 10)
    assert np.abs(8 * sideways(actions)).max() < 0.75  # a mode's first step aside is an eighth of its way


# ------------------------------------------------------------------------------ nearest neighbours


def test_nearest_neighbour_replays_a_demonstration(trained):
    shown = toy_demos()
    policy = Nearest(toy_task(), trained["nearest"])
    policy.reset(Episodes(np.zeros(2, np.uint64), None))
    for t in (3, 20):
        seen = {name: values[[7, 20], t] for name, values in shown.observations.items()}
        followed = shown.actions[[7, 20]][:, np.minimum(np.arange(t, t + 16), 23)]
        np.testing.assert_allclose(policy.act(seen).actions, followed, atol=1e-4)  # 16 bits: 0.1 mm


def test_the_first_of_equally_near_frames_is_replayed():
    memory = Memory(3, 1, 1)
    with torch.no_grad():
        memory.seen.copy_(torch.tensor([[5.0], [1.0], [1.0]]))
        memory.done.copy_(torch.tensor([[7.0], [8.0], [9.0]]))
        memory.left.copy_(torch.tensor([[0.0], [1.0], [0.0]]))
    assert memory(torch.tensor([[1.0]])).tolist() == [[8.0] + [9.0] * 15]
    assert memory(torch.tensor([[4.0]])).tolist() == [[7.0] * 16]


def test_episodes_end_where_a_chunk_is_not_the_one_before_moved_on():
    actions = torch.arange(6.0)[:, None]
    ahead = torch.minimum(
        torch.arange(6)[:, None] + torch.arange(3), torch.tensor([1, 1, 4, 4, 4, 5])[:, None]
    )
    assert episode_ends(actions[ahead]).tolist() == [1, 4, 5]


def test_the_memory_holds_whole_episodes_up_to_its_size(demos, tmp_path, monkeypatch):
    episode = 2 * 24 * (5 + 10 + 1)
    monkeypatch.setattr(nearest, "MEMORY", 7 * episode + 99)
    path = train("nearest", demos, tmp_path)
    stored = safetensors.torch.load(path.read_bytes())
    assert [len(part) for part in stored.values()] == [7 * 24] * 3
    assert path.stat().st_size < 7 * episode + 99 + 400
    assert Nearest(toy_task(), path).parameters == 7 * episode // 2
    monkeypatch.setattr(nearest, "MEMORY", episode - 1)
    with pytest.raises(BimodalError, match="not one episode"):
        train("nearest", demos, tmp_path)


# --------------------------------------------------------------------------------------- shortcuts


def test_a_policy_that_feels_itself_alone_does_not_see_where_the_pole_stands(trained):
    policy = ProprioceptionOnly(toy_task(), trained["nearest"])
    seen = fork(30)
    actions = first_chunks(policy, 30)
    policy.reset(Episodes(np.arange(30, dtype=np.uint64), None))
    moved = policy.act({**seen, "pole_position": seen["pole_position"][::-1] + 0.5}).actions
    assert np.array_equal(moved, actions)
    policy.reset(Episodes(np.arange(30, dtype=np.uint64), None))
    assert not np.array_equal(
        policy.act({**seen, "tcp_position": seen["tcp_position"][::-1]}).actions, actions
    )


def test_a_policy_of_time_plays_the_demonstration_with_the_most_typical_start(trained):
    shown = toy_demos()
    starts = np.concatenate([values[:, 0] for values in shown.observations.values()], axis=1)
    policy = TimeOnly(toy_task(), trained["nearest"])
    policy.reset(Episodes(np.zeros(3, np.uint64), None))
    played = np.concatenate([policy.act(fork(3)).actions[:, :8] for _ in range(4)], axis=1)
    assert np.array_equal(played[0], played[2]), "whatever is seen"
    away = np.abs(shown.actions[:, np.minimum(np.arange(32), 23)] - played[0]).max((1, 2))
    assert away.min() < 1e-4, "the last action again where the demonstration has ended"
    deviation = np.linalg.norm((starts - starts.mean(0)) / (starts.std(0) + 1e-3), axis=1)
    assert deviation[away.argmin()] <= np.quantile(deviation, 0.05)


def test_the_mean_action_is_the_mean_of_all_demonstrated_ones(trained):
    actions = first_chunks(MeanAction(toy_task(), trained["nearest"]), 2)
    expected = toy_demos().actions.mean((0, 1))
    np.testing.assert_allclose(actions, np.broadcast_to(expected, actions.shape), atol=1e-4)


# ------------------------------------------------------------------------------------- all of them


@pytest.mark.parametrize("method", ["gmm", "mse_step", "nearest"])
def test_a_row_is_the_same_in_any_batch_and_any_order(trained, method):
    policy = METHODS[method](toy_task(), trained[method])
    keys, scene = np.arange(40, dtype=np.uint64) + 1, fork(40)

    def run(chosen):
        policy.reset(Episodes(keys[chosen], None))
        return policy.act({name: values[chosen] for name, values in scene.items()}).actions

    whole = run(np.arange(40))
    for size in (1, 5, ROWS, 17):
        for chosen in np.array_split(np.random.default_rng(size).permutation(40), -(-40 // size)):
            assert np.array_equal(run(chosen), whole[chosen])


@pytest.mark.parametrize("method", ["mse_step", "nearest"])
def test_deterministic_methods_ignore_the_noise_key(trained, method):
    policy = METHODS[method](toy_task(), trained[method])
    one = first_chunks(policy, 3)
    policy.reset(Episodes(np.array([9, 8, 7], np.uint64), None))
    assert np.array_equal(policy.act(fork(3)).actions, one)


@pytest.mark.parametrize("method", ["gmm", "mse_step", "nearest"])
def test_equal_seeds_give_equal_files_of_16_bit_weights(demos, tmp_path, method):
    first, again = (train(method, demos, tmp_path / name, steps=3, seed=1) for name in "ab")
    assert first.read_bytes() == again.read_bytes()
    assert {part.dtype for part in safetensors.torch.load(first.read_bytes()).values()} == {torch.float16}
    assert first.stat().st_size < 550_000
