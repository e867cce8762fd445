"""How a policy came to its decisions: recorded as it says, read back as recorded, and never of any effect."""

import hashlib
import io
import json
import zipfile

import numpy as np
import pyarrow.parquet as pq
import pytest
from bimodal.benchmark.evaluation.evaluate import evaluate
from bimodal.benchmark.evaluation.options import EvalOptions
from bimodal.benchmark.records.replay import check
from bimodal.benchmark.records.shard_file import read_shard, write_shard
from bimodal.benchmark.rollout import plan_records as plans_module
from bimodal.benchmark.rollout.plan_records import LARGEST, PlanLog, fitting, plan_file, read_plans
from bimodal.benchmark.rollout.shard import Shard, run_shard
from bimodal.envs.errors import BimodalError
from bimodal.policies.core.policy import Decision, PlanRecord
from bimodal.policies.experts import Expert
from bimodal.tasks import load_task
from scoring import DUMBBELL, digests, expert_digests, panel

C, K, D = 3, 2, 4


class Thinker(Expert):
    """The expert, with a made-up plan beside each decision; what it says follows from row and decision."""

    description = "Says what it thinks."

    def reset(self, episodes):
        super().reset(episodes)
        self.n, self.decision = len(episodes.noise_keys), 0

    def act(self, observation):
        plan = thought(self.n, self.decision)
        self.decision += 1
        return super().act(observation)._replace(plan=self.record(plan))

    def record(self, plan):
        return plan


def thought(n, decision):
    row = np.arange(n, dtype=float)[:, None] + 100 * decision
    return PlanRecord(
        seen=row + np.array([0.25, 0.5]),
        candidates=row[..., None, None] + np.arange(C * K * D).reshape(C, K, D) / 8,
        scores=row + np.array([2.0, 1.0, 3.0]),
        modes=np.tile([0, 1, -1], (n, 1)),
        chosen=np.full(n, 1),
        verdict=np.array(["pass", "repaired: speed"] * n)[:n],
    )


def run(kind, n=4):
    task = load_task(DUMBBELL)
    return run_shard(task, kind(task), Shard(DUMBBELL, "clean", 0, tuple(range(n))), "1")


@pytest.fixture(scope="module")
def thinking():
    return run(Thinker)


def test_a_plan_changes_nothing(thinking):
    assert thinking.digests.tolist() == run(Expert).digests.tolist()


def test_every_field_is_recorded_for_every_decision_and_read_back(thinking, tmp_path):
    write_shard(tmp_path / "shard.npz", thinking, [])
    back = read_plans(plan_file(tmp_path / "shard.npz"))
    assert len(thinking.decisions) == back.digest.shape[1] >= 5
    for decision in range(len(thinking.decisions)):
        said = thought(4, decision)
        for name in PlanRecord._fields:
            np.testing.assert_array_equal(getattr(back, name)[:, decision], getattr(said, name))
    few = read_plans(plan_file(tmp_path / "shard.npz"), summary=True)
    assert few.candidates is None and few.scores.tobytes() == back.scores.tobytes()


def test_what_was_asked_for_is_what_the_robot_was_told(thinking):
    asked, told = thinking.plans.asked, thinking.trace.actions
    flat = asked.reshape(4, -1, asked.shape[-1])[:, : told.shape[1]]
    np.testing.assert_array_equal(flat, told)


def test_another_plan_has_another_fingerprint_and_an_equal_one_the_same(thinking):
    class Otherwise(Thinker):
        def record(self, plan):
            plan.candidates[2, 1, 1, 3] += 0.5 if self.decision == 2 else 0.0
            return plan

    differ = run(Otherwise).plans.digest != thinking.plans.digest
    assert np.argwhere(differ).tolist() == [[2, 1]]


def test_the_table_of_decisions_has_scores_choice_verdict_and_fingerprint(tmp_path):
    folder = evaluate(Thinker, panel(4, (DUMBBELL,)), EvalOptions(out=tmp_path / "run", workers=0))
    assert digests(folder) == expert_digests(4)
    plans = read_plans(folder / "traces" / f"{DUMBBELL}-clean-000.plans.npz")
    rows = pq.read_table(folder / "decisions.parquet").to_pylist()
    assert len(rows) >= 4 * 5
    for row in rows:
        seed, decision = row["seed"], row["decision"]
        said = thought(4, decision)
        assert row["scores"] == said.scores[seed].tolist() and row["modes"] == [0, 1, -1]
        assert (row["chosen"], row["verdict"]) == (1, said.verdict[seed])
        assert row["plan"] == plans.digest[seed, decision]
    sums = (folder / "SHA256SUMS").read_text()
    file = folder / "traces" / f"{DUMBBELL}-clean-000.plans.npz"
    assert hashlib.sha256(file.read_bytes()).hexdigest() in sums


def test_who_plans_nothing_pays_nothing(tmp_path):
    folder = evaluate("zero", panel(4, (DUMBBELL,)), EvalOptions(out=tmp_path / "run", workers=0))
    assert [file.name for file in folder.glob("traces/*")] == [f"{DUMBBELL}-clean-000.npz"]
    table = pq.read_table(folder / "decisions.parquet")
    for name in ("chosen", "scores", "modes", "verdict", "plan"):
        assert table[name].null_count == len(table) > 0
    assert table["step"].null_count == 0


def test_a_record_with_plans_replays_and_verifies(thinking, tmp_path, capsys):
    write_shard(tmp_path / "shard.npz", thinking, [])
    assert check(load_task(DUMBBELL), read_shard(tmp_path / "shard.npz").result).agrees


def test_records_from_before_plans_are_read(thinking, tmp_path):
    path = tmp_path / "shard.npz"
    write_shard(path, thinking._replace(plans=None), [])
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    meta = json.loads(str(np.load(io.BytesIO(members["meta.npy"]))))
    del meta["plans"]
    buffer = io.BytesIO()
    np.save(buffer, np.array(json.dumps(meta)), allow_pickle=False)
    with zipfile.ZipFile(path, "w") as archive:
        for name, raw in (members | {"meta.npy": buffer.getvalue()}).items():
            archive.writestr(name, raw)
    stored = read_shard(path)
    assert stored.plans == "" and stored.result.digests.tolist() == thinking.digests.tolist()


@pytest.mark.parametrize("damage", ["gone", "flipped"])
def test_a_shard_whose_plans_are_lost_is_run_again(tmp_path, small_shards, damage):
    folder = evaluate(Thinker, panel(8, (DUMBBELL,)), EvalOptions(out=tmp_path / "run", workers=0))
    first, second = sorted(folder.glob("traces/*.plans.npz"))
    raw = bytearray(first.read_bytes())
    raw[len(raw) // 2] ^= 0x10
    first.unlink() if damage == "gone" else first.write_bytes(raw)
    kept = second.stat().st_mtime_ns
    counts = []
    evaluate(
        Thinker,
        panel(8, (DUMBBELL,)),
        EvalOptions(out=folder, workers=0, progress=lambda done, total: counts.append(done)),
    )
    assert counts == [4, 8] and second.stat().st_mtime_ns == kept
    assert read_plans(first).verdict.shape[0] == 4


def test_a_missing_file_of_plans_is_said(tmp_path):
    with pytest.raises(BimodalError, match="missing or damaged"):
        read_plans(tmp_path / "none.plans.npz")


ODD = {
    "wrong number of rows": {"scores": np.zeros((3, C))},
    "an axis too many": {"chosen": np.zeros((4, 2))},
    "text for numbers": {"scores": np.full((4, C), "much")},
    "a ragged list": {"seen": [[1.0], [1.0, 2.0], [], []]},
    "an object": {"candidates": np.full((4, C, K, D), None)},
}


@pytest.mark.parametrize("odd", ODD)
def test_a_field_that_does_not_fit_is_left_out_alone(odd, thinking):
    class Odd(Thinker):
        def record(self, plan):
            return plan._replace(**ODD[odd])

    found = run(Odd)
    (name,) = ODD[odd]
    assert found.digests.tolist() == thinking.digests.tolist()
    given = getattr(found.plans, name)
    assert given is None or np.isnan(given).all()
    for other in set(PlanRecord._fields) - {name}:
        np.testing.assert_array_equal(getattr(found.plans, other), getattr(thinking.plans, other))


def test_a_plan_that_is_none_of_ours_is_left_out(thinking):
    class Foreign(Thinker):
        def record(self, plan):
            return plan._asdict()

    found = run(Foreign)
    assert found.plans is None and found.digests.tolist() == thinking.digests.tolist()


def test_a_decision_without_a_plan_stands_for_itself(thinking):
    class Sometimes(Thinker):
        def record(self, plan):
            return plan if self.decision % 2 else None

    found = run(Sometimes).plans
    assert np.isnan(found.scores[:, 1]).all() and (found.chosen[:, 1] == -1).all()
    np.testing.assert_array_equal(found.scores[:, 0], thinking.plans.scores[:, 0])


def test_a_plan_in_another_shape_each_time_is_left_out():
    class Growing(Thinker):
        def record(self, plan):
            return plan._replace(scores=np.zeros((self.n, self.decision)))

    found = run(Growing).plans
    assert found.scores is None and found.verdict is not None


def test_sampled_plans_are_bounded_and_their_scores_are_kept(monkeypatch):
    assert LARGEST <= 2**28
    one = 4 * C * K * D * 4  # bytes of a decision: rows, candidates, knots, values, float32
    monkeypatch.setattr(plans_module, "LARGEST", 2 * one)
    log = PlanLog(4)
    for decision in range(5):
        log.add(fitting(thought(4, decision), 4), np.zeros((4, 8, 10), np.int32))
    plans = log.plans()
    there = np.isfinite(plans.candidates).all(axis=(0, 2, 3, 4))
    assert there.tolist() == [True, True, False, False, False]
    assert np.isfinite(plans.scores).all()


def test_every_field_of_a_plan_is_bounded(monkeypatch):
    monkeypatch.setattr(plans_module, "LARGEST", 1000)
    assert fitting(PlanRecord(seen=np.broadcast_to(np.float32(1), (4, 2**40))), 4).seen is None
    log = PlanLog(4)
    for _ in range(10):
        log.add(fitting(PlanRecord(seen=np.ones((4, 20))), 4), np.zeros((4, 8, 10), np.int32))
    assert np.isfinite(log.plans().seen).all(axis=(0, 2)).sum() == 3  # of 320 bytes each


def test_a_policy_whose_plan_raises_is_to_blame():
    class Trap:
        def __array__(self, *_, **__):
            raise RuntimeError("boo")

    class Hostile(Thinker):
        def record(self, plan):
            return plan._replace(seen=Trap())

    found = run(Hostile)
    assert (found.verdict.label == "POLICY_ERROR").all() and "boo" in found.faults[0]
    assert isinstance(Decision(np.zeros(1)).plan, type(None))
