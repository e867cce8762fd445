"""A policy that is shut in sees its own files and numbers, and nothing else; tried with many attempts."""

import os
import shutil
import socket
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from bimodal.benchmark.isolation.box import Box
from bimodal.benchmark.isolation.choice import hidden_from_policies
from bimodal.benchmark.isolation.shapes import hindrance
from bimodal.tasks import load_task

HOSTILE = Path(__file__).parent / "hostile"
ENOUGH = 40


def attempts(isolation):
    """Return the names of the attempts that are made, in order."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(HOSTILE)
        registry = import_module("registry_of_attempts")
        import_module("network_and_files")
        import_module("processes_and_knowledge")
    return list(registry.HARMLESS if isolation == "none" else registry.ATTEMPTS)


@pytest.fixture
def folder():
    """A policy's folder with a run in it, which everybody may read: as root a box has a user of its own."""
    with TemporaryDirectory() as home:
        folder = Path(home) / "policy"
        shutil.copytree(HOSTILE, folder, ignore=shutil.ignore_patterns("__pycache__"))
        (folder / "run").mkdir()
        (folder / "run" / "run.json").write_text("{}")
        for path in (Path(home), folder):
            path.chmod(0o755)
        yield folder


def worked(folder, isolation):
    """Return the attempts that worked in a box."""
    secret = folder.parent / "secret.txt"
    secret.write_text("42")
    names = attempts(isolation)
    with socket.create_server(("127.0.0.1", 0)) as server, pytest.MonkeyPatch.context() as patch:
        port = folder / "port.txt"
        port.write_text(str(server.getsockname()[1]))
        patch.setenv("BIMODAL_SECRET_PORT_FILE", str(port))
        patch.setenv("BIMODAL_SECRET_FILE", str(secret))
        patch.setenv("BIMODAL_SECRET_RUN", str(folder / "run"))
        patch.setenv("BIMODAL_SHUT_IN", "" if isolation == "none" else "1")
        patch.setenv("BIMODAL_SECRET_PID", str(os.getpid()))
        box = Box(f"{folder / 'prober.py'}:Prober", None, isolation, hidden_from_policies(folder / "run"))
        try:
            policy, _ = box.build(load_task("PandaLiftDumbbell-v1"))
            answer = policy.act({"tcp_position": np.zeros((1, 3))}).actions
        finally:
            box.close()
    assert answer.shape == (1, 1, len(names))
    return {name for name, yes in zip(names, answer[0, 0], strict=True) if yes}


@pytest.mark.parametrize("isolation", ["bwrap", "landlock"])
def test_nothing_breaks_out(folder, isolation):
    if why := hindrance(isolation):
        pytest.skip(why)
    assert len(attempts("bwrap")) >= ENOUGH
    uncounted = {"forks_many_processes"} if isolation == "landlock" and os.getuid() == 0 else set()
    assert worked(folder, isolation) <= uncounted
    assert not (folder / "left_behind.txt").exists()


def test_what_is_tried_works_where_nothing_is_shut_in(folder):
    """Attempts that never work would prove nothing."""
    routes = Path("/proc/net/route").read_text().splitlines()[1:]
    alone = all(line.startswith("lo") for line in routes)
    hopeless = {"asks_the_kernel_for_routes_that_lead_out"} if alone else set()
    assert worked(folder, "none") == set(attempts("none")) - hopeless
