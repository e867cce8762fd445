"""`bimodal compare` and `bimodal plan` from the command line: answers, exit codes and wrong use."""

import json
import re
import shutil
from xml.etree import ElementTree

import pytest
from bimodal.cli.arguments import ENTRIES
from bimodal.cli.main import main
from fabricated import run_folder
from fabricated_arms import DUMBBELL, POST, N

WIN, LOSS = ("SUCCESS", 0, 0.0, 60), ("COLLISION_MID", -1, 0.5, 40)


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Return run folders whose policies succeed on so many seeds of every task."""
    folder = tmp_path_factory.mktemp("runs")
    for name, wins in (("mse", 0), ("flow", N), ("mip", N - 1)):
        run_folder(folder / name, dict.fromkeys((DUMBBELL, POST), [WIN] * wins + [LOSS] * (N - wins)), name)
    return folder


@pytest.mark.parametrize(
    ("baseline", "candidate", "code", "told"),
    [("mse", "flow", 0, "better: flow"), ("flow", "mse", 1, "worse: mse"), ("mip", "flow", 2, "undecided")],
)
def test_the_exit_code_is_the_verdict(runs, capsys, baseline, candidate, code, told):
    assert main(["compare", str(runs / baseline), str(runs / candidate)]) == code
    printed = capsys.readouterr().out
    assert told in printed and not re.search(r"\bnan\b", printed.lower()) and "this panel" in printed


def test_other_experiments_are_exit_code_3(runs, capsys, tmp_path):
    record = json.loads((runs / "flow" / "run.json").read_text())
    record["versions"]["mujoco"] = "0.1"
    shutil.copytree(runs / "flow", tmp_path / "old")
    (tmp_path / "old" / "run.json").write_text(json.dumps(record))
    assert main(["compare", str(runs / "flow"), str(tmp_path / "old")]) == 3
    assert "mujoco" in capsys.readouterr().err


def test_json_says_what_the_tables_say(runs, capsys):
    assert main(["compare", str(runs / "mse"), str(runs / "flow"), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["verdict"] == "better" and found["difference"]["estimate"] == 1.0
    assert found["tasks"][0]["only_candidate"] == N and found["rule"]["verdict"] == "undecided"
    assert main(["compare", *(str(runs / name) for name in ("mse", "flow", "mip")), "--json"]) == 0
    ranks = {one["name"]: one["ranks"] for one in json.loads(capsys.readouterr().out)["policies"]}
    assert ranks == {"flow": [1, 2], "mip": [1, 2], "mse": [3, 3]}


def test_a_rule_gives_the_exit_code_and_its_reasons(capsys, tmp_path):
    file = tmp_path / "accept.toml"
    file.write_text("gain = 0.5\n")
    assert main(["plan", "--lock", str(file)]) == 0
    entries = [str(ENTRIES / f"core-{name}.json") for name in ("flow", "mse")]
    assert main(["compare", *entries, "--rule", str(file)]) == 1
    printed = capsys.readouterr().out
    assert "by the rule: rejected" in printed and "locked at" in printed
    assert main(["compare", *entries[::-1], "--rule", str(file)]) == 2
    assert "not known: unsafe recoveries" in capsys.readouterr().out


def test_a_rule_counts_unsafe_recoveries_from_the_traces(capsys, tmp_path):
    """Two real runs: neither the expert nor a hand at rest touches anything unsafe, on three seeds."""
    for name in ("expert", "zero"):
        words = ["evaluate", name, "--suite", "smoke", "--seeds", "3", "--variant", "clean", "--no-videos"]
        main([*words, "--out", str(tmp_path / name), "--workers", "0"])
    file = tmp_path / "accept.toml"
    file.write_text("gain = 0.0\nunsafe_margin = 0.5\n")
    capsys.readouterr()
    assert main(["compare", str(tmp_path / "zero"), str(tmp_path / "expert"), "--rule", str(file)]) == 0
    printed = capsys.readouterr().out
    assert "by the rule: accepted" in printed and "unsafe recoveries +0.0 points" in printed
    assert (tmp_path / "expert" / "measures.parquet").is_file()
    capsys.readouterr()
    assert main(["check", str(tmp_path / "expert")]) == 0
    assert main(["pack", str(tmp_path / "expert"), "--out", str(tmp_path / "expert.zip")]) == 0
    assert main(["compare", str(tmp_path / "zero"), str(tmp_path / "expert.zip"), "--rule", str(file)]) == 0


def test_bounds_of_evaluate_are_a_gate(capsys, tmp_path):
    words = ["evaluate", "expert", "--suite", "smoke", "--seeds", "2", "--variant", "clean", "--no-videos"]
    words += ["--out", str(tmp_path / "run"), "--workers", "0"]
    file = tmp_path / "gate.xml"
    assert main([*words, "--min-success", "90", "--max-averaging", "5", "--junit", str(file)]) == 0
    names = [case.attrib["name"] for case in ElementTree.parse(file).getroot().iter("testcase")]
    assert names[1:] == ["success of at least 90.0 %", "averaging of at most 5.0 %"]
    assert (
        main([*words[:1], "zero", *words[2:-3], str(tmp_path / "zero"), *words[-2:], "--min-success", "90"])
        == 1
    )
    assert "success 0.0 % is below 90.0 %" in capsys.readouterr().err
    assert main([*words, "--min-success", "110"]) == 2


@pytest.fixture(scope="module")
def trainings(runs):
    """Return two methods with three trainings each, as the command line names them."""
    for name, every in (("mse", (0, 1, 0)), ("flow", (N, N - 1, N))):
        for seed, wins in enumerate(every):
            episodes = dict.fromkeys((DUMBBELL, POST), [WIN] * wins + [LOSS] * (N - wins))
            told = {task: {"seed": seed} for task in (DUMBBELL, POST)}
            run_folder(runs / f"{name}-{seed}", episodes, name, training=told)
    return [f"{name}={','.join(str(runs / f'{name}-{i}') for i in range(3))}" for name in ("mse", "flow")]


def test_trainings_of_a_method_are_compared_as_one(trainings, runs, capsys, tmp_path):
    junit = tmp_path / "verdict.xml"
    assert main(["compare", *trainings, "--junit", str(junit)]) == 0
    printed = capsys.readouterr().out
    assert "better: flow succeeds more often than mse: " in printed and "worst: seed 1 with" in printed
    assert ElementTree.parse(junit).getroot().attrib == {"tests": "1", "failures": "0", "errors": "0"}
    assert main(["compare", *trainings[::-1], "--json", "--junit", str(junit)]) == 1
    assert json.loads(capsys.readouterr().out)["baseline"]["shares"] == [1.0, 1 - 1 / N, 1.0]
    (failure,) = ElementTree.parse(junit).getroot().iter("failure")
    assert failure.attrib["message"].startswith("worse: mse succeeds less often than flow")
    assert main(["compare", str(runs / "mse"), trainings[1]]) == 0
    assert "mse: 0.0 % [0,15], one run" in capsys.readouterr().out


def test_several_methods_get_ranks_over_their_trainings(trainings, runs, capsys):
    mip = f"mip={trainings[0].partition('=')[2]}"
    assert main(["compare", *trainings, mip]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "not told apart: mse, mip" in lines and "flow" in lines
    assert main(["compare", *trainings, mip, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert {one["name"]: one["ranks"] for one in told["methods"]} == {
        "flow": [1, 1],
        "mse": [2, 3],
        "mip": [2, 3],
    }
    assert told["groups"] == [["flow"], ["mse", "mip"]] and len(told["pairs"]) == 3


def test_what_does_not_compare_is_a_failure_in_ci_too(runs, capsys, tmp_path):
    shutil.copytree(runs / "flow", tmp_path / "old")
    record = json.loads((runs / "flow" / "run.json").read_text())
    (tmp_path / "old" / "run.json").write_text(json.dumps(record | {"versions": {"mujoco": "0.1"}}))
    file = tmp_path / "verdict.xml"
    assert main(["compare", str(runs / "flow"), str(tmp_path / "old"), "--junit", str(file)]) == 3
    (failure,) = ElementTree.parse(file).getroot().iter("failure")
    assert "mujoco" in failure.attrib["message"] and "mujoco" in capsys.readouterr().err


def test_wrong_use_is_one_line(runs, capsys, tmp_path):
    flow = str(runs / "flow")
    for words, code in (
        ([flow], 2),
        ([flow, flow, flow, "--rule", "x.toml"], 2),
        ([flow, str(tmp_path / "none")], 2),
        ([flow, flow, "--rule", str(tmp_path / "none.toml")], 2),
        ([flow, flow, flow, "--junit", "x.xml"], 2),
        ([flow, f"flow={flow}", "--rule", "x.toml"], 2),
        ([flow, f"flow={flow}", flow], 2),
        ([flow, f"flow={flow},{flow}"], 2),
        ([flow, f"={flow}"], 2),
    ):
        assert main(["compare", *words]) == code
        assert len(capsys.readouterr().err.strip().splitlines()) == 1
    assert main(["plan", "--baseline", "200"]) == 2
    for words in (
        ["--suite", "diversity"],
        ["--policy", "nobody"],
        ["--policy", "mine.py:Mine"],
        ["--suite", "smok"],
    ):
        assert main(["plan", *words]) == 2
    assert "did you mean smoke" in capsys.readouterr().err


def test_a_plan_says_whether_the_panel_is_long_enough(capsys):
    assert main(["plan", "--suite", "smoke"]) == 1
    assert "5 points at a baseline of 90 %" in capsys.readouterr().out
    assert main(["plan", "--suite", "smoke", "--baseline", "90", "--gain", "5"]) == 1
    assert main(["plan", "--suite", "smoke", "--baseline", "5", "--gain", "90", "--json"]) == 0
    words, _, plain = capsys.readouterr().out.partition("{")
    assert "too few in smoke" in words
    assert json.loads("{" + plain)["needed"] < 2 * N
