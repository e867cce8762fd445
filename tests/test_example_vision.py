"""The example of a policy that learns to see does what its first lines say, on a tiny budget."""

import runpy
import shutil
import sys
from pathlib import Path

import numpy as np
from bimodal.benchmark.rollout.shard import Shard, run_shard
from bimodal.benchmark.rollout.track import track_of
from bimodal.envs.perturbations.core.variant import CLEAN
from bimodal.tasks import load_task
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
