"""The page docs/variants.md: perturbations, magnitudes, suites, and where the experts still succeed.

It and benchmark/scoring/feasible.json are renewed from runs/feasibility, where that lies, by
`BIMODAL_WRITE_DOCS=1 python -m pytest tests/benchmark/test_variants_page.py -k docs`.
"""

import os
from pathlib import Path

from bimodal.benchmark.report.pages.variants_page import (
    kinds_section,
    perturbations_section,
    suites_section,
    variants_page,
)
from bimodal.benchmark.scoring.feasible_cells import FOLDER, CellKey, FeasibilityCell, known_cells, publish
from bimodal.benchmark.suites import SUITES
from bimodal.envs.perturbations.core.registry import perturbations
from bimodal.tasks.core.registry import own_names
from scoring import DUMBBELL

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "variants.md"


def line(text, name):
    """Return the rest of a table's line that begins with the name of a perturbation."""
    found = [row.strip(" |").replace("`", "") for row in text.splitlines()]
    return [" ".join(row.removeprefix(name).split()) for row in found if row.startswith(f"{name} ")]


def test_the_page_says_magnitudes_units_and_where_a_perturbation_acts():
    text = perturbations_section()
    for name, kind in perturbations().items():
        (row,) = [row for row in text.splitlines() if row.startswith(f"| `{name}` |")]
        parts = [part.strip() for part in row.split("|")][1:-1]
        assert parts[-1] == kind.unit and [float(part) for part in parts[-4:-1]] == [*kind.levels[1:]]
        assert parts[1] == " ".join(kind.__doc__.split()) and parts[2]
    (row,) = [row for row in text.splitlines() if row.startswith("| `contact.slip` |")]
    assert "| numbers of the physics, the running simulation |" in row
    (row,) = [row for row in text.splitlines() if row.startswith("| `sensing.latency` |")]
    assert "| what the policy sees | 1 | 2 | 4 | control steps |" in row


def test_the_page_lists_the_variants_of_every_suite():
    for name, suite in SUITES.items():
        (row,) = [row for row in suites_section().splitlines() if row.startswith(f"| `{name}` |")]
        shifted = f", {len(suite.panel(suite.variants[-1]))} shifted" if suite.variants[1:] else ""
        assert f"| {len(suite.seeds)} clean{shifted} |" in row
        named = all(f"`{variant}`" in row for variant in suite.variants[1:])
        assert named or f"| {len(suite.variants) - 1}, from what policies feel" in row


def test_a_page_of_nothing_measured_is_a_page():
    text = variants_page([DUMBBELL], {})
    assert f"Nothing is measured of `{DUMBBELL}`." in text and "[1]" not in text.split("impossible for")[1]
    low = variants_page(
        [DUMBBELL], {CellKey(DUMBBELL, "contact.friction", 3): FeasibilityCell(DUMBBELL, "", 3, 0.2)}
    )
    assert line(low, "contact.friction")[-1] == "| - - **20**" and "Nothing is measured" not in low


def test_tasks_stand_by_their_suites_with_their_versions():
    tasks = ("PandaPassSlalom-v1", "PandaLiftDumbbell-v2", "PandaLiftDumbbell-v1", "PandaLiftRing-v1")
    cells = {CellKey(task, "combo", 1): FeasibilityCell(task, "combo", 1, 1.0) for task in tasks}
    lines = [row for row in variants_page(tasks, cells).splitlines() if row.startswith(("###", "| perturb"))]
    found = [
        row
        for row in lines
        if "Tasks of" in row or "Other tasks" in row or "| Lift" in row or "| Pass" in row
    ]
    assert found == [
        "### Tasks of `full`",
        "| perturbation | Lift Dumbbell |",
        "### Tasks of `hard`",
        "| perturbation | Pass Slalom |",
        "### Tasks of `core-vision`",
        "| perturbation | Lift Dumbbell v2 |",
        "### Other tasks",
        "| perturbation | Lift Ring |",
    ]


def test_the_page_in_docs_is_of_the_present_perturbations_and_suites():
    if os.environ.get("BIMODAL_WRITE_DOCS") == "1":
        PAGE.write_text(variants_page(own_names(), known_cells(own_names(), ROOT / FOLDER)))
        publish(own_names(), ROOT / FOLDER)
    text, advice = PAGE.read_text(), "docs/variants.md is old; see this file's first lines"
    assert all(part() in text for part in (perturbations_section, kinds_section, suites_section)), advice
