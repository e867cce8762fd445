"""What can be said for a task: enough sentences, of one meaning each, beside every task and part of none."""

import numpy as np
import pytest
from bimodal.envs.errors import WrongUse
from bimodal.envs.images import ANY, Wording
from bimodal.envs.seed_ranges import REPEATED, REPEATS
from bimodal.tasks import load_task
from bimodal.tasks.core import instructions
from bimodal.tasks.core.fingerprint import fingerprint
from bimodal.tasks.core.instructions import LEAST, asked_modes, digest
from bimodal.tasks.core.registry import own_names
from bimodal.tasks.lift_dumbbell import LiftDumbbell

TASKS = own_names()


@pytest.mark.parametrize("name", TASKS)
def test_every_mode_can_be_asked_for_in_many_ways_that_mean_nothing_else(name):
    task = load_task(name)
    said = {mode: task.wording(mode) for mode in (ANY, *task.modes)}
    every = [one for wording in said.values() for part in wording for one in part]
    assert len(every) == len(set(every)) and task.wording() == said[ANY]
    for wording in said.values():
        assert min(len(wording.seen), len(wording.unseen)) >= LEAST >= 5
    assert all(one[0].isupper() and one[-1] in ".?" and "{" not in one and "  " not in one for one in every)


@pytest.mark.parametrize("name", TASKS)
def test_where_any_mode_will_do_the_first_sentence_is_the_goal(name):
    task = load_task(name)
    assert task.wording().seen[0] == task.goal
    assert all(task.wording(mode).seen[0] != task.goal for mode in task.modes)


@pytest.mark.parametrize("name", TASKS)
def test_all_modes_are_asked_for_equally_often_in_an_order_that_is_drawn(name):
    task = load_task(name)
    k = len(task.modes)
    asked = asked_modes(task, range(40 * k)).reshape(-1, k)
    assert (np.sort(asked, axis=1) == np.arange(k)).all()
    assert len(np.unique(asked, axis=0)) > 1
    assert asked_modes(task, [7, 3, 7]).tolist() == [asked.ravel()[seed] for seed in (7, 3, 7)]


def test_episodes_of_one_scene_are_asked_for_the_same():
    task = load_task("PandaLiftDumbbell-v1")
    asked = asked_modes(task, REPEATED[: 4 * REPEATS]).reshape(4, REPEATS)
    assert (asked == asked_modes(task, range(4))[:, None]).all()


def test_sentences_are_no_part_of_a_task(monkeypatch):
    task = load_task("PandaLiftDumbbell-v1")
    before = fingerprint(task), digest(task)
    other = Wording(("Do it.",), ("Please do it.",))
    monkeypatch.setattr(instructions, "_of_task", lambda task: dict.fromkeys((ANY, *task.modes), other))
    assert fingerprint(task) == before[0] and digest(task) != before[1]


class Stool(LiftDumbbell):
    """A task of somebody else's, whose file is this one."""

    id = "PandaLiftStool-v1"
    goal = "Lift the stool."


def test_a_task_without_instructions_can_be_asked_for_any_mode_alone():
    assert Stool().wording() == Wording(("Lift the stool.",), ())
    with pytest.raises(
        WrongUse, match=r"PandaLiftStool-v1 has no instructions.*write them into \S+instructions.toml"
    ):
        Stool().wording("left bar")
    with pytest.raises(WrongUse, match="has no instructions"):
        digest(Stool())


def test_a_mode_that_does_not_exist():
    with pytest.raises(
        WrongUse, match=r"unknown mode of PandaLiftDumbbell-v1 'left bra': did you mean left bar"
    ):
        load_task("PandaLiftDumbbell-v1").wording("left bra")


SAY = "[PandaLiftStool-v1.{}]\nsay = {}\nany = {}\n'left bar' = ['l{}']\n'right bar' = ['r{}']\n"


def text(say="['Do {}{}.', 'Now {}{}.', 'Then {}{}.', 'Please {}{}.', 'Go {}{}.']", words="['it']", more=""):
    """Return a file for the stool; the sentences of both parts differ by a letter."""
    parts = (
        SAY.format(kind, say.replace("{}{}", "{} " + kind), words, kind, kind) for kind in Wording._fields
    )
    return "\n".join(parts) + more


@pytest.fixture
def beside(tmp_path, monkeypatch):
    """Return a function that writes the file beside the stool's."""

    def write(content):
        file = tmp_path / "instructions.toml"
        file.write_text(content)
        monkeypatch.setattr(instructions, "_file", lambda task: file)
        instructions._read.cache_clear()
        instructions._entry.cache_clear()

    return write


def test_a_file_beside_a_task_of_ones_own_is_found(beside):
    beside(text())
    assert Stool().wording("left bar").seen[0] == "Do lseen seen."
    assert Stool().wording("right bar").unseen[-1] == "Go runseen unseen."
    assert len(digest(Stool())) == 64


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("say = ", "is not TOML"),
        ("[PandaLiftStool-v1.seen]\nsay = ['Do {}.']", r"\[seen\] has no 'any'"),
        (text(words="[]"), "0 different sentences; 5 or more"),
        (text(words="['']"), "none of them empty"),
        (text(words="'it'"), "must be a list of words"),
        (text(say="['Do it.']"), r"'Do it\.' must have one \{\}"),
        (text(say="['Do {}{}.']"), "1 different sentences; 5 or more"),
        (text(more="'middle' = ['m']"), "unknown mode in .unseen. 'middle'"),
        (text(words=f"['{'x' * 300}']"), "one line of at most 200"),
    ],
)
def test_a_file_that_is_wrong_is_told_in_one_line(content, told, beside):
    beside(content)
    with pytest.raises(WrongUse, match=told) as error:
        Stool().wording("left bar")
    assert "instructions.toml" in str(error.value) and "\n" not in str(error.value)
