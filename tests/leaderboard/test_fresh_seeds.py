"""`bimodal reproduce --salt`: scenes that neither side can choose, and what they say of a claim."""

from hashlib import sha256

import pytest
from bimodal.benchmark.suites import SUITES
from bimodal.envs.errors import WrongUse
from bimodal.envs.seed_ranges import PANELS, TRAIN
from bimodal.leaderboard.entry import entry_from_run
from bimodal.leaderboard.verification.fresh_seeds import (
    commitment,
    fresh_suite,
    judge_fresh,
    new_salt,
)
from fabricated import outcome, run_folder
from fabricated_entries import DUMBBELL, POST
from scoring import bimodal

WIN, LOSE = outcome("SUCCESS", 0, 0.01, 80), outcome("NO_ATTEMPT", steps=100)
SALT = "a salt of the tests"


def test_the_seeds_follow_from_the_salt_and_lie_outside_every_panel():
    suite = SUITES["core"]
    one, two = fresh_suite(suite, SALT), fresh_suite(suite, SALT)
    assert one == two and one.variants == ("clean",) and len(one.seeds) == 100 and one.name == "core*"
    starts = {fresh_suite(suite, f"salt number {number}").seeds.start for number in range(50)}
    assert len(starts) == 50
    assert all(PANELS.stop <= start and start + 100 <= TRAIN.start for start in starts)


def test_the_hash_is_bound_to_the_salt():
    salt = new_salt()
    assert commitment(salt) == sha256(salt.encode()).hexdigest() and salt != new_salt()
    with pytest.raises(WrongUse, match="too short"):
        fresh_suite(SUITES["core"], "1234567")


def entry_and_run(tmp_path, claimed, found, tasks=(DUMBBELL, POST)):
    """An entry that claims so many of 16 successes on both tasks, and a run with so many of 100."""
    episodes = [WIN] * claimed + [LOSE] * (16 - claimed)
    entry = entry_from_run(run_folder(tmp_path / "claim", dict.fromkeys((DUMBBELL, POST), episodes)))
    panel = fresh_suite(SUITES["smoke"], SALT)
    again = [WIN] * found + [LOSE] * (100 - found)
    return entry, run_folder(tmp_path / "fresh", dict.fromkeys(tasks, again), suite=panel)


@pytest.mark.parametrize(
    ("claimed", "found", "holds"),
    [(16, 100, True), (16, 97, True), (16, 40, False), (8, 50, True), (4, 90, False)],
)
def test_a_claim_holds_where_the_difference_is_within_chance(tmp_path, claimed, found, holds):
    judged = judge_fresh(*entry_and_run(tmp_path, claimed, found))
    assert judged.holds == holds and ("is not what is claimed" in judged.reason) == (not holds)
    assert judged.lines[0].startswith(f"Lift Dumbbell: {claimed}/16 claimed, {found}/100 on fresh seeds: ")


def test_honest_claims_are_rarely_doubted(tmp_path):
    """Of 400 honest pairs of 200 and 100 episodes on 6 tasks at 95 %, about one in twenty may be doubted."""
    import numpy as np
    from bimodal.benchmark.scoring.run_episodes import EpisodeColumns
    from bimodal.leaderboard.verification.fresh_seeds import _difference, _has_zero

    random = np.random.default_rng(0)

    def cell(n):
        labels = np.where(random.random(n) < 0.95, "SUCCESS", "TIMEOUT").astype(object)
        return EpisodeColumns(*(np.arange(n), labels, np.zeros(n, int), np.zeros(n, int), labels))

    level = 1 - 0.05 / 7
    doubted = 0
    for _ in range(400):
        pairs = [(cell(200), cell(100)) for _ in range(6)]
        alone = [_difference([old], [new], level) for old, new in pairs]
        doubted += not all(map(_has_zero, [*alone, _difference(*map(list, zip(*pairs, strict=True)), level)]))
    assert doubted <= 0.08 * 400


def test_a_salt_is_made_and_its_hash_is_told(tmp_path, capsys):
    code, out, err = bimodal("reproduce", "entry.json", "--commit", capsys=capsys)
    salt = out.split()[-1]
    assert (code, err) == (0, []) and commitment(salt) in out
    code, _, err = bimodal("reproduce", "entry.json", "--mark", "Us", capsys=capsys)
    assert code == 2 and "--mark is for a whole panel and fresh seeds" in err[0]
