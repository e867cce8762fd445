"""Tasks that are added from outside: their names, and processes of their own."""

import os
import subprocess
import sys
from pathlib import Path

from bimodal.tasks.core.registry import TASKS

FILES = TASKS.variable
ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "add-a-task.md"
STOOL, POT = "PandaLiftStool-v1", "PandaLiftPot-v1"
BIMODAL = Path(sys.executable).with_name("bimodal")


def outside(code, **environment):
    """Run Python code in a process of its own; returns its output."""
    done = subprocess.run(
        [sys.executable, "-c", code], env=os.environ | environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr
