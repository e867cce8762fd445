"""The limits of the house: who may import whom, and how long a file, a function and a list of modules may be.

`python tools/house.py --limits` lists everything that is over a limit; `python tools/house.py` renews the
picture in docs/design.md.
"""

import importlib.util
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def _load():
    spec = importlib.util.spec_from_file_location("house_tool", ROOT / "tools" / "house.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


house = _load()


@pytest.fixture(scope="module")
def graph():
    return house.import_graph()


def test_no_import_leads_to_a_room_above(graph):
    assert house.arrows_up(graph) == []


def test_no_modules_and_no_rooms_import_each_other_in_a_circle(graph):
    assert " -> ".join(house.circle(graph)) == ""
    assert " -> ".join(house.circle(house.room_graph(graph))) == ""


def test_the_rooms_of_benchmark_stand_on_few_floors(graph):
    assert house.floors(house.room_graph(graph, "benchmark")) <= house.BENCHMARK_FLOORS


@pytest.mark.parametrize(
    "over", ["long_files", "long_functions", "long_tests", "crowded_rooms", "packed_assignments"]
)
def test_nothing_is_over_a_limit(over, graph):  # with the graph, whose process has read the files already
    assert getattr(house, over)() == []


def test_the_picture_of_the_rooms_is_the_one_of_the_source(graph):
    text = house.PAGE.read_text()
    assert house.filled(text) == text, "run: python tools/house.py"


# ------------------------------------------------------------- the reader of imports itself, on small houses


@pytest.fixture
def small_house(tmp_path, monkeypatch):
    """Return a function that writes files and returns the import graph of the house they make."""

    def build(files):
        for name, text in files.items():
            file = tmp_path / name
            file.parent.mkdir(parents=True, exist_ok=True)
            (file.parent / "__init__.py").touch()
            file.write_text(text)
        return house.import_graph()

    monkeypatch.setattr(house, "ROOT", tmp_path)
    return build


def test_an_import_inside_a_function_counts(small_house):
    graph = small_house(
        {
            "envs/a.py": "def f():\n    from ..tasks.core import b\n",
            "tasks/core/b.py": "import bimodal.envs.a\n",
        }
    )
    assert house.arrows_up(graph) == ["envs.a -> tasks.core.b"]
    assert house.circle(graph) == ["envs.a", "tasks.core.b", "envs.a"]


def test_a_name_of_a_package_leads_to_the_package_and_a_module_to_itself(small_house):
    files = {"envs/__init__.py": "", "envs/a.py": "", "tasks/b.py": "from ..envs import a, NAME\n"}
    assert small_house(files)["tasks.b"] == {"envs.a", "envs"}


def test_floors_are_the_longest_chain(small_house):
    graph = small_house(
        {
            "benchmark/x/a.py": "from ..y import b\n",
            "benchmark/y/b.py": "from ..z.c import C\n",
            "benchmark/z/c.py": "",
            "benchmark/top.py": "from .z import c\n",
        }
    )
    assert house.floors(house.room_graph(graph, "benchmark")) == 3


@pytest.mark.parametrize(
    ("line", "packed"),
    [("a, b = 1, 2", True), ("a, b = b, a", False), ("a, b = f()", False), ("a = b = 1", False)],
)
def test_a_packed_assignment_is_found_and_a_swap_may_stay(small_house, line, packed):
    small_house({"envs/a.py": f"{line}\n"})
    assert bool(house.packed_assignments()) == packed


def test_a_long_function_is_found_inside_a_class(small_house):
    small_house({"envs/a.py": "class A:\n    def f(self):\n" + "        x = 1\n" * 41})
    assert house.long_functions() == ["envs/a.py:2 f: 42 lines"]
