"""What episodes cost, by their number; `cli/scaling.py` shows it in docs/many-machines.md.

Each size is a run of its own, in one worker process. A line through the measured sizes gives what a run costs
before its first episode and what each episode adds; larger sizes are that line, and marked as such.
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ...envs.errors import BimodalError
from .whole_job import MEASURED_ON

SIZES = {"expert": (100, 1_000, 10_000), "flow": (100, 1_000, 10_000)}
"""Episodes of the runs that are measured, by policy: one that learned nothing, and a network."""
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
