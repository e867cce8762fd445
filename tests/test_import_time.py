"""What modules import when they are imported: torch in learned policies alone, nothing that only Unix has."""

import ast
from collections.abc import Iterator
from functools import cache

import pytest
from test_house import house

UNIX_ONLY = {"fcntl", "resource", "pwd", "grp", "termios", "tty", "pty", "posix", "syslog"}
FREE = (
    "experts",
    "baselines",
    "mpc",
    "core.policy",
    "core.registry",
    "core.checkpoint",
    "safety.",
    "remote.",
)
FILES = house.source_files()


def at_import(nodes) -> Iterator[ast.Import | ast.ImportFrom]:
    """The import statements that run with a module: not those in functions, for types, or guarded by try."""
    for node in nodes:
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield node
        elif isinstance(node, ast.ClassDef) or (
            isinstance(node, ast.If) and "TYPE_CHECKING" not in ast.unparse(node.test)
        ):
            yield from at_import(node.body)


def imported(module, file) -> set[str]:
    """Dotted names of what a module imports, with the packages around it; ours without `bimodal.`."""
    package = module if file.name == "__init__.py" else module.rpartition(".")[0]
    found = {package}
    for node in at_import(house.parsed(file.read_text()).body):
        base = house._base(node, package) if isinstance(node, ast.ImportFrom) else ""
        found |= {f"{base}.{alias.name}".strip(".").removeprefix("bimodal.") for alias in node.names} | {base}
    return {".".join(name.split(".")[:end]) for name in found for end in range(1, name.count(".") + 2)} - {""}


@cache
def graph() -> dict[str, set[str]]:
    """What every module imports; read when it is asked for, not by every process that collects the tests."""
    return {module: imported(module, file) for module, file in FILES.items()}


def needs(package) -> set[str]:
    """Modules that import a package, directly or through others."""
    found, new = set(), {package}
    while new:
        new = {module for module, names in graph().items() if names & new} - found
        found |= new
    return found


def test_no_module_imports_what_only_unix_has():
    assert {module: names & UNIX_ONLY for module, names in graph().items() if names & UNIX_ONLY} == {}


def test_learned_policies_alone_import_torch():
    users = needs("torch") | needs("safetensors")
    assert {"policies.flow", "policies.training.train"} <= users
    assert {module for module in users if not module.startswith("policies.")} == set()
    assert {
        module for module in users if module.startswith(tuple(f"policies.{name}" for name in FREE))
    } == set()


@pytest.mark.parametrize("package", ["msgpack", "websockets"])
def test_servers_alone_import_what_wires_need(package):
    rooms = {module.rpartition(".")[0] for module in needs(package)}
    assert rooms <= {"policies.remote", "benchmark.serving"}


@pytest.mark.parametrize("package", ["pyarrow", "scipy", "pandas", "matplotlib"])
def test_a_board_is_printed_without_what_reads_tables_or_draws(package):
    board = {"leaderboard.board_table", "leaderboard.board", "leaderboard.folders", "cli.leaderboard"}
    assert board <= graph().keys()
    assert board & needs(package) == set()
