"""Ends a run as soon as it is better or worse than a baseline: `evaluate --until-decided`.

The panel is played in blocks of seeds, in order, all tasks in a block. After each block the evidence of all
pairs so far is looked at; it holds at every look (`statistics/sequential.py`).
"""

import hashlib
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from ...tasks.core.outcomes import succeeded
from ..records.field_types import Record
from ..records.run_folder import RunFolder
from ..records.run_record import EarlyStop, RunRecord, SuiteRecord
from ..rollout.shard import Shard
from ..statistics.paired import discordant
from ..statistics.sequential import Evidence
from ..suites import Suite, suite_from_record

BLOCK = 10
"""Seeds of every task between two looks."""


class Baseline(NamedTuple):
    """What a run is compared with while it goes on."""

    name: str
    """How sentences call it."""
    hits: Mapping[str, Mapping[int, bool]]
    """Its successes in the clean world: by task, by seed."""

    def announced(self, asked: SuiteRecord) -> EarlyStop:
        """Return what the record of a run to come says of this."""
        told = repr([(task, sorted(hits.items())) for task, hits in self.hits.items()])
        outcomes = hashlib.sha256(told.encode()).hexdigest()
        return EarlyStop(against=self.name, outcomes=outcomes, asked=asked)

    def look(self, before: Evidence, run: RunFolder, block: Sequence[Shard]) -> Evidence:
        """Return the evidence with the episodes of another block, all of which have ended."""
        pairs = only_candidate = only_baseline = 0
        for shard in block:
            candidate = succeeded(run.stored(shard).result.verdict.label)
            wins, losses = discordant(candidate, [self.hits[shard.task][seed] for seed in shard.seeds])
            pairs += len(candidate)
            only_candidate += wins
            only_baseline += losses
        return before.after(pairs, only_candidate, only_baseline)


def cut_in_blocks(suite: Suite) -> Suite:
    """Return a suite whose shards hold as many seeds as lie between two looks."""
    return suite._replace(block=BLOCK)


def in_blocks(shards: Sequence[Shard]) -> list[list[Shard]]:
    """Return shards in the order in which they are looked at: the first of every task, the second, ..."""
    return [[s for s in shards if s.index == index] for index in sorted({s.index for s in shards})]


def early_end(record: RunRecord, evidence: Evidence) -> dict[str, Record]:
    """Return what a run's record says once it has ended: a suite of the seeds that were played, and why."""
    stop = record.early_stop
    if stop is None:
        return {}
    asked = suite_from_record(stop.asked)
    told = {
        "looks": evidence.looks,
        "pairs": evidence.pairs,
        "only_candidate": evidence.only_a,
        "only_baseline": evidence.only_b,
        "log_evidence": evidence.log_evidence,
    }
    played = asked._replace(seeds=asked.seeds[: evidence.looks * BLOCK])
    return {"suite": played.record(), "early_stop": stop.model_copy(update=told)}
