"""Which policies are shut in: every one that is not Bimodal's own, unless its user says otherwise."""

import os
from pathlib import Path

from ...envs.errors import WrongUse
from ...policies.core.registry import POLICIES, unwrapped
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
    if file.suffix == ".py" and Path.home().resolve().is_relative_to(file.resolve().parent):
        raise WrongUse(
            f"{file.name} would see all that lies beside it, and it lies in {file.resolve().parent}: put it "
            "into a folder of its own"
        )
    if isolation == "bwrap" and (closed := _closed_to_others(file)):
        raise WrongUse(f"the user that a policy runs as here cannot read {closed}: chmod o+rX {closed}")
    return isolation


def _closed_to_others(file: Path) -> Path | None:
    """Return what of a policy's file and folder only its owner may read, where the box has another user."""
    if os.getuid() or file.suffix != ".py":
        return None
    needed = ((file.parent, 0o005), (file, 0o004))
    return next((path for path, mode in needed if path.exists() and path.stat().st_mode & mode != mode), None)


def hidden_from_policies(out: Path | None) -> tuple[Path, ...]:
    """Return the folders that no policy may see, wherever its own file lies: runs, entries, history."""
    ours = Path(__file__).parents[2]
    folders = [RUNS, ours / "leaderboard", ours / ".git", *([out] if out else [])]
    return tuple(folder.resolve() for folder in folders)
