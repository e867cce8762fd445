"""Vision policies read pictures and the hand; the objects' poses are labels of their training alone."""

import json

import numpy as np
import pytest
import safetensors.torch
import torch
from bimodal.benchmark.rollout.track import track_of
from bimodal.envs.errors import BimodalError
from bimodal.envs.perturbations.core.variant import Variant
from bimodal.envs.rendering.episode_pictures import EpisodePictures
from bimodal.envs.simulation import Simulation
from bimodal.policies.core.dataset import load_demonstrations
from bimodal.policies.core.policy import Episodes
from bimodal.policies.training.train import METHODS
from bimodal.policies.vision.camera_encoder import PatchEncoder
from bimodal.policies.vision.encoder import VisionNetwork
from bimodal.policies.vision_flow import VisionFlow
from bimodal.tasks import load_task
from bimodal.tasks.core import episode_step
from bimodal.tasks.demonstrations import collect as demonstrations
from short_trainings import Killed, bits
from toy import train

TASK = load_task("PandaLiftDumbbell-v1")
VISION = [name for name, kind in METHODS.items() if kind.cameras]


@pytest.fixture(scope="module")
def demos(tmp_path_factory):
    """A file of four demonstrations."""
    file = tmp_path_factory.mktemp("demos") / "bi50-4-s0.npz"
    return demonstrations.save(demonstrations.collect(TASK, "bi50", 4), file)


@pytest.fixture(scope="module")
def trained(demos, tmp_path_factory):
    """The weights of every vision method after a few steps."""
    folder = tmp_path_factory.mktemp("weights")
    return {name: train(name, demos, folder, steps=6, preset="tiny") for name in VISION}


@pytest.fixture(scope="module")
def scenes():
    """What policies see at the beginning of five episodes, all of it."""
    simulation = Simulation(TASK, 5)
    simulation.reset(range(5))
    pictures = EpisodePictures(TASK, Variant(), ("front_image", "wrist_image"), 96)
    seen = pictures.take(np.arange(5), simulation.state(), np.ones(5, bool))
    pictures.close()
    return episode_step.observe(simulation, 0, seen)


def chunks(policy, seen, rows):
    policy.reset(Episodes(np.arange(5, dtype=np.uint64)[rows], None))
    return policy.act({name: seen[name][rows] for name in policy.needs().observations}).actions


@pytest.mark.parametrize("name", VISION)
def test_no_pose_of_an_object_is_read_and_the_track_is_vision(name, trained, scenes):
    policy = METHODS[name](TASK, trained[name])
    needs = policy.needs()
    assert track_of(TASK, needs.observations, needs.privileged) == "vision"
    assert needs.image_size == 96 and {"front_image", "wrist_image"} <= set(needs.observations)
    assert not any("dumbbell" in component for component in needs.observations)
    assert chunks(policy, scenes, [0, 1]).shape == (2, 16, 10)


@pytest.mark.parametrize("name", VISION)
def test_a_decision_follows_from_its_own_pictures_alone(name, trained, scenes):
    policy = METHODS[name](TASK, trained[name])
    whole = chunks(policy, scenes, [0, 1, 2, 3, 4])
    for rows in ([3], [4, 0], [2, 1, 3]):
        assert np.array_equal(chunks(policy, scenes, rows), whole[rows])
    other = {**scenes, "wrist_image": scenes["wrist_image"].copy()}
    other["wrist_image"][2] = 255 - other["wrist_image"][2]
    same = np.array(
        [np.array_equal(*pair) for pair in zip(chunks(policy, other, range(5)), whole, strict=True)]
    )
    assert same.tolist() == [True, True, False, True, True]


class WithoutPoses(VisionFlow):
    pose_weight = 0.0


@pytest.mark.parametrize("kind", [VisionFlow, WithoutPoses], ids=lambda kind: kind.__name__)
def test_poses_are_labels_of_the_encoder_unless_they_weigh_nothing(kind, demos, tmp_path, monkeypatch):
    """Other poses, same pictures: what learns from them changes, and what does not is the same to the bit."""
    shown = load_demonstrations(demos)
    rng = np.random.default_rng(0)
    other = {
        name: rng.normal(0, 1, seen.shape).astype(np.float32) if "dumbbell" in name else seen
        for name, seen in shown.observations.items()
    }
    monkeypatch.setitem(METHODS, "vision_flow", kind)
    true = train("vision_flow", demos, tmp_path / "true", steps=6, preset="tiny")
    loader = "bimodal.policies.training.train.load_demonstrations"
    monkeypatch.setattr(loader, lambda path: shown._replace(observations=other))
    fake = train("vision_flow", demos, tmp_path / "fake", steps=6, preset="tiny")
    assert (true.read_bytes() == fake.read_bytes()) == (kind is WithoutPoses)


def test_the_encoder_is_frozen_while_the_trunk_learns(demos, tmp_path):
    kept = []

    class Watched(VisionFlow):
        @classmethod
        def learn(cls, network, get_batch, count, generator, fit):
            def watched(stage, batches):
                learned = fit(stage, batches)
                kept.append({key: part.clone() for key, part in learned[0].items()})
                return learned

            return super().learn(network, get_batch, count, generator, watched)

    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(METHODS, "vision_flow", Watched)
        path = train("vision_flow", demos, tmp_path, steps=6, preset="tiny")
    first, second = kept
    changed = {key for key in first if not torch.equal(first[key].half(), second[key].half())}
    assert changed and all(key.startswith("trunk.") for key in changed)
    saved = safetensors.torch.load_file(path)
    assert all(torch.equal(saved[key], first[key].half()) for key in first if key.startswith("cameras."))


def test_equal_arguments_give_equal_bits_also_after_a_kill_in_either_stage(demos, trained, tmp_path, often):
    whole = trained["vision_flow"]
    for at in (1, 4):
        out = tmp_path / str(at)

        def die(step, steps, loss, at=at):
            assert steps == 7, "one of the encoder, six of the trunk"
            if step == at:
                raise Killed

        with pytest.raises(Killed):
            train("vision_flow", demos, out, progress=die, steps=6, preset="tiny")
        assert list((out / TASK.id).glob(".vision_flow*.resume.safetensors"))
        again = train("vision_flow", demos, out, steps=6, preset="tiny")
        assert bits(again) == bits(whole)
        assert sorted(file.name for file in again.parent.iterdir()) == [
            "vision_flow.json",
            "vision_flow.safetensors",
        ]


def test_the_file_beside_the_weights_says_what_is_seen_and_damage_is_refused(trained, tmp_path):
    path = trained["vision_flow"]
    said = json.loads(path.with_suffix(".json").read_text())
    assert said["vision"]["cameras"] == ["front_image", "wrist_image"]
    assert {pose["name"] for pose in said["vision"]["poses"]} == {"dumbbell_position", "dumbbell_heading"}
    assert {one["name"] for one in said["observations"]} == {
        "tcp_position",
        "tcp_rotation",
        "gripper_opening",
    }
    copy = tmp_path / path.name
    copy.write_bytes(path.read_bytes())
    for change in ({"cameras": ["top_image"]}, {"image_size": 97}, {"poses": []}):
        copy.with_suffix(".json").write_text(json.dumps({**said, "vision": said["vision"] | change}))
        with pytest.raises(BimodalError, match="is damaged"):
            VisionFlow(TASK, copy)


def test_demonstrations_that_fail_are_refused_in_one_line(tmp_path):
    file = demonstrations.save(demonstrations.collect(TASK, "graded", 2), tmp_path / "graded.npz")
    with pytest.raises(BimodalError, match=r"^vision methods learn from demonstrations that succeed"):
        train("vision_flow", file, tmp_path, steps=1, preset="tiny")


def test_a_camera_s_encoder_looks_where_its_channel_is_largest():
    encoder = PatchEncoder(96, torch.Generator().manual_seed(0))
    with torch.no_grad():
        for layer in (encoder.stem, *encoder.convolutions):
            layer.weight.zero_()
            layer.bias.zero_()
            layer.weight[0, 0, layer.weight.shape[2] // 2, layer.weight.shape[3] // 2] = 4.0  # passes red on
    pictures = torch.zeros(2, 96, 96, 3, dtype=torch.uint8)
    pictures[0, 8:12, 80:84, 0] = 255  # right, down: 20.5 and 2.5 of 24 patches
    pictures[1, 60:64, 20:24, 0] = 255
    with torch.no_grad():
        found = encoder(pictures)
    patch = torch.tensor([[20, 2], [5, 15]])
    torch.testing.assert_close(found[:, :2], 2 * patch / 23 - 1, atol=1e-3, rtol=0)


def test_the_shipped_encoder_finds_objects_of_scenes_it_never_saw(scenes):
    from bimodal.policies import load_policy

    policy = load_policy("vision_flow", TASK)
    assert isinstance(policy, VisionFlow) and isinstance(policy.network, VisionNetwork)
    policy.reset(Episodes(np.arange(5, dtype=np.uint64), None))
    found = policy.estimated_poses(scenes)
    names = [component.name for component in policy.vision.poses]
    error = np.abs(found - np.concatenate([scenes[name] for name in names], 1))[:, :2]
    assert error.max() < 0.008, "within 8 mm where the object may lie 6 by 8 cm apart"
