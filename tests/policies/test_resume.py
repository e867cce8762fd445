"""Resuming: a training goes on where it was stopped, to the same bits."""

from pathlib import Path

import numpy as np
import pytest
import safetensors
from bimodal.policies.training import resume
from bimodal.tasks.demonstrations import collect as demonstrations
from short_trainings import Killed, bits, interrupted, random_walks
from toy import train


@pytest.fixture(scope="module")
def demos(tmp_path_factory):
    return demonstrations.save(random_walks(), tmp_path_factory.mktemp("demos") / "toy.npz")


@pytest.mark.parametrize("method", ["flow", "mse"])
@pytest.mark.parametrize("at", [7, 12, 29])
def test_a_training_that_was_killed_ends_with_the_same_bits(method, at, demos, tmp_path, often):
    options = {"steps": 30, "seed": 5, "preset": "tiny"}
    whole = train(method, demos, tmp_path / "whole", **options)
    state = interrupted(method, demos, tmp_path, at, **options)
    assert state.exists() and [f.name for f in state.parent.iterdir()] == [state.name]
    seen, said = [], []
    again = train(
        method, demos, tmp_path, progress=lambda i, *_: seen.append(i), notice=said.append, **options
    )
    last = at // 7 * 7
    assert seen == list(range(last + 1, 31)), "nothing is done twice but what came after the last state"
    assert len(said) == 1 and f"after step {last}" in said[0]
    assert bits(again) == bits(whole)
    assert not state.exists()


def test_a_training_may_be_killed_many_times(demos, tmp_path, often):
    whole = train("flow", demos, tmp_path / "whole", steps=30, preset="tiny")
    for at in (8, 10, 16, 28):
        interrupted("flow", demos, tmp_path, at, steps=30, preset="tiny")
    assert bits(train("flow", demos, tmp_path, steps=30, preset="tiny")) == bits(whole)


@pytest.mark.parametrize("at", [12, 30, 45, 59])
def test_a_training_of_two_stages_goes_on_in_the_stage_where_it_was_killed(at, demos, tmp_path, often):
    whole = train("reflow", demos, tmp_path / "whole", steps=30, preset="tiny")
    done = [0]

    def die(step, steps, loss):
        done[0] += 1
        if done[0] == at:
            raise Killed

    with pytest.raises(Killed):
        train("reflow", demos, tmp_path, steps=30, preset="tiny", progress=die)
    seen = []
    again = train("reflow", demos, tmp_path, steps=30, preset="tiny", progress=lambda i, *_: seen.append(i))
    assert len(seen) == 60 - (at if at == 30 else at // 30 * 30 + at % 30 // 7 * 7)
    assert seen == list(range(seen[0], 61))
    assert bits(again) == bits(whole)
    assert [f.name for f in sorted(again.parent.iterdir())] == ["reflow.json", "reflow.safetensors"]


def test_writing_the_state_changes_no_bit(demos, tmp_path, often, monkeypatch):
    written = []
    write = resume.write_bytes
    monkeypatch.setattr(resume, "write_bytes", lambda path, raw: (written.append(raw), write(path, raw)))
    kept = train("flow", demos, tmp_path / "kept", steps=30, preset="tiny")
    assert len(written) == 4
    monkeypatch.setattr(resume, "EVERY_STEPS", 10**9)
    assert bits(train("flow", demos, tmp_path / "not", steps=30, preset="tiny")) == bits(kept)
    assert len(written) == 4


@pytest.mark.parametrize(
    "other", [{"seed": 1}, {"steps": 31}, {"preset": "cpu"}, {"data": 1}, {"damage": True}, {"fresh": True}]
)
def test_a_state_of_something_else_is_not_taken_up(other, demos, tmp_path, often):
    state = interrupted("flow", demos, tmp_path, 16, steps=30, seed=0, preset="tiny")
    if other.pop("damage", False):
        state.write_bytes(state.read_bytes()[:-50])
    if seed := other.pop("data", 0):
        demos = demonstrations.save(random_walks(seed), tmp_path / "other.npz")
    options = {"steps": 30, "seed": 0, "preset": "tiny"} | other
    seen, said = [], []
    trained = train(
        "flow", demos, tmp_path, progress=lambda i, *_: seen.append(i), notice=said.append, **options
    )
    assert seen[0] == 1
    assert len(said) == (0 if "fresh" in options else 1) and all("afresh" in text for text in said)
    assert bits(trained) == bits(train("flow", demos, tmp_path / "clean", **options))
    assert not state.exists()


def test_the_state_is_no_pickle_and_says_whose_it_is(demos, tmp_path, often):
    state = interrupted("flow", demos, tmp_path, 16, steps=30, preset="tiny")
    with safetensors.safe_open(state, "pt") as file:
        names, digest = set(file.keys()), file.metadata()["digest"]
        assert len(file.get_tensor("losses")) == 14
    assert len(digest) == 64 and {name.split(".")[0] for name in names} == {
        *("live", "averaged", "moments", "generator", "losses")
    }


def test_the_state_is_written_by_the_clock_and_rests_in_proportion(demos, tmp_path, monkeypatch):
    now, written = [0.0], []
    monkeypatch.setattr(resume.time, "monotonic", lambda: now[0])

    def write(path, raw):
        written.append(now[0])
        now[0] += 0.5  # a slow disk

    monkeypatch.setattr(resume, "write_bytes", write)

    def second(step, steps, loss):
        now[0] += 1

    train("mse", demos, tmp_path, steps=120, preset="tiny", progress=second)
    assert written[0] == 15
    assert np.diff(written).min() >= 50, "half a second of writing is at most a hundredth of the time"


POLICIES = Path(resume.__file__).parents[1]
SUB_FOLDERS = sorted({str(file.parent.relative_to(POLICIES)) for file in POLICIES.rglob("*.py")})


@pytest.mark.parametrize("folder", SUB_FOLDERS)
def test_a_change_of_code_in_any_sub_folder_ends_the_resuming_of_older_states(folder, tmp_path):
    copy = tmp_path / "policies"
    for file in POLICIES.rglob("*.py"):
        target = copy / file.relative_to(POLICIES)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(file.read_bytes())
    assert resume.code_digest(copy) == resume.code_digest(), "the place does not count"
    with sorted((copy / folder).glob("*.py"))[-1].open("a") as file:
        file.write("# changed")
    resume.code_digest.cache_clear()
    assert resume.code_digest(copy) != resume.code_digest()
