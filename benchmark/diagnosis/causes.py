"""`causes.json` in a run's folder: what the diagnosis found of every failed episode."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, ValidationError

from ...envs.errors import BimodalError
from ...envs.storage.atomic_write import write_json
from ...envs.storage.bounded_read import read_bounded
from ..records.checksums import seal
from ..records.field_types import (
    Duration,
    Many,
    Number,
    Record,
    Seed,
    Share,
    TaskId,
    Text,
    VariantName,
    problems,
)
from .interfaces import Interface

NAME = "causes.json"
_LARGEST = 50_000_000
"""Bytes of a causes.json that are read."""
Count = Annotated[int, Field(ge=0, le=100_000)]

Finding = Literal["cause", "several", "together", "chance", "none", "fault", "not repeated"]
"""What came out of an episode's re-runs:

cause          exactly one repair saves it
several        each of several repairs saves it alone
together       no repair alone, but all that the variant disturbs, restored at once
chance         without any repair it succeeds in at least half of the re-runs with new noise
none           nothing that was tried saves it beyond doubt
fault          the policy itself broke down; such an episode is not run again
not repeated   without any repair and with its own noise it did not end as recorded: another machine or policy
"""


class Tried(Record):
    """The re-runs of one episode with one repair, or without any."""

    repair: Interface | Literal["nothing", "everything"]
    """The interface that was repaired."""
    same_noise: bool
    """Whether it succeeded with the episode's own noise."""
    successes: Count
    """Successes among the re-runs with new noise."""
    n: Count
    """Re-runs with new noise: fewer where the repair could not be shown to be a cause any more, twice as many
    where the episode succeeds often without one."""
    low: Share
    """Lower end of the 95 % interval of their success (Clopper-Pearson)."""
    high: Share
    """Upper end."""
    p: Share
    """Fisher's one-sided p-value against the re-runs without a repair, adjusted for all repairs (Holm).
    Re-runs that were not made count as failures."""


class EpisodeCause(Record):
    """Why one episode failed."""

    task: TaskId
    variant: VariantName
    seed: Seed
    label: Text
    """Symptom: how it ended."""
    mode: Text
    """Symptom: the mode that it took, "" for none."""
    alpha: Number | None
    """Symptom: where between the modes the hand acted, null if it never did."""
    steps: Count
    """Symptom: how long it took [control steps]."""
    switches: Count
    """Symptom: how often the hand changed sides."""
    finding: Finding
    """What came of the re-runs; see docs/diagnosis.md."""
    causes: Many[Interface]
    """The repairs that save it, one for `cause`, more for `several` and `together`."""
    tried: Many[Tried]
    """The re-runs, those without a repair first."""


class Causes(Record):
    """All that a diagnosis found."""

    schema_version: Literal[1]
    run_id: Annotated[str, Field(pattern=r"^[0-9a-f]{0,32}$")]
    """The run that was diagnosed."""
    policy: Text
    """Name of its policy."""
    reruns: Count
    """Re-runs of every episode with new noise in each arm."""
    failures: Count
    """Failed episodes of the run, diagnosed or not."""
    wall_s: Duration
    """Wall time of the diagnosis [s]."""
    episodes: Many[EpisodeCause]
    """The failed episodes that were diagnosed, by task, variant and seed."""


def write_causes(folder: Path, causes: Causes) -> None:
    """Write what was found into the run's folder."""
    write_json(folder / NAME, causes.plain())
    seal(folder)


def read_causes(folder: Path) -> Causes:
    """Return what was found.

    Raises:
        BimodalError: the run was not diagnosed, or the file is damaged.
    """
    try:
        return Causes.model_validate_json(read_bounded(folder / NAME, _LARGEST))
    except ValidationError as error:
        raise BimodalError(f"{folder / NAME} is damaged ({problems(error)[0]}); diagnose again") from None
