"""A leaderboard entry, field by field; `schema.json` is generated from here.

Entries come from strangers: every text, list and number has a bound. `check.py` checks what types cannot say.
"""

from functools import cached_property
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import AfterValidator, Field

from ..benchmark.records.field_types import (
    PRINTABLE,
    Duration,
    Key,
    Many,
    Record,
    Seed,
    Sha256,
    Share,
    TaskId,
    Text,
    VariantName,
    When,
    one_line,
)
from ..benchmark.records.run_record import Machine, PolicyRecord, RunOptions, RunRecord, SuiteRecord
from ..benchmark.scoring.run_episodes import EpisodeColumns, mode_numbers
from ..tasks.core.outcomes import OUTCOMES

MOST_EPISODES = 10_000
"""Episodes of one task in one variant."""
MOST_NESTING = 50
"""Levels of objects and lists in what is free to say."""


def _known_label(label: str) -> str:
    if label not in OUTCOMES:
        raise ValueError(f"{one_line(label, 60)} is not one of {', '.join(OUTCOMES)}")
    return label


def _free(free: dict[str, Any]) -> dict[str, Any]:
    """Refuse free values that are nested without end, or hold text that is not one printable line."""
    level: list[Any] = [free]
    for _ in range(MOST_NESTING):
        level = [part for value in level if isinstance(value, dict | list) for part in _parts(value)]
        if hidden := [part for part in level if isinstance(part, str) and not part.isprintable()]:
            raise ValueError(f"{one_line(hidden[0], 60)} holds a character that is not printable")
    if level:
        raise ValueError(f"too deep nesting, more than {MOST_NESTING} levels")
    return free


def _parts(value: dict[str, Any] | list[Any]) -> list[Any]:
    """Return what an object or a list holds, names included."""
    return [*value, *value.values()] if isinstance(value, dict) else value


Label = Annotated[str, AfterValidator(_known_label), Field(json_schema_extra={"enum": list(OUTCOMES)})]
"""Name of an outcome."""
ModeName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9 ._-]{0,39}$")]
"""A mode of a task."""
Count = Annotated[int, Field(ge=0, le=MOST_EPISODES)]
"""A number of episodes."""
Steps = Annotated[int, Field(ge=0, le=100_000)]
"""Length of an episode [control steps]."""
Interval95 = Annotated[tuple[Share, Share], Field(strict=False)]
"""Lower and upper bound of a 95 % interval."""
Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]
"""Fingerprint of an episode."""
Latency = Annotated[Duration, Field(le=1e7)]
"""Wall time of a decision [ms]."""


Training = Annotated[dict[Key, Any], AfterValidator(_free), Field(max_length=200)] | None
"""How a policy was trained, free in its form."""


class EntryPolicy(PolicyRecord):
    """What answered, with the bounds of an entry."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9 ._+()-]{0,47}$")]
    """Name of the policy, and of its row."""
    uri: Annotated[Text, Field(min_length=1)]
    """What `bimodal evaluate` was given."""
    class_: Annotated[Text, Field(max_length=200, alias="class")]
    """Python class of the policy."""
    description: Annotated[str, Field(max_length=600, pattern=PRINTABLE)]
    """One sentence for a reader."""
    execute: Annotated[int, Field(ge=1, le=1000)]
    """Actions executed of each chunk before the next decision."""
    artifacts: Annotated[dict[Annotated[Text, Field(max_length=200)], Sha256], Field(max_length=500)]
    """sha256 of every file that the policy loads, by `<task>/<file>`."""


class EntryLatency(Record):
    """Wall time of one decision for one episode, as measured by the submitter; null when none was timed."""

    p50: Latency | None
    """Median [ms]."""
    p99: Latency | None
    """99th percentile [ms]."""


class Result(Record):
    """The numbers of one task in one variant."""

    task: TaskId
    """The task's id."""
    variant: VariantName
    """The variant's name."""
    episodes: Annotated[Count, Field(ge=1)]
    """Number of episodes, n; every one counts."""
    successes: Count
    """Episodes with the label SUCCESS, k."""
    success: Share
    """k / n."""
    wilson95: Interval95
    """Wilson's 95 % interval of k / n."""
    modes: Annotated[dict[ModeName, Count], Field(max_length=32)]
    """Successes in each of the task's modes, unused modes included."""
    minority_share: Share | None
    """Share of the rarest mode among successes; null without a success."""
    averaging_failures: Count
    """Episodes that failed between the modes."""
    labels: Annotated[dict[Label, Annotated[Count, Field(ge=1)]], Field(max_length=64)]
    """Episodes with each label that occurred."""
    steps_mean: Annotated[Duration, Field(le=1e6)]
    """Mean length of an episode [control steps]."""
    latency_ms: EntryLatency
    """Wall time of one decision for one episode [ms]."""


class Aggregate(Record):
    """Over the tasks of the clean variant, every task weighing the same."""

    success_macro: Share
    """Mean of `success`."""
    success_macro95: Interval95
    """95 % interval of the mean, combined from the tasks' intervals."""
    averaging_macro: Share
    """Mean share of averaging failures."""
    minority_share_min: Share | None
    """Smallest minority share of any task; null when nothing succeeded."""


class EpisodeBlock(Record):
    """All episodes of one task in one variant; the lists run in parallel, one element an episode."""

    task: TaskId
    """The task's id."""
    variant: VariantName
    """The variant's name."""
    seeds: Annotated[Many[Seed], Field(min_length=1, max_length=MOST_EPISODES)]
    """Seed of each episode: the suite's panel, each exactly once."""
    labels: Annotated[Many[Label], Field(min_length=1, max_length=MOST_EPISODES)]
    """Verdict of each episode."""
    modes: Annotated[Many[ModeName | None], Field(min_length=1, max_length=MOST_EPISODES)]
    """Realised mode of each episode by name; null when none was."""
    steps: Annotated[
        Many[Annotated[int, Field(ge=0, le=100_000)]], Field(min_length=1, max_length=MOST_EPISODES)
    ]
    """Length of each episode [control steps]."""
    digests: Annotated[Many[Digest], Field(min_length=1, max_length=MOST_EPISODES)]
    """Fingerprint of each episode's actions, states and verdict."""

    @cached_property
    def columns(self) -> EpisodeColumns:
        """The episodes as scores read them; a mode that is not the task's counts as none."""
        return EpisodeColumns(
            seeds=np.array(self.seeds),
            labels=np.array(self.labels, object),
            modes=mode_numbers(self.task, self.modes),
            steps=np.array(self.steps),
            digests=np.array(self.digests, object),
        )


class Provenance(Record):
    """Where the numbers come from."""

    versions: Annotated[dict[Key, Text], Field(max_length=64)]
    """Versions of the packages that matter."""
    machine: Machine
    """The machine: processor, cores, system, Python."""
    created: When
    """When the run was made."""
    wall_s: Duration
    """Wall time of the run [s]."""
    options: RunOptions
    """Options of the run."""


class Verification(Record):
    """How far others have checked an entry. Maintainers keep the marks; an entry itself says `reported`."""

    level: Literal["reported", "replayed", "reproduced"]
    """reported: complete and consistent; replayed: recorded actions simulated again; reproduced: policy run
    again."""
    by: Annotated[str, Field(min_length=1, max_length=100, pattern=PRINTABLE)] | None
    """Who verified; null for `reported`."""
    date: Annotated[str, Field(pattern=r"^20[0-9]{2}-[01][0-9]-[0-3][0-9]$")] | None
    """When, as YYYY-MM-DD; null for `reported`."""


REPORTED = Verification(level="reported", by=None, date=None)
"""What an entry says of itself."""


class Entry(Record):
    """One policy on one suite.

    Everything in `results` and `aggregate` except latency follows from `episodes`, and is recomputed from it
    when the entry is checked.
    """

    schema_version: Literal[1]
    """Version of this schema."""
    entry_id: Sha256
    """sha256 of the canonical JSON of the entry (sorted keys, no spaces, UTF-8) without `entry_id` and
    `created`."""
    created: When
    """When the entry was written."""
    suite: SuiteRecord
    """The suite that was asked; entries are compared only within one."""
    policy: EntryPolicy
    """What answered."""
    training: Training
    """How it was trained: demonstrations, seeds, other data. Free, but a statement. Null when nothing was
    trained."""
    results: Annotated[Many[Result], Field(min_length=1, max_length=2000)]
    """One row a task and variant."""
    aggregate: Aggregate
    """Over the tasks of the clean variant."""
    episodes: Annotated[Many[EpisodeBlock], Field(min_length=1, max_length=2000)]
    """One block a task and variant."""
    provenance: Provenance
    """How, where and when the numbers were made."""
    verification: Verification
    """How far others have checked the entry."""

    def run_record(self) -> RunRecord:
        """Return the entry's run as far as it is told here: for its facts and its command on a page."""
        parts = {name: getattr(self.provenance, name) for name in Provenance.model_fields}
        same = {"suite": self.suite, "policy": self.policy, "training": self.training}
        return RunRecord(schema_version=1, latency_ms={}, invalid_shards=(), **same, **parts)
