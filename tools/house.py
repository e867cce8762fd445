"""Reads the imports of the source: the picture in docs/design.md, and the limits of tests/test_house.py.

python tools/house.py            write the picture into docs/design.md
python tools/house.py --limits   list what is over a limit of the house
"""

import ast
import sys
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
ROOMS = ("envs", "tasks", "policies", "benchmark", "leaderboard", "cli")
"""Top-level folders, from the ground up: each may import only those before it."""
FILE_LINES = 250
FUNCTION_LINES = 40
TEST_LINES = 300
SUB_ROOM_MODULES = 14
BENCHMARK_FLOORS = 8
OPEN_ENDED = ("tasks", "policies", "cli", "envs.perturbations")
"""Where people add files; these may hold any number."""
PAGE = ROOT / "docs" / "design.md"
BEGIN = "<!-- imports -->"
END = "<!-- /imports -->"

Graph = Mapping[str, set[str]]


# ------------------------------------------------------------------------------------------- imports


def source_files() -> dict[str, Path]:
    """Return every module of the rooms by its dotted name below `bimodal`."""
    found = {}
    for room in ROOMS:
        for file in sorted((ROOT / room).rglob("*.py")):
            parts = file.relative_to(ROOT).with_suffix("").parts
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = file
    return found


@cache
def parsed(text: str) -> ast.Module:
    """Return the syntax tree of a file's text; nobody changes it."""
    return ast.parse(text)


def import_graph() -> dict[str, set[str]]:
    """Return which modules each module imports, those inside functions too."""
    files = source_files()
    return {module: set(_imports(module, file, files)) - {module} for module, file in files.items()}


def _imports(module: str, file: Path, files: Mapping[str, Path]) -> Iterator[str]:
    package = module if file.name == "__init__.py" else module.rpartition(".")[0]
    for node in ast.walk(parsed(file.read_text())):
        if isinstance(node, ast.ImportFrom):
            base = _base(node, package)
            for alias in node.names:
                inner = f"{base}.{alias.name}".strip(".")
                yield from (name for name in (inner if inner in files else base,) if name in files)
        elif isinstance(node, ast.Import):
            names = (alias.name.removeprefix("bimodal.") for alias in node.names)
            yield from (name for name in names if name in files)


def _base(node: ast.ImportFrom, package: str) -> str:
    """Return the dotted name that an import statement starts from, below `bimodal`."""
    if not node.level:
        return (node.module or "").removeprefix("bimodal.")
    above = package.split(".")
    return ".".join([*above[: len(above) - node.level + 1], *filter(None, [node.module])])


def arrows_up(graph: Graph) -> list[str]:
    """Return the imports of a room above."""
    return [
        f"{module} -> {target}"
        for module, targets in graph.items()
        for target in sorted(targets)
        if ROOMS.index(target.split(".")[0]) > ROOMS.index(module.split(".")[0])
    ]


def circle(graph: Graph) -> list[str]:
    """Return the modules of one import circle in order, the first again at the end; [] when there is none."""
    done: set[str] = set()
    path: list[str] = []

    def visit(module: str) -> list[str]:
        if module in path:
            return [*path[path.index(module) :], module]
        if module in done:
            return []
        path.append(module)
        for target in sorted(graph.get(module, ())):
            if found := visit(target):
                return found
        done.add(path.pop())
        return []

    return next((found for module in sorted(graph) if (found := visit(module))), [])


def room_graph(graph: Graph, below: str = "") -> dict[str, set[str]]:
    """Return which sub-rooms import which, for all or for those of one room.

    A module belongs to the folder that it lies in; files at the top of `envs/` and `benchmark/` stand alone.
    """
    packages = {module for module, file in source_files().items() if file.name == "__init__.py"}
    inside = {module for module in graph if not below or f"{module}.".startswith(f"{below}.")}

    def room(module: str) -> str:
        folder = module.rpartition(".")[0]
        return module if module in packages or folder in ("envs", "benchmark") else folder

    found: dict[str, set[str]] = {}
    for module in inside:
        used = {room(target) for target in graph[module] & inside}
        found.setdefault(room(module), set()).update(used - {room(module)})
    return found


def floors(graph: Graph) -> int:
    """Return the number of modules on the longest chain of imports in a graph without circles."""
    heights: dict[str, int] = {}

    def height(module: str) -> int:
        if module not in heights:
            heights[module] = 1 + max((height(target) for target in graph.get(module, ())), default=0)
        return heights[module]

    return max(map(height, graph), default=0)


# -------------------------------------------------------------------------------------------- limits


def long_files() -> list[str]:
    """Return the source files over the limit of lines."""
    sizes = {file: len(file.read_text().splitlines()) for file in source_files().values()}
    return [f"{_short(file)}: {size} lines" for file, size in sizes.items() if size > FILE_LINES]


def long_tests() -> list[str]:
    """Return the test files over the limit of lines."""
    sizes = {file: len(file.read_text().splitlines()) for file in sorted((ROOT / "tests").rglob("*.py"))}
    return [f"{_short(file)}: {size} lines" for file, size in sizes.items() if size > TEST_LINES]


def long_functions() -> list[str]:
    """Return the functions over the limit of lines, docstring included."""
    return [
        f"{_short(file)}:{node.lineno} {node.name}: {size} lines"
        for file in source_files().values()
        for node in ast.walk(parsed(file.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (size := (node.end_lineno or 0) - node.lineno + 1) > FUNCTION_LINES
    ]


def crowded_rooms() -> list[str]:
    """Return the folders with more modules than a sub-room may have."""
    counts: dict[str, int] = {}
    for module, file in source_files().items():
        if file.name != "__init__.py":
            folder = module.rpartition(".")[0]
            counts[folder] = counts.get(folder, 0) + 1
    return [
        f"{folder}: {count} modules"
        for folder, count in counts.items()
        if count > SUB_ROOM_MODULES and folder not in OPEN_ENDED
    ]


def packed_assignments() -> list[str]:
    """Return the lines that assign several things at once, `a, b = x, y`; swaps may."""
    return [
        f"{_short(file)}:{node.lineno} {ast.unparse(node)[:90]}"
        for file in source_files().values()
        for node in ast.walk(parsed(file.read_text()))
        if isinstance(node, ast.Assign) and _is_packed(node)
    ]


def _is_packed(node: ast.Assign) -> bool:
    target = node.targets[0]
    if not (isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple)):
        return False
    return {ast.unparse(part) for part in target.elts} != {ast.unparse(part) for part in node.value.elts}


def _short(file: Path) -> str:
    return str(file.relative_to(ROOT))


# ------------------------------------------------------------------------------------------- picture


def picture() -> str:
    """Return the rooms and their sub-rooms as a Mermaid chart, one arrow for a folder that uses another.

    An arrow that a longer way of arrows stands for is left out.
    """
    graph = room_graph(import_graph())
    lines = ["```mermaid", "graph TD"]
    for room in reversed(ROOMS):
        lines.append(f'  subgraph {room}_["{room}/"]')
        inside = sorted(name for name in graph if name.split(".")[0] == room)
        lines += [f'    {_node(name)}["{_label(name)}"]' for name in inside]
        lines.append("  end")
    for name in sorted(graph):
        lines += [f"  {_node(name)} --> {_node(target)}" for target in sorted(_nearest(name, graph))]
    return "\n".join([*lines, "```"])


def _nearest(name: str, graph: Graph) -> set[str]:
    """Return the targets of a node that none of its other targets leads to."""
    targets = graph[name]
    return {t for t in targets if not any(_leads(other, t, graph) for other in targets - {t})}


def _leads(start: str, end: str, graph: Graph) -> bool:
    seen: set[str] = set()
    todo = [start]
    while todo:
        name = todo.pop()
        if name == end:
            return True
        todo += [target for target in graph.get(name, ()) if target not in seen]
        seen.add(name)
    return False


def _node(name: str) -> str:
    return name.replace(".", "_") + "_room"


def _label(name: str) -> str:
    room, _, inside = name.partition(".")
    return inside.replace(".", "/") or room


def filled(text: str) -> str:
    """Return the page with the picture between its two marks."""
    head, _, rest = text.partition(BEGIN)
    return f"{head}{BEGIN}\n{picture()}\n{END}{rest.partition(END)[2]}"


def over_limits() -> Iterable[str]:
    """Return a line for everything that is over a limit."""
    graph = import_graph()
    yield from (f"arrow up: {arrow}" for arrow in arrows_up(graph))
    yield from ([f"circle: {' -> '.join(found)}"] if (found := circle(graph)) else [])
    yield from ([f"circle of rooms: {' -> '.join(found)}"] if (found := circle(room_graph(graph))) else [])
    yield from (*long_files(), *long_tests(), *long_functions(), *crowded_rooms(), *packed_assignments())


if __name__ == "__main__":
    if "--limits" in sys.argv:
        sys.stdout.write("".join(f"{line}\n" for line in over_limits()))
    else:
        PAGE.write_text(filled(PAGE.read_text()))
