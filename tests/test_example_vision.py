"""The example of a policy that learns to see does what its first lines say."""

import runpy
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
from bimodal.benchmark import EvalOptions, evaluate, find_suite
from bimodal.benchmark.scoring.run_episodes import read_run
from bimodal.envs.perturbations.core.variant import CLEAN
from bimodal.tasks import load_task
from bimodal.tasks.demonstrations.collect import collect, save

SCRIPT = Path(__file__).parent.parent / "examples" / "vision_policy.py"
TASK = load_task("PandaLiftDumbbell-v1")


def learn(folder, episodes, *steps):
    """Train the example in a folder, as from its command line; returns its file there and its names."""
    script = Path(shutil.copy(SCRIPT, folder))
    file = save(collect(TASK, "bi50", episodes), folder / "demos.npz")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", [str(script), str(file), *steps])
        return script, runpy.run_path(str(script), run_name="__main__")


def score(script, folder, seeds):
    panel = find_suite("core", (TASK.id,), range(seeds), (CLEAN,))
    return evaluate(f"{script}:Seeing", panel, EvalOptions(out=folder / "run", workers=0))


def test_a_few_steps_make_a_policy_of_the_vision_track(tmp_path, capsys):
    script, names = learn(tmp_path, 2, "4")
    assert "step 4 of 4" in capsys.readouterr().out
    run = read_run(score(script, tmp_path, 2))
    assert run.record.policy.track == "vision" and not any(run.cells[TASK.id, CLEAN].faults)
    network = names["Seeing"](TASK).network
    picture = names["torch"].zeros(2, 2, 96, 96, 3, dtype=names["torch"].uint8)
    picture[1, 1, 40:60, 40:60] = 255
    seen = network.look(picture, names["torch"].zeros(2, 10))
    assert not np.allclose(*seen.detach().numpy()), "what is seen depends on the picture"
