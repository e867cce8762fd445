"""Fixtures that several files share."""

from pathlib import Path

import pytest
from bimodal.benchmark import suites
from bimodal.envs.errors import BimodalError
from bimodal.envs.rendering import gl


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
