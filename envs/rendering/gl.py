"""Finds a way to draw without a screen: EGL, else OSMesa, tried in a child process that cannot hang us.

A broken graphics driver may crash or wait for ever inside C code. So each backend is first tried by a
short child process with a time limit. The answer is kept in the environment, where this process and all
its children find it.
"""

import atexit
import importlib
import os
import subprocess
import sys
import threading
from typing import Protocol

from ..errors import BimodalError

_LIMIT_S = 60.0  # for one trial: imports and one small picture take about half a second
_MEMORY = "BIMODAL_GL"
ASKED = "BIMODAL_MUJOCO_GL"
"""Where the command line keeps a MUJOCO_GL that it hides from MuJoCo until something is drawn."""
_MODULES = {"egl": "mujoco.egl", "osmesa": "mujoco.osmesa", "glfw": "mujoco.glfw", "cgl": "mujoco.cgl"}
_CHOICES = {"linux": ("egl", "osmesa"), "darwin": ("cgl",)}
_SIDE = 64  # of the window that is never seen: pictures are drawn beside it [pixels]
_OPEN = threading.local()

_TRIAL = """
import mujoco
model = mujoco.MjModel.from_xml_string("<mujoco><worldbody><geom size='1'/></worldbody></mujoco>")
data = mujoco.MjData(model)
mujoco.mj_forward(model, data)
with mujoco.Renderer(model, height=16, width=16) as renderer:
    renderer.update_scene(data)
    assert renderer.render().any(), "the picture is black"
"""


class Context(Protocol):
    """An OpenGL context without a window."""

    def make_current(self) -> None:
        """Send the following drawing calls of this thread here."""
        ...

    def free(self) -> None:
        """Give it back."""
        ...


def configure_gl() -> str:
    """Choose the OpenGL backend, set MUJOCO_GL to it and return its name.

    An existing MUJOCO_GL is respected. The first call of a process tree takes half a second, later calls
    nothing.

    Raises:
        BimodalError: no backend can draw; the message holds the command that installs one.
    """
    wanted = (os.environ.get("MUJOCO_GL") or os.environ.get(ASKED, "")).strip().lower()
    choices = (wanted,) if wanted else _CHOICES.get(sys.platform, ("glfw",))
    known = os.environ.get(_MEMORY, "")
    if known not in (*choices, _failed(choices)):
        known = next((name for name in choices if _can_draw(name)), _failed(choices))
        os.environ[_MEMORY] = known
    if known not in choices:
        raise BimodalError(_advice(wanted))
    os.environ["MUJOCO_GL"] = known
    return known


def thread_context() -> Context:
    """Return this thread's context, current; opened by the first picture and kept until the thread ends.

    All pictures of a thread share it: a driver compiles its shaders anew for each context, which takes longer
    than a hundred small pictures. A context belongs to its thread.
    """
    if (context := getattr(_OPEN, "context", None)) is None:
        backend = configure_gl()
        context = _OPEN.context = importlib.import_module(_MODULES[backend]).GLContext(_SIDE, _SIDE)
        if backend == "osmesa":  # freed while Python shuts down, it would print a traceback
            atexit.register(context.free)
    context.make_current()
    return context


def _failed(choices: tuple[str, ...]) -> str:
    return "none of " + ",".join(choices)


def _can_draw(backend: str) -> bool:
    """Draw a ball in a fresh process; a broken driver harms only that process."""
    if backend not in _MODULES:
        return False
    try:
        trial = subprocess.run(
            [sys.executable, "-P", "-c", _TRIAL],
            env={**os.environ, "MUJOCO_GL": backend},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=_LIMIT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return trial.returncode == 0


def _advice(wanted: str) -> str:
    if wanted and wanted not in _MODULES:
        return f"MUJOCO_GL={wanted} cannot draw; unset it, or set one of: {', '.join(_MODULES)}"
    tried = f"MUJOCO_GL={wanted} does" if wanted else "EGL and OSMesa do"
    command = "libosmesa6" if wanted == "osmesa" else "libegl1 libgl1-mesa-dri"
    return f"cannot draw pictures, {tried} not work here: sudo apt-get install -y {command}"
