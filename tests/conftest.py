"""Fixtures that several files share."""

import os
import signal
import sys
from pathlib import Path

import plain_terminal  # noqa: F401
import pytest
from bimodal.benchmark import suites
from bimodal.benchmark.evaluation.worker_process import DEBUG
from bimodal.cli import main as cli
from bimodal.cli.console import QUIET
from bimodal.envs.errors import BimodalError
from bimodal.envs.rendering import gl

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # in a shell's background; tests send Ctrl-C
    signal.signal(signal.SIGINT, signal.default_int_handler)
os.umask(0o022)  # as root a policy that is shut in has a user of its own, who must read what tests write
os.environ[QUIET] = "1"  # what takes longer than some seconds tells how far it is, on a slow machine alone


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """Tests that share a fixture of their module run in one process, so that it is made once."""
    for item in items:
        fixtures = [one for each in item._fixtureinfo.name2fixturedefs.values() for one in each]
        shared = [one.argname for one in fixtures if one.scope == "module"]
        if "submitted" in item.fixturenames:  # of the session, and it takes as long as a run
            item.add_marker(pytest.mark.xdist_group("submitted"))
        elif shared:
            given = item.callspec.params if hasattr(item, "callspec") else {}
            parts = (item.path.stem, *(str(given[name]) for name in shared if name in given))
            item.add_marker(pytest.mark.xdist_group("-".join(parts)))


@pytest.fixture
def tmp_path(tmp_path):
    """Return a folder that others may read: for root a policy that is shut in has a user of its own."""
    tmp_path.chmod(0o755)
    return tmp_path


@pytest.fixture(autouse=True)
def servers_are_met_anew():
    """Forget which servers have answered: the system gives the port of one to that of a later test."""
    if loaded := sys.modules.get("bimodal.policies.remote.remote_policy"):
        loaded._met.clear()


@pytest.fixture
def small_shards(monkeypatch):
    monkeypatch.setattr(suites, "SHARD_SIZE", 4)


@pytest.fixture(scope="session")
def hostile():
    """Return the file of policies that misbehave, to be named as `file.py:Class`."""
    return Path(__file__).parent / "hostile_policies.py"


@pytest.fixture(scope="session")
def drawing():
    """Skip where nothing can be drawn without a screen."""
    try:
        gl.configure_gl()
    except BimodalError as error:
        pytest.skip(str(error))


@pytest.fixture
def bimodal(capsys, monkeypatch):
    """Run a command in this process; returns (exit code, output, lines of errors)."""
    monkeypatch.setenv(DEBUG, "")

    def run(*arguments):
        capsys.readouterr()
        try:
            code = cli.main([str(argument) for argument in arguments])
        except SystemExit as stop:
            code = stop.code
        out, err = capsys.readouterr()
        assert "Traceback" not in out + err
        return code, out, err.splitlines()

    return run
