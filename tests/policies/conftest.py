"""Fixtures that several files of this room share."""

import pytest
from bimodal.policies.training import resume


@pytest.fixture
def often(monkeypatch):
    """The state of a training is written after every seventh step."""
    monkeypatch.setattr(resume, "EVERY_STEPS", 7)
    monkeypatch.setattr(resume, "REST", 0)
