"""Which policies are shut in: every one that is not Bimodal's own, unless its user says otherwise.

Of a policy behind a server nothing runs here, so there is nothing to shut in.
"""

import os
from pathlib import Path

from ...envs.errors import WrongUse
from ...policies.core.registry import POLICIES, import_folder
from ...policies.core.server_address import is_remote
from ...policies.core.wrapping import unwrapped, with_inner
from ..records.run_folder import RUNS
from .shapes import Isolation, possible


def isolation_of(uri: str, sandbox: bool | None) -> Isolation:
    """Return how a policy is shut in.

    Args:
        uri: the policy.
        sandbox: True for shut in, False for not, None for shut in if it is not Bimodal's own.

    Raises:
        WrongUse: it should be shut in, and this machine cannot do that.
    """
    if is_remote(unwrapped(uri)):
        if sandbox:
            raise WrongUse(f"nothing of {uri} runs here, so --sandbox has nothing to shut in")
        return "remote"
    if sandbox is None:
        inner = unwrapped(uri)
        from_file = ":" in inner or inner.endswith(".py")
        sandbox = from_file or not POLICIES.is_own(POLICIES.source(inner))
    if not sandbox:
        return "none"
    isolation, why = possible()
    if isolation == "none":
        raise WrongUse(
            f"this machine cannot shut a policy in ({why}); --no-sandbox runs it with all your rights"
        )
    file = Path(unwrapped(uri).rpartition(":")[0])
    folder = file.resolve().parent if file.suffix == ".py" else import_folder(uri)
    if folder and Path.home().resolve().is_relative_to(folder):
        raise WrongUse(
            f"{file.name or uri} would see all that lies beside it, and it lies in {folder}: put it into a "
            "folder of its own"
        )
    if isolation == "bwrap" and folder and (closed := _closed_to_others(folder, file)):
        raise WrongUse(f"the user that a policy runs as here cannot read {closed}: chmod o+rX {closed}")
    return isolation


def _closed_to_others(folder: Path, file: Path) -> Path | None:
    """Return what of a policy's folder and file only its owner may read, where the box has another user."""
    if os.getuid():
        return None
    needed = ((folder, 0o005), *([(file, 0o004)] if file.suffix == ".py" else []))
    return next((path for path, mode in needed if path.exists() and path.stat().st_mode & mode != mode), None)


def hidden_from_policies(out: Path | None) -> tuple[Path, ...]:
    """Return the folders that no policy may see, wherever its own file lies: runs, entries, history."""
    ours = Path(__file__).parents[2]
    folders = [RUNS, ours / "leaderboard", ours / ".git", *([out] if out else [])]
    return tuple(folder.resolve() for folder in folders)


def absolute_uri(uri: str) -> str:
    """Return a policy's URI with the full path of its file, if it is one; workers may start elsewhere."""
    return with_inner(uri, _absolute)


def _absolute(uri: str) -> str:
    file, _, attribute = uri.rpartition(":")
    return f"{Path(file).resolve()}:{attribute}" if file.endswith(".py") else uri
