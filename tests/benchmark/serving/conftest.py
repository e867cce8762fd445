"""A server of a policy in a thread."""

import shutil
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Thread

import pytest
from bimodal.benchmark.serving.pool import Pool
from bimodal.benchmark.serving.served_policy import job_for, serve_for
from bimodal.benchmark.serving.server import PolicyServer, listen
from serving_clients import TASKS

WANDERING = Path(__file__).parent / "wandering.py"


@pytest.fixture(scope="package")
def pool():
    """Processes of a policy that is shut in where that is possible."""
    with TemporaryDirectory() as home:
        Path(home).chmod(0o755)
        shutil.copy(WANDERING, home)
        with Pool(job_for(f"{home}/wandering.py:Wanders", None, 300.0, None)) as pool:
            yield pool


@pytest.fixture(scope="package")
def served(pool):
    return serve_for("wandering.py:Wanders", pool, TASKS, True, lambda line: None)


@pytest.fixture(params=["openpi"])
def server(request, served, pool):
    """A running server with its log."""
    log = []
    with listen("127.0.0.1", 0) as place:
        server = PolicyServer(served, pool, request.param, place, log.append)
        thread = Thread(target=server.serve_forever)
        thread.start()
        server.log = log
        try:
            yield server
        finally:
            server.__exit__()
            thread.join()
