"""What `bimodal diagnose` found of a run's failed episodes, in words; nothing where it was not asked."""

import json
from pathlib import Path

from ...envs.errors import BimodalError
from ...envs.storage.bounded_read import read_bounded
from ..records.field_types import one_line
from ..scoring.review_record import EpisodeKey

NAME = "causes.json"
_LARGEST = 50_000_000
"""Bytes of a causes.json that are read."""


def read_known_causes(folder: Path, run_id: str) -> dict[EpisodeKey, str]:
    """Return the cause of every episode that has one.

    A file that is damaged or of another run counts as none: what it says only stands beside the episode.
    """
    if not (folder / NAME).is_file():
        return {}
    try:
        content = json.loads(read_bounded(folder / NAME, _LARGEST))
        if content["run_id"] != run_id:
            return {}
        return {(one["task"], one["variant"], one["seed"]): _words(one) for one in content["episodes"]}
    except (BimodalError, ValueError, KeyError, TypeError, RecursionError):
        return {}


def _words(found: dict) -> str:
    named = ", ".join(one_line(cause, 40) for cause in found["causes"])
    return named or one_line(found["finding"], 40)
