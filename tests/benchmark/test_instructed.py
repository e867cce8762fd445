"""Suites that ask for a mode in words: who is told what, what counts, what tables and entries say of it."""

import io
import itertools
from dataclasses import replace

import numpy as np
import pytest
from bimodal.benchmark.evaluation.evaluate import evaluate
from bimodal.benchmark.evaluation.options import EvalOptions
from bimodal.benchmark.records.replay import check
from bimodal.benchmark.records.run_folder import read_run_record
from bimodal.benchmark.records.shard_file import read_shard, shard_file, write_shard
from bimodal.benchmark.report.run_report import write_report
from bimodal.benchmark.report.terminal_tables import request_table, run_table
from bimodal.benchmark.rollout.observation import instructions as instructions_of
from bimodal.benchmark.rollout.shard import Shard, run_shard
from bimodal.benchmark.rollout.track import shown_track
from bimodal.benchmark.scoring.requests import requests
from bimodal.benchmark.scoring.run_episodes import read_run
from bimodal.benchmark.scoring.task_scores import score_run
from bimodal.benchmark.suites import SUITES, find_suite
from bimodal.envs.errors import WrongUse
from bimodal.envs.perturbations.core.variant import Variant
from bimodal.envs.perturbations.language import AFTER, BEFORE
from bimodal.envs.simulation import Simulation
from bimodal.leaderboard.check import _suite_problems
from bimodal.leaderboard.episode_block import EpisodeBlock
from bimodal.leaderboard.impossible import episode_problems, request_problems
from bimodal.policies import Decision, Needs, Policy, load_policy
from bimodal.policies.experts import Expert
from bimodal.tasks import load_task
from bimodal.tasks.core.instructions import asked_modes
from bimodal.tasks.core.referee import Referee
from fabricated import outcome, run_folder
from rich.console import Console

DUMBBELL, MUG = "PandaLiftDumbbell-v1", "PandaLiftMug-v1"
TASK = load_task(DUMBBELL)
SEEDS = tuple(range(6))
ASKED = asked_modes(TASK, SEEDS)
HAND = ("tcp_position", "tcp_rotation", "gripper_opening")
SHARD = Shard(DUMBBELL, "clean", 0, SEEDS, instructed=True)


class Noting(Policy):
    """Keeps still, and notes what it is told."""

    def __init__(self, task):
        super().__init__(task)
        self.told = []

    def needs(self):
        return Needs((*HAND, "instruction"), n_action_steps=1)

    def reset(self, episodes):
        self.asked = episodes.asked

    def act(self, observation):
        self.told.append(observation["instruction"].tolist())
        return Decision(np.concatenate([observation[name] for name in HAND], axis=1)[:, None])


def played(policy, shard=SHARD, steps=None, **how):
    referee = Referee(TASK, len(shard.seeds), steps, shard.asked(TASK)) if steps else None
    return run_shard(TASK, policy, shard, "1", referee=referee, **how)


def told(variant="clean", instructed=True):
    """Return what the episodes of a shard are told."""
    simulation = Simulation(TASK, len(SEEDS), variant=Variant(variant))
    simulation.prepare(SEEDS)
    return instructions_of(TASK, simulation, ASKED if instructed else None).tolist()


def test_an_episode_is_told_its_mode_in_every_decision_and_in_words_alone():
    policy = Noting(TASK)
    played(policy, steps=2)
    assert told() == [TASK.wording(TASK.modes[mode]).seen[0] for mode in ASKED]
    assert policy.told == [told()] * 2 and policy.asked is None
    assert told(instructed=False) == [TASK.goal] * len(SEEDS)


def typed(sentence, meant):
    """Whether it is one of the sentences with words added, and two of its words with swapped letters."""
    for one, added in itertools.product(meant, (*BEFORE, *AFTER)):
        plain = one.lower().split()
        whole = [*added.lower().split(), *plain] if added in BEFORE else [*plain, *added.lower().split()]
        words = sentence.split()
        if len(words) == len(whole):
            other = [(a, b) for a, b in zip(words, whole, strict=True) if a != b]
            if len(other) == 2 and all(sorted(a) == sorted(b) and a[0] == b[0] for a, b in other):
                return True
    return False


@pytest.mark.parametrize("level", [1, 2, 3])
def test_other_words_ask_for_the_same_mode(level):
    said = told(f"language.paraphrase:{level}")
    for sentence, mode in zip(said, ASKED, strict=True):
        wording = TASK.wording(TASK.modes[mode])
        if level < 3:
            assert sentence in (wording.seen[1:] if level == 1 else wording.unseen)
        else:
            assert typed(sentence, wording.unseen)
    assert told("language.paraphrase:1", instructed=False)[0] in TASK.wording().seen[1:]


def test_words_are_drawn_evenly_and_for_each_episode_alone():
    variant = Variant("language.paraphrase:1")
    said = [variant.instruction(TASK, seed, "left bar") for seed in range(400)]
    counts = [said.count(one) for one in TASK.wording("left bar").seen]
    assert counts[0] == 0 and min(counts[1:]) > 400 / 11 / 2
    assert said[7] == Variant("language.paraphrase:1").instruction(TASK, 7, "left bar")


def test_success_counts_in_the_asked_mode_alone_and_nothing_else_changes():
    plain, asked = (played(Expert(TASK), SHARD._replace(instructed=one)) for one in (False, True))
    obeyed = plain.verdict.mode == ASKED
    assert obeyed.any() and not obeyed.all() and (plain.verdict.label == "SUCCESS").all()
    assert asked.verdict.label.tolist() == np.where(obeyed, "SUCCESS", "OTHER_MODE").tolist()
    assert (asked.verdict.success == obeyed).all() and (asked.verdict.mode == plain.verdict.mode).all()
    assert asked.trace.actions.tobytes() == plain.trace.actions.tobytes()
    assert (asked.digests == plain.digests).tolist() == obeyed.tolist()


def test_a_record_of_it_replays(tmp_path):
    result = played(Expert(TASK))
    (tmp_path / "traces").mkdir()
    write_shard(file := shard_file(tmp_path, DUMBBELL, "clean", 0), result, [])
    stored = read_shard(file).result
    assert stored.shard == SHARD and check(TASK, stored).agrees
    assert not check(TASK, stored._replace(shard=SHARD._replace(instructed=False))).agrees


def test_the_oracle_is_told_the_mode_and_draws_its_own_elsewhere():
    assert (played(load_policy("mse_labelled", TASK), told=True).verdict.mode == ASKED).all()
    drawn = played(load_policy("mse_labelled", TASK)).verdict.mode
    assert (drawn != ASKED).any()


def test_the_shipped_policy_does_what_it_reads():
    result = played(load_policy("flow_instructed", TASK))
    assert (result.verdict.mode == ASKED).all() and result.verdict.success.mean() > 0.8
    again = played(load_policy("flow_instructed", TASK), SHARD._replace(variant="language.paraphrase:1"))
    assert again.digests.tolist() == result.digests.tolist()
    free = played(load_policy("flow_instructed", TASK), SHARD._replace(instructed=False)).verdict
    assert set(free.mode) == {0, 1} and (free.mode != ASKED).any()


def test_an_empty_instruction_is_its_fault_in_one_line():
    policy = load_policy("flow_instructed", TASK)
    result = played(Mute(policy), steps=2)
    assert set(result.verdict.label) == {"POLICY_ERROR"}
    assert result.faults[0].startswith("WrongUse: an instruction is empty; say what is to be done")


class Mute(Policy):
    """Passes on what it sees, but for the words."""

    def __init__(self, inner):
        super().__init__(inner.task)
        self.inner = inner

    def needs(self):
        return self.inner.needs()

    def reset(self, episodes):
        self.inner.reset(episodes)

    def act(self, observation):
        return self.inner.act(observation | {"instruction": np.full(len(observation["instruction"]), "  ")})


# ------------------------------------------------------------------------------------------------ suites


def test_the_sentences_are_part_of_a_suite_that_asks_and_of_no_other(monkeypatch):
    suite = find_suite("instructed", (DUMBBELL,))
    hashes = suite.hash(), find_suite("core", (DUMBBELL,)).hash()
    assert suite._replace(instructed=False).hash() != hashes[0]
    monkeypatch.setattr("bimodal.benchmark.suites.digest", lambda task: "other")
    assert suite.hash() != hashes[0] and find_suite("core", (DUMBBELL,)).hash() == hashes[1]
    assert all(shard.instructed for shard in suite.shards())
    assert "instructed" not in SUITES["core"].record().plain()


def test_other_words_are_refused_to_who_does_not_read_them():
    suite = find_suite("core", (DUMBBELL,), variants=("language.paraphrase:2",))
    with pytest.raises(
        WrongUse, match=r"^language.paraphrase:2 changes the instruction only: this policy reads no"
    ):
        suite.shown_to(pictures=True, words=False)
    assert suite.shown_to(pictures=False, words=True).variants == suite.variants
    whole = find_suite("instructed", (DUMBBELL,))
    assert whole.shown_to(pictures=False, words=False).cells() == whole.cells()


@pytest.mark.parametrize(
    ("track", "reads", "instructed", "shown"),
    [
        ("state", ("instruction",), True, "instructed"),
        ("vision", ("front_image", "instruction"), True, "instructed"),
        ("state", ("instruction",), False, "state"),
        ("state", (), True, "state"),
        ("privileged", ("instruction",), True, "privileged"),
    ],
)
def test_the_track_is_that_of_words_where_they_are_read_and_asked_for(track, reads, instructed, shown):
    assert shown_track(track, reads, instructed) == shown


# ----------------------------------------------------------------------------------------------- numbers


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run of known episodes: the first half obeys, of the others half take another mode, half none."""
    asked = asked_modes(TASK, range(200)).tolist()
    good = [outcome("SUCCESS", mode, 0.0, 80) for mode in asked[:100]]
    bad = [outcome("OTHER_MODE", 1 - mode, 1.0, 80) for mode in asked[100:150]]
    episodes = {DUMBBELL: [*good, *bad, *[outcome("NO_ATTEMPT", steps=100)] * 50]}
    suite = find_suite("instructed", (DUMBBELL,))
    return run_folder(tmp_path_factory.mktemp("run") / "run", episodes, "flow_instructed", suite=suite)


def test_success_and_obedience_are_counted_from_the_episodes(run):
    score = score_run(read_run(run))[0]
    assert score.success.estimate == 0.5 and score.labels["OTHER_MODE"] == 50
    assert score.rate("obedience").estimate == 100 / 150
    assert [one.obedience.estimate for one in requests(read_run(run).cells) if one.variant != "clean"] == [
        1.0
    ] * 4


def test_what_becomes_of_instructions_that_ask_for_what_is_blocked(run):
    rows = [one for one in requests(read_run(run).cells) if one.blocked]
    assert [one.variant for one in rows] == ["scene.blocked:3"]
    blocked = [Variant("scene.blocked:3").blocked_mode(TASK, seed) for seed in range(50)]
    hit = int((np.array(blocked) == asked_modes(TASK, range(50))).sum())
    assert rows[0].blocked[:4] == (hit, hit, 0, 0) and 10 < hit < 40
    assert rows[0].blocked.free.estimate == 1.0


def test_tables_and_report_tell_obedience_where_modes_are_asked_for(run, tmp_path):
    console = Console(width=200, file=io.StringIO())
    console.print(run_table(read_run(run)), request_table(read_run(run)))
    text = console.file.getvalue()
    assert "obedience" in text and "66.7" in text and "asks for what is blocked" in text
    page = write_report(run).read_text()
    assert 'id="instructions"' in page and "Obedience" in page
    other = run_folder(
        tmp_path / "other", {DUMBBELL: [outcome("SUCCESS", 0)] * 16}, suite=find_suite("smoke", (DUMBBELL,))
    )
    assert request_table(read_run(other)) is None
    assert 'id="instructions"' not in write_report(other).read_text()


def test_a_run_of_it_says_so_and_goes_on(tmp_path):
    suite = find_suite("instructed", (MUG,), range(3), ("scene.blocked:3",))
    how = EvalOptions(tmp_path / "run", workers=0)
    path = evaluate("mse_labelled", suite, how)
    record = read_run_record(path)
    assert record.suite.instructed and record.suite.name == "instructed*"
    cells = read_run(path).cells
    asked = asked_modes(load_task(MUG), range(3))
    assert all((cell.asked == asked).all() for cell in cells.values())
    assert (cells[MUG, "clean"].modes == asked).all()
    assert evaluate("mse_labelled", suite, how) == path


def test_an_entry_cannot_claim_what_was_not_asked_for(run):
    cell = read_run(run).cells[DUMBBELL, "clean"]
    names = [TASK.modes[mode] if mode >= 0 else None for mode in cell.modes]
    block = EpisodeBlock.of(DUMBBELL, "clean", cell, names)
    assert list(request_problems([block], instructed=True)) == []
    other = "PandaLiftDumbbell-v1 (clean): no mode is asked for, and ends as OTHER_MODE in"
    assert next(request_problems([block], instructed=False)).startswith(f"episodes of {other}")
    swapped = [None if name is None else TASK.modes[1 - TASK.modes.index(name)] for name in names]
    forged = EpisodeBlock.of(DUMBBELL, "clean", cell, swapped)
    told = f"seed 0 asks for {names[0]}, and ends as SUCCESS in {swapped[0]}"
    assert list(request_problems([forged], instructed=True)) == [f"episodes of {DUMBBELL} (clean): {told}"]
    done = episode_problems(
        EpisodeBlock.of(DUMBBELL, "clean", replace(cell, steps=cell.steps * 0 + 5), names), 8
    )
    assert any("OTHER_MODE before it could be held" in one for one in done)


def test_a_suite_that_hides_that_it_asks_is_no_suite_of_ours():
    record = SUITES["instructed"].record()
    assert list(_suite_problems(record)) == []
    assert list(_suite_problems(record.model_copy(update={"instructed": False}))) == [
        "suite: instructed is None, but True in this version"
    ]
    claimed = SUITES["core"].record().model_copy(update={"instructed": True})
    assert list(_suite_problems(claimed)) == ["suite: instructed is True, but None in this version"]
