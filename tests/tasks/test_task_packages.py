"""Adding a task is one file: packages bring theirs by an entry point."""

import os
import re
import subprocess
import tomllib

import pyarrow.parquet as pq
import pytest
from added_tasks import BIMODAL, PAGE, POT, STOOL, outside

pytestmark = pytest.mark.usefixtures("nothing_stays_known")


@pytest.fixture
def install(tmp_path):
    """Install a package with entry points into a folder; returns the environment that has the folder."""

    def package(name, points, **files):
        site = tmp_path / "site"
        info = site / f"{name}-1.0.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        lines = [f"{key} = {value}" for key, value in points.items()]
        (info / "entry_points.txt").write_text("\n".join(["[bimodal.tasks]", *lines]))
        (site / name).mkdir()
        (site / name / "__init__.py").touch()
        for module, text in files.items():
            (site / name / f"{module}.py").write_text(text)
        return {"PYTHONPATH": str(site)}

    return package


def run_in(environment, *arguments):
    done = subprocess.run(
        [BIMODAL, *arguments], env=os.environ | environment, capture_output=True, text=True, cwd="/"
    )
    return done.returncode, done.stdout, done.stderr


@pytest.mark.slow
def test_a_package_with_the_pages_entry_point_brings_its_task(stool, install, tmp_path):
    block = tomllib.loads(re.search(r"```toml\n(.*?)```", PAGE.read_text(), re.S)[1])
    points = block["project"]["entry-points"]["bimodal.tasks"]
    environment = install("my_tasks", points, lift_stool=stool.read_text())
    code, out, err = run_in(environment, "tasks")
    assert (code, err) == (0, "") and STOOL in out
    options = [
        "--task",
        STOOL,
        "--seeds",
        "2",
        "--no-videos",
        "--workers",
        "2",
        "--out",
        str(tmp_path / "run"),
    ]
    assert run_in(environment, "evaluate", "expert", *options)[0] == 0
    assert set(pq.read_table(tmp_path / "run" / "episodes.parquet")["label"].to_pylist()) == {"SUCCESS"}
    name = f"print(TaskEnv(task='{STOOL}').task.id)"
    assert STOOL in outside(f"from bimodal.tasks.gym.env import TaskEnv; {name}", **environment)
    file = tmp_path / "site" / "my_tasks" / "lift_stool.py"
    assert (
        run_in(environment, "demos", str(file), "--episodes", "2", "--out", str(tmp_path / "d.npz"))[0] == 0
    )


def test_packages_that_are_wrong_are_named(stool, install):
    text = stool.read_text()
    install("first", {STOOL: "first.stool:LiftStool"}, stool=text)
    both = "first (first.stool:LiftStool) and second (second.stool:LiftStool)"
    points = {
        STOOL: "second.stool:LiftStool",
        POT: "second.stool:LiftStool",
        "stool": "second.stool:LiftStool",
    }
    points |= {"PandaLiftNone-v1": "second.none:Task", "PandaLiftOther-v1": "second.stool:LiftStool"}
    environment = install("second", points, stool=text)
    for task, said in {
        STOOL: f"several packages: {both}; uninstall all but one",
        "PandaLiftNone-v1": "second (second.none:Task) does not load: ModuleNotFoundError",
        "PandaLiftOther-v1": "second (second.stool:LiftStool) holds no subclass of Task with the id",
    }.items():
        code, _, err = run_in(environment, "demos", task, "--out", "none.npz")
        assert code == 2 and said in err.splitlines()[-1]
    assert "second: its task 'PandaLiftPot-v1' is left out, the name comes with bimodal" in err
    assert "second: its task 'stool' is left out, the name is not an id" in err
    code = f"from bimodal.tasks import load_task; print(type(load_task('{POT}')).__module__)"
    assert "bimodal.tasks.lift_pot" in outside(code, **environment)
