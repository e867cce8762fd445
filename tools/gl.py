"""Makes sure that MuJoCo can render without a screen: with EGL, else with OSMesa.

    .venv/bin/python tools/gl.py [--install]

Prints the backend that works and ends with 0, or prints what to do and ends with 1. With --install, root on
Debian or Ubuntu gets the missing system libraries; everyone else gets the exact command.
"""

import os
import shutil
import subprocess
import sys

LIBRARIES = ("libegl1", "libgl1", "libgl1-mesa-dri")
OPTIONAL_LIBRARY = "libosmesa6"  # newer releases of Debian and Ubuntu no longer have it
PROBE_TIMEOUT = 60.0  # [s]; a good backend needs one
INSTALL_TIMEOUT = 300.0  # [s]
PROBE = """
import mujoco
model = mujoco.MjModel.from_xml_string("<mujoco><worldbody><geom size='1'/></worldbody></mujoco>")
data = mujoco.MjData(model)
mujoco.mj_forward(model, data)
with mujoco.Renderer(model, height=16, width=16) as renderer:
    renderer.update_scene(data)
    assert renderer.render().any(), "the picture is black"
"""


def backends() -> tuple[str, ...]:
    """The values of MUJOCO_GL worth trying on this system, best first."""
    return ("egl", "osmesa") if sys.platform == "linux" else ("cgl",)


def renders(backend: str) -> bool:
    """Whether a fresh process draws a sphere with this backend; a broken driver harms only that process."""
    environment = {name: value for name, value in os.environ.items() if name != "PYOPENGL_PLATFORM"}
    environment["MUJOCO_GL"] = backend
    try:
        probe = subprocess.run(
            [sys.executable, "-c", PROBE], env=environment, capture_output=True, timeout=PROBE_TIMEOUT
        )
    except subprocess.TimeoutExpired:
        return False
    return probe.returncode == 0


def working_backend() -> str | None:
    """The first backend that draws, or None."""
    return next((backend for backend in backends() if renders(backend)), None)


def packages() -> list[str]:
    """The Debian packages to install: the optional one only where the package lists know it."""
    known = subprocess.run(["apt-cache", "show", OPTIONAL_LIBRARY], capture_output=True).returncode == 0
    return [*LIBRARIES, *([OPTIONAL_LIBRARY] if known else [])]


def install() -> None:
    """Installs the libraries with apt-get, quietly; whether it helped is for the next probe to say."""
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    subprocess.run(["apt-get", "update"], env=environment, capture_output=True, timeout=INSTALL_TIMEOUT)
    command = ["apt-get", "install", "-y", "--no-install-recommends", *packages()]
    subprocess.run(command, env=environment, capture_output=True, timeout=INSTALL_TIMEOUT)


def advice() -> str:
    """What a person has to do where this script cannot do it."""
    if shutil.which("apt-get") is None:
        return "MuJoCo finds no off-screen OpenGL; install Mesa's EGL library with your package manager"
    sudo = "sudo " if os.geteuid() else ""
    command = f"{sudo}apt-get update && {sudo}apt-get install -y {' '.join(packages())}"
    return f"MuJoCo finds no off-screen OpenGL; run: {command}"


def main() -> int:
    """Probes, installs if asked and needed, probes again; returns the exit status."""
    backend = working_backend()
    if backend is None and "--install" in sys.argv and shutil.which("apt-get") and os.geteuid() == 0:
        install()
        backend = working_backend()
    sys.stdout.write(f"{backend or advice()}\n")
    return 0 if backend else 1


if __name__ == "__main__":
    sys.exit(main())
