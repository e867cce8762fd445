"""What a plug-in file asks for (PEP 723) is read before it runs; what is missing is one line."""

import shlex
import sys
from importlib.metadata import version

import pytest
from bimodal.envs.errors import WrongUse
from bimodal.envs.plugins.script_block import installed_versions, refuse_missing, script_block
from bimodal.policies.core.registry import policy_class

ELSEWHERE = 'serve it from an environment of its own, see docs/policies.md, "Packages that a file asks for"'


def file_that_asks(folder, dependencies, python=">=3.11", code=""):
    listed = "".join(f"#   {one!r},\n" for one in dependencies)
    path = folder / "mine.py"
    block = f'# requires-python = "{python}"\n# dependencies = [\n{listed}# ]\n'
    path.write_text(f'"""A policy."""\n\n# /// script\n{block}# ///\n{code}')
    return path


def refusal(file):
    with pytest.raises(WrongUse) as error:
        refuse_missing(file)
    assert "\n" not in str(error.value)
    return str(error.value).removeprefix(f"{file} asks for ")


def test_what_is_there_is_told_by_its_version_and_what_does_not_apply_is_left_out(tmp_path):
    file = file_that_asks(tmp_path, ["Pillow>=1", "pytest", "nothing-such; sys_platform == 'win32'"])
    refuse_missing(file)
    assert installed_versions(file) == {"pillow": version("pillow"), "pytest": version("pytest")}


def test_all_that_is_missing_or_too_old_is_named_with_the_command_that_mends_it(tmp_path):
    file = file_that_asks(tmp_path, ["nothing-such[fast]>=0.8,<2", "pytest>=999", "rich"])
    told, command = refusal(file).split(": ")
    assert (
        told == f"nothing-such[fast]<2,>=0.8 (not installed), pytest>=999 ({version('pytest')} is installed)"
    )
    assert shlex.split(command)[1:] == ["-m", "pip", "install", "nothing-such[fast]<2,>=0.8", "pytest>=999"]
    assert shlex.split(command)[0] == sys.executable


@pytest.mark.parametrize(
    ("asked", "python", "told"),
    [
        ("numpy<2", ">=3.11", f"numpy<2 ({version('numpy')} is installed, Bimodal needs >=2.0)"),
        ("mujoco==3.3.0", ">=3.11", "mujoco==3.3.0 (4.0.0 is installed, Bimodal needs ==4.0.0)"),
        ("rich", "<3.10", f"Python <3.10 (this is {sys.version.split()[0]})"),
    ],
)
def test_what_cannot_stand_beside_bimodal_is_sent_to_an_environment_of_its_own(tmp_path, asked, python, told):
    assert refusal(file_that_asks(tmp_path, [asked], python)) == f"{told}: {ELSEWHERE}"


def test_what_bimodal_needs_too_but_newer_is_installed_by_the_command(tmp_path):
    assert refusal(file_that_asks(tmp_path, ["rich>=999"])).endswith("-m pip install 'rich>=999'")


def test_a_file_without_a_block_asks_for_nothing(tmp_path):
    (tmp_path / "mine.py").write_text("#!/usr/bin/env python\n# /// other\n# x = 1\n# ///\n")
    assert script_block(tmp_path / "mine.py").dependencies == ()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("# /// script\n# dependencies = [\n# ///\n", "cannot be read: "),
        ("# /// script\n# dependencies = 'rich'\n# ///\n", "dependencies must be a list of texts"),
        ("# /// script\n# dependencies = ['rich >> 2']\n# ///\n", "cannot be read: Expected"),
        ("# /// script\n# requires-python = 3.11\n# ///\n", "requires-python must be a text"),
        ("# /// script\n# requires-python = 'new'\n# ///\n", "Invalid specifier: 'new'"),
        ("# /// script\n# ///\n\n# /// script\n# ///\n", "has 2 blocks"),
    ],
)
def test_a_block_that_cannot_be_read_is_one_line(tmp_path, text, said):
    file = tmp_path / "mine.py"
    file.write_text(text)
    assert said in refusal(file)


def test_a_policy_file_is_asked_before_it_runs(tmp_path, monkeypatch):
    code = 'raise SystemExit("it ran")\nclass Mine:\n    name = "asking"\n'
    file = file_that_asks(tmp_path, ["nothing-such"], code=code)
    monkeypatch.setenv("BIMODAL_POLICIES", str(file))
    for uri in (f"{file}:Mine", "asking"):
        with pytest.raises(WrongUse, match=r"asks for nothing-such \(not installed\): "):
            policy_class(uri)
