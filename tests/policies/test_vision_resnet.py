"""The preset `gpu` of the vision policies: another encoder, larger pictures, the same commands."""

import json

import numpy as np
import pytest
import torch
from bimodal.benchmark.train_all import Training, TrainingOptions, fits
from bimodal.envs.errors import BimodalError
from bimodal.envs.perturbations.core.variant import Variant
from bimodal.envs.rendering.episode_pictures import EpisodePictures
from bimodal.envs.simulation import Simulation
from bimodal.policies.core import checkpoint
from bimodal.policies.core.policy import Episodes
from bimodal.policies.training import presets
from bimodal.policies.training.picture_regressions import train_picture_regression
from bimodal.policies.training.recipes import PictureRecipe
from bimodal.policies.training.train import METHODS
from bimodal.policies.vision import resnet_encoder
from bimodal.policies.vision.resnet_encoder import ResNetEncoder
from bimodal.tasks import load_task
from bimodal.tasks.core import episode_step
from bimodal.tasks.demonstrations import collect as demonstrations
from toy import train

TASK = load_task("PandaLiftDumbbell-v1")
SIZES = presets.SEEING["gpu"]
STEPS = 2


@pytest.fixture(scope="module")
def demos(tmp_path_factory):
    """A file of two demonstrations."""
    file = tmp_path_factory.mktemp("demos") / "bi50-2-s0.npz"
    return demonstrations.save(demonstrations.collect(TASK, "bi50", 2), file)


@pytest.fixture(scope="module")
def thin():
    """The preset with few channels and few windows a step, so that a processor does it in a second."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(presets.SEEING, "gpu", SIZES._replace(batch=4, width=64, blocks=2))
        patch.setattr(resnet_encoder, "WIDTHS", (16, 16, 16, 32))
        patch.setattr(ResNetEncoder, "channels", 32)
        yield


@pytest.fixture(scope="module")
def trained(demos, thin, tmp_path_factory):
    """The weights of `vision_flow` after two steps."""
    return train("vision_flow", demos, tmp_path_factory.mktemp("weights"), steps=STEPS, preset="gpu")


@pytest.fixture(scope="module")
def scenes():
    """What policies see at the beginning of three episodes."""
    simulation = Simulation(TASK, 3)
    simulation.reset(range(3))
    pictures = EpisodePictures(TASK, Variant(), ("front_image", "wrist_image"), 224)
    seen = pictures.take(np.arange(3), simulation.state(), np.ones(3, bool))
    pictures.close()
    return episode_step.observe(simulation, 0, seen)


def chunks(policy, seen, rows):
    policy.reset(Episodes(np.arange(3, dtype=np.uint64)[rows], None))
    return policy.act({name: seen[name][rows] for name in policy.needs().observations}).actions


def test_the_preset_is_for_pictures_of_224_pixels_and_a_resnet_18():
    assert (SIZES.image_size, SIZES.encoder) == (224, "resnet18")
    assert SIZES[:3] == presets.PRESETS["gpu"][:3], "the trunk, and its steps, of the methods of the state"
    encoder = ResNetEncoder(96, torch.Generator().manual_seed(0))
    convolutions = [part for part in encoder.modules() if isinstance(part, torch.nn.Conv2d)]
    beside = [part for part in convolutions if part.kernel_size == (1, 1)]
    assert len(convolutions) - len(beside) == 17, "and the 18th is the layer that joins the cameras"
    # ResNet-18 without its last layer has 11,176,512 values: batch norm has as many as group norm. The stem
    # reads two coordinates, too, each convolution has a bias, and the soft-argmax its sharpness.
    more = 2 * 64 * 7 * 7 + sum(part.out_channels for part in convolutions) + 1
    assert sum(part.numel() for part in encoder.parameters()) == 11_176_512 + more
    with torch.no_grad():
        assert encoder(torch.zeros(1, 96, 96, 3, dtype=torch.uint8)).shape == (1, 3 * 512)


@pytest.mark.parametrize(("side", "cells"), [(96, 3), (128, 4), (224, 7)])
def test_the_encoder_reads_every_size(side, cells, thin):
    encoder = ResNetEncoder(side, torch.Generator().manual_seed(0))
    pixels = torch.zeros(1, resnet_encoder.INPUTS, side, side)
    assert encoder.convolve(pixels).shape == (1, 32, cells, cells)
    assert encoder.cells.shape == (cells * cells, 2)


def test_its_checkpoint_says_so_asks_for_its_pictures_and_acts(trained, scenes):
    said = json.loads(trained.with_suffix(".json").read_text())
    assert (said["vision"]["encoder"], said["vision"]["image_size"]) == ("resnet18", 224)
    assert said["training"]["preset"] == "gpu"
    policy = METHODS["vision_flow"](TASK, trained)
    assert policy.needs().image_size == 224
    whole = chunks(policy, scenes, [0, 1, 2])
    assert whole.shape == (3, 16, 10) and np.isfinite(whole).all()
    assert np.array_equal(chunks(policy, scenes, [2]), whole[[2]]), "a decision follows from its own pictures"


def test_the_encoder_learns_slower_than_the_trunk_and_only_where_it_is_large(demos, thin, tmp_path):
    rates = {}

    def noted(kind, preset):
        class Noted(METHODS["vision_flow"]):
            @classmethod
            def learn(cls, network, get_batch, count, generator, fit):
                def stop(stage, batches):
                    rates[kind] = stage.learning_rate / cls.learning_rate
                    raise KeyboardInterrupt

                return super().learn(network, get_batch, count, generator, stop)

        with pytest.raises(KeyboardInterrupt):
            train(Noted, demos, tmp_path, steps=1, preset=preset)

    noted("small", "tiny")
    noted("large", "gpu")
    assert rates["small"] == 1 and rates["large"] < 1


def test_each_preset_is_trained_anew_in_place_of_another(demos, trained):
    folder = trained.parents[1]
    one = Training(TASK.id, "vision_flow")
    meta = demonstrations.load(demos).meta
    assert fits(one, folder, TrainingOptions(folder, "gpu", steps=STEPS), meta)
    assert not fits(one, folder, TrainingOptions(folder, "cpu", steps=STEPS), meta)


def test_where_the_usual_encoder_is_wanted_it_is_refused_in_one_line(demos, trained, tmp_path):
    with pytest.raises(BimodalError, match=r"was trained with another --preset than cpu$"):
        train_picture_regression(PictureRecipe("features"), trained, demos, 0, tmp_path, steps=1)
    copy = tmp_path / trained.name
    copy.write_bytes(trained.read_bytes())
    said = json.loads(trained.with_suffix(".json").read_text())
    for change, message in (("resnet19", "no encoder 'resnet19'"), ("patches", "do not fit their config")):
        copy.with_suffix(".json").write_text(
            json.dumps({**said, "vision": said["vision"] | {"encoder": change}})
        )
        with pytest.raises(BimodalError, match=message):
            METHODS["vision_flow"](TASK, copy)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["vision_flow", "vision_mse", "vision_diffusion"])
def test_in_full_size_a_processor_trains_it_too_and_its_weights_stay_outside(
    name, demos, tmp_path, scenes, monkeypatch
):
    monkeypatch.setitem(presets.SEEING, "gpu", SIZES._replace(batch=4))
    path = train(name, demos, tmp_path, steps=STEPS, preset="gpu")
    assert checkpoint.SIZE_LIMIT < path.stat().st_size < checkpoint.LARGE_LIMIT
    policy = METHODS[name](TASK, path)
    assert 2 * 11e6 < policy.parameters < 3 * 11e6, "two encoders, and a trunk that is smaller than one"
    assert chunks(policy, scenes, [0, 1]).shape == (2, 16, 10)
