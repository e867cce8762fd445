"""The contract card: filled in from the records, completed by the submitter, fixed by the first episode."""

import tomllib
from functools import cache

import pytest
from bimodal.benchmark.artifact.pack import pack
from bimodal.benchmark.artifact.read import open_run
from bimodal.benchmark.evaluation.describe import describe
from bimodal.benchmark.evaluation.options import EvalOptions
from bimodal.benchmark.records.contract_card import (
    NAME,
    Answers,
    ContractCard,
    known,
    read_card,
    read_statement,
    template,
)
from bimodal.benchmark.report.run_report import write_report
from bimodal.envs.errors import WrongUse
from bimodal.envs.seed_ranges import TRAIN, TRAIN_SET
from bimodal.tasks import load_task
from scoring import DUMBBELL, panel, score

OPEN = ("most_likely_failure", "rejection_criterion")
"""What no record can know."""


BEFORE = -(TRAIN.start // TRAIN_SET)
"""Number of the set of demonstrations that would begin at seed 0."""


@cache
def described(policy, **parts):
    suite = panel(4, (DUMBBELL,))._replace(**parts)
    return describe(policy, suite, EvalOptions(workers=0))


def test_what_the_records_say_is_filled_in():
    record = described("flow", variants=("clean", "sensing.noise:2"), shifted=2)
    found = known(record)
    steps = load_task(DUMBBELL).max_episode_steps
    assert (
        "tcp_position" in found.observation_stream
        and "every 8 control steps (0.4 s)" in found.observation_stream
    )
    assert found.state_estimate == "true poses from the simulator; disturbed in sensing.noise:2"
    assert found.action_representation.startswith("ee_absolute: position (3,) [m], rotation (6,) [1]")
    assert f"at most {steps} control steps ({steps / 20:g} s)" in found.horizon
    assert found.timing_budget.startswith("400 ms") and "30 s ends its episode" in found.timing_budget
    assert found.success_metric.endswith("4 clean seeds a task, 2 in each of sensing.noise:2")
    assert f"{DUMBBELL}: 300 of bi50, set 0" in found.training_data
    assert found.panel_overlap.startswith("none of the panel's 4 seeds")
    assert ContractCard(known=found, stated=Answers()).empty == OPEN


def test_a_policy_that_learned_nothing_has_no_training_data_and_sees_what_it_says():
    found = known(described("expert"))
    assert found.state_estimate == "the simulator itself"
    assert found.training_data.startswith("none") and found.panel_overlap.startswith("none")


@pytest.mark.parametrize(
    ("demonstrations", "overlap"),
    [
        ({"seed": 0, "episodes": 300}, "none of"),
        ({"seed": BEFORE, "episodes": 300}, "4 of"),
        ({"seed": BEFORE, "episodes": 2}, "2 of"),
        ({"seed": "0", "episodes": 300}, ""),
        ({}, ""),
        (None, ""),
        ("many", ""),
    ],
)
def test_the_overlap_with_the_panel_is_counted_and_never_guessed(demonstrations, overlap):
    record = described("flow").model_copy(update={"training": {DUMBBELL: {"demonstrations": demonstrations}}})
    found = known(record).panel_overlap
    assert found.startswith(overlap) and bool(found) == bool(overlap)
    unsaid = described("flow").model_copy(update={"training": None})
    assert known(unsaid).panel_overlap == "" and known(unsaid).training_data == ""


def test_the_form_is_toml_with_exactly_the_empty_fields(bimodal):
    code, out, err = bimodal("card", "flow", "--suite", "smoke")
    assert (code, err) == (0, [])
    assert tomllib.loads(out) == dict.fromkeys(OPEN, "")
    assert "#   known: " in out and "# observation_stream = " in out
    card = ContractCard(known=Answers(horizon='"""\\ #'), stated=Answers())
    assert len(tomllib.loads(template(card))) == len(Answers.model_fields) - 1


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("most_likely_failure =", "is not TOML"),
        ("\x00", "is not TOML"),
        ('most_likly_failure = "x"', "did you mean most_likely_failure"),
        ("horizon = 16", "not of type string"),
        ('horizon = """a\nb"""', "horizon"),
        (f'horizon = "{"x" * 2001}"', "maxLength 2000"),
        ("#" * 300_000, "larger than"),
    ],
)
def test_what_is_no_statement_is_refused_in_one_line_and_nothing_is_run(tmp_path, text, what, capsys):
    file = tmp_path / "card.toml"
    file.write_text(text)
    code, _, err = score("zero", tmp_path / "run", "--card", file, capsys=capsys)
    assert (code, len(err)) == (2, 1) and what in err[0]
    assert not (tmp_path / "run").exists()
    with pytest.raises(WrongUse, match="cannot read"):
        read_statement(tmp_path / "none.toml")


def test_the_card_is_written_before_the_first_episode_and_stays(tmp_path, capsys):
    run, first, second = tmp_path / "run", tmp_path / "one.toml", tmp_path / "two.toml"
    first.write_text('rejection_criterion = "below 90 %"')
    second.write_text('rejection_criterion = "below 10 %"')
    code, _, err = score("zero", run, "--card", first, capsys=capsys)
    assert "does not say: most_likely_failure;" in " ".join(err)
    before = read_card(run)
    assert before.stated.given() == {"rejection_criterion": "below 90 %"} and before.empty == OPEN[:1]
    for again in ((), ("--card", first)):
        score("zero", run, *again, capsys=capsys)
        assert read_card(run) == before
    code, _, err = score("zero", run, "--card", second, capsys=capsys)
    assert (code, len(err)) == (2, 1) and "written before the first" in err[0]
    assert read_card(run) == before
    score("zero", run, "--card", second, "--fresh", capsys=capsys)
    assert read_card(run).stated.rejection_criterion == "below 10 %"


def test_a_run_without_a_statement_has_a_card_but_no_notice(tmp_path, capsys):
    _, _, err = score("expert", tmp_path / "run", capsys=capsys)
    assert err == [] and read_card(tmp_path / "run").empty == OPEN
    file = tmp_path / "late.toml"
    file.write_text('rejection_criterion = "never"')
    assert score("expert", tmp_path / "run", "--card", file, capsys=capsys)[0] == 2


def test_the_card_is_sealed_packed_and_shown_escaped(tmp_path, capsys):
    run, file = tmp_path / "run", tmp_path / "card.toml"
    file.write_text('most_likely_failure = "<b>slips</b>"')
    score("expert", run, "--card", file, capsys=capsys)
    assert f"  {NAME}\n" in (run / "SHA256SUMS").read_text()
    with open_run(pack(run)) as folder:
        assert read_card(folder) == read_card(run)
    page = write_report(run).read_text()
    assert "&lt;b&gt;slips" in page and "nobody says" in page and "Written before the first episode" in page
    (run / NAME).unlink()
    assert "Written before the first episode" not in write_report(run).read_text()
    (run / NAME).write_text("{}")
    with pytest.raises(WrongUse, match="damaged"):
        read_card(run)
