"""What docs/policies.md and docs/data-formats.md say is what the code does."""

import re
from pathlib import Path

import numpy as np
import pytest
from bimodal.benchmark.artifact.members import ArtifactHeader
from bimodal.benchmark.evaluation.options import EvalOptions
from bimodal.benchmark.isolation import restrict
from bimodal.benchmark.measures.measures_file import MEASURE_COLUMNS
from bimodal.benchmark.records.contract_card import Answers, ContractCard
from bimodal.benchmark.records.parquet_tables import DECISION_COLUMNS, EPISODE_COLUMNS
from bimodal.benchmark.records.run_record import RunRecord
from bimodal.benchmark.rollout.plan_records import Plans
from bimodal.benchmark.rollout.shard import Shard, run_shard
from bimodal.benchmark.rollout.timeouts import BUILD_DEADLINE_S
from bimodal.benchmark.scoring.review_record import Review
from bimodal.benchmark.suites import SUITES
from bimodal.envs.specs import ACTIONS, bounds
from bimodal.leaderboard.board_files import PAIR_COLUMNS
from bimodal.leaderboard.entry_model import Entry, Result
from bimodal.policies import Needs, Policy
from bimodal.tasks import load_task
from bimodal.tasks.core.outcomes import OUTCOMES
from bimodal.tasks.core.referee import Verdict
from bimodal.tasks.demonstrations.record import Demonstrations

DOCS = Path(__file__).parent.parent / "docs"
POLICIES = (DOCS / "policies.md").read_text()
FORMATS = (DOCS / "data-formats.md").read_text()


def blocks(text):
    return re.findall(r"```python\n(.*?)```", text, re.S)


def first_column(text, heading):
    """Return the names in the first column of the table under a heading."""
    (section,) = re.findall(rf"^#+ {re.escape(heading)}\n(.*?)(?=^#|\Z)", text, re.S | re.M)
    rows = [line.split("|")[1] for line in section.splitlines() if line.startswith("|")]
    return [name for row in rows[2:] for name in re.findall(r"`([^`]+)`", row)]


# -------------------------------------------------------------------------------------- policies.md


@pytest.fixture(scope="module")
def names():
    """What the page's Python blocks define."""
    found = {}
    for block in blocks(POLICIES):
        exec(block, found)
    return found


def test_the_page_says_how_much_a_policy_has_that_is_shut_in():
    memory, file = (restrict.LIMITS[name] for name in ("RLIMIT_DATA", "RLIMIT_FSIZE"))
    assert f"It has {memory / 2**30:g} GiB of memory and {restrict.PROCESSES} processes" in POLICIES
    assert f"may write to `/tmp` alone ({file / 2**20:g} MiB)" in POLICIES


def test_the_policy_with_a_history_sees_the_control_step_before_and_draws_from_its_keys(names):
    task = load_task("PandaLiftDumbbell-v1")
    seen = []

    class Watched(names["TwoFrames"]):
        def act(self, observation):
            seen.append(observation["tcp_position"].copy())
            return super().act(observation)

    result = run_shard(task, Watched(task), Shard(task.id, "clean", 0, (0, 1)), "2")
    assert not any(result.faults)
    assert seen[0].shape == (2, 2, 3) and np.array_equal(seen[0][:, 0], seen[0][:, 1])
    moved = [np.abs(now - before).max() for before, now in (pair.swapaxes(0, 1) for pair in seen[1:])]
    assert 0 < max(moved) < 0.02, "one step apart, not eight"
    again = run_shard(task, names["TwoFrames"](task), Shard(task.id, "clean", 0, (0, 1)), "2")
    assert np.array_equal(result.digests, again.digests)


def test_the_page_tells_what_a_policy_can_state(names):
    told = re.findall(r"^\| `(\w+)` \| (?:names|action space|the exec|reads)", POLICIES, re.M)
    assert told == list(Needs._fields)
    assert names["Chosen"](load_task("PandaLiftDumbbell-v1")).needs().n_action_steps == 4
    stated = first_column(POLICIES, "What the entry says of it")
    assert all(hasattr(Policy, name.removesuffix("()")) for name in stated)


def test_the_page_tells_the_ranges(names):
    lines = [line for line in POLICIES.splitlines() if re.match(r"\| (`\w+` )?\| \d", line)]
    found = {name: [] for name in ACTIONS}
    space = ""
    for line in lines:
        name, numbers, limits = (cell.strip() for cell in line.strip("|").split("|"))
        space = name.strip("`") or space
        first, _, last = numbers.split()[0].partition("-")
        low, high = map(float, limits.split(" to "))
        found[space] += [(low, high)] * (int(last or first) - int(first) + 1)
    wanted = {name: np.transpose(bounds(parts)).tolist() for name, parts in ACTIONS.items()}
    assert {name: [list(pair) for pair in pairs] for name, pairs in found.items()} == wanted
    assert names["Clipped"].clip is True


def test_the_page_tells_the_deadlines_the_batches_and_the_labels():
    assert f"{EvalOptions().deadline_s:g} s (`--deadline`)" in POLICIES
    assert f"{BUILD_DEADLINE_S:g} s to import" in POLICIES
    sizes = {name: {len(shard.seeds) for shard in SUITES[name].shards()} for name in ("core", "smoke")}
    assert sizes == {"core": {100, 50}, "smoke": {16}}
    assert "100 in `core` (50 in its variants, 16 in `smoke`)" in POLICIES
    assert abs(len(SUITES["core"].shards()) - 60) <= 5 and "about 60 in `core`" in POLICIES
    faults = {name for name, outcome in OUTCOMES.items() if outcome.policy_fault}
    assert set(first_column(POLICIES, "When something goes wrong")) == faults


# ---------------------------------------------------------------------------------- data-formats.md


def test_the_page_names_every_column_of_the_tables():
    tables = (
        ("episodes.parquet", EPISODE_COLUMNS),
        ("decisions.parquet", DECISION_COLUMNS),
        ("measures.parquet", MEASURE_COLUMNS),
    )
    for heading, columns in tables:
        assert first_column(FORMATS, heading) == [name for name, _ in columns]
    assert first_column(FORMATS, "pairs.json and pairs.csv") == list(PAIR_COLUMNS)


def test_the_page_names_every_array_of_demonstrations_and_traces():
    named = first_column(FORMATS, "Demonstrations")
    assert set(named) == {*Demonstrations._fields} - {"observations"} | {"obs.NAME"}
    (verdicts,) = [line for line in FORMATS.splitlines() if line.startswith("| `verdict.NAME`")]
    assert {*re.findall("`([^`]+)`", verdicts)} == {*Verdict._fields, "verdict.NAME"}
    (plans,) = re.findall(r"\.plans\.npz` beside it: (.*?), each", FORMATS, re.S)
    assert set(re.findall("`([^`]+)`", plans)) == set(Plans._fields)


def test_the_page_names_every_field_of_the_records():
    assert set(first_column(FORMATS, "run.json")) == set(RunRecord.model_fields)
    assert set(first_column(FORMATS, "card.json")) == set(ContractCard.model_fields)
    assert all(f"`{name}`" in FORMATS for name in Answers.model_fields)
    assert set(first_column(FORMATS, "review.json")) == set(Review.model_fields)
    assert set(first_column(FORMATS, "artifact.json")) == set(ArtifactHeader.model_fields)
    assert set(first_column(FORMATS, "Leaderboard entry")) == set(Entry.model_fields)


def test_no_table_names_a_field_twice():
    for table in re.findall(r"(?:^\|.*\n)+", FORMATS, re.M):
        names = [line.split("|")[1].strip() for line in table.splitlines()]
        assert sorted(names) == sorted(set(names))


def test_the_examples_read_columns_that_exist():
    known = {name for name, _ in (*EPISODE_COLUMNS, *DECISION_COLUMNS)}
    known |= {*Result.model_fields, *PAIR_COLUMNS}
    known |= {"meta", "actions", "modes", "obs.tcp_position", "results", "clean", "artifact.json"}
    for block in blocks(FORMATS):
        compile(block, "data-formats.md", "exec")
        quoted = {word for word in re.findall(r'"([^"]*)"', block) if "/" not in word and word}
        assert quoted <= known
