"""Runs on a Ray cluster: the digests of a local run, whatever dies; where Ray is not installed, one line."""

import signal
import sys
import time

import pytest
from bimodal.benchmark.evaluation.evaluate import evaluate
from bimodal.benchmark.evaluation.options import EvalOptions
from bimodal.benchmark.records.run_folder import read_run_record
from bimodal.envs.errors import BimodalError
from scoring import digests, panel

PANEL = panel(6)._replace(block=2)
SLOW = """
import time
from bimodal.policies.baselines import Zero

class Mine(Zero):
    def act(self, observation):
        time.sleep(0.2)
        return super().act(observation)
"""
NEEDS_GPU = """
import os
from bimodal.policies.baselines import Zero

class Mine(Zero):
    def act(self, observation):
        assert os.environ["CUDA_VISIBLE_DEVICES"] == "0", "no share of a GPU"
        return super().act(observation)
"""


def test_without_ray_one_line_names_the_extra(bimodal, monkeypatch, tmp_path):
    for name in [name for name in sys.modules if name.split(".")[0] == "ray" or "ray_cluster" in name]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "ray", None)
    code, _, err = bimodal(
        "evaluate", "zero", "--suite", "smoke", "--out", tmp_path / "run", "--ray", "local"
    )
    assert code == 2 and err[-1].endswith("needs the package ray: pip install 'bimodal-bench[ray]'")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("text", ["", ",gpus=1", "auto,gpus=", "auto,gpus=-1", "auto,2", "auto,gpus=x"])
def test_a_cluster_that_cannot_be_is_refused(text, bimodal):
    code, _, err = bimodal("evaluate", "zero", "--suite", "smoke", "--ray", text)
    assert code == 2 and "--ray" in err[-1]


@pytest.mark.parametrize(
    "more", [("--shard", "1/2"), ("--slurm", "2"), ("--workers", "0")], ids=lambda more: more[0]
)
def test_options_that_do_not_go_together_are_refused(more, bimodal):
    code, _, err = bimodal("evaluate", "zero", "--suite", "smoke", "--ray", "auto", *more)
    assert code == 2 and len(err) == 1


@pytest.fixture(scope="module")
def cluster():
    """A cluster of three nodes of this machine, whose head plays nothing; the third has a (pretended) GPU."""
    pytest.importorskip("ray", reason="needs the extra ray")
    from ray.cluster_utils import Cluster

    health = {
        "health_check_initial_delay_ms": 1000,
        "health_check_period_ms": 1000,
        "health_check_failure_threshold": 5,
    }
    head = {"num_cpus": 0, "include_dashboard": False, "object_store_memory": 80_000_000}
    made = Cluster(initialize_head=True, head_node_args={**head, "_system_config": health})
    made.mortal = made.add_node(num_cpus=1, object_store_memory=80_000_000)
    made.add_node(num_cpus=1, num_gpus=1, object_store_memory=80_000_000)
    yield made
    made.shutdown()


def wait_until_busy(node):
    """Wait until a node has been playing a shard for a moment."""
    from ray._private.state import available_resources_per_node

    deadline = time.monotonic() + 60
    while available_resources_per_node().get(node.node_id, {}).get("CPU"):
        assert time.monotonic() < deadline, "the node never plays"
        time.sleep(0.05)
    time.sleep(1)


@pytest.mark.slow
def test_the_run_on_three_nodes_is_the_local_one_though_one_is_killed_in_the_middle(cluster, tmp_path):
    from bimodal.benchmark.machines.ray_cluster import RayCluster

    local = evaluate("zero", PANEL, EvalOptions(tmp_path / "local", workers=1))
    (tmp_path / "mine.py").write_text(SLOW)
    said = []
    killed = []

    def kill(finished, total):
        if finished >= 2 and not killed:
            wait_until_busy(cluster.mortal)
            killed.append(cluster.mortal)
            cluster.remove_node(cluster.mortal, allow_graceful=False)

    heard = signal.getsignal(signal.SIGTERM)
    with RayCluster(cluster.address) as machines:
        assert signal.getsignal(signal.SIGTERM) == heard, "a stopped command ends in our way, not in Ray's"
        options = EvalOptions(tmp_path / "run", machines=machines, progress=kill, notice=said.append)
        run = evaluate(f"{tmp_path / 'mine.py'}:Mine", PANEL, options)
    assert killed and digests(run) == digests(local)
    assert any("is played once more: its machine was lost" in line for line in said), said
    record = read_run_record(run)
    assert [one.machine.cpu for one in record.parts] == [read_run_record(local).machine.cpu]


@pytest.mark.slow
def test_a_policy_that_wants_a_gpu_has_its_share_to_itself(cluster, tmp_path):
    from bimodal.benchmark.machines.ray_cluster import RayCluster

    (tmp_path / "mine.py").write_text(NEEDS_GPU)
    few = panel(2)._replace(block=1)
    with RayCluster(cluster.address, gpus=0.5) as machines:
        assert machines.room() == 1, "two processes of half a GPU, and one processor beside it"
        run = evaluate(f"{tmp_path / 'mine.py'}:Mine", few, EvalOptions(tmp_path / "run", machines=machines))
    assert digests(run) == digests(evaluate("zero", few, EvalOptions(tmp_path / "local", workers=1)))


@pytest.mark.slow
def test_no_cluster_and_too_few_gpus_are_one_line(cluster, tmp_path):
    from bimodal.benchmark.machines.ray_cluster import RayCluster

    greedy = RayCluster(cluster.address, gpus=4)
    with greedy as machines, pytest.raises(BimodalError, match="no machine of the cluster has"):
        evaluate("zero", panel(2), EvalOptions(tmp_path / "run", machines=machines))
    with pytest.raises(BimodalError, match=r"no Ray cluster at 127\.0\.0\.1:1"), RayCluster("127.0.0.1:1"):
        pass
