"""Training: it goes on where it was stopped, to the same bits; bad ends cost nothing; many at once."""

import json
import multiprocessing

import numpy as np
import pytest
import safetensors
import torch
from bimodal.benchmark import train_all as training
from bimodal.benchmark.train_all import Setting, Training, train_all
from bimodal.cli import main as cli
from bimodal.envs.errors import BimodalError, WrongUse
from bimodal.policies.core import checkpoint as checkpoints
from bimodal.policies.core.dataset import Batch, load_demonstrations, make_windows
from bimodal.policies.core.devices import find_device, made_on
from bimodal.policies.diffuser_lite import RectifiedLite
from bimodal.policies.flow import Flow
from bimodal.policies.mse import MSE
from bimodal.policies.planning.diffuser_lite_levels import make_pairs
from bimodal.policies.training import resume as training_state
from bimodal.policies.training.presets import PRESETS, USUAL
from bimodal.policies.training.train import METHODS, budget, train
from bimodal.policies.training.training_batches import describe, lesson, recipe
from bimodal.tasks.demonstrations import collect as demonstrations

DUMBBELL = "PandaLiftDumbbell-v1"


def toy_demos(seed=0, episodes=8, steps=12):
    """Random walks of two modes; nothing to be learnt, but something to be trained on."""
    rng = np.random.default_rng(seed)
    seen = {"tcp_position": rng.normal(0, 0.1, (episodes, steps, 3)).astype(np.float32)}
    actions = rng.normal(0, 0.1, (episodes, steps, 10)).astype(np.float32)
    modes = (np.arange(episodes) % 2).astype(np.int8)
    demos = demonstrations.Demonstrations(
        {"task": "Toy-v1"}, np.arange(episodes), modes, np.ones(episodes, bool), seen, actions
    )
    return demos._replace(meta={**demos.meta, "digest": demonstrations.content_digest(demos)})


@pytest.fixture(scope="module")
def demos(tmp_path_factory):
    return demonstrations.save(toy_demos(), tmp_path_factory.mktemp("demos") / "toy.npz")


@pytest.fixture
def often(monkeypatch):
    """The state is written after every seventh step."""
    monkeypatch.setattr(training_state, "EVERY_STEPS", 7)
    monkeypatch.setattr(training_state, "REST", 0)


class Killed(Exception):
    pass


def interrupted(method, demos, out, at, **options):
    """Train until step `at`, where the process dies; returns the file of the state."""

    def die(step, steps, loss):
        if step == at:
            raise Killed

    with pytest.raises(Killed):
        train(method, demos, out, progress=die, **options)
    return out / "Toy-v1" / f".{method}.resume.safetensors"


def bits(path):
    return path.read_bytes(), path.with_suffix(".json").read_bytes()


# ------------------------------------------------------------------------------------------- going on


@pytest.mark.parametrize("method", ["flow", "mse"])
@pytest.mark.parametrize("at", [7, 12, 29])
def test_a_training_that_was_killed_ends_with_the_same_bits(method, at, demos, tmp_path, often):
    options = {"steps": 30, "seed": 5, "preset": "tiny"}
    whole = train(method, demos, tmp_path / "whole", **options)
    state = interrupted(method, demos, tmp_path, at, **options)
    assert state.exists() and [f.name for f in state.parent.iterdir()] == [state.name]
    seen, said = [], []
    again = train(
        method, demos, tmp_path, progress=lambda i, *_: seen.append(i), notice=said.append, **options
    )
    last = at // 7 * 7
    assert seen == list(range(last + 1, 31)), "nothing is done twice but what came after the last state"
    assert len(said) == 1 and f"after step {last}" in said[0]
    assert bits(again) == bits(whole)
    assert not state.exists()


def test_a_training_may_be_killed_many_times(demos, tmp_path, often):
    whole = train("flow", demos, tmp_path / "whole", steps=30, preset="tiny")
    for at in (8, 10, 16, 28):
        interrupted("flow", demos, tmp_path, at, steps=30, preset="tiny")
    assert bits(train("flow", demos, tmp_path, steps=30, preset="tiny")) == bits(whole)


@pytest.mark.parametrize("at", [12, 30, 45, 59])
def test_a_training_of_two_stages_goes_on_in_the_stage_where_it_was_killed(at, demos, tmp_path, often):
    whole = train("reflow", demos, tmp_path / "whole", steps=30, preset="tiny")
    done = [0]

    def die(step, steps, loss):
        done[0] += 1
        if done[0] == at:
            raise Killed

    with pytest.raises(Killed):
        train("reflow", demos, tmp_path, steps=30, preset="tiny", progress=die)
    seen = []
    again = train("reflow", demos, tmp_path, steps=30, preset="tiny", progress=lambda i, *_: seen.append(i))
    assert len(seen) == 60 - (at if at == 30 else at // 30 * 30 + at % 30 // 7 * 7)
    assert seen == list(range(seen[0], 61))
    assert bits(again) == bits(whole)
    assert [f.name for f in sorted(again.parent.iterdir())] == ["reflow.json", "reflow.safetensors"]


def test_writing_the_state_changes_no_bit(demos, tmp_path, often, monkeypatch):
    written = []
    write = training_state.write_whole
    monkeypatch.setattr(
        training_state, "write_whole", lambda path, raw: (written.append(raw), write(path, raw))
    )
    kept = train("flow", demos, tmp_path / "kept", steps=30, preset="tiny")
    assert len(written) == 4
    monkeypatch.setattr(training_state, "EVERY_STEPS", 10**9)
    assert bits(train("flow", demos, tmp_path / "not", steps=30, preset="tiny")) == bits(kept)
    assert len(written) == 4


@pytest.mark.parametrize(
    "other", [{"seed": 1}, {"steps": 31}, {"preset": "cpu"}, {"data": 1}, {"damage": True}, {"fresh": True}]
)
def test_a_state_of_something_else_is_not_taken_up(other, demos, tmp_path, often):
    state = interrupted("flow", demos, tmp_path, 16, steps=30, seed=0, preset="tiny")
    if other.pop("damage", False):
        state.write_bytes(state.read_bytes()[:-50])
    if seed := other.pop("data", 0):
        demos = demonstrations.save(toy_demos(seed), tmp_path / "other.npz")
    options = {"steps": 30, "seed": 0, "preset": "tiny"} | other
    seen, said = [], []
    trained = train(
        "flow", demos, tmp_path, progress=lambda i, *_: seen.append(i), notice=said.append, **options
    )
    assert seen[0] == 1
    assert len(said) == (0 if "fresh" in options else 1) and all("afresh" in text for text in said)
    assert bits(trained) == bits(train("flow", demos, tmp_path / "clean", **options))
    assert not state.exists()


def test_the_state_is_no_pickle_and_says_whose_it_is(demos, tmp_path, often):
    state = interrupted("flow", demos, tmp_path, 16, steps=30, preset="tiny")
    with safetensors.safe_open(state, "pt") as file:
        names, digest = set(file.keys()), file.metadata()["digest"]
        assert len(file.get_tensor("losses")) == 14
    assert len(digest) == 64 and {name.split(".")[0] for name in names} == {
        *("live", "averaged", "moments", "generator", "losses")
    }


def test_the_state_is_written_by_the_clock_and_rests_in_proportion(demos, tmp_path, monkeypatch):
    now, written = [0.0], []
    monkeypatch.setattr(training_state.time, "monotonic", lambda: now[0])

    def write(path, raw):
        written.append(now[0])
        now[0] += 0.5  # a slow disk

    monkeypatch.setattr(training_state, "write_whole", write)

    def second(step, steps, loss):
        now[0] += 1

    train("mse", demos, tmp_path, steps=120, preset="tiny", progress=second)
    assert written[0] == 15
    assert np.diff(written).min() >= 50, "half a second of writing is at most a hundredth of the time"


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


ON_WINDOWS = [kind for name, kind in METHODS.items() if kind.stages == 1 and name != "nearest"]
"""Methods that learn from windows as they are."""


@pytest.mark.parametrize("kind", [*ON_WINDOWS, RectifiedLite], ids=lambda kind: kind.method)
def test_a_loss_finds_its_noise_and_its_constants_on_its_own_device(kind, demos, monkeypatch):
    """The device without storage, `meta`, refuses to compute with tensors of another device."""
    monkeypatch.setattr(torch.Tensor, "item", lambda self: 0.5)
    shown = load_demonstrations(demos)
    windows = make_windows(shown, max(kind.chunk_size, kind.planned.stop))
    config = describe(kind, shown.meta, windows, recipe(1, 0, "tiny"))
    network = kind.build(config, torch.Generator().manual_seed(0))
    batch = lesson(kind, config, windows)(torch.arange(4))
    here, there = torch.Generator().manual_seed(0), torch.Generator().manual_seed(0)
    assert kind.loss(network, batch, here).device.type == "cpu"
    network, batch = network.to("meta"), Batch(*(part.to("meta") for part in batch))
    with made_on(torch.device("meta")):
        found = kind.loss(network, batch, there)
    assert found.device.type == "meta"
    assert torch.equal(here.get_state(), there.get_state()), "the same numbers are drawn"


def test_pairs_are_made_and_learnt_from_on_the_device_of_the_windows(demos):
    kind, shown = METHODS["diffuser_lite"], load_demonstrations(demos)
    windows = make_windows(shown, kind.planned.stop)
    config = describe(kind, shown.meta, windows, recipe(1, 0, "tiny"))
    network = kind.build(config, torch.Generator().manual_seed(0)).to("meta")
    batch = lesson(kind, config, windows)(torch.arange(10))

    def there(rows):
        return Batch(*(torch.empty_like(part, device="meta") for part in batch))

    generator = torch.Generator().manual_seed(0)
    pairs = make_pairs(network, there, 10, generator)
    assert pairs.device.type == "meta" and len(pairs) == 10
    with made_on(torch.device("meta")):
        loss = kind.loss(network, there(torch.arange(10))._replace(chunk=pairs), generator)
    assert loss.device.type == "meta"


@pytest.mark.parametrize("name", [name for name in METHODS if name != "nearest"])
def test_a_whole_training_stays_on_its_device(name, demos, tmp_path, monkeypatch):
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
    monkeypatch.setattr(training_state.Keeper, "keep", keep)
    assert train(name, demos, tmp_path, steps=2, preset="tiny").exists()
    assert kept == {"meta"}


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device")
@pytest.mark.parametrize("name", [name for name in METHODS if name != "nearest"])
def test_a_cuda_device_learns_what_the_cpu_learns(name, demos, tmp_path):
    losses = {}
    for device in ("cpu", "cuda"):
        seen = losses[device] = []
        report = lambda done, total, loss, seen=seen: seen.append(loss)  # noqa: E731
        train(name, demos, tmp_path / device, steps=5, progress=report, preset="tiny", device=device)
    assert losses["cuda"] == pytest.approx(losses["cpu"], rel=0.02)


# ------------------------------------------------------------------------------------- many trainings


@pytest.fixture
def few(monkeypatch, tmp_path):
    """Six demonstrations are enough; work in an empty folder."""
    monkeypatch.setattr(training, "EPISODES", 6)
    monkeypatch.setattr(training, "GRADED_EPISODES", 6)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def bimodal(capsys, few):
    """Run a command in this process, in an empty folder; returns (exit code, output, lines of errors)."""

    def run(*arguments):
        capsys.readouterr()
        code = cli.main([str(argument) for argument in arguments])
        out, err = capsys.readouterr()
        return code, " ".join(out.split()), err.splitlines()

    return run


ALL = ("train", "--all", "--task", DUMBBELL, "--methods", "mse,flow", "--preset", "tiny", "--steps", 20)


def test_many_are_trained_once_and_again_only_when_something_changed(bimodal, tmp_path):
    code, out, err = bimodal(*ALL, "--seeds", "0..1", "--workers", 0)
    assert (code, err) == (0, []) and "4 trained, 0 there already, 0 failed" in out
    folder = tmp_path / "runs" / "checkpoints"
    files = {
        seed: {method: folder / place / DUMBBELL / f"{method}.safetensors" for method in ("mse", "flow")}
        for seed, place in ((0, "."), (1, "seed-1"))
    }
    before = {path: bits(path) for found in files.values() for path in found.values()}
    assert len({weights for weights, _ in before.values()}) == 4
    single = ("train", "mse", "--task", DUMBBELL, "--preset", "tiny", "--steps", 20, "--seed", 1)
    assert bimodal(*single, "--out", "single")[0] == 0
    assert bits(tmp_path / "single" / DUMBBELL / "mse.safetensors") == before[files[1]["mse"]]

    assert "0 trained, 4 there already" in bimodal(*ALL, "--seeds", "0..1", "--workers", 0)[1]
    files[1]["mse"].write_bytes(b"damaged")
    assert "1 trained, 3 there already" in bimodal(*ALL, "--seeds", "0..1", "--workers", 0)[1]
    assert "2 trained, 0 there already" in bimodal(*ALL[:-1], 21, "--workers", 0)[1], "other steps"
    assert "2 trained, 0 there already" in bimodal(*ALL, "--workers", 0, "--fresh")[1]
    assert {path: bits(path) for path in before} == before

    shown = training.Path("runs") / "demos" / DUMBBELL / "bi50-6-s0.npz"
    shown.unlink()
    assert "0 trained, 2 there already" in bimodal(*ALL, "--workers", 0)[1] and not shown.exists()
    other = demonstrations.collect(demonstrations.load_task(DUMBBELL), "bi50", 6, seed=1)
    demonstrations.save(other, shown)
    assert "2 trained, 0 there already" in bimodal(*ALL, "--workers", 0)[1], "other demonstrations"


def test_a_training_that_fails_stops_no_other_and_is_named_at_the_end(bimodal, tmp_path, monkeypatch):
    monkeypatch.setattr(
        Flow, "loss", staticmethod(lambda network, batch, rng: MSE.loss(network, batch, rng) * np.nan)
    )
    code, out, err = bimodal(*ALL, "--workers", 0)
    assert (code, err) == (1, [])
    assert "failed: flow on Lift Dumbbell: training of flow broke down at step 0" in out
    assert "1 trained, 0 there already, 1 failed" in out
    assert [f.name for f in sorted((tmp_path / "runs" / "checkpoints" / DUMBBELL).iterdir())] == [
        "mse.json",
        "mse.safetensors",
    ]


def test_a_process_that_dies_is_named_and_its_training_goes_on_the_next_time(few, tmp_path):
    task, steps = demonstrations.load_task(DUMBBELL), 1600
    shown = demonstrations.save(demonstrations.collect(task, "bi50", 6), tmp_path / "demos.npz")
    jobs, setting = [Training(DUMBBELL, "mse")], Setting(tmp_path / "out", "tiny", steps=steps)
    state = tmp_path / "out" / DUMBBELL / ".mse.resume.safetensors"

    def kill(done, total, note):
        assert total == steps
        for process in multiprocessing.active_children() if state.exists() else ():
            process.kill()

    outcome = train_all(jobs, setting, lambda *what: shown, 1, kill)
    assert list(outcome.failed) == jobs and "died (exit code -9)" in outcome.failed[jobs[0]]
    assert state.exists() and not state.with_name("mse.safetensors").exists()
    seen = []
    outcome = train_all(jobs, setting, lambda *what: shown, 0, lambda *report: seen.append(report))
    assert outcome.trained == tuple(jobs) and seen[-1][:2] == (steps, steps)
    assert not state.exists()
    whole = train("mse", shown, tmp_path / "whole", steps=steps, preset="tiny")
    assert bits(whole) == bits(state.with_name("mse.safetensors"))


@pytest.mark.parametrize(
    ("there", "asked", "preset", "device"),
    [
        (False, (), "cpu", "cpu"),
        (True, (), "gpu", "cuda"),
        (True, ("--preset", "cpu"), "cpu", "cpu"),
        (True, ("--device", "cpu"), "cpu", "cpu"),
        (True, ("--preset", "cpu", "--device", "cuda"), "cpu", "cuda"),
    ],
)
def test_all_uses_a_cuda_device_and_says_so(there, asked, preset, device, bimodal, monkeypatch):
    settings = []

    def nothing(trainings, setting, *rest):
        settings.append(setting)
        return training.Outcome((), (), {})

    monkeypatch.setattr(training, "train_all", nothing)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: there)
    code, out, err = bimodal("train", "--all", *asked)
    assert (code, err) == (0, []) and f"preset {preset} on {device}" in out
    assert settings[0].preset == preset
    assert find_device(settings[0].device, wide=not PRESETS[preset].ships) == device


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (("train",), "--all"),
        (("train", "mse"), "--task"),
        (("train", "mse", "--all"), "--methods"),
        (("train", "mse", "--task", DUMBBELL, "--task", DUMBBELL), "--all"),
        (("train", "mse", "--task", DUMBBELL, "--seeds", "3"), "--seed"),
        (("train", "mse", "--task", DUMBBELL, "--preset", "tinny"), "did you mean tiny"),
        (("train", "--all", "--methods", "mse,flw"), "did you mean flow"),
        (("train", "--all", "--seeds", "2..0"), "START..END"),
        (("train", "--all", "--workers", "-1"), "0 or more"),
        (("train", "--all", "--device", "cuda"), "no CUDA device"),
        (("train", "mse", "--task", DUMBBELL, "--demos", "none.npz"), "bimodal demos"),
    ],
)
def test_wrong_use_is_said_in_one_line(arguments, text, bimodal, tmp_path, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    code, _, err = bimodal(*arguments)
    assert (code, len(err)) == (2, 1) and text in err[0], err
    assert list(tmp_path.iterdir()) == []
