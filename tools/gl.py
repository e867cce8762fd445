"""Makes sure that MuJoCo can render without a screen: with EGL, else with OSMesa.

    .venv/bin/python tools/gl.py [--install]

Prints the backend that works and ends with 0, or prints what to do and ends with 1. With --install, root on
Debian or Ubuntu gets the missing system libraries; everyone else gets the exact command.
"""

import os
import shutil
import subprocess
import sys

from bimodal.envs.errors import BimodalError
from bimodal.envs.rendering.gl import configure_gl

LIBRARIES = ("libegl1", "libgl1", "libgl1-mesa-dri")
OPTIONAL_LIBRARY = "libosmesa6"  # newer releases of Debian and Ubuntu no longer have it
INSTALL_TIMEOUT = 300.0  # [s]


def working_backend() -> str | None:
    """The first backend that draws, whatever the environment asks for; None where none does."""
    for name in ("MUJOCO_GL", "PYOPENGL_PLATFORM", "BIMODAL_GL"):
        os.environ.pop(name, None)
    try:
        return configure_gl()
    except BimodalError:
        return None


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
