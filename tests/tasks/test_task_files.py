"""Adding a task is one file: a file is named by its path and then known by its id."""

import json

import gymnasium
import pyarrow.parquet as pq
import pytest
from added_tasks import FILES, POT, ROOT, STOOL, outside
from bimodal.benchmark import EvalOptions, evaluate, find_suite
from bimodal.benchmark.scoring.run_episodes import read_run
from bimodal.envs.errors import BimodalError, WrongUse
from bimodal.tasks import add_task_file, load_task, task_id, task_names
from bimodal.tasks.core.registry import own_names
from bimodal.tasks.gym.env import TaskEnv
from bimodal.tasks.gym.vector_env import TaskVectorEnv

pytestmark = pytest.mark.usefixtures("nothing_stays_known")


def test_a_file_is_known_by_its_id_once_it_is_named(stool):
    with pytest.raises(WrongUse, match=FILES):
        load_task(STOOL)
    assert task_id("lift_stool.py") == add_task_file(stool) == task_id(f"{stool}:LiftStool") == STOOL
    assert STOOL in task_names() and load_task(STOOL) is load_task(STOOL)
    assert STOOL not in own_names() and POT in own_names()
    assert task_id(str(ROOT / "tasks" / "lift_tray.py")) == "PandaLiftTray-v1"


def test_ids_alone_are_loaded_so_that_no_record_names_code(stool):
    with pytest.raises(WrongUse, match="is a file, not an id"):
        load_task(str(stool))


def test_of_a_file_with_two_tasks_one_is_chosen(stool):
    second = stool.read_text().split("class LiftStool")[1].replace("PandaLiftStool", "PandaLiftBench")
    stool.write_text(f"{stool.read_text()}\n\nclass LiftBench{second}")
    with pytest.raises(WrongUse, match="holds 2 tasks; choose one"):
        task_id("lift_stool.py")
    with pytest.raises(WrongUse, match="holds no task 'Bench'; it holds: LiftStool, LiftBench"):
        task_id("lift_stool.py:Bench")
    assert task_id("lift_stool.py:LiftBench") == "PandaLiftBench-v1"
    assert load_task("PandaLiftBench-v1").id == "PandaLiftBench-v1" and STOOL in task_names()


def test_two_files_with_one_id_are_refused(stool, tmp_path):
    add_task_file(stool)
    (tmp_path / "copy.py").write_text(stool.read_text())
    with pytest.raises(WrongUse, match=rf"copy\.py: the id '{STOOL}' exists already, in .*lift_stool\.py"):
        add_task_file("copy.py")


def test_a_wrong_file_in_the_environment_is_said_in_one_line(bimodal, monkeypatch, tmp_path):
    monkeypatch.setenv(FILES, str(tmp_path / "gone.py"))
    code, _, err = bimodal("tasks")
    assert (code, len(err)) == (2, 1) and "gone.py" in err[0] and FILES in err[0]
    assert "fine" in outside("import bimodal.tasks; print('fine')")


def test_gymnasium_knows_a_file(stool):
    env = TaskEnv(task="lift_stool.py")
    observation, _ = env.reset(seed=3)
    assert "stool_position" in observation
    same, _ = gymnasium.make(f"bimodal/{STOOL}").reset(seed=3)
    assert all((observation[name] == same[name]).all() for name in observation)
    assert TaskVectorEnv(task="lift_stool.py", num_envs=2).reset(seed=3)[0]["stool_position"].shape == (2, 3)
    code = f"import bimodal.tasks, gymnasium; print(gymnasium.make('bimodal/{STOOL}').reset(seed=3)[0])"
    assert "stool_position" in outside(code, **{FILES: str(stool)})


def test_workers_score_a_file_as_this_process_does(stool, small_shards, tmp_path):
    runs = [
        evaluate(
            "expert",
            find_suite("core", ("lift_stool.py",), range(6), ["contact.friction:2"]),
            EvalOptions(out=tmp_path / str(n), workers=n),
        )
        for n in (0, 2)
    ]
    alone, crew = (pq.read_table(run / "episodes.parquet").to_pydict() for run in runs)
    assert alone == crew and set(alone["task"]) == {STOOL} and set(alone["label"]) == {"SUCCESS"}
    assert read_run(runs[0]).record.suite.name == "core*"


@pytest.mark.slow
def test_a_changed_file_refuses_what_its_older_form_showed(stool, bimodal):
    assert bimodal("demos", "lift_stool.py", "--episodes", "2", "--out", "old.npz")[0] == 0
    arguments = ["train", "mse", "--task", "lift_stool.py", "--demos", "old.npz", "--steps", "1"]
    code = f"from bimodal.cli.main import main; main({arguments})"
    assert "old.npz shows" not in outside(code)
    stool.write_text(
        stool.read_text()
        + "\n    def decided(self, measurement):\n        return measurement.opening < 0.05\n"
    )
    assert f"old.npz shows an older form of {STOOL}" in outside(code)


def test_a_run_of_an_unknown_task_says_how_to_make_it_known(stool, bimodal, monkeypatch, tmp_path):
    run = evaluate(
        "expert",
        find_suite("core", tasks=("lift_stool.py",), seeds=range(2)),
        EvalOptions(out=tmp_path / "run", workers=0),
    )
    monkeypatch.setenv(FILES, "")
    code, _, err = bimodal("videos", run)
    assert (code, len(err)) == (1, 1) and STOOL in err[0] and FILES in err[0]


def test_no_run_folder_loads_code(stool, bimodal, tmp_path):
    run = evaluate(
        "expert",
        find_suite("core", tasks=("lift_stool.py",), seeds=range(2)),
        EvalOptions(out=tmp_path / "run", workers=0),
    )
    evil = tmp_path / "evil.py"
    evil.write_text(stool.read_text().replace(STOOL, "PandaLiftEvil-v1") + "\nopen('touched', 'w')\n")
    rows = pq.read_table(run / "episodes.parquet")
    pq.write_table(
        rows.set_column(rows.schema.get_field_index("task"), "task", [[str(evil)] * len(rows)]),
        run / "episodes.parquet",
    )
    assert bimodal("videos", run)[0] == 1
    card = json.loads((run / "run.json").read_text())
    card["suite"]["tasks"] = [str(evil)]
    (run / "run.json").write_text(json.dumps(card))
    assert bimodal("videos", run)[0] == 2, "a task id that is a path is a damaged run.json"
    with pytest.raises(BimodalError):
        read_run(run)
    assert not (tmp_path / "touched").exists()
