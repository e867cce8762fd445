"""Shards that other machines play: the run is the local one's, and what cannot take part is refused.

A stand-in takes the place of Ray: the calls that would go to other machines are made here.
"""

import os
from dataclasses import replace
from typing import ClassVar

import pytest
from bimodal.benchmark.evaluation.evaluate import evaluate
from bimodal.benchmark.evaluation.options import EvalOptions
from bimodal.benchmark.isolation import choice
from bimodal.benchmark.isolation.shapes import possible
from bimodal.benchmark.machines import node, parcel
from bimodal.benchmark.machines.cluster import LOST, Cluster
from bimodal.benchmark.records.run_folder import read_run_record
from bimodal.benchmark.records.run_record import RunPart
from bimodal.benchmark.records.same_machine import other_conditions
from bimodal.benchmark.scoring.run_episodes import read_run
from bimodal.envs.errors import BimodalError, WrongUse
from scoring import DUMBBELL, digests, panel, rows

PANEL = panel(3)
POLICY = """
from helper import Mine as Base

class Mine(Base):
    pass
"""
HELPER = """
from pathlib import Path
from bimodal.policies.baselines import Zero
assert (Path(__file__).parent / "numbers.txt").read_text() == "3"

class Mine(Zero):
    pass
"""


def refusing(answer):
    return StandIn(change=lambda _: answer)


class StandIn(Cluster):
    """Plays what would go to other machines in this process; some calls are lost, some answers changed."""

    seen: ClassVar = []

    def __init__(self, lost=(), change=None, kinds=("",)):
        super().__init__()
        self.lost = list(lost)
        self.change = change or (lambda answer: answer)
        self.kinds = kinds
        self.sent = []

    def inspect_all(self, order):
        self.seen.append(order)
        return [self.change(node.inspect(order))]

    def room(self):
        return 2

    def begin(self, order):
        self.order = order

    def send(self, shard):
        self.sent.append(shard)
        return len(self.sent) - 1

    def answers(self, calls):
        number = calls[0]
        if number in self.lost:
            return [(number, None)]
        answer = node.play(self.order, self.sent[number])
        if kind := self.kinds[number % len(self.kinds)]:
            answer["machine"] = {**answer["machine"], "cpu": kind}
        return [(number, self.change(answer))]

    def end(self, calls):
        self.order = None


@pytest.fixture(autouse=True)
def tidy():
    """Nothing stays of what a machine did in this process: folders, a worker, the variables of plug-ins."""
    before = dict(os.environ)
    yield
    while StandIn.seen:
        node.forget(StandIn.seen.pop())
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture(scope="module")
def local(tmp_path_factory):
    """The folder of a run on this machine."""
    return evaluate("mean", PANEL, EvalOptions(tmp_path_factory.mktemp("local") / "run", workers=1))


def play(cluster, out, policy="mean", **options):
    return evaluate(policy, PANEL, EvalOptions(out, machines=cluster, **options))


def test_the_run_is_that_of_one_machine_even_if_a_machine_is_lost(local, tmp_path):
    said = []
    two_seconds = StandIn(lost=[0], change=lambda answer: answer | {"seconds": 2.0})
    run = play(two_seconds, tmp_path / "run", notice=said.append)
    assert said == [f"{DUMBBELL} clean 0 is played once more: {LOST}"]
    assert digests(run) == digests(local)
    names = {file.relative_to(local) for file in local.rglob("*") if file.name != ".lock"}
    assert {file.relative_to(run) for file in run.rglob("*") if file.name != ".lock"} == names
    record, expected = read_run(run).record, read_run(local).record
    assert other_conditions(expected, record) == "" and record.identity == expected.identity
    assert [(str(one.part), one.machine) for one in record.parts] == [("part 1 of 1", record.machine)]
    assert record.parts[0].wall_s == 2.0 * (len(two_seconds.sent) - 1), "the lost one has no time"


def test_a_shard_whose_second_machine_is_lost_too_is_reported_and_the_rest_goes_on_later(local, tmp_path):
    with pytest.raises(BimodalError, match=f"1 of 2 shards failed .*{LOST}"):
        play(StandIn(lost=[0, 2]), tmp_path / "run")
    again = StandIn()
    run = play(again, tmp_path / "run")
    assert [shard.task for shard in again.sent] == [DUMBBELL]
    assert digests(run) == digests(local)


def test_shards_of_another_processor_say_so_and_the_run_promises_no_bits(tmp_path):
    said = []
    run = play(StandIn(kinds=("", "Another processor")), tmp_path / "run", notice=said.append)
    record = read_run_record(run)
    assert "calculates otherwise" in said[0] and record.machine.kernels is None
    assert [one.machine.cpu == "Another processor" for one in record.parts] == [False, True]
    assert len(record.run_ids) == 2 and len(read_run(run).cells) == 2
    play(again := StandIn(), run)
    assert again.sent == [], "the run is whole: its record names both kinds"


@pytest.mark.slow
def test_a_policy_travels_with_what_lies_beside_it_and_is_shut_in_there(tmp_path):
    folder = tmp_path / "mine"
    folder.mkdir(mode=0o755)
    for name, text in (("mine.py", POLICY), ("helper.py", HELPER), ("numbers.txt", "3")):
        (folder / name).write_text(text)
    mine = f"{folder / 'mine.py'}:Mine"
    run = play(StandIn(), tmp_path / "run", mine)
    assert digests(run) == digests(evaluate(mine, PANEL, EvalOptions(tmp_path / "local", workers=1)))
    assert {row["fault"] for row in rows(run)} == {""}
    record = read_run_record(run)
    assert record.isolation in ("bwrap", "landlock")
    assert {"mine.py", "helper.py", "numbers.txt"} <= set(record.policy.artifacts)


def test_a_machine_of_other_code_or_tasks_is_refused(local):
    job = parcel.Job("mean", None, PANEL.version)
    record = read_run_record(local).plain()
    sent = node.Order(parcel.pack(job), record)
    for change, why in [
        ({"versions": {**record["versions"], "code": "0" * 16}}, "it has code .*, the run 0000000000000000"),
        ({"versions": {**record["versions"], "mujoco": "3.9.0"}}, "it has mujoco 4.0.0, the run 3.9.0"),
        ({"suite": {**record["suite"], "hash": "0" * 16}}, "its tasks make another suite"),
        ({"versions": {**record["versions"], "gadget": "1"}}, "it lacks gadget"),
    ]:
        answer = node.inspect(node.Order(sent.parcel, {**record, **change}))
        with pytest.raises(WrongUse, match=f"the machine .* cannot play this run: {why}"):
            refusing(answer).meet(job, read_run_record(local))


def test_a_machine_that_cannot_shut_the_policy_in_as_the_run_does_is_refused(tmp_path, monkeypatch):
    (tmp_path / "mine.py").write_text(
        "from bimodal.policies.baselines import Zero\n\nclass Mine(Zero):\n    pass\n"
    )
    mine = f"{tmp_path / 'mine.py'}:Mine"
    for here, why in (
        (("none", "no kernel"), "cannot shut a policy in"),
        (("landlock", ""), "by landlock, the run by"),
    ):
        if possible()[0] == here[0]:
            continue
        with monkeypatch.context() as patch, pytest.raises(WrongUse, match=why):
            play(Elsewhere(patch, here), tmp_path / "run", mine)
    assert not (tmp_path / "run").exists()


class Elsewhere(StandIn):
    """Machines on which policies are shut in by other means."""

    def __init__(self, patch, here):
        super().__init__()
        self.patch = patch
        self.here = here

    def inspect_all(self, order):
        self.patch.setattr(choice, "possible", lambda: self.here)
        return super().inspect_all(order)


def test_a_damaged_parcel_and_one_too_large_are_refused(tmp_path, monkeypatch):
    (tmp_path / "policy.py").write_text("x = 1")
    sent = parcel.pack(parcel.Job(f"{tmp_path / 'policy.py'}:Mine", None, "1"))
    with pytest.raises(BimodalError, match="arrived damaged"):
        parcel.unpack(sent._replace(content=sent.content[:-1] + b"x"), tmp_path)
    monkeypatch.setattr(parcel, "LARGEST", 3)
    with pytest.raises(WrongUse, match="into a folder of its own"):
        parcel.pack(parcel.Job(f"{tmp_path / 'policy.py'}:Mine", None, "1"))


def test_what_is_left_out_of_a_parcel(tmp_path):
    for name in ("a.py", ".git/secret", "__pycache__/a.pyc", "runs/run.json", "deep/weights.bin"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(name)
    job = parcel.Job(f"safe({tmp_path / 'a.py'}:Mine)", None, "1", hidden=(str(tmp_path / "runs"),))
    sent = parcel.pack(job)
    assert sent == parcel.pack(job), "equal files make equal parcels"
    (out := tmp_path / "there").mkdir()
    there = parcel.unpack(sent, out)
    place = out / sent.sha256[:16]
    assert there.policy == f"safe({place}/policy/a.py:Mine)"
    assert sorted(str(file.relative_to(place)) for file in place.rglob("*") if file.is_file()) == [
        "policy/a.py",
        "policy/deep/weights.bin",
    ]


def test_options_that_do_not_go_with_other_machines_are_refused():
    for more in ({"workers": 0}, {"part": RunPart(number=1, of=2)}):
        with pytest.raises(WrongUse, match="other machines"):
            replace(EvalOptions(machines=StandIn()), **more)


def test_a_class_of_this_process_cannot_be_sent(tmp_path):
    from bimodal.policies.experts import Expert

    with pytest.raises(WrongUse, match="name its file"):
        evaluate(Expert, PANEL, EvalOptions(tmp_path / "run", machines=StandIn()))
