"""How policies are found: those of the package, of a file, of BIMODAL_POLICIES, and of installed packages."""

import subprocess
import sys
from importlib.metadata import version

import pyarrow.parquet as pq
import pytest
from bimodal.benchmark import EvalOptions, evaluate, find_suite
from bimodal.benchmark.evaluation.describe import describe
from bimodal.benchmark.isolation.shapes import possible
from bimodal.envs.errors import WrongUse
from bimodal.policies import Policy, load_policy, policy_names
from bimodal.policies.core.registry import LISTING, POLICIES, import_folder, own_names, policy_class
from bimodal.tasks import load_task

DUMBBELL = "PandaLiftDumbbell-v1"
STILL = """
from bimodal.policies import Policy
from bimodal.policies.baselines import Zero

class Still(Zero):
    name = "still"
"""


@pytest.fixture
def file(tmp_path, monkeypatch):
    """A policy file that BIMODAL_POLICIES names."""
    path = tmp_path / "still.py"
    path.write_text(STILL)
    monkeypatch.setenv("BIMODAL_POLICIES", str(path))
    return path


def test_every_file_of_the_folder_that_holds_a_policy_has_its_place_in_listings():
    assert {path.stem for path in POLICIES.own().values()} == set(LISTING)
    assert own_names()[:4] == ("expert", "mean", "zero", "random") and len(set(own_names())) == len(
        own_names()
    )


@pytest.mark.parametrize("name", own_names())
def test_a_class_states_the_name_it_is_found_by(name):
    found = policy_class(name)
    assert issubclass(found, Policy) and found.name == name
    assert f"{found.__module__}." == f"bimodal.policies.{POLICIES.own()[name].stem}."


def test_a_file_of_the_variable_is_a_registered_policy(file, tmp_path):
    assert policy_names()[-1] == "still" and "still" not in own_names()
    assert type(load_policy("still", load_task(DUMBBELL))).__name__ == "Still"
    suite = find_suite("smoke", (DUMBBELL,), range(2), ())
    workers = {"still": 1, "zero": 0}
    runs = [evaluate(name, suite, EvalOptions(tmp_path / name, workers=n)) for name, n in workers.items()]
    still, zero = (pq.read_table(run / "episodes.parquet")["digest"].to_pylist() for run in runs)
    assert still == zero


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('"still"', '"zero"', "baselines.py; raise its version or rename it"),
        ('"still"', '"Still!"', "'Still!' is no name; write one such as name = \"my_policy\""),
        ("    name", "    nam", 'states no name: its class needs a line such as name = "my_policy"'),
        ("class Still(", "class Still((", "line 5 does not compile"),
    ],
)
def test_a_wrong_file_is_one_line_that_names_the_variable(file, old, new, said):
    file.write_text(STILL.replace(old, new))
    with pytest.raises(WrongUse) as error:
        policy_names()
    assert said in str(error.value) and "BIMODAL_POLICIES names this file" in str(error.value)
    assert "\n" not in str(error.value)


def test_a_file_that_does_not_load_is_only_said_when_it_is_asked_for(file):
    file.write_text(STILL.replace("baselines", "bselines"))
    assert "still" in policy_names()
    with pytest.raises(WrongUse, match=r"still\.py line 3 does not load: ModuleNotFoundError"):
        policy_class("still")


def test_near_names_are_said(file):
    with pytest.raises(WrongUse, match=r"unknown policy 'stil'.*still"):
        policy_class("stil")


def test_an_installed_package_brings_a_policy(tmp_path):
    info = tmp_path / "still_policy-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: still-policy\nVersion: 1.0\n")
    points = "[bimodal.policies]\nstill = still_policy:Still\nzero = still_policy:Still\n"
    (info / "entry_points.txt").write_text(points)
    (tmp_path / "still_policy.py").write_text(STILL)
    code = (
        f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n"
        "from bimodal.policies.core.registry import policy_class\n"
        "print(policy_class('still').__module__, policy_class('zero').__module__)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.split() == ["still_policy", "bimodal.policies.baselines"]
    assert "still-policy: its policy 'zero' is left out, the name comes with bimodal" in done.stderr


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A working folder with a package that is not installed: a policy, and a helper above it."""
    folder = tmp_path / "project"
    (folder / "toy_pkg" / "arms").mkdir(parents=True)
    (folder / "toy_pkg" / "__init__.py").write_text("")
    (folder / "toy_pkg" / "height.py").write_text("HEIGHT = 1\n")
    (folder / "toy_pkg" / "arms" / "still.py").write_text(STILL + "from ..height import HEIGHT\n")
    monkeypatch.chdir(folder)
    monkeypatch.setattr(sys, "path", sys.path[:])
    return folder


@pytest.mark.parametrize("sandbox", [False, *([None] if possible()[0] != "none" else [])])
def test_a_module_of_the_working_folder_is_found_shut_in_or_not_and_all_its_package_is_its_identity(
    project, tmp_path, sandbox
):
    suite = find_suite("smoke", (DUMBBELL,), range(1), ())
    said = describe("toy_pkg.arms.still:Still", suite, EvalOptions(tmp_path / "out", sandbox=sandbox))
    names = ("arms/still", "__init__", "height")
    assert list(said.policy.artifacts) == [f"toy_pkg/{name}.py" for name in names]


def test_a_file_that_hands_on_a_class_of_another_is_part_of_its_identity(project, tmp_path):
    (project / "mine.py").write_text("from beside import Still\nStill.parameters = 1\n")
    (project / "beside.py").write_text(STILL)
    said = describe("mine.py:Still", find_suite("smoke", (DUMBBELL,), range(1), ()), EvalOptions(workers=0))
    assert list(said.policy.artifacts) == ["mine.py", "beside.py"]


def test_the_folder_of_a_module_is_found_without_running_it(project):
    (project / "toy_pkg" / "__init__.py").write_text("raise SystemExit")
    assert import_folder("safe(toy_pkg.arms.still:Still)") == project.resolve()
    for uri in ("mine.py:Still", "rich.table:Table", "bimodal.policies.flow:Flow", "flow", "nowhere:Still"):
        assert import_folder(uri) is None


def test_the_versions_of_what_a_file_asks_for_are_in_the_runs_record(file, tmp_path):
    file.write_text("# /// script\n# dependencies = ['rich']\n# ///\n" + STILL)
    suite = find_suite("smoke", (DUMBBELL,), range(1), ())
    said = describe("still", suite, EvalOptions(tmp_path / "out", workers=0)).versions
    assert said["rich"] == version("rich") and "numpy" in said
