"""Forgets what the caller's terminal is like, before anything asks; `conftest.py` imports it first."""

import os

for name in ("COLUMNS", "LINES", "FORCE_COLOR", "PY_COLORS", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
    os.environ.pop(name, None)
