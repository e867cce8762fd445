"""Terminals that know ASCII alone, and a MUJOCO_GL whose library is missing."""

import ast
import io
import os
import subprocess
import sys
from pathlib import Path

import pytest
from bimodal.cli import main as cli
from bimodal.cli.plain_output import _plain, without_gl_library
from bimodal.envs.errors import BimodalError
from bimodal.envs.rendering import gl

ROOT = Path(cli.__file__).parents[1]


def test_every_command_prints_where_the_output_is_ascii(monkeypatch):
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding="ascii"))
    monkeypatch.setattr(sys, "stderr", io.TextIOWrapper(raw, encoding="latin-1"))
    assert cli.main(["policies"]) == 0
    print("0.5–1 … 7 ✓", file=sys.stdout, flush=True)
    print("α → 🙂 é", file=sys.stderr, flush=True)
    text = raw.getvalue().decode("latin-1")
    assert "flow" in text and "0.5-1 ... 7 +" in text
    assert "alpha > ? é" in text


def test_whatever_we_print_has_a_plain_replacement():
    """Of all text in the sources, whether or not it is printed."""
    strange = {}
    for room in ("envs", "tasks", "policies", "benchmark", "leaderboard", "cli"):
        for file in (ROOT / room).rglob("*.py"):
            for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Constant) and isinstance(node.value, str):
                    strange |= {sign: file.name for sign in node.value if not sign.isascii()}
    assert len(strange) > 5
    assert {sign: file for sign, file in strange.items() if _plain(sign) == "?"} == {}


def test_a_missing_opengl_library_ends_only_what_draws_and_in_one_line(monkeypatch):
    monkeypatch.setenv("MUJOCO_GL", "osmesa")
    monkeypatch.delenv("BIMODAL_GL", raising=False)
    monkeypatch.setattr(gl, "_can_draw", lambda backend: False)
    with without_gl_library():
        assert "MUJOCO_GL" not in os.environ, "MuJoCo would load the library on import"
        with pytest.raises(BimodalError, match="MUJOCO_GL=osmesa does not work here") as caught:
            gl.configure_gl()
    assert "\n" not in str(caught.value)
    assert os.environ["MUJOCO_GL"] == "osmesa" and gl.ASKED not in os.environ
    os.environ.pop("BIMODAL_GL", None)


def test_a_command_that_draws_nothing_runs_whatever_mujoco_gl_names():
    done = subprocess.run(
        [sys.executable, "-m", "bimodal.cli.main", "suites"],
        env=os.environ | {"MUJOCO_GL": "osmesa", "PYTHONIOENCODING": "ascii"},
        capture_output=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.decode("ascii").startswith("smoke")
