"""The same records whatever happens: workers, order, companions, a kill, a policy's odd habits."""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from bimodal.benchmark.evaluation.evaluate import evaluate
from bimodal.benchmark.evaluation.options import EvalOptions
from bimodal.benchmark.records.run_folder import read_run_record
from bimodal.benchmark.records.shard_file import read_shard
from bimodal.benchmark.rollout.shard import Shard, run_shard
from bimodal.benchmark.suites import Suite
from bimodal.envs.errors import BimodalError
from bimodal.policies import load_policy
from bimodal.policies.experts import Expert
from bimodal.tasks import load_task, task_names
from scoring import CLI, DUMBBELL, POST, bimodal, digests, expert_digests, panel, rows, score
from slow_cases import DIFFERENT_TASKS, mostly_slow


@pytest.mark.parametrize(
    ("workers", "threads"), mostly_slow([(0, 2), (1, 1), (2, 1), (2, 2)], (0, 2), (2, 2))
)
def test_records_depend_on_neither_workers_nor_threads(tmp_path, small_shards, workers, threads):
    run = evaluate("expert", panel(), EvalOptions(out=tmp_path / "run", workers=workers, threads=threads))
    assert digests(run) == expert_digests(12, (DUMBBELL, POST))
    assert all(row["success"] for row in rows(run))


def test_records_do_not_depend_on_the_order_of_shards(tmp_path, small_shards, monkeypatch):
    straight = Suite.shards

    def shuffled(suite):
        found = straight(suite)
        random.Random(1).shuffle(found)
        return found

    monkeypatch.setattr(Suite, "shards", shuffled)
    assert digests(evaluate("expert", panel(), EvalOptions(out=tmp_path / "a", workers=0))) == expert_digests(
        12, (DUMBBELL, POST)
    )


@pytest.mark.parametrize("policy", ["expert", "mean", "random"])
@pytest.mark.parametrize("name", mostly_slow(task_names(), *DIFFERENT_TASKS))
def test_an_episode_depends_neither_on_its_companions_nor_on_its_place(name, policy):
    task = load_task(name)

    def run(*seeds):
        result = run_shard(task, load_policy(policy, task), Shard(name, "clean", 0, seeds), "1")
        return dict(zip(seeds, result.digests, strict=True))

    together = run(0, 1, 2, 3, 4)
    assert len(set(together.values())) == 5
    for other in (run(4, 2, 0), run(3), run(900, 1, 77)):
        assert all(together[seed] == digest for seed, digest in other.items() if seed in together)


STOPS = """
import time
from pathlib import Path
from bimodal.policies.experts import Expert

HERE = Path(__file__).parents[1]

class Stops(Expert):
    def act(self, observation):
        while (HERE / "held").exists() and len(list(HERE.glob("run/traces/[!.]*.npz"))) >= 2:
            time.sleep(0.02)
        return super().act(observation)
"""
"""A policy that waits, as long as it is held, once two shards are finished."""


def test_a_kill_in_the_middle_costs_only_the_shards_in_work(tmp_path, small_shards, capsys):
    run = tmp_path / "run"
    (tmp_path / "policy").mkdir()
    (tmp_path / "policy" / "stops.py").write_text(STOPS)
    (held := tmp_path / "held").touch()
    arguments = [
        *("evaluate", f"{tmp_path / 'policy' / 'stops.py'}:Stops", "--deadline", "10000"),
        *("--suite", "smoke", "--no-videos", "--no-sandbox"),
        *("--out", str(run), "--workers", "2"),
    ]
    first = subprocess.Popen([sys.executable, "-c", CLI, *arguments], start_new_session=True)
    deadline = time.monotonic() + 300
    while len(kept := list(run.glob("traces/[!.]*.npz"))) < 2:
        assert time.monotonic() < deadline and first.poll() is None
        time.sleep(0.01)
    for more in ([], ["--fresh"]):  # a second run is refused while the first goes on, and destroys nothing
        code, _, err = bimodal(*arguments, *more, capsys=capsys)
        assert (code, len(err)) == (2, 1) and "another run is writing" in err[0]
    assert all(file.exists() for file in kept)
    os.killpg(first.pid, signal.SIGKILL)
    assert first.wait() == -signal.SIGKILL
    held.unlink()
    kept = list(run.glob("traces/[!.]*.npz"))
    assert 2 <= len(kept) <= 3, "each of two workers may have ended one at the same time"
    assert not (run / "episodes.parquet").exists()
    (run / "traces" / f".{kept[0].name}.4711").write_bytes(b"half a shard")
    times = {file: file.stat().st_mtime_ns for file in kept}

    code, out, _ = bimodal(*arguments, capsys=capsys)
    assert code == 0 and "Lift Dumbbell" in out
    assert {file: file.stat().st_mtime_ns for file in kept} == times
    assert not list(run.glob("traces/.*")), "no half-written file is left"
    assert digests(run) == expert_digests(16, (DUMBBELL, POST))
    assert (
        subprocess.run(["sha256sum", "--check", "--quiet", "SHA256SUMS"], cwd=run, check=False).returncode
        == 0
    )


def test_a_damaged_shard_is_run_again_and_no_other(tmp_path, small_shards):
    run = evaluate("expert", panel(20, (DUMBBELL,)), EvalOptions(out=tmp_path / "run", workers=0))
    files = sorted(run.glob("traces/*.npz"))
    raw = files[0].read_bytes()
    files[0].write_bytes(raw[: len(raw) // 2])
    flipped = bytearray(files[1].read_bytes())
    flipped[len(flipped) // 2] ^= 0x10
    files[1].write_bytes(flipped)
    files[2].write_bytes(b"")
    shutil.copy(files[4], files[3])  # sound, but another shard
    before = files[4].stat().st_mtime_ns
    for file in files[:3]:
        with pytest.raises(BimodalError, match="damaged"):
            read_shard(file)
    counts = []
    evaluate(
        "expert",
        panel(20, (DUMBBELL,)),
        EvalOptions(out=run, workers=0, progress=lambda done, total: counts.append((done, total))),
    )
    assert counts == [(4, 20), (8, 20), (12, 20), (16, 20), (20, 20)]
    assert files[4].stat().st_mtime_ns == before
    assert digests(run) == expert_digests(20)


def test_a_finished_run_keeps_its_time_and_date(tmp_path):
    run = evaluate("zero", panel(4, (DUMBBELL,)), EvalOptions(out=tmp_path / "run", workers=0))
    earlier = {"created": "2026-01-01T00:00:00+00:00", "wall_s": 61.5}
    (run / "run.json").write_text(json.dumps(read_run_record(run).plain() | earlier))
    begin = time.monotonic()
    again = read_run_record(evaluate("zero", panel(4, (DUMBBELL,)), EvalOptions(out=run, workers=0)))
    looked_s = time.monotonic() - begin
    assert again.created == earlier["created"] and 61.5 <= again.wall_s <= 61.6 + looked_s


# -------------------------------------------------------------------------------------- odd, but harmless


@pytest.mark.parametrize("name", ["Seeds", "Scribbles", "Prints", "FailsAlone", "List"])
def test_odd_habits_of_a_policy_change_nothing(hostile, name, tmp_path, capsys, small_shards):
    before = random.getstate(), np.random.get_state(), np.geterr()  # noqa: NPY002
    try:
        code, _, err = score(f"{hostile}:{name}", tmp_path / "run", capsys=capsys, count=8)
        assert np.geterr() == before[2]
    finally:
        random.setstate(before[0]), np.random.set_state(before[1])  # noqa: NPY002
    assert (code, err) == (0, [])
    assert digests(tmp_path / "run") == expert_digests(8)


def test_a_torch_policy_may_set_every_switch_of_torch(tmp_path):
    torch = pytest.importorskip("torch")

    class Torchy(Expert):
        def act(self, observation):
            torch.manual_seed(0)
            return super().act(observation)

    state = torch.get_rng_state()
    try:
        assert digests(
            evaluate(Torchy, panel(4, (DUMBBELL,)), EvalOptions(out=tmp_path / "run"))
        ) == expert_digests(4)
    finally:
        torch.set_rng_state(state)
