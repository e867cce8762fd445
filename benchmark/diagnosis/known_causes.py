"""What `bimodal diagnose` found of a run's failed episodes, in words; for the report and the review."""

from pathlib import Path

from ...envs.errors import BimodalError
from ..scoring.review_record import EpisodeKey
from .causes import NAME, Causes, read_causes
from .causes_table import cause_of


def stored_causes(folder: Path, run_id: str) -> Causes | None:
    """Return what a run's folder holds; None where nothing was diagnosed.

    A file that is damaged or of another run counts as none: what it says only stands beside the episodes.
    """
    if not (folder / NAME).is_file():
        return None
    try:
        causes = read_causes(folder)
    except BimodalError:
        return None
    return causes if causes.run_id == run_id else None


def known_causes(folder: Path, run_id: str) -> dict[EpisodeKey, str]:
    """Return the cause of every diagnosed episode in words, such as `timing or control`."""
    causes = stored_causes(folder, run_id)
    return {(one.task, one.variant, one.seed): cause_of(one) for one in causes.episodes} if causes else {}
