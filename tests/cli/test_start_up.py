"""`bimodal --help` comes at once: it imports little, and `make speed` has a row of what it costs."""

import subprocess
import sys

import pytest
from bimodal.benchmark.speed import start_up

IMPORTED = """
import sys
from bimodal.cli.main import main
try:
    main({!r})
finally:
    print("MODULES", *sys.modules)
"""
HEAVY = {"numpy", "mujoco", "torch", "scipy", "pyarrow", "pydantic", "PIL", "websockets", "multiprocessing"}


@pytest.mark.parametrize("words", [("--help",), ("evalute",), ("evaluate", "flow", "--suit", "smoke")])
def test_help_and_typos_import_little(words):
    done = subprocess.run([sys.executable, "-c", IMPORTED.format([*words])], capture_output=True, text=True)
    assert "MODULES" in done.stdout, done.stderr
    modules = set(done.stdout.partition("MODULES")[2].split())
    assert "bimodal.cli.main" in modules and len(modules) < 350, f"{len(modules)} modules"
    assert not modules & HEAVY


def test_what_a_process_computes_is_counted_and_not_how_long_it_waits():
    busy = start_up._child_s("import time\nwhile time.process_time() < 0.5: pass")
    assert busy >= 0.5 and start_up._child_s("import time; time.sleep(1)") < 0.8


@pytest.mark.parametrize(("cost", "met"), [(0.3, True), (0.5, False)])
def test_the_row_compares_a_command_with_empty_pythons(cost, met, monkeypatch):
    monkeypatch.setattr(start_up, "_child_s", lambda code: cost if "main" in code else 0.04)
    row = start_up.help_row(2, ("evalute",))
    assert row.value == pytest.approx(cost / 0.04) and row.met is met
    assert row.name == "bimodal evalute / python -c ''"
