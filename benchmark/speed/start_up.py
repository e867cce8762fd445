"""How long the command line takes to say its help, beside a Python that does nothing."""

import resource
import sys

import numpy as np

from .measure import SpeedRow, alternate, median_ratio, run_program

LIMIT = 8.0
"""Most empty Pythons that `bimodal --help` may cost: about 0.3 s where an empty one takes 0.04 s."""
_EMPTY = ""
_HELP = "from bimodal.cli.main import main; main(['--help'])"


def help_row(rounds: int) -> SpeedRow:
    """Compare the CPU time of `bimodal --help` with that of `python -c ''`, each a process, in turn."""
    sides = {"empty": lambda: _child_s(_EMPTY), "help": lambda: _child_s(_HELP)}
    times = alternate(sides, rounds)
    ratio = median_ratio(times["help"], times["empty"])
    note = f"{np.median(times['help']):.2f} s, {np.median(times['empty']):.3f} s for an empty Python"
    return SpeedRow("bimodal --help / python -c ''", ratio, "x", LIMIT, at_most=True, note=note)


def _child_s(code: str) -> float:
    """Return the CPU time of a Python process that runs `code` [s]."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    run_program([sys.executable, "-c", code])
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
