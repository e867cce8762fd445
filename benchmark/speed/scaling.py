"""What episodes cost, by their number: the table of docs/many-machines.md, `bimodal speed --page FILE`.

Each size is a run of its own, in one worker process. A line through the measured sizes gives what a run costs
before its first episode and what each episode adds; larger sizes are that line, and marked as such.
"""

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ...envs.errors import BimodalError, WrongUse
from ...envs.storage.atomic_write import write_text
from ..provenance import machine
from .whole_job import MEASURED_ON

SIZES = {"expert": (100, 300, 1_000), "flow": (100, 200, 300)}
"""Episodes of the runs that are measured, by policy: one that learned nothing, and a network."""
SHOWN = (100, 1_000, 10_000, 100_000)
"""Episodes of the table's rows."""
MARK = "scaling"
"""Name of the part of a page that the table fills."""
_PLACE = re.compile(rf"(<!-- {MARK} -->.*?<!-- /{MARK} -->)", re.DOTALL)
_PROGRAM = "import sys; from bimodal.cli.main import main; sys.exit(main(sys.argv[1:]))"


class Cost(NamedTuple):
    """What one run took."""

    policy: str
    episodes: int
    cpu_s: float
    """Processor time of all its processes [s]."""
    peak_mb: float
    """Largest resident memory of any of its processes [MB]."""


class Line(NamedTuple):
    """Processor time by number of episodes: `start_s` + `episode_s` x episodes."""

    start_s: float
    """Before the first episode [s]."""
    episode_s: float
    """Of each episode [s]."""

    def at(self, episodes: int) -> float:
        """Return the processor time of a run [s]."""
        return self.start_s + self.episode_s * episodes


def measure(policy: str, episodes: int) -> Cost:
    """Run a policy on the clean world of one task and return what that took.

    Raises:
        BimodalError: the run failed.
    """
    with tempfile.TemporaryDirectory() as folder:
        words = ["evaluate", policy, "--suite", "full", "--task", MEASURED_ON, "--variant", "clean"]
        words += ["--seeds", str(episodes), "--workers", "1", "--no-videos", "--out", f"{folder}/run"]
        said = Path(folder) / "said.txt"
        command = [sys.executable, "-P", "-c", _PROGRAM, *words]
        environment = os.environ | {"OMP_NUM_THREADS": "1"}
        with said.open("w") as errors:
            process = subprocess.Popen(command, stdout=errors, stderr=errors, env=environment)
            _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            last = (said.read_text().strip().splitlines() or [f"exit code {process.returncode}"])[-1]
            raise BimodalError(f"a run of {policy} failed while its cost was measured: {last}")
    return Cost(policy, episodes, used.ru_utime + used.ru_stime, used.ru_maxrss / 1e3)


def fitted(costs: Sequence[Cost]) -> Line:
    """Return the line of least squares through runs of one policy, in shares of what each took."""
    sizes = np.array([one.episodes for one in costs], float)
    took = np.array([one.cpu_s for one in costs])
    columns = np.stack([np.ones_like(sizes), sizes], axis=1) / took[:, None]
    (start, each), *_ = np.linalg.lstsq(columns, np.ones_like(took))
    return Line(float(start), float(each))


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
    return "\n".join([said, "", *_cost_rows(of, lines), "", *_size_rows(of, lines)])


def _cost_rows(of: dict[str, list[Cost]], lines: dict[str, Line]) -> list[str]:
    heads = ("policy", "before the first episode", "1,000 episodes", "a million", "largest error of the line")
    rows = [f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
    for name, line in lines.items():
        worst = max(abs(line.at(one.episodes) / one.cpu_s - 1) for one in of[name])
        rows.append(
            f"| `{name}` | {line.start_s:.0f} s | {line.episode_s * 1000:.0f} core-seconds | "
            f"{line.at(10**6) / 3600:.0f} core-hours | {worst:.0%} |"
        )
    return rows


def _size_rows(of: dict[str, list[Cost]], lines: dict[str, Line]) -> list[str]:
    heads = [f"`{name}`: {what}" for name in lines for what in ("processor time", "largest process")]
    rows = [f"| episodes | {' | '.join(heads)} |", "|---" * (len(heads) + 1) + "|"]
    for size in SHOWN:
        cells = []
        for name, line in lines.items():
            found = next((one for one in of[name] if one.episodes == size), None)
            cells.append(f"{found.cpu_s:.0f} s" if found else f"*{line.at(size):,.0f} s*")
            cells.append(f"{found.peak_mb:.0f} MB" if found else "")
        rows.append(f"| {size:,} | {' | '.join(cells)} |")
    return rows


def write_scaling(
    page: Path, tell: Callable[[str], None], measure_one: Callable[[str, int], Cost] = measure
) -> None:
    """Measure and write the tables into a page, between the marks of `MARK`: `bimodal speed --page`.

    Args:
        page: a file of Markdown that has the marks.
        tell: called with a line about each run.
        measure_one: measures one run.

    Raises:
        WrongUse: the page has no such marks, or cannot be read.
    """
    text = page.read_text(encoding="utf-8") if page.is_file() else ""
    if len(_PLACE.split(text)) != 3:
        raise WrongUse(f"{page} has no part between <!-- {MARK} --> and <!-- /{MARK} --> to fill")
    costs = []
    for policy, sizes in SIZES.items():
        for size in sizes:
            costs.append(one := measure_one(policy, size))
            tell(f"{policy}, {size} episodes: {one.cpu_s:.1f} s of processor time, {one.peak_mb:.0f} MB")
        begin, end = _PLACE.split(text)[::2]  # a command that is stopped leaves the policies before
        write_text(page, f"{begin}<!-- {MARK} -->\n{scaling_section(costs)}\n<!-- /{MARK} -->{end}")
