"""`bimodal train`: the same bytes for the same seed, and only demonstrations of the task."""

import hashlib
import json

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


def test_demonstrations_of_another_task_are_refused(demos, bimodal, tmp_path):
    code, _, err = bimodal("train", "mse", "--task", POT, "--demos", demos, "--steps", 5, "--out", "out")
    assert (code, len(err)) == (2, 1) and DUMBBELL in err[0] and POT in err[0]
    assert not (tmp_path / "out").exists()
