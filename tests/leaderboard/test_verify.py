"""`bimodal verify` on honest records and on each way to forge one: the actions must lead to the claim."""

import hashlib
import json

import numpy as np
import pytest
from bimodal.benchmark.measures.progress import progress
from bimodal.benchmark.measures.signals import read_signals
from bimodal.benchmark.rollout.shard import Shard, run_shard
from bimodal.benchmark.scoring.run_episodes import EpisodeColumns
from bimodal.envs.errors import BimodalError
from bimodal.envs.storage.atomic_write import write_arrays
from bimodal.leaderboard.entry import read_entry
from bimodal.leaderboard.files import entry_id
from bimodal.leaderboard.verification.replay_cell import replay_cell
from bimodal.leaderboard.verification.trace_archive import cell_trace, pack_cell, read_archive
from bimodal.leaderboard.verification.verify import archive_beside, verify
from bimodal.policies.baselines import Zero
from bimodal.policies.experts import Expert
from bimodal.tasks import load_task
from fabricated_entries import DUMBBELL, forge
from scoring import VERSION, bimodal

N = 4
WIDTH = 10
"""Values of an action."""


class Quits(Expert):
    """Breaks down at its third decision in odd episodes."""

    name = ""

    def act(self, observation):
        self.asked = getattr(self, "asked", 0) + 1
        actions = super().act(observation).actions.copy()
        if self.asked == 3:
            actions[1::2] = np.nan
        return actions


def played(policy, variant="clean", seeds=range(N)):
    """Return a policy's episodes of the dumbbell: how they ended, and what a trace archive holds of them."""
    task = load_task(DUMBBELL)
    found = run_shard(task, policy(task), Shard(DUMBBELL, variant, 0, tuple(seeds)), VERSION)
    claim = EpisodeColumns(
        seeds=np.array(seeds),
        labels=found.verdict.label.astype(object),
        modes=found.verdict.mode.astype(int),
        steps=found.verdict.steps.astype(int),
        digests=np.array([digest[:8] for digest in found.digests], object),
    )
    return claim, found


def again(claim, found, variant="clean"):
    return replay_cell((DUMBBELL, variant), claim, "ee_absolute", pack_cell(0, [found]), 0)


@pytest.fixture(scope="module")
def honest():
    return played(Expert)


def test_what_is_packed_comes_out_again(honest):
    claim, found = honest
    trace = cell_trace(pack_cell(0, [found]), 0, WIDTH, claim.steps)
    parts = np.split(trace.actions, np.cumsum(claim.steps)[:-1])
    for row, part in enumerate(parts):
        assert (part == found.trace.actions[row, : claim.steps[row]]).all()
    assert trace.digests.tolist() == found.digests.tolist()


@pytest.mark.parametrize("variant", ["clean", "contact.knock:2", "scene.size:2", "actuation.delay:2"])
@pytest.mark.parametrize("policy", [Expert, Zero, Quits])
def test_honest_episodes_come_out_to_the_last_bit(policy, variant):
    claim, found = played(policy, variant)
    assert again(claim, found, variant)[:4] == (N, N, 0, 0)
    assert (policy is Quits) == ("POLICY_INVALID_ACTION" in claim.labels)


@pytest.mark.parametrize("policy", [Expert, Quits])
def test_a_replay_measures_the_progress_of_the_run(policy):
    claim, found = played(policy)
    signals = read_signals(found.shard, found.trace, found.verdict.steps, "ee_absolute")
    right = progress(load_task(DUMBBELL), signals.hand, signals.in_hand, signals.way, found.verdict)
    assert again(claim, found).progress == pytest.approx(right.mean(), abs=1e-12)
    assert (right.mean() == 1.0) == (policy is Expert) and right.any()


class Never(Zero):
    """Breaks down before it begins."""

    name = ""

    def act(self, observation):
        raise RuntimeError("no")


def test_episodes_without_a_step_come_out_too():
    claim, found = played(Never)
    assert set(claim.labels) == {"POLICY_ERROR"} and again(claim, found)[:4] == (N, N, 0, 0)


def test_scores_that_were_typed_in(honest):
    claim, found = played(Zero)
    better = EpisodeColumns(
        claim.seeds, np.full(N, "SUCCESS", object), np.zeros(N, int), claim.steps, claim.digests
    )
    result = again(better, found)
    assert result.strays == N and result.problem.startswith("seed 0: SUCCESS after 100 steps claimed, NO_")


def edited(found, change):
    actions = found.trace.actions.copy()
    change(actions)
    return found._replace(trace=found.trace._replace(actions=actions))


def test_an_action_that_was_edited(honest):
    claim, found = honest
    result = again(claim, edited(found, lambda actions: actions[2, 5].__iadd__(300)))
    assert (result.exact, result.strays) == (N - 1, 1) and result.problem.startswith("seed 2: ")


def test_an_action_that_no_interface_takes(honest):
    claim, found = honest

    def far(actions):
        actions[1, 3, 0] = 2_500_000  # 25 m

    result = again(claim, edited(found, far))
    assert result.strays == 1 and result.problem == "seed 1: an action is out of its range"


@pytest.mark.parametrize("order", [[1, 0, 2, 3], [0, 0, 2, 3]], ids=["swapped", "twice"])
def test_episodes_in_another_place(honest, order):
    claim, found = honest
    moved = found._replace(
        trace=type(found.trace)(*(part[order] for part in found.trace)),
        verdict=type(found.verdict)(*(part[order] for part in found.verdict)),
        digests=found.digests[order],
    )
    other = claim.part(np.array(order))
    result = again(EpisodeColumns(claim.seeds, other.labels, other.modes, other.steps, other.digests), moved)
    assert result.strays == sum(place != row for row, place in enumerate(order))


@pytest.mark.parametrize(("made", "claimed"), [("clean", "contact.knock:2"), ("contact.mass:2", "clean")])
def test_episodes_of_another_world(made, claimed):
    """An easier variant under a harder one's name, and an object of another mass."""
    claim, found = played(Expert, made)
    assert again(claim, found, claimed).strays > 0


@pytest.mark.parametrize("claimed", ["sensing.noise:2", "sensing.latency:2", "actuation.delay:2"])
def test_a_replay_cannot_see_disturbed_observations_and_commands(honest, claimed):
    """As docs/reproduce.md says: the archive holds what the robot was commanded in the end."""
    claim, found = honest
    assert again(claim, found, claimed).exact == N


def test_episodes_of_other_lengths_are_refused(honest):
    claim, found = honest
    other = EpisodeColumns(claim.seeds, claim.labels, claim.modes, claim.steps + 1, claim.digests)
    assert again(other, found).problem == "the trace archive has no record of episodes of these lengths"


# ----------------------------------------------------------------------------------------- whole entries


@pytest.fixture
def copied(submitted, tmp_path):
    """A copy of them, to be forged."""
    for file in (submitted, archive_beside(submitted)):
        (tmp_path / file.name).write_bytes(file.read_bytes())
    return tmp_path / submitted.name


def rewrite(path, change):
    """Change an entry's JSON and give it the id of its new content."""
    raw = json.loads(path.read_text())
    forge(raw, change)
    raw["entry_id"] = entry_id(raw)
    path.write_text(json.dumps(raw))


def test_an_honest_entry_is_replayed(submitted, capsys, monkeypatch):
    marks = {}
    monkeypatch.setattr("bimodal.leaderboard.marks.add_mark", marks.__setitem__)
    code, out, _ = bimodal("verify", submitted, "--workers", 0, "--mark", "Us", capsys=capsys)
    assert code == 0 and "replayed: all 96 episodes come out to the last bit" in out
    assert out.count("16/16 episodes to the last bit") == 6
    entry = read_entry(submitted)
    assert entry.trace and entry.trace.bytes == archive_beside(submitted).stat().st_size < 5_000_000
    assert (entry.authors, entry.licence, entry.attempt, entry.supersedes) == (("Us",), "MIT", 1, None)
    mark = marks[entry.entry_id]
    assert (mark.level, mark.progress) == ("replayed", dict.fromkeys(entry.suite.tasks, 1.0))


def test_an_archive_under_another_name(copied):
    rewrite(
        copied,
        lambda entry: entry["policy"].update(
            name="mine", uri="mine.py:Mine", artifacts={"mine.py": "ab" * 32}
        ),
    )
    with pytest.raises(BimodalError, match="is the archive of expert on smoke, not of this entry"):
        verify(copied, workers=0)


def test_another_archive(copied):
    archive = archive_beside(copied)
    header, arrays = read_archive(archive)
    arrays["000.actions"] = arrays["000.actions"] ^ 1
    write_arrays(archive, {"header": np.frombuffer(json.dumps(header.plain()).encode(), np.uint8)} | arrays)
    with pytest.raises(BimodalError, match="another archive than the entry names"):
        verify(copied, workers=0)
    content = archive.read_bytes()
    rewrite(copied, lambda entry: entry["trace"].update(sha256=hashlib.sha256(content).hexdigest()))
    found = verify(copied, workers=0)
    assert found.level == "reported" and "16 of 96 episodes do not follow from their actions" in found.reason


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda entry: entry["provenance"]["versions"].update(mujoco="3.0.0"), "mujoco is 3.0.0"),
        (lambda entry: entry["suite"].update(hash="0" * 16), "suite: hash is 0000000000000000"),
        (lambda entry: entry.update(trace=None), "names no trace archive"),
    ],
    ids=["another MuJoCo", "other assets", "no archive"],
)
def test_what_cannot_be_simulated_again_is_refused(copied, change, expected):
    rewrite(copied, change)
    with pytest.raises(BimodalError, match=expected):
        verify(copied, workers=0)


@pytest.mark.parametrize(
    "content", [b"", b"PK", b"\x93NUMPY", b"x" * 60_000_000], ids=["empty", "zip", "npy", "big"]
)
def test_an_archive_that_is_none(copied, content):
    archive_beside(copied).write_bytes(content)
    rewrite(copied, lambda entry: entry["trace"].update(sha256=hashlib.sha256(content).hexdigest()))
    with pytest.raises(BimodalError, match=r"no trace archive|larger than") as error:
        verify(copied, workers=0)
    assert "\n" not in str(error.value)


def test_an_archive_that_is_not_there(copied):
    archive_beside(copied).unlink()
    with pytest.raises(BimodalError, match="name it with --trace FILE"):
        verify(copied, workers=0)


def test_the_same_episodes_are_no_other_attempt(submitted, capsys):
    words = ("--author", "Us", "--licence", "MIT", "--to", submitted.parent)
    code, out, _ = bimodal("submit", submitted.parents[1] / "run", *words, capsys=capsys)
    assert code == 1 and "attempt 1 has the same episodes, to the last bit" in out
    code, out, _ = bimodal("submit", submitted.parents[1] / "run", "--to", submitted.parent, capsys=capsys)
    assert code == 1 and "--author NAME" in out and "--licence Apache-2.0" in out and "3 problems" in out
    assert len(list(submitted.parent.iterdir())) == 2
