"""`bimodal scenes` writes a sheet of pictures, and says what is wrong in its exit code."""

import numpy as np
from bimodal.cli.main import main
from generated_scenes import DUMBBELL
from PIL import Image


def test_a_sheet_is_written(tmp_path, monkeypatch):
    file = tmp_path / "sheet.png"
    assert (
        main(["scenes", DUMBBELL, "--seed", "0..3", "--variant", "scene.distractors:2", "--png", str(file)])
        == 0
    )
    with Image.open(file) as image:
        assert image.width > 600 and np.asarray(image).std() > 10
    assert main(["scenes", DUMBBELL, "--seed", "zero", "--png", str(file)]) == 2
    assert main(["scenes", DUMBBELL, "--seed", "0..99", "--png", str(file)]) == 2
    assert main(["scenes", DUMBBELL, "--seed", str(10**20), "--png", str(file)]) == 2


def test_a_scene_whose_seed_has_no_room_is_refused(bimodal, tmp_path):
    for seed in (10**20, 2**63, -1):
        code, _, lines = bimodal("view", DUMBBELL, "--png", tmp_path / "a.png", f"--seed={seed}")
        assert (code, len(lines)) == (2, 1)
        assert "a seed is a whole number from 0 to 2^63 - 1" in lines[0]
