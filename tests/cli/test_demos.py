"""`bimodal demos`: where demonstrations go, which modes they show, and that damaged ones are refused."""

import numpy as np
import pytest
from bimodal.tasks import load_task, task_names
from bimodal.tasks.demonstrations import collect as demonstrations
from bimodal.tasks.demonstrations.regimes import schedule
from slow_cases import DIFFERENT_TASKS, mostly_slow

DUMBBELL, POT = "PandaLiftDumbbell-v1", "PandaLiftPot-v1"


def test_demonstrations_are_written_where_training_looks(bimodal, tmp_path):
    code, out, err = bimodal("demos", DUMBBELL, "--episodes", 6)
    assert (code, err) == (0, []) and "6 episodes (50% left bar, 50% right bar), 100.0% succeed" in out
    found = demonstrations.load(tmp_path / "runs" / "demos" / DUMBBELL / "bi50-6-s0.npz")
    assert found.meta["task"] == DUMBBELL and found.meta["regime"] == "bi50"
    steps = found.actions.shape[1]
    assert found.actions.shape == (6, steps, 10) and found.success.all()
    for spec in load_task(DUMBBELL).observation:
        assert found.observations[spec.name].shape == (6, steps, spec.size)
        assert found.observations[spec.name].dtype == np.float32


@pytest.mark.parametrize("name", task_names())
@pytest.mark.parametrize(("regime", "share"), [("bi50", None), ("bi70", 0.7), ("bi90", 0.9), ("uni", 1.0)])
def test_regimes_have_their_shares(name, regime, share):
    k, n = len(load_task(name).modes), 120
    seeds, modes = schedule(load_task(name), regime, n, 0)
    counts = np.bincount(modes, minlength=k)
    if regime == "bi50":
        shown = {seed: sorted(modes[seeds == seed].tolist()) for seed in seeds}
        assert all(every == list(range(k)) for every in shown.values()) and len(shown) == n // k
    else:
        assert counts[0] == share * n and len(set(seeds.tolist())) == n
        assert np.ptp(counts[1:]) <= 1, "the other modes share the rest"
        assert share == 1.0 or (modes[: n // 2] == 0).mean() < 1.0, "the rarer modes are not all at the end"


@pytest.mark.parametrize("name", mostly_slow(task_names(), *DIFFERENT_TASKS[:2]))
def test_in_the_regime_ctx_what_is_seen_dictates_the_mode(name):
    task = load_task(name)
    found = demonstrations.collect(task, "ctx", 24)
    assert set(found.modes.tolist()) == set(range(len(task.modes)))
    sides = found.observations[f"{task.objects[0]}_position"][:, 0, 1]
    # The scene's origin decides; the first object's y tells it up to its offset in the turned scene.
    frames = np.array(
        [task.start(demonstrations.stream("start", task.id, int(s))).frame[1] for s in found.seeds]
    )
    edges = task.centre[1] + task.spread[1] * np.linspace(-1, 1, len(task.modes) + 1)
    np.testing.assert_array_equal(found.modes, np.digitize(frames, edges[1:-1]))
    assert np.corrcoef(sides, frames)[0, 1] > 0.5


def test_demonstrations_are_the_same_every_time(bimodal, tmp_path):
    files = []
    for threads in (1, 2):
        files.append(tmp_path / f"{threads}.npz")
        assert bimodal("demos", POT, "--episodes", 4, "--threads", threads, "--out", files[-1])[0] == 0
    first, second = map(demonstrations.load, files)
    assert first.meta == second.meta
    np.testing.assert_array_equal(first.actions, second.actions)
    bimodal("demos", POT, "--episodes", 4, "--seed", 1, "--out", tmp_path / "other.npz")
    other = demonstrations.load(tmp_path / "other.npz")
    assert not set(other.seeds.tolist()) & set(first.seeds.tolist())


@pytest.mark.parametrize("damage", ["cut", "flipped", "forged", "empty", "pickle"])
def test_damaged_demonstrations_are_refused(demos, bimodal, tmp_path, damage):
    path = tmp_path / "demos.npz"
    raw = bytearray(demos.read_bytes())
    if damage == "cut":
        path.write_bytes(raw[: len(raw) // 2])
    elif damage == "flipped":
        raw[len(raw) // 2] ^= 1
        path.write_bytes(raw)
    elif damage == "forged":
        found = demonstrations.load(demos)
        demonstrations.save(found._replace(modes=1 - found.modes), path)
    elif damage == "empty":
        path.write_bytes(b"")
    else:
        np.savez(path, meta=np.array({"task": DUMBBELL}, dtype=object))
    code, _, err = bimodal("train", "mse", "--task", DUMBBELL, "--demos", path, "--steps", 5)
    assert (code, len(err)) == (2, 1) and "make it again" in err[0]


@pytest.mark.parametrize("where", ["file", "folder"])
def test_an_output_that_cannot_be_written_is_said_in_one_line(bimodal, tmp_path, where):
    blocked = tmp_path / ("blocked" if where == "file" else "blocked.npz")
    blocked.write_text("") if where == "file" else blocked.mkdir()
    out = "blocked/demos.npz" if where == "file" else "blocked.npz"
    code, _, err = bimodal("demos", POT, "--episodes", 2, "--out", out)
    assert (code, len(err)) == (1, 1) and f"cannot write {out}" in err[0]
    assert list(tmp_path.rglob("*")) == [blocked]


def test_an_output_of_another_kind_is_refused(bimodal):
    code, _, err = bimodal("demos", POT, "--episodes", 2, "--out", "dumbbells")
    assert (code, err) == (2, ["bimodal: --out names a file of demonstrations, such as dumbbells.npz"])
