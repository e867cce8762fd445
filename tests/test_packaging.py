"""What a stranger installs: pins, Makefile, set-up script and wheel agree with pyproject.toml."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from importlib import metadata
from pathlib import Path

import pytest
from bimodal.envs import errors
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).parents[1]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
EXTRAS = PYPROJECT["project"]["optional-dependencies"]
FOLDERS = ("envs", "tasks", "policies", "benchmark", "leaderboard", "cli")
SHIPPED = {".py", ".json", ".html", ".css", ".j2", ".js", ".safetensors", ".xml", ".stl", ".npz", ".png"}
CONSTRAINTS = ("constraints.txt", "constraints-peers.txt")
INDEX_OR_HOST = re.compile(
    r"https?:|index-url|find-links|trusted-host|extra-index|\bpypi\b|pythonhosted|download\.", re.I
)
# torch pins its own CUDA packages; pip and setuptools belong to the virtual environment.
UNPINNED = re.compile(r"^(nvidia-|cuda-|triton|setuptools$|pip$)")

FAKE_PYTHON = """#!/bin/sh
echo "$*" >> "$CALLS"
case "$*" in
  "-m venv"*) mkdir -p .venv/bin; cp "$FAKE" .venv/bin/python ;;
  *"pip install"*) test -z "$PIP_SAYS" || { echo "$PIP_SAYS"; exit 1; } ;;
  *gl.py*) echo egl ;;
esac
"""


def pinned_extras() -> list[str]:
    """The extras that `make setup` installs, and so pins."""
    return re.findall(r'--editable "\.\[([a-z,]+)\]"', (ROOT / "tools/setup.sh").read_text())[0].split(",")


def requirements() -> list[Requirement]:
    project = PYPROJECT["project"]
    return [Requirement(line) for line in sum(map(EXTRAS.get, pinned_extras()), project["dependencies"])]


def pins(name: str = "constraints.txt") -> dict[str, str]:
    lines = [line for line in (ROOT / name).read_text().splitlines() if line and not line.startswith("#")]
    return {canonicalize_name(package): version for package, version in (line.split("==") for line in lines)}


def targets() -> list[str]:
    return re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.M)


@pytest.mark.parametrize("name", CONSTRAINTS)
def test_every_constraint_is_one_exact_public_version(name):
    for version in pins(name).values():
        assert Version(version).public == version


def test_constraints_satisfy_every_requirement_of_pyproject():
    pinned = pins()
    for requirement in requirements():
        assert requirement.specifier.contains(pinned[canonicalize_name(requirement.name)]), requirement


def test_constraints_pin_everything_the_requirements_bring_along():
    seen, todo = set(), requirements()
    while todo:
        requirement = todo.pop()
        name, extras = canonicalize_name(requirement.name), requirement.extras | {""}
        if (name, *sorted(extras)) in seen or UNPINNED.match(name):
            continue
        seen.add((name, *sorted(extras)))
        assert name in pins(), f"{name} is installed with the package and has no line in constraints.txt"
        for line in metadata.requires(name) or []:
            child = Requirement(line)
            if child.marker is None or any(child.marker.evaluate({"extra": extra}) for extra in extras):
                todo.append(child)


def test_no_constraint_is_left_over():
    reached = {canonicalize_name(requirement.name) for requirement in requirements()}
    for name in pins():
        reached |= {canonicalize_name(Requirement(line).name) for line in metadata.requires(name) or []}
    assert set(pins()) <= reached


@pytest.mark.parametrize(
    "name", [*CONSTRAINTS, "Makefile", ".ci/run", "tools/setup.sh", "tools/gl.py", "pyproject.toml"]
)
def test_where_packages_come_from_is_left_to_the_user(name):
    assert not INDEX_OR_HOST.search((ROOT / name).read_text())


def test_what_a_missing_package_is_said_to_need_brings_it():
    for package, extra in errors.EXTRAS.items():
        assert package in {Requirement(line).name for line in EXTRAS[extra]}
        told = errors.missing_package(ModuleNotFoundError("no", name=f"{package}.part"))
        assert told.endswith(f"pip install 'bimodal-bench[{extra}]'")
    assert errors.missing_package(ModuleNotFoundError("no", name="something")) == ""


def test_make_help_lists_every_target():
    alone = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    help_ = subprocess.run(["make", "help"], cwd=ROOT, env=alone, capture_output=True, text=True, check=True)
    assert [line.split()[1] for line in help_.stdout.splitlines()] == targets()
    assert set(targets()) >= {"setup", "bench", "test", "check", "speed", "peers", "site", "certify", "clean"}


MADE = ["check", "docs", "test"]


def test_ci_stops_at_the_first_target_that_fails(tmp_path):
    make = tmp_path / "make"
    make.write_text('#!/bin/sh\necho "made $1"\ntest "$1" != "$FAILS"\n')
    make.chmod(0o755)
    for fails, made in (("", MADE), ("check", MADE[:1]), ("docs", MADE[:2]), ("test", MADE)):
        environment = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "FAILS": fails}
        run = subprocess.run([ROOT / ".ci/run"], env=environment, capture_output=True, text=True)
        assert re.findall("made (.*)", run.stdout) == made
        assert (run.returncode == 0) == (fails == "")


def test_citation_names_this_version():
    assert f"\nversion: {PYPROJECT['project']['version']}\n" in (ROOT / "CITATION.cff").read_text()


def test_set_up_script_takes_the_python_versions_of_pyproject():
    low, high = re.findall(r"3\.(\d+)", PYPROJECT["project"]["requires-python"])
    assert f"(3, {low}) <= sys.version_info < (3, {high})" in (ROOT / "tools/setup.sh").read_text()


def wanted() -> set[Path]:
    """Every file that the code reads, from the top of the repository."""
    files = (path for folder in FOLDERS for path in (ROOT / folder).rglob("*") if path.suffix in SHIPPED)
    # older entries, and what proves an entry, stay in the repository
    kept = {path for path in files if "archive" not in path.parts and not path.match("entries/*.trace.npz")}
    return {path.relative_to(ROOT) for path in kept}


def test_pyproject_ships_every_file_the_code_reads():
    tool = PYPROJECT["tool"]["setuptools"]
    shipped = set()
    for package in tool["packages"]:
        folder = ROOT.joinpath(*package.split(".")[1:])
        for pattern in ("*.py", *tool["package-data"].get(package, [])):
            shipped |= {path.relative_to(ROOT) for path in folder.glob(pattern)}
    assert wanted() <= shipped


@pytest.mark.slow
def test_a_wheel_made_from_the_source_distribution_holds_the_package_and_nothing_else(tmp_path):
    """As `python -m build` makes both."""
    tree = tmp_path / "tree"
    tree.mkdir()
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, tree)
    for folder in FOLDERS:
        shutil.copytree(ROOT / folder, tree / folder, ignore=shutil.ignore_patterns("__pycache__"))
    build = "import sys; from setuptools import build_meta; getattr(build_meta, sys.argv[1])(sys.argv[2])"
    subprocess.run([sys.executable, "-c", build, "build_sdist", tmp_path], cwd=tree, check=True)
    shutil.unpack_archive(next(tmp_path.glob("*.tar.gz")), tmp_path / "unpacked", filter="data")
    (unpacked,) = (tmp_path / "unpacked").iterdir()
    subprocess.run([sys.executable, "-c", build, "build_wheel", tmp_path], cwd=unpacked, check=True)
    names = zipfile.ZipFile(next(tmp_path.glob("*.whl"))).namelist()
    assert {f"bimodal/{path.as_posix()}" for path in wanted()} <= set(names)
    assert {name.split("/")[0].split("-")[0] for name in names} == {"bimodal", "bimodal_bench"}


@pytest.fixture
def set_up(tmp_path):
    """Runs the set-up script with a stand-in for Python; returns (exit status, output, calls of pip)."""
    for name in ("pyproject.toml", "constraints.txt", "tools/setup.sh"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    fake, calls = tmp_path / "bin/python3.11", tmp_path / "calls"
    fake.parent.mkdir()
    fake.write_text(FAKE_PYTHON)
    fake.chmod(0o755)

    def run(pip_says=""):
        calls.write_text("")
        path = f"{fake.parent}:{os.environ['PATH']}"
        environment = {"PATH": path, "CALLS": str(calls), "FAKE": str(fake), "PIP_SAYS": pip_says}
        done = subprocess.run([tmp_path / "tools/setup.sh"], env=environment, capture_output=True, text=True)
        return done.returncode, done.stdout + done.stderr, calls.read_text().count("pip install")

    return run


def test_second_set_up_installs_nothing(set_up):
    assert set_up()[::2] == (0, 1)
    assert set_up() == (0, "", 0)


def test_changed_pins_and_a_lost_interpreter_are_repaired(set_up, tmp_path):
    set_up()
    with (tmp_path / "constraints.txt").open("a") as file:
        file.write("# changed\n")
    assert set_up()[::2] == (0, 1)
    (tmp_path / ".venv/bin/python").unlink()
    assert set_up()[::2] == (0, 1)
    assert set_up() == (0, "", 0)


@pytest.mark.parametrize(
    ("pip_says", "kept"), [("no network", True), ("Installing collected packages: x", False)]
)
def test_failed_set_up_says_why_and_goes_on_without_trusting_half_installed_files(
    set_up, tmp_path, pip_says, kept
):
    status, output, _ = set_up(pip_says)
    assert status == 1
    assert pip_says in output
    (tmp_path / ".venv/witness").touch()
    assert set_up()[::2] == (0, 1)
    assert (tmp_path / ".venv/witness").exists() == kept


def test_moved_folder_gets_a_new_environment(set_up, tmp_path):
    set_up()
    (tmp_path / ".venv/.ready").write_text("/somewhere/else\n0 0\n")
    (tmp_path / ".venv/witness").touch()
    assert set_up()[::2] == (0, 1)
    assert not (tmp_path / ".venv/witness").exists()
