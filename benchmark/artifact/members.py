"""Which files an artifact holds, and the header that stands first: the format of docs/data-formats.md."""

import re
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from ..records.field_types import Record, Sha256, Text, When
from ..records.run_record import RunRecord, SuiteRecord

FORMAT = "bimodal-artifact"
VERSION = 1
"""Version of the format; raised when a reader of the old one would misread the new one."""
HEADER = "artifact.json"
"""The first file of an artifact."""
SUMS = "SHA256SUMS"
NEEDED = ("run.json", "episodes.parquet", "decisions.parquet")
"""Files without which a run is not finished."""
ADDED = ("causes.json", "measures.parquet", "review.json")
"""Files that may be added to a finished run; the others must be as the run left them."""
_OPTIONAL = ("card.json", "faults.txt", "report.html", "episodes.csv", "episodes.json", *ADDED)
_INSIDE = re.compile(
    r"(traces/[^./\\:*?\"<>|\x00-\x1f][^/\\:*?\"<>|\x00-\x1f]{0,200}\.npz"
    r"|videos/[^./\\:*?\"<>|\x00-\x1f][^/\\:*?\"<>|\x00-\x1f]{0,200}\.(mp4|jpg))"
)


class ArtifactHeader(Record):
    """What an artifact is of; read without reading anything else of it."""

    format: Literal["bimodal-artifact"]
    """What kind of file it is."""
    schema_version: Annotated[int, Field(ge=1)]
    """Version of the format."""
    run_id: Annotated[str, Field(pattern=r"^[0-9a-f]{0,32}$")]
    """The run's number, as in run.json."""
    created: When
    """When the run was begun."""
    policy: Text
    """Name of the policy."""
    suite: SuiteRecord
    """What was asked: tasks, seed panel, variants."""
    episodes: Annotated[int, Field(ge=1)]
    """How many episodes it holds."""
    sums: Sha256
    """sha256 of its SHA256SUMS, which has the sha256 of every other file."""

    @classmethod
    def of_run(cls, record: RunRecord, episodes: int, sums: str) -> "ArtifactHeader":
        """Return the header of a run with so many episodes, whose SHA256SUMS has this sha256."""
        return cls(
            format=FORMAT,
            schema_version=VERSION,
            run_id=record.run_id,
            created=record.created,
            policy=record.policy.name,
            suite=record.suite,
            episodes=episodes,
            sums=sums,
        )


def is_member(name: str) -> bool:
    """Whether a file of this name may stand in an artifact: one that a run writes, and no path out."""
    return name in (HEADER, SUMS, *NEEDED, *_OPTIONAL) or _INSIDE.fullmatch(name) is not None


def packed_files(run: Path, videos: bool) -> list[str]:
    """Return the names of a run's files that are packed, sorted; what others laid beside them is left out."""
    found = (file.relative_to(run).as_posix() for file in run.rglob("*") if file.is_file())
    kept = (name for name in found if is_member(name) and name not in (HEADER, SUMS))
    return sorted(name for name in kept if videos or not name.startswith("videos/"))
