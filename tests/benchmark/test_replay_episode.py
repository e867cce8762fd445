"""One episode from its record: which segments hold, where the first does not, what another world makes."""

import json
from pathlib import Path

import numpy as np
import pytest
from bimodal.benchmark.artifact.pack import pack
from bimodal.benchmark.artifact.read import open_run, read_header
from bimodal.benchmark.artifact.replay_episode import find_episode, play_perturbed, replay_episode
from bimodal.benchmark.evaluation.evaluate import evaluate
from bimodal.benchmark.evaluation.options import EvalOptions
from bimodal.benchmark.records.contract_card import read_card
from bimodal.benchmark.records.shard_file import read_shard, write_shard
from bimodal.benchmark.rollout.shard import STATE_EVERY, Shard, digests, run_shard
from bimodal.benchmark.scoring.run_episodes import read_run
from bimodal.envs.errors import WrongUse
from bimodal.policies import Decision, Policy
from bimodal.tasks import load_task
from scoring import DUMBBELL, POST, VERSION, bimodal, panel

DELAY = "actuation.delay:2"


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    suite = panel(3, (DUMBBELL, POST))._replace(variants=("clean", DELAY))
    return evaluate("expert", suite, EvalOptions(out=tmp_path_factory.mktemp("run") / "run", workers=0))


@pytest.fixture
def episode(run):
    return find_episode(run, 1, DUMBBELL)


def edited(episode, **arrays):
    """Return an episode with other actions or states, its fingerprint forged to match."""
    trace = episode.result.trace._replace(**arrays)
    forged = digests(episode.result.verdict, trace)
    return episode._replace(result=episode.result._replace(trace=trace, digests=forged))


@pytest.mark.parametrize("task", [DUMBBELL, POST])
@pytest.mark.parametrize("variant", ["clean", DELAY])
def test_every_segment_of_a_true_episode_matches(run, task, variant):
    for seed in range(3):
        found = find_episode(run, seed, task, variant)
        replayed = replay_episode(found)
        assert replayed.matches and {one.difference for one in replayed.segments} == {0.0}
        ends = [one.end for one in replayed.segments]
        assert ends == list(range(0, found.steps, STATE_EVERY)) and replayed.segments[0].begin == 0


def test_an_edited_action_is_told_with_the_first_segment_that_it_breaks(episode):
    actions = episode.result.trace.actions.copy()
    actions[0, 23, 0] += 100  # 1 mm
    replayed = replay_episode(edited(episode, actions=actions))
    assert [one.end for one in replayed.segments if not one.matches] == [30]
    assert replayed.digest_matches and not replayed.matches


def test_an_edited_state_is_told_with_the_number_that_differs(episode):
    states = episode.result.trace.states.copy()
    states[0, 2, 1 + 5] += 0.5  # after the time come the positions
    replayed = replay_episode(edited(episode, states=states))
    broken = [one for one in replayed.segments if not one.matches]
    assert (broken[0].end, broken[0].number) == (20, "qpos[5]")
    assert broken[0].difference == pytest.approx(0.5 / max(1, abs(states[0, 2, 6])), rel=1e-6)


def test_what_another_machine_may_differ_by_matches(episode):
    states = episode.result.trace.states.copy()
    states[0, 1, 3] += 1e-9
    replayed = replay_episode(edited(episode, states=states))
    assert replayed.matches and 0 < replayed.segments[1].difference < 1e-6


def test_played_in_its_own_world_an_episode_is_the_recorded_one(run):
    for variant in ("clean", DELAY):
        found = find_episode(run, 2, POST, variant)
        played = play_perturbed(found, "clean")
        assert played.verdict.steps == found.result.verdict.steps
        assert played.verdict.label == found.result.verdict.label
        kept = found.result.trace.states[0, : -(-found.steps // STATE_EVERY)]
        assert played.states[:-1:STATE_EVERY].tobytes() == kept.tobytes()


@pytest.mark.parametrize("variant", ["contact.friction:3", DELAY, "contact.push:2"])
def test_played_in_a_variant_it_is_what_a_policy_that_does_not_react_does_there(episode, variant):
    task = load_task(DUMBBELL)
    actions = episode.result.trace.actions[0, : episode.steps] * 1e-5

    class Replayed(Policy):
        """Repeats the recorded actions, and then the last one."""

        def reset(self, episodes):
            self.at = 0

        def act(self, observation):
            at = np.minimum(np.arange(self.at, self.at + self.needs().n_action_steps), len(actions) - 1)
            self.at += len(at)
            return Decision(actions[at][None])

    right = run_shard(task, Replayed(task), Shard(DUMBBELL, variant, 0, (1,)), VERSION)
    played = play_perturbed(episode, variant)
    assert played.verdict.label == right.verdict.label and played.verdict.steps == right.verdict.steps
    kept = right.trace.states[0, : -(-int(right.verdict.steps[0]) // STATE_EVERY)]
    assert played.states[:-1:STATE_EVERY].tobytes() == kept.tobytes()
    last = min(len(played.states) - 1, episode.steps - 1) // STATE_EVERY
    assert not np.array_equal(played.states[last * STATE_EVERY], episode.result.trace.states[0, last])


def test_an_episode_that_the_run_has_not_is_refused(run):
    for seed, task, variant, text in (
        (3, DUMBBELL, "clean", r"seeds are 0\.\.2"),
        (0, "", "clean", "name one by --task"),
        (0, "PandaLiftPot-v1", "clean", "unknown task of the run"),
        (0, DUMBBELL, "start.bias:2", "unknown variant of the run"),
    ):
        with pytest.raises(WrongUse, match=text):
            find_episode(run, seed, task, variant)
    with pytest.raises(WrongUse, match="unknown variant"):
        play_perturbed(find_episode(run, 0, DUMBBELL), "weather")


def test_the_command_replays_artifacts_and_says_no_by_its_exit_code(run, tmp_path, capsys):
    artifact = pack(run, tmp_path / "run.zip")
    words = ("replay", artifact, "--task", DUMBBELL, "--episode", 1)
    code, out, err = bimodal(*words, "--perturb", DELAY, capsys=capsys)
    assert (code, err) == (0, []) and "DIFFERS" not in out
    assert out.count("bit for bit") == -(-find_episode(run, 1, DUMBBELL).steps // STATE_EVERY)
    assert "the policy does not react" in " ".join(out.split())
    code, out, _ = bimodal(*words, "--json", capsys=capsys)
    assert code == 0 and json.loads(out)["matches"] and json.loads(out)["perturbed_outcome"] is None
    (file,) = run.glob(f"traces/{DUMBBELL}-clean-*.npz")
    stored = read_shard(file)
    actions = stored.result.trace.actions.copy()
    actions[1, 12, 0] += 100
    trace = stored.result.trace._replace(actions=actions)
    kept = file.read_bytes()
    try:
        write_shard(file, stored.result._replace(trace=trace), [], stored.run_id)
        code, out, _ = bimodal("replay", run, *words[2:], capsys=capsys)
        assert code == 1 and "segments differ, first at 1.0 s" in out and "fingerprint   DIFFERS" in out
        assert bimodal("replay", run, "--task", DUMBBELL, "--episode", 0, capsys=capsys)[0] == 0
    finally:
        file.write_bytes(kept)


def test_what_cannot_be_replayed_or_drawn_is_said_in_one_line(run, tmp_path, capsys):
    words = ("replay", run, "--task", DUMBBELL, "--episode", 1)
    for more, text in (
        (("--video", tmp_path / "a.gif"), "must end in .mp4"),
        (("--video", tmp_path / "a.mp4", "--camera", "behind"), "unknown camera"),
        (("--perturb", "contact.friction:9"), "no such level"),
    ):
        code, out, err = bimodal(*words, *more, capsys=capsys)
        assert (code, out, len(err)) == (2, "", 1) and text in err[0]
    assert list(tmp_path.iterdir()) == []
    code, _, err = bimodal("replay", tmp_path / "none", "--episode", 1, capsys=capsys)
    assert (code, len(err)) == (2, 1) and "not a run folder" in err[0]


@pytest.mark.slow
def test_a_video_shows_every_control_step(run, tmp_path, drawing, capsys):
    import imageio_ffmpeg

    film = tmp_path / "a.mp4"
    words = ("replay", run, "--task", DUMBBELL, "--episode", 1, "--camera", "front")
    code, out, err = bimodal(*words, "--video", film, capsys=capsys)
    assert (code, err) == (0, []) and "video" in out
    steps = find_episode(run, 1, DUMBBELL).steps
    assert imageio_ffmpeg.count_frames_and_secs(str(film))[0] >= steps + 1


def test_an_artifact_of_format_version_1_still_reads_and_replays():
    old = Path(__file__).with_name("artifact-v1.zip")
    header = read_header(old)
    assert (header.schema_version, header.policy, header.episodes) == (1, "expert", 2)
    with open_run(old) as folder:
        (cell,) = read_run(folder).cells.values()
        assert cell.labels.tolist() == ["SUCCESS", "SUCCESS"]
        assert read_card(folder).stated.rejection_criterion == "less than 95 % success"
        assert all(replay_episode(find_episode(folder, seed)).matches for seed in (0, 1))
