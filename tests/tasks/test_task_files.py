"""Adding a task is one file: the template, files and packages from outside, the rules, and the guide."""

import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import gymnasium
import pyarrow.parquet as pq
import pytest
from bimodal.benchmark import EvalOptions, evaluate, find_suite
from bimodal.benchmark.certificate.certify import certify
from bimodal.benchmark.evaluation.worker_process import DEBUG
from bimodal.benchmark.scoring.task_scores import read_run
from bimodal.cli import main as cli
from bimodal.cli.new_task import write_task
from bimodal.envs.errors import BimodalError, WrongUse
from bimodal.tasks import add_task_file, load_task, task_id, task_names
from bimodal.tasks.core.registry import TASKS, own_names
from bimodal.tasks.core.validation import problems
from bimodal.tasks.gym.env import TaskEnv
from bimodal.tasks.gym.vector_env import TaskVectorEnv

FILES = TASKS.variable
ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "add-a-task.md"
STOOL, POT = "PandaLiftStool-v1", "PandaLiftPot-v1"
BIMODAL = Path(sys.executable).with_name("bimodal")


@pytest.fixture(autouse=True)
def nothing_stays_known(monkeypatch):
    """Forget, after a test, the files that it made known."""
    monkeypatch.setenv(FILES, "")
    before = set(gymnasium.registry)
    yield
    for name in set(gymnasium.registry) - before:
        del gymnasium.registry[name]


@pytest.fixture
def stool(tmp_path, monkeypatch):
    """The template's file, in the working directory."""
    monkeypatch.chdir(tmp_path)
    return write_task("PandaLiftStool", tmp_path)


@pytest.fixture
def bimodal(capsys, monkeypatch):
    """Run a command in this process; returns (exit code, output, lines of errors)."""
    monkeypatch.setenv(DEBUG, "")

    def run(*arguments):
        capsys.readouterr()
        try:
            code = cli.main([str(argument) for argument in arguments])
        except SystemExit as stop:
            code = stop.code
        out, err = capsys.readouterr()
        assert "Traceback" not in out + err
        return code, out, err.splitlines()

    return run


def outside(code, **environment):
    """Run Python code in a process of its own; returns its output."""
    done = subprocess.run(
        [sys.executable, "-c", code], env=os.environ | environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


# ------------------------------------------------------------------------------------------ the template


def test_a_new_task_is_bimodal_as_it_is_written(stool):
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


# ------------------------------------------------------------------------------------------ the rules

METHOD = "    def poses(self)"


def method(text):
    """Put a method into the class."""
    return METHOD, f"{text}\n\n{METHOD}"


BROKEN = {
    "does not compile": (("class LiftStool(", "class LiftStool(("), "does not compile: "),
    "import": (("import numpy as np", "import nmpy as np"), "line 7 does not load: ModuleNotFoundError"),
    "raises": (("STEEL =", "1 / 0\nSTEEL ="), "does not load: ZeroDivisionError"),
    "exits": (("STEEL =", "raise SystemExit(0)\nSTEEL ="), "does not load: SystemExit"),
    "raises when built": (
        method("    def __init__(self):\n        self.x = {}['y']"),
        "does not load: KeyError",
    ),
    "no id": ((f'    id = "{STOOL}"', "    name = 0"), "states no id"),
    "no such id": ((STOOL, "stool"), "'stool' is no id"),
    "id exists": ((STOOL, POT), "lift_pot.py; raise its version or rename it"),
    "no task": (("class LiftStool(LiftTask)", "class LiftStool"), "no subclass of Task"),
    "no goal": (("    goal =", "    aim ="), "states no `goal`"),
    "docstring": (("**Randomised**", "Randomised"), "lacks **Randomised**:"),
    "modes": (('"right grip")', '"left grip")'), "two or more different names"),
    "grasps": ((", ALONG_X]]", "]]"), "does not load"),
    "grasps of one mode": ((", [0.0, -GRASP_Y, GRASP_Z, ALONG_X]]", "]"), "has the shape (1, 4)"),
    "equal grasps": (("[0.0, -GRASP_Y,", "[0.0, GRASP_Y,"), "the same row in grasps"),
    "dead zone": (method("    dead_zone = (0.4, 0.6)"), "must cover 0.35 .. 0.65"),
    "no spread": (method("    hand_spread = (0.0, 0.003, 0.01)"), "each more than 0"),
    "too short": (("max_episode_steps = 100", "max_episode_steps = 60"), "raise max_episode_steps"),
    "an old name": (("max_episode_steps = 100", "horizon = 100"), "called `max_episode_steps` now"),
    "length in words": (
        ("max_episode_steps = 100", 'max_episode_steps = "5 s"'),
        "a whole number of control steps",
    ),
    "unknown part": (
        ('parts = ("left_grip",', 'parts = ("left_grp",'),
        "measure() fails: KeyError: 'left_grp_left'",
    ),
    "unknown body": (
        ('objects = ("stool",)', 'objects = ("stoool",)'),
        "'stoool', but build() adds no such body",
    ),
    "no place": (('{"stool": (0.0, 0.0, 0.0)}', "{}"), "does not say where 'stool' rests"),
    "no grip": (("            scene.watch_fingers(name, name)\n", ""), "no grip is watched"),
    "unnamed": (
        (
            "        scene.watch(",
            '        scene.box(stool, "", GRIP, (0, 0, 0.1), RED)\n        scene.watch(',
        ),
        "1 of the geoms that build() adds have no name",
    ),
    "no scene": (("def build(", "def make("), "build() is missing"),
    "two floors": (('scene.box(stool, "block",', 'scene.box(stool, "floor",'), "build() fails: "),
    "below the table": (
        ('"stool": (0.0, 0.0, 0.0)', '"stool": (0.0, 0.0, -0.01)'),
        "10.0 mm inside each other",
    ),
    "in the air": (('"stool": (0.0, 0.0, 0.0)', '"stool": (0.0, 0.0, 0.05)'), "by itself in 0.5 s"),
    "far away": (("hand_start = (0.0,", "hand_start = (0.6,"), "cannot reach its start"),
    "start in the block": (("DECISION_Z + 0.06)", "0.03)"), "inside each other at the start"),
    "success": (
        method(
            "    def measure(self, s):\n        seen = super().measure(s)\n"
            "        return seen._replace(at_goal=seen.lift > -1)"
        ),
        "success is true at the start",
    ),
    "measure": (
        method("    def measure(self, s):\n        return super().measure(s)._replace(lift=np.zeros(3))"),
        "measure() gives lift as (3,)",
    ),
    "no expert": (
        method("    def path(self, start, modes):\n        return super().path(start, modes[modes < 1])"),
        "the mode 'right grip' has no expert",
    ),
    "no path": (
        method("    def path(self, start, modes):\n        raise NotImplementedError"),
        "the modes have no experts; write path()",
    ),
    "other lengths": (
        method("    def path(self, start, modes):\n        return super().path(start, modes).wait(modes[0])"),
        "all modes must take equally many",
    ),
    "early parting": (
        method(
            "    def path(self, start, modes):\n"
            "        return super().path(start + [[0, 0.01 * modes[0], 0]], modes)"
        ),
        "the modes part before step 16",
    ),
    "one plan": (
        method("    def path(self, start, modes):\n        return super().path(start, 0 * modes)"),
        "have the same plan",
    ),
}


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


# ------------------------------------------------------------------------------------------ a file by path


def test_a_file_is_known_by_its_id_once_it_is_named(stool):
    with pytest.raises(WrongUse, match=FILES):
        load_task(STOOL)
    assert task_id("lift_stool.py") == add_task_file(stool) == task_id(f"{stool}:LiftStool") == STOOL
    assert STOOL in task_names() and load_task(STOOL) is load_task(STOOL)
    assert STOOL not in own_names() and POT in own_names()
    assert task_id(str(ROOT / "tasks" / "lift_pot.py")) == POT


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
            find_suite("core", tasks=("lift_stool.py",), seeds=range(12)),
            EvalOptions(out=tmp_path / str(n), workers=n),
        )
        for n in (0, 2)
    ]
    alone, crew = (pq.read_table(run / "episodes.parquet").to_pydict() for run in runs)
    assert alone == crew and set(alone["task"]) == {STOOL} and set(alone["label"]) == {"SUCCESS"}
    assert read_run(runs[0]).record.suite.name == "core*"


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
    assert bimodal("videos", run)[0] == 1
    with pytest.raises(BimodalError):
        read_run(run)
    assert not (tmp_path / "touched").exists()


# ------------------------------------------------------------------------------------------ a package


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
        code, _, err = run_in(environment, "demos", task, "--out", "/dev/null")
        assert code == 2 and said in err.splitlines()[-1]
    assert "second: its task 'PandaLiftPot-v1' is left out, the name comes with bimodal" in err
    assert "second: its task 'stool' is left out, the name is not an id" in err
    code = f"from bimodal.tasks import load_task; print(type(load_task('{POT}')).__module__)"
    assert "bimodal.tasks.lift_pot" in outside(code, **environment)


# ------------------------------------------------------------------------------------------ the guide


def commands(text):
    """Return the lines of a page's shell blocks."""
    blocks = re.findall(r"```sh\n(.*?)```", text, re.S)
    return [line for block in blocks for line in block.splitlines() if line.strip()]


def follow(lines, folder):
    """Run lines in one shell, in a folder; stops at the first that fails."""
    environment = {name: value for name, value in os.environ.items() if name != FILES}
    environment["PATH"] = f"{BIMODAL.parent}{os.pathsep}{environment['PATH']}"
    return subprocess.run(
        ["bash", "-e"], input="\n".join(lines), cwd=folder, env=environment, capture_output=True, text=True
    )


LONG = "some minutes"
"""What the page says beside the command that takes long."""


@pytest.mark.parametrize("all_lines", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_the_guide_holds_when_followed_to_the_letter(all_lines, tmp_path):
    lines = [line for line in commands(PAGE.read_text()) if LONG not in line]
    pictures = [line for line in lines if line.split()[1] in ("view", "videos", "certify")]
    assert len(pictures) == 3
    done = follow(lines if all_lines else [line for line in lines if line not in pictures], tmp_path)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    assert STOOL in done.stdout
    for run in ("stool-expert", "stool-mse"):
        assert set(pq.read_table(tmp_path / "runs" / run / "episodes.parquet")["task"].to_pylist()) == {STOOL}
    assert (tmp_path / "stool.png").exists() == all_lines


@pytest.mark.slow
def test_the_guides_task_passes_the_whole_certificate_up_to_the_probes_chance(tmp_path):
    (long,) = [line for line in commands(PAGE.read_text()) if LONG in line]
    write_task("PandaLiftStool", tmp_path)
    done = follow([long], tmp_path)
    failed = {row.strip().split("  ")[0] for row in re.findall("✗(.*)", done.stdout)}
    assert "flow, 8 of 16" in done.stdout and failed <= {"probe before"}, done.stdout[-4000:] + done.stderr


def test_the_guides_python_block_works(stool):
    (block,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.S)
    names = {}
    exec(block, names)
    assert names["name"] == STOOL and names["env"].unwrapped.task is names["task"]


def test_the_guides_error_is_the_one_that_is_said(stool, bimodal):
    (old, new), _ = BROKEN["success"]
    stool.write_text(stool.read_text().replace(old, new))
    (shown,) = [line for line in PAGE.read_text().splitlines() if line.startswith("bimodal: ")]
    *_, err = bimodal("demos", "lift_stool.py")
    assert err[0].replace(f"{stool.parent}{os.sep}", "") == shown


def test_the_matrix_takes_a_file(stool):
    (line,) = [line for line in PAGE.read_text().splitlines() if line.startswith("BIMODAL_TASKS=")]
    line = line.replace("$PWD", str(stool.parent)).replace("python", sys.executable, 1)
    done = follow([f"{line} -q -p no:cacheprovider --collect-only"], ROOT)
    assert done.returncode == 0 and done.stdout.count(f"[{STOOL}]") > 20, done.stdout[-2000:]
