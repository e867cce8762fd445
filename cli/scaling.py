"""`bimodal speed --page`: measures and writes what episodes cost, in docs/many-machines.md; see speed.py."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from ..benchmark.provenance import machine
from ..benchmark.report.pages.markdown import around_section, markdown_table, write_section
from ..benchmark.speed.scaling import SIZES, Cost, Line, fitted, measure
from ..benchmark.speed.whole_job import MEASURED_ON

SHOWN = (100, 1_000, 10_000, 100_000)
"""Episodes of the table's rows."""
MARK = "scaling"
"""Name of the part of a page that the table fills."""


def scaling_section(costs: Sequence[Cost]) -> str:
    """Return the tables of Markdown: cost of 1,000 episodes, and processor time and memory by number."""
    names = list(dict.fromkeys(one.policy for one in costs))
    of = {name: [one for one in costs if one.policy == name] for name in names}
    lines = {name: fitted(of[name]) for name in names}
    here = machine()
    runs = (f"`{name}` {', '.join(f'{one.episodes:,}' for one in of[name])}" for name in names)
    said = (
        f"Measured by `bimodal speed --page docs/many-machines.md` on {datetime.now(UTC):%Y-%m-%d}: "
        f"{here['cpu']}, one worker, the clean world of {MEASURED_ON}; episodes of the runs: "
        f"{'; '.join(runs)}."
    )
    return "\n\n".join([said, _cost_table(of, lines), _size_table(of, lines)])


def _cost_table(of: dict[str, list[Cost]], lines: dict[str, Line]) -> str:
    heads = ("policy", "before the first episode", "1,000 episodes", "a million", "largest error of the line")
    rows = []
    for name, line in lines.items():
        worst = max(abs(line.at(one.episodes) / one.cpu_s - 1) for one in of[name])
        each = f"{line.episode_s * 1000:.0f} core-seconds"
        many = f"{line.at(10**6) / 3600:.0f} core-hours"
        rows.append((f"`{name}`", f"{line.start_s:.0f} s", each, many, f"{worst:.0%}"))
    return markdown_table(heads, rows)


def _size_table(of: dict[str, list[Cost]], lines: dict[str, Line]) -> str:
    heads = [f"`{name}`: {what}" for name in lines for what in ("processor time", "largest process")]
    rows = []
    for size in SHOWN:
        cells = []
        for name, line in lines.items():
            found = next((one for one in of[name] if one.episodes == size), None)
            cells.append(f"{found.cpu_s:.0f} s" if found else f"*{line.at(size):,.0f} s*")
            cells.append(f"{found.peak_mb:.0f} MB" if found else "")
        rows.append((f"{size:,}", *cells))
    return markdown_table(("episodes", *heads), rows)


def write_scaling(
    page: Path, tell: Callable[[str], None], measure_one: Callable[[str, int], Cost] = measure
) -> None:
    """Measure and write the tables into a page, between the marks of `MARK`: `bimodal speed --page`.

    Args:
        page: a file of Markdown that has the marks.
        tell: called with a line about each run.
        measure_one: measures one run.

    Raises:
        WrongUse: the page has no such marks.
    """
    around_section(page, MARK)
    costs = []
    for policy, sizes in SIZES.items():
        for size in sizes:
            costs.append(one := measure_one(policy, size))
            tell(f"{policy}, {size} episodes: {one.cpu_s:.1f} s of processor time, {one.peak_mb:.0f} MB")
        write_section(page, MARK, scaling_section(costs))  # a command that is stopped leaves those before
