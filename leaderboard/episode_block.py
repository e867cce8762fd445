"""The episodes of an entry: how each one ended, in few characters; everything else is counted from them."""

from functools import cached_property
from typing import Annotated

import numpy as np
from pydantic import AfterValidator, Field, model_validator

from ..benchmark.records.field_types import Distinct, Many, Record, Seed, TaskId, VariantName, one_line
from ..benchmark.scoring.run_episodes import EpisodeColumns, mode_numbers
from ..tasks.core.outcomes import OUTCOMES

MOST_EPISODES = 10_000
"""Episodes of one task in one variant."""
MOST_ENDINGS = 1000
"""Ways in which the episodes of one task in one variant end."""
DIGITS = 8
"""Hex digits of an episode's fingerprint in an entry; the whole one is in the run and in the archive."""


def _known_label(label: str) -> str:
    if label not in OUTCOMES:
        raise ValueError(f"{one_line(label, 60)} is not one of {', '.join(OUTCOMES)}")
    return label


Label = Annotated[str, AfterValidator(_known_label), Field(json_schema_extra={"enum": list(OUTCOMES)})]
"""Name of an outcome."""
ModeName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9 ,._-]{0,39}$")]
"""A mode of a task."""
Steps = Annotated[int, Field(ge=0, le=100_000)]
"""Length of an episode [control steps]."""
Ending = Annotated[tuple[Label, ModeName | None], Field(strict=False)]
"""Outcome and realised mode; null for no mode."""


class EpisodeBlock(Record):
    """All episodes of one task in one variant, in the order of the suite's seeds."""

    task: TaskId
    """The task's id."""
    variant: VariantName
    """The variant's name."""
    first_seed: Seed
    """Seed of the first episode; the others follow one by one."""
    endings: Annotated[Distinct[Ending], Field(min_length=1, max_length=MOST_ENDINGS)]
    """The ways in which episodes of the block ended, in the order of their first appearance."""
    ended: Annotated[Many[Annotated[int, Field(ge=0)]], Field(min_length=1, max_length=MOST_EPISODES)]
    """How each episode ended: its place in `endings`, from 0."""
    steps: Annotated[Many[Steps], Field(min_length=1, max_length=MOST_EPISODES)]
    """Length of each episode [control steps]."""
    digests: Annotated[
        str, Field(pattern=rf"^([0-9a-f]{{{DIGITS}}})+$", max_length=DIGITS * MOST_EPISODES, repr=False)
    ]
    """First eight hex digits of each episode's fingerprint, one after the other."""

    @model_validator(mode="after")
    def _one_way_to_say_it(self) -> "EpisodeBlock":
        if tuple(dict.fromkeys(self.ended)) != tuple(range(len(self.endings))):
            raise ValueError("ended does not name each of the endings, in the order of their appearance")
        return self

    @classmethod
    def of(cls, task: str, variant: str, columns: EpisodeColumns, modes: list[str | None]) -> "EpisodeBlock":
        """Return the block of a run's episodes, which are in the order of their consecutive seeds."""
        pairs = list(zip(columns.labels.tolist(), modes, strict=True))
        endings = {ending: place for place, ending in enumerate(dict.fromkeys(pairs))}
        return cls(
            task=task,
            variant=variant,
            first_seed=int(columns.seeds[0]),
            endings=tuple(endings),
            ended=tuple(endings[pair] for pair in pairs),
            steps=tuple(columns.steps.tolist()),
            digests="".join(digest[:DIGITS] for digest in columns.digests),
        )

    @property
    def seeds(self) -> range:
        """Seed of each episode."""
        return range(self.first_seed, self.first_seed + len(self.ended))

    @property
    def labels(self) -> list[str]:
        """Outcome of each episode."""
        return [self.endings[place][0] for place in self.ended]

    @property
    def modes(self) -> list[str | None]:
        """Realised mode of each episode by name; None where none was."""
        return [self.endings[place][1] for place in self.ended]

    @property
    def fingerprints(self) -> list[str]:
        """First digits of each episode's fingerprint."""
        return [self.digests[start : start + DIGITS] for start in range(0, len(self.digests), DIGITS)]

    @property
    def is_even(self) -> bool:
        """Whether every episode has a length and a fingerprint."""
        return len(self.steps) == len(self.ended) == len(self.digests) // DIGITS

    @cached_property
    def columns(self) -> EpisodeColumns:
        """The episodes as scores read them; a mode that is not the task's counts as none."""
        ended = np.array(self.ended)
        return EpisodeColumns(
            seeds=np.array(self.seeds),
            labels=np.array([label for label, _ in self.endings], object)[ended],
            modes=mode_numbers(self.task, [mode for _, mode in self.endings])[ended],
            steps=np.array(self.steps),
            digests=np.array(self.fingerprints, object),
        )
