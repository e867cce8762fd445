"""Checkpoints: small, self-contained, and refused when they should be."""

import json

import numpy as np
import pytest
import safetensors.torch
from bimodal.envs.errors import BimodalError
from bimodal.policies.core import checkpoint as checkpoints
from bimodal.policies.core.registry import SHIPPED_CHECKPOINTS
from bimodal.policies.flow import Flow
from bimodal.policies.mse import MSE
from bimodal.policies.mse_labelled import LabelledMSE
from bimodal.policies.training.train import METHODS
from toy import save, toy_demos, toy_task, train


@pytest.fixture(scope="module")
def demos(tmp_path_factory):
    return save(toy_demos(), tmp_path_factory.mktemp("demos") / "toy.npz")


@pytest.fixture(scope="module")
def trained(demos, tmp_path_factory):
    out = tmp_path_factory.mktemp("checkpoints")
    return {method: train(method, demos, out, steps=2) for method in ("flow", "mse_labelled")}


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


BY_COMMAND = {
    *("act", "act_sampled", "critic", "diffusion_history", "flow_history", "mars", "shortcut"),
    "vision_flow_no_pose",
}
"""Methods whose weights do not come with the package."""


@pytest.mark.parametrize("method", [name for name in METHODS if name not in BY_COMMAND])
def test_a_shipped_checkpoint_that_is_read_and_written_again_has_the_same_bytes(method, tmp_path):
    """Layers may get better names; the files, whose sha256 entries hold, keep theirs."""
    shipped = checkpoints.checkpoint_path(SHIPPED_CHECKPOINTS, "PandaLiftDumbbell-v1", method)
    config, weights = vars(checkpoints.load(shipped, "PandaLiftDumbbell-v1", method)).values()
    if METHODS[method].half_precision:
        weights = {name: part.half() for name, part in weights.items()}
    again = checkpoints.checkpoint_path(tmp_path, "PandaLiftDumbbell-v1", method)
    checkpoints.save(again, config, weights)
    assert again.read_bytes() == shipped.read_bytes()
    assert again.with_suffix(".json").read_bytes() == shipped.with_suffix(".json").read_bytes()


def test_every_method_ships_weights_that_it_can_train_but_for_those_of_a_study():
    folder = SHIPPED_CHECKPOINTS / "PandaLiftDumbbell-v1"
    assert {file.stem for file in folder.glob("*.json")} == METHODS.keys() - BY_COMMAND
