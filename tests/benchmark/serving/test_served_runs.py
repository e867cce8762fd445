"""A run behind a server gives the episodes of the policy itself; clients of others are answered, too."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from bimodal.benchmark.evaluation.evaluate import evaluate
from bimodal.benchmark.evaluation.hosted_policy import HostedPolicy
from bimodal.benchmark.evaluation.options import EvalOptions
from bimodal.benchmark.isolation.source import Here
from bimodal.benchmark.rollout.timeouts import Deadline
from scoring import DUMBBELL, digests, panel, rows

ROOT = Path(__file__).parents[3]
PEERS = ROOT / ".peers" / "bin" / "python"
WANDERING = f"{Path(__file__).parent / 'wandering.py'}:Wanders"
both = pytest.mark.parametrize("server", ["openpi", "vla-eval"], indirect=True)


@both
def test_a_run_behind_a_server_has_the_digests_of_the_policy_run_directly(server, tmp_path):
    few = panel(2, (DUMBBELL,))
    served, direct = (
        evaluate(uri, few, EvalOptions(out=tmp_path / name, workers=0))
        for name, uri in (("served", server.uri), ("direct", WANDERING))
    )
    assert digests(served) == digests(direct)
    clipped = [row["clipped"] for row in rows(served)]
    assert clipped == [row["clipped"] for row in rows(direct)] and min(clipped) > 0
    assert server.log == []


@pytest.mark.parametrize(
    ("policy", "weights", "said"),
    [
        ("expert", None, "the policy reads the simulator, which no server has"),
        ("flow", "empty", "no checkpoint at"),
    ],
)
def test_what_cannot_be_served_is_refused_before_anybody_asks(policy, weights, said, tmp_path):
    hosted = HostedPolicy(Here(policy, tmp_path / weights if weights else None), Deadline(), 300.0)
    assert said in hosted.answer({"offer": DUMBBELL})["refused"]


@pytest.mark.slow
@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_the_command_prints_where_it_is_and_ends_cleanly(stop, tmp_path):
    words = [sys.executable, "-m", "bimodal.cli.main", "serve", WANDERING, "--port", "0", "--task", DUMBBELL]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True, cwd=tmp_path) as process:
        assert process.stdout
        told = process.stdout.readline().split()
        assert told[:4] == ["serving", "Wanders", "for", f"{DUMBBELL}:"]
        served = evaluate(told[4], panel(1, (DUMBBELL,)), EvalOptions(out=tmp_path / "run", workers=1))
        assert len(digests(served)) == 1
        os.kill(process.pid, stop)
        out, _ = process.communicate(timeout=300)
    assert process.returncode == 0 and out.endswith("ended\n")


# ------------------------------------------------------------------------------------------------- peers

OPENPI = """
import sys
import numpy as np
from openpi_client.websocket_client_policy import WebsocketClientPolicy
client = WebsocketClientPolicy("127.0.0.1", int(sys.argv[1]))
offer = client.get_server_metadata()["bimodal"]["tasks"][sys.argv[2]]
body = {"observation/" + one["name"]: np.zeros(one["shape"]) for one in offer["observations"]}
about = {"task": sys.argv[2], "noise_key": 7}
chunks = [client.infer({**body, "bimodal": {**about, "decision": n}})["actions"] for n in (0, 1, 0)]
assert np.array_equal(chunks[0], chunks[2]) and not np.array_equal(chunks[0], chunks[1])
print(chunks[0].shape, client.infer({**body, "bimodal": {"task": sys.argv[2]}})["actions"].dtype)
try:
    client.infer({"bimodal": about})
except RuntimeError as error:
    print(str(error).splitlines()[-1])
"""
VLA_EVAL = """
import sys
import anyio
import numpy as np
from vla_eval.connection import Connection
from vla_eval.specs import DimSpec
async def talk():
    async with Connection(f"ws://127.0.0.1:{sys.argv[1]}") as connection:
        hello = connection.server_info
        specs = {name: DimSpec.from_dict(one) for name, one in hello["observation_spec"].items()}
        body = {name: np.zeros(one.dims) for name, one in specs.items()}
        for key in (7, 7):
            await connection.start_episode({"task": {"name": sys.argv[2], "noise_key": key}})
            steps = [(await connection.act(body))["actions"] for _ in range(8)]
            await connection.end_episode({"metrics": {}, "steps": 8, "elapsed_sec": 0.0})
            print(np.round(np.sum(steps), 6), steps[0].shape)
        try:
            await connection.act({})
        except RuntimeError as error:
            print(error)
anyio.run(talk)
"""


CODE = {"openpi_client": OPENPI, "vla_eval": VLA_EVAL}


@pytest.mark.skipif(not PEERS.exists(), reason="make peers builds the environment of the peers")
@pytest.mark.parametrize(
    ("server", "module"), [("openpi", "openpi_client"), ("vla-eval", "vla_eval")], indirect=["server"]
)
def test_the_published_client_of_the_dialect_is_answered(server, module):
    if subprocess.run([PEERS, "-c", f"import {module}"], capture_output=True).returncode:
        pytest.skip(f"{module} is not in .peers; make peers brings it up to date")
    port = server.uri.rpartition(":")[2]
    done = subprocess.run(
        [PEERS, "-c", CODE[module], port, DUMBBELL], capture_output=True, text=True, timeout=600
    )
    lines = done.stdout.splitlines()
    assert done.returncode == 0, done.stderr
    assert "observation/tcp_position is missing" in lines[-1]
    assert lines[:-1] == ["(6, 10) float64"] if module == "openpi_client" else lines[0] == lines[1]
