"""The example of a policy that learns to see does what its first lines say, on a tiny budget."""

import runpy
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
from bimodal.benchmark.rollout.shard import Shard, run_shard
from bimodal.benchmark.rollout.track import track_of
from bimodal.envs.perturbations.core.variant import CLEAN, Variant
from bimodal.envs.rendering.episode_pictures import EpisodePictures
from bimodal.envs.simulation import Simulation
from bimodal.tasks import load_task
from bimodal.tasks.core.episode_step import observe
from bimodal.tasks.demonstrations.collect import collect, save

SCRIPT = Path(__file__).parent.parent / "examples" / "vision_policy.py"
TASK = load_task("PandaLiftDumbbell-v1")


def test_a_few_steps_make_a_policy_of_the_vision_track(tmp_path, capsys, monkeypatch):
    script = Path(shutil.copy(SCRIPT, tmp_path))
    file = save(collect(TASK, "bi50", 2), tmp_path / "demos.npz")
    monkeypatch.setattr(sys, "argv", [str(script), str(file), "4"])
    names = runpy.run_path(str(script), run_name="__main__")
    assert "step 4 of 4" in capsys.readouterr().out
    policy = names["Seeing"](TASK)
    assert track_of(TASK, policy.needs().observations, False) == "vision"
    result = run_shard(TASK, policy, Shard(TASK.id, CLEAN, 0, (0, 1)), "2")
    assert not any(result.faults)
    picture = names["torch"].zeros(2, 2, 96, 96, 3, dtype=names["torch"].uint8)
    picture[1, 1, 40:60, 40:60] = 255
    seen = policy.network.look(picture, names["torch"].zeros(2, 10))
    assert not np.allclose(*seen.detach().numpy()), "what is seen depends on the picture"


@pytest.mark.slow
def test_a_short_training_sees_where_objects_are_in_scenes_it_never_saw(tmp_path, monkeypatch):
    """In a tenth of the steps it tells positions twice as well as who always tells their mean."""
    script = Path(shutil.copy(SCRIPT, tmp_path))
    file = save(collect(TASK, "bi50", 200), tmp_path / "demos.npz")
    monkeypatch.setattr(sys, "argv", [str(script), str(file), "300"])
    names = runpy.run_path(str(script), run_name="__main__")
    network = names["Seeing"](TASK).network
    simulation = Simulation(TASK, 40)
    simulation.reset(range(40))
    pictures = EpisodePictures(TASK, Variant(), names["CAMERAS"], 96)
    shown = pictures.take(np.arange(40), simulation.state(), np.ones(40, bool))
    pictures.close()
    seen = observe(simulation, 0)
    labels = [spec.name for spec in TASK.observation if spec.name not in names["HAND"]]
    assert labels[0] == "dumbbell_position", "its place on the table comes first"
    told = np.concatenate([seen[name] for name in labels], 1)
    torch = names["torch"]
    with torch.no_grad():
        hand = np.concatenate([seen[name] for name in names["HAND"]], 1)
        hand = network.scaled["hand"](torch.from_numpy(hand).float())
        looked = network.look(torch.from_numpy(np.stack([shown[name] for name in names["CAMERAS"]], 1)), hand)
        true = network.scaled["labels"](torch.from_numpy(told).float())[:, :2]
        error = (network.poses(looked)[:, :2] - true).square().mean().sqrt().item()
        guess = (true - true.mean(0)).square().mean().sqrt().item()
    assert error < 0.5 * guess
