"""Adding a task is one file: what `bimodal new-task` writes."""

import pytest
from added_tasks import STOOL
from bimodal.benchmark.certificate import physics_gates
from bimodal.benchmark.certificate.certify import certify
from bimodal.cli.new_task import write_task
from bimodal.tasks import load_task, task_id, task_names

pytestmark = pytest.mark.usefixtures("nothing_stays_known")


def test_a_new_task_is_bimodal_as_it_is_written(stool, monkeypatch):
    monkeypatch.setattr(physics_gates, "ZONE_SEEDS", 4)  # they take most of the time
    task = load_task(task_id("lift_stool.py"))
    found = certify(task, quick=True)
    assert task.id == STOOL and [row for row in found.checks if row.passed is False] == []


def test_a_new_task_bears_its_own_names_and_absolute_imports(tmp_path):
    text = write_task("PandaHoldTwoHandledCup-v3", tmp_path).read_text()
    assert (tmp_path / "hold_two_handled_cup.py").read_text() == text
    for part in ("class HoldTwoHandledCup(", '"PandaHoldTwoHandledCup-v3"', '"two_handled_cup"'):
        assert part in text
    assert "Lift the two handled cup by" in text and "gadget" not in text.lower() and "from ." not in text


def test_the_template_itself_is_no_task():
    assert not any("Gadget" in name for name in task_names())


def test_the_next_commands_are_printed(bimodal, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, out, err = bimodal("new-task", "PandaLiftStool")
    assert (code, err) == (0, []) and (tmp_path / "lift_stool.py").is_file()
    assert all(f"bimodal {line}" in out for line in ("view lift_stool.py", "certify lift_stool.py --quick"))


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (("LiftStool",), "robot, verb, object"),
        (("PandaStool",), "robot, verb, object"),
        (("Panda../../Stool",), "robot, verb, object"),
        (("PandaLiftStool-v1.py",), "robot, verb, object"),
        (("PandaLiftPot",), "lift_pot.py; take another name or raise the version"),
        (("PandaLiftStool", "--out", "nowhere"), "neither a folder that exists nor a .py file"),
        (("PandaLiftStool", "--out", "taken.py"), "taken.py exists already and is left as it is"),
    ],
)
def test_a_name_or_file_that_cannot_be_is_refused(arguments, text, bimodal, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "taken.py").write_text("mine")
    code, _, err = bimodal("new-task", *arguments)
    assert (code, len(err)) == (2, 1) and text in err[0]
    assert [path.name for path in tmp_path.iterdir()] == ["taken.py"]
    assert (tmp_path / "taken.py").read_text() == "mine"
