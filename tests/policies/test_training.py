"""Training: bad ends cost nothing; presets and devices."""

import json

import numpy as np
import pytest
import torch
from bimodal.benchmark.train_all import Training, TrainingOptions, fits
from bimodal.envs.errors import BimodalError, WrongUse
from bimodal.policies.core import checkpoint as checkpoints
from bimodal.policies.core.chunk_policy import mode_labels
from bimodal.policies.core.dataset import Batch, load_demonstrations, make_windows
from bimodal.policies.core.devices import find_device, made_on
from bimodal.policies.core.policy import Episodes
from bimodal.policies.diffuser_lite import RectifiedLite
from bimodal.policies.flow import Flow
from bimodal.policies.generative.rectification import all_pairs
from bimodal.policies.mse import MSE
from bimodal.policies.mse_labelled import LabelledMSE
from bimodal.policies.planning.diffuser_lite_levels import make_level_pairs
from bimodal.policies.training import resume
from bimodal.policies.training.presets import PRESETS, USUAL
from bimodal.policies.training.train import METHODS, budget
from bimodal.policies.training.training_batches import batch_getter, make_config, training_settings
from bimodal.tasks.demonstrations import collect as demonstrations
from short_trainings import bits, random_walks
from toy import save, toy_task, train


@pytest.fixture(scope="module")
def demos(tmp_path_factory):
    return demonstrations.save(random_walks(), tmp_path_factory.mktemp("demos") / "toy.npz")


@pytest.fixture(scope="module")
def richer_demos(tmp_path_factory):
    """The same walks with returns, in which the rotation and the opening of the hand are observed, too."""
    walks = random_walks()
    more = {"tcp_rotation": walks.actions[:, :, 3:9], "gripper_opening": walks.actions[:, :, 9:]}
    returns = np.ones(walks.actions.shape[:2], np.float32)
    walks = walks._replace(observations={**walks.observations, **more}, returns=returns)
    return save(walks, tmp_path_factory.mktemp("demos") / "toy.npz")


# ------------------------------------------------------------------------------------------- bad ends


def broken(at, demos, out, monkeypatch, error=None):
    """Train with a loss that fails at a step: not a number, or an error of torch's."""
    calls, loss = [], MSE.loss

    def failing(network, batch, generator):
        calls.append(1)
        if len(calls) == at:
            if error:
                raise error
            return loss(network, batch, generator) * np.nan
        return loss(network, batch, generator)

    with monkeypatch.context() as patch, pytest.raises(BimodalError) as caught:
        patch.setattr(MSE, "loss", staticmethod(failing))
        train("mse", demos, out, steps=30, seed=1, preset="tiny")
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_training_that_diverges_keeps_the_last_checkpoint_and_no_state(demos, tmp_path, often, monkeypatch):
    good = train("mse", demos, tmp_path, steps=5, preset="tiny")
    before = bits(good)
    assert "broke down at step 19 (loss nan)" in broken(20, demos, tmp_path, monkeypatch)
    assert bits(good) == before
    assert sorted(f.name for f in good.parent.iterdir()) == ["mse.json", "mse.safetensors"]


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 9 GiB.\nMore lines."),
        RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried"),
        MemoryError(),
    ],
    ids=["cuda", "cpu", "numpy"],
)
def test_too_little_memory_is_said_in_one_line_and_nothing_is_lost(
    error, demos, tmp_path, often, monkeypatch
):
    good = train("mse", demos, tmp_path, steps=5, preset="tiny")
    before = bits(good)
    said = broken(20, demos, tmp_path, monkeypatch, error)
    assert "out of memory" in said and f"{PRESETS['tiny'].batch} windows (preset tiny)" in said
    assert bits(good) == before
    seen = []
    train("mse", demos, tmp_path, steps=30, seed=1, preset="tiny", progress=lambda i, *_: seen.append(i))
    assert seen[0] == 15, "the training goes on"


def test_other_errors_of_torch_are_not_called_memory(demos, tmp_path, monkeypatch):
    def failing(network, batch, generator):
        raise RuntimeError("shapes do not match")

    monkeypatch.setattr(MSE, "loss", staticmethod(failing))
    with pytest.raises(RuntimeError, match="shapes"):
        train("mse", demos, tmp_path, steps=2, preset="tiny")


# ------------------------------------------------------------------------------- presets and devices


def test_presets_set_the_sizes_and_the_card_says_so(demos, tmp_path):
    trained = {p: train("mse", demos, tmp_path / p, steps=1, preset=p) for p in PRESETS}
    for preset, path in trained.items():
        config = json.loads(path.with_suffix(".json").read_text())
        sizes = PRESETS[preset]
        assert (config["width"], config["blocks"], config["training"]["batch"]) == sizes[1:4]
        assert config["training"].get("preset", USUAL) == preset
        assert config["training"].get("device", "cpu") == "cpu"
        assert (path.stat().st_size <= checkpoints.SIZE_LIMIT) == sizes.ships
        MSE.build(checkpoints.load(path, "Toy-v1", "mse").config, torch.Generator())
    assert budget("flow", "tiny") == Flow.training_steps / 10
    assert budget("flow") == Flow.training_steps < budget("flow", "gpu")
    assert train("mse", demos, tmp_path / "plain", steps=1).read_bytes() == trained[USUAL].read_bytes()


def test_weights_that_are_to_travel_must_be_small(demos, tmp_path, monkeypatch):
    monkeypatch.setitem(PRESETS, "tiny", PRESETS["gpu"]._replace(ships=True))
    with pytest.raises(BimodalError, match="at most 1500000"):
        train("mse", demos, tmp_path, steps=1, preset="tiny")


@pytest.mark.parametrize("there", [False, True])
def test_a_cuda_device_is_taken_only_when_asked_or_for_its_preset(there, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: there)
    assert find_device() == find_device("cpu", wide=True) == "cpu", "published bits are made on a CPU"
    assert find_device("auto", wide=True) == ("cuda" if there else "cpu")
    if there:
        assert find_device("cuda") == "cuda"
    else:
        with pytest.raises(WrongUse, match="no CUDA device"):
            find_device("cuda")
    with pytest.raises(WrongUse, match="did you mean cuda"):
        find_device("cude")


OWN = ("nearest", "flow_instructed")
"""Methods that learn in another way, or need the sentences of a real task: test_flow_instructed.py."""
RICHER = ("mars", "critic")
"""Methods that need to see the whole hand, or returns."""
ON_WINDOWS = [kind for name, kind in METHODS.items() if kind.stages == 1 and name not in (*OWN, "mars")]
"""Methods that learn from windows as they are."""
OF_THE_STATE = [name for name, kind in METHODS.items() if name not in OWN and not kind.cameras]
"""Methods that can learn from what is no scene, as it has no pictures; those of pictures: test_vision.py."""


@pytest.mark.parametrize("kind", [*ON_WINDOWS, RectifiedLite], ids=lambda kind: kind.method)
def test_a_loss_finds_its_noise_and_its_constants_on_its_own_device(kind, demos, monkeypatch):
    """The device without storage, `meta`, refuses to compute with tensors of another device."""
    monkeypatch.setattr(torch.Tensor, "item", lambda self: 0.5)
    shown = load_demonstrations(demos)
    windows = make_windows(shown, max(kind.chunk_size, kind.planned.stop))
    config = make_config(kind, shown.meta, windows, training_settings(1, 0, "tiny"))
    network = kind.build(config, torch.Generator().manual_seed(0))
    batch = batch_getter(kind, config, windows)(torch.arange(4))
    here, there = torch.Generator().manual_seed(0), torch.Generator().manual_seed(0)
    assert kind.loss(network, batch, here).device.type == "cpu"
    network, batch = network.to("meta"), Batch(*(None if part is None else part.to("meta") for part in batch))
    with made_on(torch.device("meta")):
        found = kind.loss(network, batch, there)
    assert found.device.type == "meta"
    assert torch.equal(here.get_state(), there.get_state()), "the same numbers are drawn"


def test_pairs_are_made_and_learnt_from_on_the_device_of_the_windows(demos):
    kind, shown = METHODS["diffuser_lite"], load_demonstrations(demos)
    windows = make_windows(shown, kind.planned.stop)
    config = make_config(kind, shown.meta, windows, training_settings(1, 0, "tiny"))
    network = kind.build(config, torch.Generator().manual_seed(0)).to("meta")
    batch = batch_getter(kind, config, windows)(torch.arange(10))

    def there(rows):
        return Batch(*(None if part is None else torch.empty_like(part, device="meta") for part in batch))

    generator = torch.Generator().manual_seed(0)
    pairs = all_pairs(there, 10, lambda batch: make_level_pairs(network, batch, generator))
    assert pairs.device.type == "meta" and len(pairs) == 10
    with made_on(torch.device("meta")):
        loss = kind.loss(network, there(torch.arange(10))._replace(chunk=pairs), generator)
    assert loss.device.type == "meta"


@pytest.mark.parametrize("name", OF_THE_STATE)
def test_a_whole_training_stays_on_its_device(name, demos, richer_demos, tmp_path, monkeypatch):
    """All stages, steps and averages on `meta`: whatever is left behind on the CPU would not compute."""
    kept = set()

    def plain(*arguments, fused, **options):
        return adamw(*arguments, **options)

    def keep(keeper, learning, steps):
        kept.update(part.device.type for part in (*learning.live.values(), *learning.averaged.values()))

    adamw = torch.optim.AdamW
    monkeypatch.setattr("bimodal.policies.training.train.find_device", lambda *arguments, **options: "meta")
    monkeypatch.setattr(torch.optim, "AdamW", plain)
    monkeypatch.setattr(torch.Tensor, "item", lambda tensor: 0.5)
    monkeypatch.setattr(torch.Tensor, "__bool__", lambda tensor: True)
    monkeypatch.setattr(torch.Tensor, "cpu", lambda tensor: torch.zeros_like(tensor, device="cpu"))
    monkeypatch.setattr(resume.ResumeFile, "save", keep)
    shown = richer_demos if name in RICHER else demos
    assert train(name, shown, tmp_path, steps=2, preset="tiny").exists()
    assert kept == {"meta"}


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device")
@pytest.mark.parametrize("name", OF_THE_STATE)
def test_a_cuda_device_learns_what_the_cpu_learns(name, demos, richer_demos, tmp_path):
    shown = richer_demos if name in RICHER else demos
    losses = {}
    for device in ("cpu", "cuda"):
        seen = losses[device] = []
        report = lambda done, total, loss, seen=seen: seen.append(loss)  # noqa: E731
        train(name, shown, tmp_path / device, steps=5, progress=report, preset="tiny", device=device)
    assert losses["cuda"] == pytest.approx(losses["cpu"], rel=0.02)


# -------------------------------------------------------------------------------------------- a past


@pytest.mark.parametrize("kind", [MSE, LabelledMSE], ids=lambda kind: kind.method)
def test_a_policy_reads_its_past_as_it_was_trained_on_it(kind, demos, tmp_path):
    path = train(kind.method, demos, tmp_path, steps=1, preset="tiny", n_obs_steps=3)
    policy = kind(toy_task(sizes=(3, 2)), path)
    assert policy.needs().n_obs_steps == 3
    shown = load_demonstrations(demos)
    windows = make_windows(shown, n_obs_steps=3)
    trained = batch_getter(kind, policy.config, windows)(torch.arange(0, 96, 12) + 7).condition
    policy.reset(Episodes(np.zeros(8, np.uint64)))
    policy._labels = mode_labels(shown.modes.astype(int), policy.config.modes)
    seen = policy._observed({"tcp_position": shown.observations["tcp_position"][:, 5:8]})
    assert np.array_equal(policy._condition(seen), trained.numpy())
    assert policy.act({"tcp_position": shown.observations["tcp_position"][:, 5:8]}).actions.shape == (
        8,
        16,
        10,
    )


@pytest.mark.parametrize(("method", "least"), [("flow_history", 16), ("diffusion_history", 2)])
def test_a_method_with_a_past_is_trained_with_it_unless_told_a_longer_one(method, least, demos, tmp_path):
    shown = load_demonstrations(demos).meta
    for asked, seen in ((1, least), (least + 1, least + 1)):
        path = train(method, demos, tmp_path, steps=1, preset="tiny", n_obs_steps=asked)
        assert METHODS[method](toy_task(sizes=(3, 2)), path).needs().n_obs_steps == seen
        setting = TrainingOptions(tmp_path, "tiny", steps=1, n_obs_steps=asked)
        assert fits(Training("Toy-v1", method), tmp_path, setting, shown), "it is not trained again"
        assert not fits(Training("Toy-v1", method), tmp_path, setting._replace(n_obs_steps=40), shown)


def test_without_a_past_nothing_of_it_is_written_and_a_damaged_one_is_refused(demos, tmp_path):
    path = train("mse", demos, tmp_path, steps=1, preset="tiny")
    said = json.loads(path.with_suffix(".json").read_text())
    assert "n_obs_steps" not in said
    path.with_suffix(".json").write_text(json.dumps({**said, "n_obs_steps": 65}))
    with pytest.raises(BimodalError, match=r"damaged.*n_obs_steps is out of bounds"):
        MSE(toy_task(), path)


@pytest.mark.parametrize(
    ("method", "steps", "message"),
    [
        ("mse", 0, "n_obs_steps is 0; it must be 1 to 64"),
        ("mse", 65, "n_obs_steps is 65; it must be 1 to 64"),
        ("diffuser", 2, "diffuser plans states from the present one alone; it takes no --n-obs-steps"),
    ],
)
def test_a_past_that_cannot_be_had_is_refused_in_one_line(method, steps, message, demos, tmp_path):
    with pytest.raises(BimodalError, match=f"^{message}$"):
        train(method, demos, tmp_path, steps=1, preset="tiny", n_obs_steps=steps)
