"""How long commands take that should come at once: help, a typo, the board, the videos of a small run."""

import sys
import tempfile
from pathlib import Path

import numpy as np

from .measure import SpeedRow, alternate, median_ratio, run_program

LIMIT = 10.0
"""Most empty Pythons that help or a typo may cost: about 0.3 s where an empty one takes 0.04 s."""
BOARD_LIMIT_S = 1.0
"""Longest CPU time of `bimodal leaderboard` with entries that it knows [s]."""
VIDEO_LIMIT = 2.0
"""Most that a small run may cost with its videos, beside the same without."""
_EMPTY = ""
_COMMAND = "from bimodal.cli.main import main; main({!r})"


def help_row(rounds: int, words: tuple[str, ...] = ("--help",)) -> SpeedRow:
    """Compare the CPU time of `bimodal WORDS` with that of `python -c ''`, each a process, in turn."""
    sides = {"empty": lambda: _child_s(_EMPTY), "ours": lambda: _child_s(_COMMAND.format([*words]))}
    times = alternate(sides, rounds)
    ratio = median_ratio(times["ours"], times["empty"])
    note = f"{np.median(times['ours']):.2f} s, {np.median(times['empty']):.3f} s for an empty Python"
    return SpeedRow(f"bimodal {' '.join(words)} / python -c ''", ratio, "x", LIMIT, at_most=True, note=note)


def board_row() -> SpeedRow:
    """Time `bimodal leaderboard` with entries that it has checked before, CPU time."""
    code = _COMMAND.format(["leaderboard"])
    first = _child_s(code)
    again = _child_s(code)
    note = f"CPU time; {first:.1f} s in the call before, which checks entries that it does not know"
    return SpeedRow("bimodal leaderboard", again, "s", BOARD_LIMIT_S, at_most=True, note=note)


def videos_row(policy: str = "flow") -> SpeedRow:
    """Compare the CPU time of a smoke run with that of the same run without its videos."""
    with tempfile.TemporaryDirectory() as folder:
        words = ["evaluate", policy, "--suite", "smoke", "--out"]
        bare = _child_s(_COMMAND.format([*words, str(Path(folder) / "bare"), "--no-videos"]))
        filmed = _child_s(_COMMAND.format([*words, str(Path(folder) / "filmed")]))
    note = f"{filmed:.1f} s, {bare:.1f} s without, CPU time"
    return SpeedRow("smoke with videos / without", filmed / bare, "x", VIDEO_LIMIT, at_most=True, note=note)


def _child_s(code: str) -> float:
    """Return the CPU time of a Python process that runs `code` [s]."""
    import resource  # Windows has none

    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    run_program([sys.executable, "-c", code])
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
