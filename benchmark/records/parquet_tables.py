"""Builds the tables of a run from its shards; what each column holds. Called when a run is complete."""

import numpy as np
import pyarrow as pa

from ...tasks import load_task
from ...tasks.core.outcomes import OUTCOMES
from ..rollout.plan_records import Plans
from ..rollout.shard import ShardResult

EPISODE_COLUMNS = [
    ("task", pa.string()),
    ("variant", pa.string()),
    ("seed", pa.int64()),
    ("shard", pa.int32()),
    ("mode", pa.int8()),
    ("mode_name", pa.string()),
    ("label", pa.string()),
    ("success", pa.bool_()),
    ("success_ever", pa.bool_()),
    ("success_final", pa.bool_()),
    ("first_success_step", pa.int32()),
    ("steps", pa.int32()),
    ("averaging", pa.bool_()),
    ("alpha", pa.float64()),
    ("switches", pa.int32()),
    ("decisions", pa.int32()),
    ("clipped", pa.int32()),
    ("fault", pa.string()),
    ("digest", pa.string()),
]
"""Columns of episodes.parquet: one row an episode."""
DECISION_COLUMNS = [
    ("task", pa.string()),
    ("variant", pa.string()),
    ("seed", pa.int64()),
    ("decision", pa.int32()),
    ("step", pa.int32()),
    ("latency_ms", pa.float64()),
    ("rows", pa.int32()),
    ("chosen", pa.int32()),
    ("scores", pa.list_(pa.float32())),
    ("modes", pa.list_(pa.int8())),
    ("verdict", pa.string()),
    ("plan", pa.string()),
]
"""Columns of decisions.parquet: one row a decision of a running episode. The last five are null for a policy
that does not say how it came to its decisions; `plans.Plans` explains them, `plan` being its digest."""


def episode_table(results: list[ShardResult]) -> pa.Table:
    """Return one row for every episode."""
    rows: dict[str, list] = {name: [] for name, _ in EPISODE_COLUMNS}
    for result in results:
        shard = result.shard
        verdict = result.verdict
        modes = load_task(shard.task).modes
        every = step_counts(result)
        clipped = np.zeros(len(shard.seeds), int) if result.clipped is None else result.clipped
        for row, seed in enumerate(shard.seeds):
            mode = int(verdict.mode[row])
            outcome = OUTCOMES[verdict.label[row]]
            values = {
                "task": shard.task,
                "variant": shard.variant,
                "seed": seed,
                "shard": shard.index,
                "mode": mode,
                "mode_name": modes[mode] if mode >= 0 else "",
                "label": outcome.name,
                "success": outcome.success,
                "success_ever": bool(verdict.success_ever[row]),
                "success_final": bool(verdict.success_final[row]),
                "first_success_step": int(verdict.first_success[row]),
                "steps": int(verdict.steps[row]),
                "averaging": outcome.averaging,
                "alpha": float(verdict.alpha[row]),
                "switches": int(verdict.switches[row]),
                "decisions": int(every[row]),
                "clipped": int(clipped[row]),
                "fault": str(result.faults[row]),
                "digest": str(result.digests[row]),
            }
            for name, value in values.items():
                rows[name].append(value)
    return pa.table(rows, schema=pa.schema(EPISODE_COLUMNS))


def step_counts(result: ShardResult) -> np.ndarray:
    """Number of decisions that each episode lived to see, (N,)."""
    asked = np.array([decision.step for decision in result.decisions])
    return (asked[None] < np.maximum(result.verdict.steps, 1)[:, None]).sum(axis=1)


def decision_table(results: list[ShardResult]) -> pa.Table:
    """Return one row for every decision that an episode lived to see."""
    rows: dict[str, list] = {name: [] for name, _ in DECISION_COLUMNS}
    for result in results:
        shard = result.shard
        alive = result.verdict.steps
        for number, decision in enumerate(result.decisions):
            for row, seed in enumerate(shard.seeds):
                if decision.step < max(int(alive[row]), 1):
                    for name, value in zip(
                        rows,
                        (
                            shard.task,
                            shard.variant,
                            seed,
                            number,
                            decision.step,
                            decision.latency_ms,
                            decision.rows,
                            *_planned(result.plans, row, number),
                        ),
                        strict=True,
                    ):
                        rows[name].append(value)
    return pa.table(rows, schema=pa.schema(DECISION_COLUMNS))


def _planned(plans: Plans | None, row: int, decision: int) -> list:
    """Return how one decision of one episode was come to: the last columns."""
    if plans is None:
        return [None] * 5
    fields = (plans.chosen, plans.scores, plans.modes, plans.verdict, plans.digest)
    return [None if field is None else field[row, decision].tolist() for field in fields]
