"""Adding a task is one file: a file that breaks a rule is refused in one line."""

import pytest
from added_tasks import POT, STOOL
from bimodal.envs.errors import WrongUse
from bimodal.tasks import add_task_file, load_task
from bimodal.tasks.core.validation import problems
from broken_tasks import BROKEN

pytestmark = pytest.mark.usefixtures("nothing_stays_known")


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_rule_is_said_in_one_line_with_the_file(case, stool, bimodal):
    (old, new), text = BROKEN[case]
    content = stool.read_text()
    assert content.count(old) >= 1, case
    stool.write_text(content.replace(old, new))
    code, _, err = bimodal("demos", "lift_stool.py", "--episodes", "2")
    assert (code, len(err)) == (2, 1), err
    assert text in err[0] and str(stool) in err[0]
    assert [path.name for path in stool.parent.iterdir() if path.suffix != ".pyc"] != ["runs"]


@pytest.mark.parametrize("content", [b"\xff\xfe\x00i", b"x = '\0'", b"(" * 5000, b"#" * 1_100_000, b""])
def test_a_file_that_is_no_task_is_refused_in_a_line(content, bimodal, tmp_path):
    file = tmp_path / "odd.py"
    file.write_bytes(content)
    code, _, err = bimodal("demos", file)
    assert (code, len(err)) == (2, 1) and str(file) in err[0]


def test_a_folder_and_no_file_are_refused_in_a_line(bimodal, tmp_path):
    (tmp_path / "folder.py").mkdir()
    for name in ("folder.py", "none.py"):
        code, _, err = bimodal("demos", tmp_path / name)
        assert (code, len(err)) == (2, 1) and "no task file at" in err[0]


def test_certify_looks_over_a_task_of_the_package_too(bimodal, monkeypatch):
    monkeypatch.setattr(type(load_task(POT)), "dead_zone", (0.4, 0.6))
    code, _, err = bimodal("certify", POT, "--quick")
    assert (code, len(err)) == (2, 1) and "must cover 0.35 .. 0.65" in err[0] and "lift_pot.py" in err[0]


def test_an_unsound_task_can_be_loaded_to_be_looked_at(stool):
    stool.write_text(stool.read_text().replace("(0.0, 0.0, 0.0)}", "(0.0, 0.0, -0.01)}"))
    task = load_task(add_task_file(stool), check=False)
    assert len(problems(task)) > 0
    with pytest.raises(WrongUse, match="inside each other"):
        load_task(STOOL)
