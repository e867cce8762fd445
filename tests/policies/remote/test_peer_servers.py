"""Servers made with the published packages are driven: vla-eval's own, and one with openpi-client's codec."""

import subprocess
from pathlib import Path

import numpy as np
import pytest
from bimodal.benchmark.rollout.shard import Shard, run_shard
from bimodal.policies import load_policy
from bimodal.tasks import load_task
from bimodal.tasks.core.referee import Referee
from toy_server import Toy

PEERS = Path(__file__).parents[3] / ".peers" / "bin" / "python"
TASK = load_task("PandaLiftDumbbell-v1")
SHARD = Shard(TASK.id, "clean", 0, (0, 1, 2))
STEPS = 24
MODEL = """
import numpy as np
def model(state):
    step = (np.asarray(state, np.float32)[:7] * 8 % 1 - 0.5) / 2
    return np.stack([step * k for k in (0.25, 0.5, 1, 0.5)]).astype(np.float32)
"""
"""Chunks (4, 7) that depend on the state alone."""
VLA_EVAL = """
import anyio
from vla_eval.model_servers.predict import PredictModelServer
from vla_eval.model_servers.serve import serve_async
from vla_eval.specs import GRIPPER_CLOSE_POS, LANGUAGE, POSITION_DELTA, RAW, ROTATION_AA
class Server(PredictModelServer):
    def predict_batch(self, batch, contexts):
        return [{"actions": model(obs["states"])} for obs in batch]
    def get_action_spec(self):
        return {"position": POSITION_DELTA, "rotation": ROTATION_AA, "gripper": GRIPPER_CLOSE_POS}
    def get_observation_spec(self):
        return {"state": RAW, "task": LANGUAGE}
async def main():
    async with anyio.create_task_group() as group:
        for options in ({}, {"chunk_size": 4}, {"max_batch_size": 8}):
            print(await group.start(serve_async, Server(**options), "127.0.0.1", 0), flush=True)
anyio.run(main)
"""
OPENPI = """
import asyncio
from openpi_client import msgpack_numpy
from websockets.asyncio.server import serve
async def handle(socket):
    await socket.send(msgpack_numpy.packb({}))
    async for frame in socket:
        actions = model(msgpack_numpy.unpackb(frame)["observation/state"])
        await socket.send(msgpack_numpy.packb({"actions": actions, "server_timing": {"infer_ms": 1.0}}))
async def main():
    async with serve(handle, "127.0.0.1", 0, compression=None, max_size=None) as server:
        print(server.sockets[0].getsockname()[1], flush=True)
        await server.serve_forever()
asyncio.run(main())
"""


def play(uri):
    result = run_shard(TASK, load_policy(uri, TASK), SHARD, "1", referee=Referee(TASK, 3, STEPS))
    assert not any(result.faults)
    return result.digests.tolist()


@pytest.fixture(scope="module")
def ours():
    """Digests of the same model behind the server of these tests."""
    space = {}
    exec(MODEL, {"np": np, "__builtins__": __builtins__}, space)
    with Toy("openpi", {}, lambda body: space["model"](body["observation/state"])) as toy:
        return play(toy.uri)


@pytest.mark.skipif(not PEERS.exists(), reason="make peers builds the environment of the peers")
@pytest.mark.parametrize(
    ("scheme", "code", "servers"),
    [("vla-eval", VLA_EVAL, 3), ("openpi", OPENPI, 1)],
    ids=["vla-eval", "openpi"],
)
def test_the_published_server_of_the_dialect_is_driven(scheme, code, servers, ours):
    module = {"vla-eval": "vla_eval", "openpi": "openpi_client"}[scheme]
    if subprocess.run([PEERS, "-c", f"import {module}"], capture_output=True).returncode:
        pytest.skip(f"{module} is not in .peers; make peers brings it up to date")
    with subprocess.Popen([PEERS, "-c", MODEL + code], stdout=subprocess.PIPE, text=True) as process:
        try:
            for _ in range(servers):  # raw chunks; actions one by one from a chunk that it keeps; batches
                assert process.stdout
                assert play(f"{scheme}://127.0.0.1:{int(process.stdout.readline())}") == ours
        finally:
            process.kill()
