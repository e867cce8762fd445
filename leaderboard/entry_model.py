"""A leaderboard entry, field by field; `schema.json` is generated from here.

Entries come from strangers: every text, list and number has a bound. `check.py` checks what types cannot say.
"""

import re
from functools import cached_property
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from ..benchmark.records.contract_card import ContractCard
from ..benchmark.records.field_types import (
    PRINTABLE,
    Duration,
    Key,
    Many,
    Record,
    Sha256,
    Share,
    TaskId,
    Text,
    VariantName,
    When,
    one_line,
)
from ..benchmark.records.run_record import (
    Isolation,
    Machine,
    PolicyRecord,
    RunOptions,
    RunRecord,
    SuiteRecord,
)
from ..benchmark.scoring.episode_columns import Cell, EpisodeColumns, instructed
from .episode_block import MOST_EPISODES, EpisodeBlock, Label, ModeName

MOST_NESTING = 50
"""Levels of objects and lists in what is free to say."""


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


Count = Annotated[int, Field(ge=0, le=MOST_EPISODES)]
"""A number of episodes."""
Interval95 = Annotated[tuple[Share, Share], Field(strict=False)]
"""Lower and upper bound of a 95 % interval."""
Latency = Annotated[Duration, Field(le=1e7)]
"""Wall time of a decision [ms]."""


Author = Annotated[str, Field(min_length=1, max_length=100, pattern=PRINTABLE)]
"""A person or a group."""


def _spdx(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9.+-]{0,63}", text):
        raise ValueError(f"{one_line(text, 60)} is no SPDX name of a licence, such as MIT or Apache-2.0")
    return text


Licence = Annotated[str, AfterValidator(_spdx), Field(max_length=64)]
"""SPDX name of a licence, such as Apache-2.0."""
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
    """Wall time of one decision for one episode, as measured by the submitter."""

    p50: Latency
    """Median [ms]."""
    p99: Latency
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
    clean_successes: Count | None
    """Successes on the same seeds in the clean world; null for the clean world itself."""
    averaging_failures: Count
    """Episodes that failed between the modes."""
    labels: Annotated[dict[Label, Annotated[Count, Field(ge=1)]], Field(max_length=64)]
    """Episodes with each label that occurred."""
    steps_mean: Annotated[Duration, Field(le=1e6)]
    """Mean length of an episode [control steps]."""
    latency_ms: EntryLatency | None
    """Wall time of one decision for one episode [ms]; null in variants, and where none was timed."""


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


class TraceFile(Record):
    """The archive from which an entry's episodes can be simulated again, without its policy."""

    sha256: Sha256
    """Its sum."""
    bytes: Annotated[int, Field(ge=1, le=10**9)]
    """Its size."""
    url: Annotated[Text, Field(pattern=r"^https://[^\s]+$")] | None = None
    """Where it can be had; null where it lies beside the entry, under the entry's name and `.trace`."""


class Entry(Record):
    """One policy on one suite.

    Everything in `results` and `aggregate` except latency follows from `episodes`, and is recomputed from it
    when the entry is checked.
    """

    schema_version: Literal[2]
    """Version of this schema."""
    entry_id: Sha256
    """sha256 of the canonical JSON of the entry (sorted keys, no spaces, UTF-8) without `entry_id` and
    `created`."""
    created: When
    """When the entry was written."""
    authors: Annotated[Many[Author], Field(max_length=50)]
    """Who submits it; none for an entry that nobody has submitted."""
    licence: Licence | None
    """SPDX name of the licence of the policy; null for an entry that nobody has submitted."""
    attempt: Annotated[int, Field(ge=1, le=1000)]
    """Its number among the entries of this policy on this suite; the earlier ones stay on record."""
    supersedes: Sha256 | None
    """The id of the entry before; null for the first."""
    suite: SuiteRecord
    """The suite that was asked; entries are compared only within one."""
    policy: EntryPolicy
    """What answered."""
    training: Training
    """How it was trained: demonstrations, seeds, other data. Free, but a statement. Null when nothing was
    trained."""
    card: ContractCard
    """What it is given and promises, what it was trained on, and whether that holds scenes of the panel."""
    isolation: Isolation
    """How the policy was shut in while it was scored."""
    results: Annotated[Many[Result], Field(min_length=1, max_length=2000)]
    """One row a task and variant."""
    aggregate: Aggregate
    """Over the tasks of the clean variant."""
    episodes: Annotated[Many[EpisodeBlock], Field(min_length=1, max_length=2000)]
    """One block a task and variant."""
    provenance: Provenance
    """How, where and when the numbers were made."""
    trace: TraceFile | None
    """Its recorded actions, for `bimodal verify`; null where there is no archive."""

    @cached_property
    def cells(self) -> dict[Cell, EpisodeColumns]:
        """The episodes as scores read them, by task and variant."""
        found = {(block.task, block.variant): block.columns for block in self.episodes}
        if not self.suite.instructed:
            return found
        return {(task, variant): instructed(task, columns) for (task, variant), columns in found.items()}

    def run_record(self) -> RunRecord:
        """Return the entry's run as far as it is told here: for its facts and its command on a page."""
        parts = {name: getattr(self.provenance, name) for name in Provenance.model_fields}
        same = {name: getattr(self, name) for name in ("suite", "policy", "training", "isolation")}
        return RunRecord(schema_version=1, latency_ms={}, invalid_shards=(), **same, **parts)
