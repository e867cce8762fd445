"""`bimodal train`: the same bytes for the same seed, and only demonstrations of the task."""

import hashlib
import json
import re
import subprocess
import sys

DUMBBELL, POT = "PandaLiftDumbbell-v1", "PandaLiftPot-v1"


def test_training_writes_the_same_bytes_for_the_same_seed(demos, bimodal, tmp_path):
    def trained(folder, seed):
        code, out, err = bimodal(
            *(
                "train",
                "mse",
                "--task",
                DUMBBELL,
                "--demos",
                demos,
                "--steps",
                20,
                "--seed",
                seed,
                "--out",
                folder,
            )
        )
        assert (code, err) == (0, []) and "MB" in out
        assert [f.name for f in sorted((tmp_path / folder / DUMBBELL).iterdir())] == [
            "mse.json",
            "mse.safetensors",
        ]
        return [
            hashlib.sha256(f.read_bytes()).hexdigest()
            for f in sorted((tmp_path / folder / DUMBBELL).iterdir())
        ]

    first = trained("a", 3)
    assert trained("b", 3) == first
    assert trained("c", 4)[1] != first[1]
    code, out, _ = bimodal(
        *("evaluate", "mse", "--checkpoints", "a", "--suite", "smoke", "--task", DUMBBELL, "--seeds", 4),
        *("--variant", "clean", "--workers", 0, "--no-videos"),
    )
    assert code == 0 and "0/4" in out, "twenty steps teach nothing"
    card = json.loads((tmp_path / "runs" / "smoke-part-mse" / "run.json").read_text())
    assert card["policy"]["artifacts"][f"{DUMBBELL}/mse.safetensors"] == first[1]


def test_missing_demonstrations_are_told_before_anything_heavy_is_imported():
    code = "import sys; from bimodal.cli.main import main; "
    code += f"code = main(['train', 'mse', '--task', {DUMBBELL!r}, '--demos', 'none.npz']); "
    code += "print(code, 'torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "2 False\n" and "no demonstrations at none.npz" in done.stderr


def test_the_same_training_is_kept_and_another_says_what_it_replaces(demos, bimodal, tmp_path):
    def train(*more):
        words = ("train", "mse", "--task", DUMBBELL, "--demos", demos, "--out", "out", *more)
        code, out, err = bimodal(*words)
        assert (code, err) == (0, [])
        return " ".join(out.split())

    assert re.search(r"MB, loss \d\.\d{4}$", train("--steps", 5))
    weights = tmp_path / "out" / DUMBBELL / "mse.safetensors"
    weights_then = weights.stat().st_mtime_ns
    assert "there already" in train("--steps", 5) and weights.stat().st_mtime_ns == weights_then
    assert "replacing an older checkpoint" in train("--steps", 6)
    assert "there already" not in train("--steps", 6, "--fresh")
    assert "replacing an older checkpoint" in train("--steps", 6, "--n-obs-steps", 2)


def test_demonstrations_of_another_task_are_refused(demos, bimodal, tmp_path):
    code, _, err = bimodal("train", "mse", "--task", POT, "--demos", demos, "--steps", 5, "--out", "out")
    assert (code, len(err)) == (2, 1) and DUMBBELL in err[0] and POT in err[0]
    assert not (tmp_path / "out").exists()
