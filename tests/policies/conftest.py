"""Fixtures that several files of this room share."""

import pytest
from bimodal.policies.training import resume
from toy import save, toy_demos, train


@pytest.fixture
def often(monkeypatch):
    """The state of a training is written after every seventh step, however long they take."""
    monkeypatch.setattr(resume, "EVERY_S", float("inf"))
    monkeypatch.setattr(resume, "EVERY_STEPS", 7)
    monkeypatch.setattr(resume, "REST", 0)


@pytest.fixture(scope="session")
def brief_flow(tmp_path_factory):
    """Weights of a small flow for the toy task, trained for a second."""
    folder = tmp_path_factory.mktemp("brief")
    return train("flow", save(toy_demos(), folder / "toy.npz"), folder, steps=60, preset="tiny")
