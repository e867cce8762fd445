"""`bimodal speed`: measures how fast the suite is."""

import json
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Annotated

from .arguments import RUNS, flag, option

EXAMPLE = "bimodal speed --only start"

Quick = Annotated[bool, flag("--quick", "fewer rounds, and nothing that trains or starts other programs")]
Everything = Annotated[bool, flag("--all", "every task in every variant and physics: about an hour")]
Only = Annotated[
    list[str] | None, option("NAME", "only this part; a wrong name lists them all (may be repeated)")
]
Out = Annotated[Path, option("FILE", "where every row is added as soon as it is there, a line of JSON each")]


Page = Annotated[
    Path | None,
    option(
        "FILE",
        "measure what episodes cost by their number alone, or what training a suite costs, and fill the page "
        "of Markdown that has a part for it",
    ),
]


def run(
    quick: Quick = False,
    everything: Everything = False,
    only: Only = None,
    out: Out = RUNS / "speed.jsonl",
    page: Page = None,
) -> int:
    """Measure control steps per second, beside bare MuJoCo.

    It takes about ten minutes on two cores. After `make peers` robosuite's own Lift is measured too.
    """
    from ..benchmark.speed.speed import row_text, speed, speed_table
    from .console import console, notices

    if page is not None:
        from .scaling import write_scaling
        from .training_cost import MARK, write_training_cost

        trains = page.is_file() and f"<!-- {MARK} -->" in page.read_text()
        (write_training_cost if trains else write_scaling)(page, partial(notices.print, markup=False))
        return 0
    rows = []
    out.parent.mkdir(parents=True, exist_ok=True)
    measured = datetime.now(UTC).isoformat(timespec="seconds")
    with out.open("a") as file:
        for row in speed(quick=quick, everything=everything, only=only or ()):
            rows.append(row)
            file.write(json.dumps({"measured": measured} | row._asdict()) + "\n")
            file.flush()
            notices.print(row_text(row), markup=False)
    console.print(speed_table(rows))
    return 0
