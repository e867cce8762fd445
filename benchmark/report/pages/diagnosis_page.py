"""Writes docs/diagnosis.md: how a cause is found, and how often a known fault is found.

    python -m bimodal.benchmark.report.pages.diagnosis_page docs/diagnosis.md

measures what `benchmark/diagnosis/validation/validation.json` does not hold yet, and writes the page.
"""

import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from ....envs.storage.atomic_write import write_text
from ...diagnosis.interfaces import REPAIRS
from ...diagnosis.validation.known_faults import BESIDE, HARMLESS, SINGLE, TASKS, WEAK, WEAK_TASKS
from ...diagnosis.validation.study import DECIDES, DRAWS, Diagnosed, load_validation, measure_validation
from ...number_text import bounds, percent, short_name
from ...statistics.rates import rate
from .markdown import markdown_page, markdown_table

OF_THE_POLICY = {
    "representation": "`mse`, where `mse_labelled` succeeds, the same network that is told the mode",
    "planning": f"`flow` that goes {100 * BESIDE:.0f} cm beside its plan",
}
"""Faults that do not lie in the world."""
FINDINGS = ("several", "together", "chance", "none")
"""What can be said instead of one interface."""


def diagnosis_page(cells: Mapping[str, Diagnosed]) -> str:
    """Return docs/diagnosis.md with the cells that were measured, by `FAULT on TASK`."""
    single = [cell for name, cell in cells.items() if name.split(" on ")[0] in SINGLE]
    weak = [cell for name, cell in cells.items() if name.split(" on ")[0] in WEAK]
    return markdown_page(
        "diagnosis",
        repairs=REPAIRS,
        matrix=_matrix(single),
        single=_right(single),
        single_by_task=_by_task(cells, SINGLE, TASKS),
        tasks=", ".join(map(short_name, TASKS)),
        faults=_faults(),
        weak=_right(weak),
        weak_named=_share(sum(map(_hits, weak)), sum(map(_named, weak))),
        weak_table=_by_task(cells, WEAK, WEAK_TASKS),
        draws=len(DRAWS),
        decides=DECIDES,
        single_left=_left_out(single),
        weak_left=_left_out(weak),
        single_s=_seconds(single),
        weak_s=_seconds(weak),
    )


def _matrix(cells: Sequence[Diagnosed]) -> str:
    """Return the confusion matrix: what was broken, row by row, and what was said, column by column."""
    said = Counter(name for cell in cells for name in cell.found)
    columns = [name for name in (*REPAIRS, *FINDINGS) if name in REPAIRS or said[name]]
    rows = []
    for cause in REPAIRS:
        part = [cell for cell in cells if cell.cause == cause]
        counts = [sum(cell.found.get(name, 0) for cell in part) for name in columns]
        shown = [
            f"**{n}**" if name == cause else str(n or "") for name, n in zip(columns, counts, strict=True)
        ]
        rows.append((cause, *shown, _right(part)))
    return markdown_table(("broken", *columns, "found"), rows)


def _faults() -> str:
    """Return what each single fault is, interface by interface."""
    rows = []
    for cause, fault in SINGLE.items():
        parts = (part for part in fault.variant.split("+") if part not in HARMLESS)
        rows.append((cause, OF_THE_POLICY.get(cause) or f"`flow` in `{'+'.join(parts)}`"))
    return markdown_table(("broken", "how"), rows)


def _by_task(cells: Mapping[str, Diagnosed], faults: Sequence[str] | Mapping, tasks: Sequence[str]) -> str:
    """Return how many of how many were found, fault by task."""
    rows = []
    for fault in faults:
        found = [cells[name] for task in tasks if (name := f"{fault} on {task}") in cells]
        shown = [_count(cell) for cell in found] + ["-"] * (len(tasks) - len(found))
        rows.append((f"`{fault}`" if "." in fault else fault, *shown, _right(found)))
    return markdown_table(("fault", *map(short_name, tasks), "found"), rows)


def _left_out(cells: Sequence[Diagnosed]) -> str:
    """Return how many failures the fault does not decide, and what the diagnosis said of some of them."""
    drawn = sum(cell.drawn for cell in cells)
    left = drawn - sum(cell.decided for cell in cells)
    said = Counter[str]()
    for cell in cells:
        said.update(cell.otherwise)
    if not said:
        return f"{left} of {drawn}"
    words = ", ".join(f"{name} {n}" for name, n in said.most_common())
    right = sum(cell.otherwise.get(cell.cause, 0) for cell in cells)
    return f"{left} of {drawn}. Of {said.total()} of them it said: {words}; {right} name what was broken"


def _count(cell: Diagnosed) -> str:
    """Return a cell of a table: found of diagnosed, and what else was said."""
    others = ", ".join(f"{n} {name}" for name, n in cell.found.items() if name != cell.cause)
    return f"{_hits(cell)} of {cell.n}" + (f" ({others})" if others else "")


def _hits(cell: Diagnosed) -> int:
    return cell.found.get(cell.cause, 0)


def _named(cell: Diagnosed) -> int:
    """Return of how many episodes one interface was named."""
    return sum(n for name, n in cell.found.items() if name in REPAIRS)


def _seconds(cells: Sequence[Diagnosed]) -> float:
    """Return the CPU time of a diagnosed failure [s]."""
    return sum(cell.cpu_s for cell in cells) / max(sum(cell.n for cell in cells), 1)


def _right(cells: Sequence[Diagnosed]) -> str:
    """Return the share of the episodes whose fault was found."""
    return _share(sum(map(_hits, cells)), sum(cell.n for cell in cells))


def _share(hits: int, n: int) -> str:
    """Return a share with its exact interval [%]."""
    share = rate(hits, n)
    return f"{percent(share.estimate)} % {bounds(share)}, {hits} of {n}" if n else "-"


if __name__ == "__main__":
    measure_validation()
    write_text(Path(sys.argv[1]), diagnosis_page(load_validation()))
