"""Off-screen OpenGL: tried without harm, chosen by the environment, and one line says what is missing."""

import os
import subprocess
import sys
import threading
from pathlib import Path
from types import SimpleNamespace

import pytest
from bimodal.envs.errors import BimodalError
from bimodal.envs.rendering import gl


def test_importing_the_package_touches_no_graphics_library():
    code = "import sys, bimodal.envs.rendering.render\n"
    code += "sys.exit(bool({'mujoco.egl', 'OpenGL.GL'} & sys.modules.keys()))"
    environment = {
        key: value for key, value in os.environ.items() if key not in ("MUJOCO_GL", "PYOPENGL_PLATFORM")
    }
    assert subprocess.run([sys.executable, "-c", code], env=environment, check=False).returncode == 0


def test_a_driver_that_hangs_ends_in_one_line_with_the_cure(monkeypatch):
    monkeypatch.delenv("MUJOCO_GL", raising=False)
    monkeypatch.delenv("BIMODAL_GL", raising=False)
    monkeypatch.setattr(gl, "_LIMIT_S", 0.3)
    monkeypatch.setattr(gl, "_TRIAL", "import time; time.sleep(10_000)")
    monkeypatch.setattr(sys, "platform", "linux")
    tried = []
    run = subprocess.run
    monkeypatch.setattr(
        gl.subprocess,
        "run",
        lambda *words, **more: tried.append(more["env"]["MUJOCO_GL"]) or run(*words, **more),
    )
    for _ in range(2):
        with pytest.raises(BimodalError, match="sudo apt-get install -y libegl1 libgl1-mesa-dri") as caught:
            gl.configure_gl()
        assert "\n" not in str(caught.value)
    assert tried == ["egl", "osmesa"], "the second time the answer is remembered"
    os.environ.pop("BIMODAL_GL")


def test_a_chosen_backend_is_respected_and_a_wrong_one_named(monkeypatch, drawing):
    assert gl.configure_gl() == os.environ["MUJOCO_GL"]
    monkeypatch.setenv("MUJOCO_GL", "nonsense")
    with pytest.raises(BimodalError, match="nonsense"):
        gl.configure_gl()
    assert os.environ["MUJOCO_GL"] == "nonsense"


def test_set_up_finds_the_same_backend_whatever_the_environment_asks_for(monkeypatch, drawing):
    monkeypatch.delenv("MUJOCO_GL", raising=False)
    script = Path(__file__).parents[2] / "tools" / "gl.py"
    environment = os.environ | {"MUJOCO_GL": "nonsense", "PYOPENGL_PLATFORM": "nonsense"}
    found = subprocess.run([sys.executable, script], env=environment, capture_output=True, text=True)
    assert (found.returncode, found.stdout.strip()) == (0, gl.configure_gl()), found.stderr


@pytest.mark.parametrize(("backend", "freed"), [("osmesa", 1), ("egl", 0)])
def test_a_context_of_osmesa_is_freed_before_python_shuts_down(backend, freed, monkeypatch):
    """Later it would print a traceback, as nothing can be imported any more."""

    class Context:
        def __init__(self, *size):
            pass

        def make_current(self):
            pass

        def free(self):
            pass

    left = []
    monkeypatch.setattr(gl, "configure_gl", lambda: backend)
    monkeypatch.setattr(gl, "_OPEN", threading.local())
    monkeypatch.setattr(gl.importlib, "import_module", lambda name: SimpleNamespace(GLContext=Context))
    monkeypatch.setattr(gl.atexit, "register", left.append)
    assert gl.thread_context() is gl.thread_context()
    assert [call.__name__ for call in left] == ["free"] * freed
