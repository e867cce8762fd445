"""Fixtures that several files share."""

from pathlib import Path

import pytest
from bimodal.benchmark import suites


@pytest.fixture
def small_shards(monkeypatch):
    monkeypatch.setattr(suites, "SHARD_SIZE", 4)


@pytest.fixture(scope="session")
def hostile():
    """Return the file of policies that misbehave, to be named as `file.py:Class`."""
    return Path(__file__).parent / "hostile_policies.py"
