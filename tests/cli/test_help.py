"""Help, version, names and completion: what the command line says of itself, and that it says it at once."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from bimodal.benchmark.records.run_folder import RUNS
from bimodal.benchmark.suites import SUITES
from bimodal.cli import arguments
from bimodal.cli.main import COMMANDS, build_parser, spelled_out
from bimodal.envs.perturbations.core.registry import perturbations
from bimodal.envs.perturbations.core.variant import COMBO
from bimodal.policies.core.registry import policy_class, policy_names
from bimodal.policies.training.presets import PRESETS
from bimodal.tasks import task_names
from bimodal.tasks.demonstrations.regimes import ALL

BIMODAL = Path(sys.executable).with_name("bimodal")
HEAVY = ("numpy", "torch", "mujoco", "pyarrow", "gymnasium", "scipy", "matplotlib", "rich", "jinja2")
LATENCIES = {f"sensing.latency:{level}" for level in (1, 2, 3)} | {
    variant for variant in SUITES["full"].variants if variant.startswith("sensing.latency=")
}
HELP = [("--help",), *((command, "--help") for command in COMMANDS)]


def parsed(*words):
    """Parse a command's arguments without running it; returns its values by parameter."""
    with build_parser().commands[words[0]].make_context(words[0], list(words[1:])) as context:
        return context.params


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_a_help_text_and_an_example_that_parses(command, bimodal):
    code, out, err = bimodal(command, "--help")
    text = " ".join(out.split())
    assert (code, err) == (0, [])
    assert COMMANDS[command].run.__doc__.splitlines()[0] in text
    assert f"Example: {COMMANDS[command].EXAMPLE}" in text
    program, verb, *words = COMMANDS[command].EXAMPLE.split()
    assert (program, verb) == ("bimodal", command)
    parsed(verb, *spelled_out(words))


@pytest.mark.parametrize("command", COMMANDS)
def test_every_argument_has_a_help_text(command):
    for parameter in build_parser().commands[command].params:
        assert parameter.help, f"{command} {parameter.name}"


@pytest.mark.parametrize("command", COMMANDS)
def test_an_unknown_option_and_a_near_command_are_one_line_each(command, bimodal, tmp_path):
    for words, text in (
        ((command, "--no-such-option"), "unknown option '--no-such-option'"),
        ((command[:-1], "x"), command),
        ((command + command[-1],), command),
    ):
        code, out, err = bimodal(*words)
        assert (code, out, len(err)) == (2, "", 1) and text in err[0]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("words", HELP, ids=lambda words: words[0])
def test_help_fits_eighty_columns(words, bimodal, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    _, out, _ = bimodal(*words)
    assert max(map(len, out.splitlines())) <= 80


def test_the_help_lists_every_command_with_its_whole_sentence(bimodal):
    code, out, _ = bimodal("--help")
    for command, module in COMMANDS.items():
        assert re.search(
            rf"^  {command} +{re.escape(module.run.__doc__.splitlines()[0])}$", out, re.MULTILINE
        )
    assert code == 0


def test_help_imports_nothing_heavy():
    code = "\n".join(
        [
            "import contextlib, io, sys",
            "from bimodal.cli.main import main",
            f"for words in {HELP!r}:",
            "    with contextlib.redirect_stdout(io.StringIO()):",
            "        assert main(words) == 0",
            f"    print(*words, *set({HEAVY!r}) & set(sys.modules))",
        ]
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.splitlines() == [" ".join(words) for words in HELP]


def test_the_names_that_help_tells_are_those_of_the_rooms():
    assert set(arguments.SUITES) == set(SUITES)
    assert set(arguments.PRESETS) == set(PRESETS)
    assert arguments.REGIMES == ALL
    assert arguments.RUNS == RUNS and arguments.ENTRIES.is_dir()


def test_the_installed_program_says_its_version():
    found = subprocess.run([BIMODAL, "--version"], capture_output=True, text=True, check=False)
    assert found.returncode == 0 and re.fullmatch(r"bimodal \d+\.\d+\.\d+\n", found.stdout)
    assert not found.stderr


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("bimodal ev", {"evaluate"}),
        ("bimodal evaluate --su", {"--suite"}),
        ("bimodal evaluate flow --suite s", {"smoke"}),
        ("bimodal evaluate flow_1", {"flow_1step"}),
        ("bimodal view PandaLiftP", {"PandaLiftPot-v1", "PandaLiftPot-v2"}),
        ("bimodal evaluate flow --variant combo", {"combo:1", "combo:2", "combo:3"}),
        ("bimodal evaluate flow --variant sensing.la", LATENCIES),
    ],
)
def test_the_shell_completes_commands_options_and_names(line, offered):
    words = {
        "COMP_WORDS": line,
        "COMP_CWORD": str(len(line.split()) - 1),
        "_BIMODAL_COMPLETE": "complete_bash",
    }
    found = subprocess.run([BIMODAL], env=os.environ | words, capture_output=True, text=True, check=False)
    assert set(found.stdout.split()) == offered


@pytest.mark.parametrize(
    ("command", "names"),
    [
        ("tasks", task_names()),
        ("policies", ("expert", "flow", "mse")),
        ("variants", (*perturbations(), "0.75, 0.5, 0.3 x", COMBO)),
        (
            "suites",
            (
                *SUITES,
                *SUITES["full"].tasks,
                *SUITES["core"].variants[1:],
                "200 seeds",
                "50 seeds",
                "actuation.delay :2 =3",
            ),
        ),
    ],
)
def test_names_are_listed(command, names, bimodal):
    code, out, err = bimodal(command)
    assert (code, err) == (0, []) and all(name in out for name in names)


LISTS = ("tasks", "variants", "suites", "policies")


def test_lists_are_given_to_programs_too(bimodal):
    listed = {name: json.loads(bimodal(name, "--json")[1]) for name in LISTS}
    assert [task["id"] for task in listed["tasks"]] == list(task_names())
    kinds = perturbations()
    assert {one["name"]: tuple(one["levels"]) for one in listed["variants"]} == {
        name: kind.levels[1:] for name, kind in kinds.items()
    }
    assert {suite["name"]: suite["hash"] for suite in listed["suites"]} == {
        name: suite.hash() for name, suite in SUITES.items()
    }
    policies = {one["name"]: one["what"] for one in listed["policies"]}
    assert tuple(policies) == policy_names()
    assert all(policies.values()) and policies["flow"] == policy_class("flow").description


def test_an_entry_without_a_folder_goes_to_entries():
    assert spelled_out(["evaluate", "flow", "--entry"]) == ["evaluate", "flow", "--entry", "entries"]
    assert spelled_out(["evaluate", "flow", "--entry", "--fresh"])[3:] == ["entries", "--fresh"]
    assert spelled_out(["evaluate", "flow", "--entry", "mine"])[3:] == ["mine"]


def test_options_of_every_command_may_stand_anywhere():
    assert spelled_out(["tasks", "--quiet", "--debug"]) == ["--debug", "--quiet", "tasks"]


def test_options_that_may_be_repeated_keep_their_order():
    values = parsed("evaluate", "flow", "--task", "PandaLiftPot-v1", "--variant", "clean", "--variant", "b")
    assert list(values["variant"]) == ["clean", "b"] and list(values["task"]) == ["PandaLiftPot-v1"]
