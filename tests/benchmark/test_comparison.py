"""A candidate beside a baseline: what may be compared, known differences, verdicts, words and rules."""

import json
import re
from types import SimpleNamespace

import numpy as np
import pytest
from bimodal.benchmark.comparison.compare import Verdict, compare_two
from bimodal.benchmark.comparison.gate import check_comparable
from bimodal.benchmark.comparison.plan import plan
from bimodal.benchmark.comparison.ranking import rank_arms
from bimodal.benchmark.comparison.rule import Rule, decide, lock_file, lock_notes, lock_rule, read_rule
from bimodal.benchmark.comparison.safety import unsafe_difference
from bimodal.benchmark.comparison.sentences import comparison_sentences, verdict_sentence
from bimodal.benchmark.statistics.paired import tango
from bimodal.benchmark.statistics.power import POWER, power
from bimodal.benchmark.statistics.rates import Interval
from bimodal.envs.errors import BimodalError, NotComparable, WrongUse
from bimodal.tasks import load_task
from fabricated_arms import DUMBBELL, POST, SHIFTED, SMOKE, N, arm, columns

HALF = np.arange(N) % 2 == 0
ALL = np.ones(N, bool)
BEFORE = "2026-01-01T00:00:00+00:00"
AFTER = "2999-01-01T00:00:00+00:00"

# --------------------------------------------------------------------------------------- what compares


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"suite": SMOKE._replace(version="9")}, "suite smoke v"),
        ({"suite": SMOKE._replace(seeds=range(5, 5 + N))}, f"seeds 0..{N - 1} and 5..{N + 4}"),
        ({"suite": SMOKE._replace(tasks=(DUMBBELL,))}, f"tasks {DUMBBELL}, {POST} and {DUMBBELL}"),
        ({"suite": SMOKE._replace(variants=("clean",))}, f"variants {', '.join(SMOKE.variants)} and clean"),
        ({"versions": {"mujoco": "9", "robosuite": "1", "bimodal": "1"}}, "mujoco 1 and 9"),
        ({"versions": {"mujoco": "1", "robosuite": "1"}}, "bimodal 1 and unknown"),
        ({"clean": columns(ALL, seeds=np.arange(N)[::-1])}, f"the seeds of {DUMBBELL} (clean)"),
    ],
)
def test_other_experiments_are_refused_and_the_difference_is_named(changed, told):
    with pytest.raises(NotComparable) as error:
        compare_two(arm("a"), arm("b", **changed))
    assert told in str(error.value)


def test_a_suite_whose_tasks_changed_under_one_name_is_refused():
    changed = arm("b")
    changed = changed._replace(suite=changed.suite.model_copy(update={"hash": "0" * 16}))
    with pytest.raises(NotComparable, match="hash of the suite"):
        check_comparable([arm("a"), changed])


def test_other_initial_states_are_refused(monkeypatch):
    a, b = arm("a"), arm("b")
    monkeypatch.setattr(type(a), "start", lambda self, *cell: np.full((N, 3), 1e-6 * (self.name == "b")))
    with pytest.raises(NotComparable, match="did not give the same scenes"):
        check_comparable([a, b])
    monkeypatch.setattr(type(a), "start", lambda self, *cell: np.full((N, 3), 1e-10 * (self.name == "b")))
    check_comparable([a, b])


# ------------------------------------------------------------------------------------- what comes out


def test_known_pairs_give_known_differences():
    found = compare_two(arm("a", columns(HALF)), arm("b", columns(ALL)))
    assert found.verdict is Verdict.BETTER
    assert found.success == (0.5, 1.0) and found.difference.estimate == 0.5 and found.pairs == 2 * N
    row = found.tasks[0]
    assert (row.only_baseline, row.only_candidate) == (0, N // 2)
    steps = load_task(DUMBBELL).max_episode_steps + load_task(POST).max_episode_steps
    assert found.time.estimate == pytest.approx(-0.05 * 0.5 * (steps / 2 - 60))
    back = compare_two(arm("b", columns(ALL)), arm("a", columns(HALF)))
    assert back.verdict is Verdict.WORSE
    assert back.difference.low == pytest.approx(-found.difference.high)


def test_variants_are_differences_in_differences():
    a = arm("a", columns(ALL), columns(HALF))
    b = arm("b", columns(ALL), columns(ALL))
    row = compare_two(a, b).variants[0]
    assert (row.variant, row.tasks) == (SHIFTED, len([c for c in SMOKE.cells() if c[1] == SHIFTED]))
    assert (row.baseline, row.candidate, row.difference.estimate) == (-0.5, 0.0, 0.5)
    assert 0 < row.difference.low <= 0.5 <= row.difference.high
    same, *_ = compare_two(a, a._replace(name="c")).variants
    assert same.difference == (0.0, 0.0, 0.0)


def test_modes_are_compared_where_both_take_one():
    modes = np.arange(N) % 2
    one = arm("a", columns(ALL, modes))
    other = arm("b", columns(ALL, 1 - modes))
    shifted = arm("c", columns(ALL, np.zeros(N, int)))
    same = compare_two(one, other).modes[0]
    assert (same.changed, same.both, same.p_value) == (N, N, 1.0)
    moved = compare_two(one, shifted).modes[0]
    assert moved.changed == N // 2 and moved.p_value < 0.05
    assert moved.candidate.tolist() == [1.0, 0.0]
    assert compare_two(one, arm("d", columns(~ALL))).modes == ()


@pytest.mark.parametrize("hits", [~ALL, ALL])
def test_without_a_discordant_pair_nothing_is_decided_and_nothing_is_nan(hits):
    found = compare_two(arm("a", columns(hits)), arm("b", columns(hits)))
    assert found.verdict is Verdict.UNDECIDED and found.p_value == 1.0
    assert found.episodes_needed is None and found.detectable is None
    assert not re.search("nan|inf", " ".join(comparison_sentences(found)))


# --------------------------------------------------------------------------------------------- words


def test_no_sentence_claims_a_difference_that_no_test_shows():
    """Over 60 random pairs of policies: `better` or `worse` stand there exactly when the test rejects."""
    rng = np.random.default_rng(0)
    for _ in range(60):
        p, q = rng.random(2)
        found = compare_two(arm("a", columns(rng.random(N) < p)), arm("b", columns(rng.random(N) < q)))
        words = " ".join(comparison_sentences(found))
        claims = bool(re.search(r"\b(better|worse|more often|less often)\b", words))
        assert claims == (found.verdict is not Verdict.UNDECIDED)
        assert claims <= (found.p_value <= 0.05)
        assert claims <= (found.difference.low > 0 or found.difference.high < 0)


def test_few_training_seeds_speak_for_checkpoints_alone():
    words = verdict_sentence(compare_two(arm("mse", columns(HALF)), arm("flow", training_seeds=(0, 1, 2))))
    assert "flow succeeds more often than mse (these checkpoints)" in words
    assert "expert succeeds" in verdict_sentence(
        compare_two(arm("mse", columns(HALF)), arm("expert", training_seeds=()))
    )


def test_the_number_that_would_decide_would():
    hits = ALL.copy()
    hits[:2] = False
    found = compare_two(arm("a", columns(hits)), arm("b", columns(ALL)))
    n = found.episodes_needed
    assert found.verdict is Verdict.UNDECIDED and n is not None and n > found.pairs
    assert power(n, 4 / found.pairs, 0.0) >= POWER


# --------------------------------------------------------------------------------------------- rules


def test_the_default_rule_is_that_of_the_text():
    """Ten per cent more of the metric, and no more unsafe recoveries."""
    worse, better = arm("a", columns(HALF)), arm("b", columns(ALL))
    safe, unknown, unsafe = Interval(0.0, -0.01, 0.01), None, Interval(0.2, 0.1, 0.3)
    gained = compare_two(worse, better)
    assert decide(gained, Rule(), safe).verdict is Verdict.BETTER
    assert decide(gained, Rule(), unknown).verdict is Verdict.UNDECIDED
    assert decide(gained, Rule(), unsafe).verdict is Verdict.WORSE
    assert decide(gained, Rule(), Interval(0.01, -0.01, 0.05)).verdict is Verdict.UNDECIDED
    assert decide(compare_two(better, worse), Rule(), safe).verdict is Verdict.WORSE
    assert decide(compare_two(better, better._replace(name="c")), Rule(), safe).verdict is Verdict.WORSE
    assert decide(gained, Rule(gain=1.0), safe).verdict is not Verdict.WORSE


def test_unsafe_recoveries_are_counted_in_pairs():
    def measured(unsafe):
        return {(DUMBBELL, "clean"): SimpleNamespace(unsafe_recovered=unsafe), (DUMBBELL, "x"): None}

    found = unsafe_difference(measured(np.arange(100) < 3), measured(np.arange(100) >= 95))
    assert found.estimate == pytest.approx(0.02)
    assert found == tango(5, 3, 100, 0.9)


def test_a_rule_is_read_and_its_mistakes_are_named(tmp_path):
    file = tmp_path / "accept.toml"
    file.write_text("gain = 0.2\n")
    assert read_rule(file) == Rule(gain=0.2) and read_rule(None) == Rule()
    for text, told in (("gian = 0.2", "gian"), ("gain = 2", "gain"), ("gain = ", "cannot read")):
        file.write_text(text)
        with pytest.raises(WrongUse, match=told):
            read_rule(file)
    with pytest.raises(WrongUse, match="cannot read the rule"):
        read_rule(tmp_path / "none.toml")


def test_a_locked_rule_tells_when_it_was_locked_and_what_was_edited(tmp_path):
    file = tmp_path / "accept.toml"
    file.write_text("gain = 0.1\n")
    (unlocked,) = lock_notes(file, Rule(), BEFORE)
    assert unlocked.startswith("the rule was not locked")
    lock_rule(file)
    told = json.loads(lock_file(file).read_text())
    assert told["sha256"] == Rule().sha256()
    (late,) = lock_notes(file, read_rule(file), BEFORE)
    (early,) = lock_notes(file, read_rule(file), AFTER)
    assert "AFTER the candidate ran" in late and "before the candidate ran" in early
    file.write_text("gain = 0.01\n")
    assert "edited since: gain was 0.1, is 0.01" in list(lock_notes(file, read_rule(file), AFTER))
    with pytest.raises(WrongUse, match="the rule is locked"):
        lock_rule(file)
    lock_file(file).write_text("{}")
    with pytest.raises(WrongUse, match="damaged"):
        list(lock_notes(file, Rule(), AFTER))


# ------------------------------------------------------------------------------------- many, and plans


def test_many_policies_get_the_ranks_that_they_may_have():
    arms = [arm("a", columns(ALL)), arm("b", columns(np.arange(N) > 0)), arm("c", columns(~ALL))]
    found = {one.name: (tuple(one.ranks), one.may_be_best) for one in rank_arms(arms).policies}
    assert found == {"a": ((1, 2), True), "b": ((1, 2), True), "c": ((3, 3), False)}
    twice = rank_arms([arms[0], arms[0]._replace(source="elsewhere"), arms[2]])
    assert [one.name for one in twice.policies] == ["a (elsewhere)", "a (runs/a)", "c"]


def test_a_plan_tells_what_the_panel_shows():
    found = plan("smoke", 0.9, 0.05)
    assert found.pairs == 2 * N and not found.suffices and found.needed is not None
    assert power(found.needed, 0.95 * 0.1, 0.9 * 0.05) >= POWER
    assert plan("smoke", 0.5, 0.5).suffices
    assert "too few in smoke" in " ".join(found.sentences())
    assert found.all_episodes == 3 * 2 * N and found.policy == "expert"


def test_a_plan_times_the_policy_that_is_meant(tmp_path):
    file = tmp_path / "broken.py"
    file.write_text(
        "from bimodal.policies import Needs, Policy\n"
        "class Broken(Policy):\n    def needs(self):\n        return Needs()\n"
        "    def act(self, observation):\n        raise RuntimeError('no')\n"
    )
    with pytest.raises(BimodalError, match=r"cannot be timed, its episodes are faults: .*no"):
        plan("smoke", 0.9, 0.05, f"{file}:Broken")
