"""Bits that travel: another BLAS, another instruction set, another kernel of PyTorch, and the same episodes.

What a policy's own network computes has other last bits on every processor; its actions are rounded, so that
few of them reach an episode. Sines and exponentials of MuJoCo come from the C library, which has another
version for processors without AVX: there, bits differ, and nothing here can change that.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from bimodal.benchmark.evaluation.evaluate import evaluate
from bimodal.benchmark.evaluation.options import EvalOptions

PLAY = """
import json, sys
from bimodal.benchmark.rollout.shard import Shard, run_shard
from bimodal.benchmark.suites import SUITES, find_suite
from bimodal.policies.core.registry import load_policy
from bimodal.tasks import load_task

policy, seeds = sys.argv[1], int(sys.argv[2])
suite = find_suite("smoke")
found = []
for name, variant in suite.cells():
    task = load_task(name)
    shard = Shard(name, variant, 0, tuple(range(seeds)))
    found += run_shard(task, load_policy(policy, task), shard, suite.version).digests.tolist()
print(json.dumps(found))
"""
CHECK = """
import json, sys
from pathlib import Path
from bimodal.benchmark.evaluation.replay_run import check_run

print(json.dumps([[found.exact, found.strays] for _, found in check_run(Path(sys.argv[1]))]))
"""
HAS = set(Path("/proc/cpuinfo").read_text().split()) if Path("/proc/cpuinfo").exists() else set()
KERNELS = [
    pytest.param({"OPENBLAS_CORETYPE": kind}, marks=[] if flag in HAS else pytest.mark.skip(f"no {flag}"))
    for kind, flag in (("Nehalem", "sse4_2"), ("Haswell", "avx2"), ("Zen", "avx2"), ("SkylakeX", "avx512f"))
] + [{"NPY_DISABLE_CPU_FEATURES": "X86_V3"}, {"ATEN_CPU_CAPABILITY": "default"}]


def play(policy, seeds, **switches):
    """Return the digests of every episode of `smoke`, played by a process with some kernels."""
    environment = {name: value for name, value in os.environ.items() if name not in switches} | switches
    command = [sys.executable, "-c", PLAY, policy, str(seeds)]
    return json.loads(
        subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout
    )


@pytest.fixture(scope="module")
def played():
    """Return the digests of a policy's 96 episodes here, each policy played once."""
    found = {}
    return lambda policy: found.get(policy) or found.setdefault(policy, play(policy, 16))


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    """Return a run of `flow` on the smoke panel."""
    return evaluate("flow", "smoke", EvalOptions(tmp_path_factory.mktemp("flow") / "run", workers=2))


def test_an_episode_does_not_depend_on_the_kernels_of_blas_and_numpy():
    switches = {"OPENBLAS_CORETYPE": "Nehalem", "NPY_DISABLE_CPU_FEATURES": "X86_V3"}
    assert play("expert", 2, **switches) == play("expert", 2)


@pytest.mark.slow
@pytest.mark.parametrize("switches", KERNELS, ids=str)
def test_the_smoke_panel_travels(switches, played):
    assert play("expert", 16, **switches) == played("expert")
    same = sum(a == b for a, b in zip(play("flow", 16, **switches), played("flow"), strict=True))
    assert same >= 90


@pytest.mark.slow
@pytest.mark.parametrize("switches", KERNELS, ids=str)
def test_recorded_actions_lead_to_the_same_bits(switches, recorded):
    command = [sys.executable, "-c", CHECK, str(recorded)]
    answer = subprocess.run(command, env=os.environ | switches, check=True, capture_output=True, text=True)
    assert json.loads(answer.stdout) == [[True, []]] * 6
