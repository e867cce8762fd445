"""Builds the tables of a run from its shards; what each column holds. Called when a run is complete.

Imported only where a table is read or written: PyArrow takes longer to import than a board to be read.
"""

from collections.abc import Container
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from ...envs.errors import BimodalError
from ...envs.storage.atomic_write import atomic_write
from ...envs.storage.npz import LARGEST
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


def write_table(path: Path, table: pa.Table) -> None:
    """Write a table of a run, whole or not at all."""
    # An open file: pyarrow takes a name with a colon for an address.
    with atomic_write(path) as draft, draft.open("wb") as file:
        pq.write_table(table, file, write_page_checksum=True)


def read_episode_table(path: Path, names: Container[str], most: int) -> pa.Table:
    """Return some columns of episodes.parquet, with the types that a run of ours writes and nothing missing.

    Args:
        path: the file, of anybody.
        names: of the columns, of `EPISODE_COLUMNS`.
        most: rows that its suite can have.

    Raises:
        BimodalError: it would unpack to more than `LARGEST`, or has more rows.
        OSError, ValueError, KeyError: it is damaged.
    """
    with path.open("rb") as raw, pq.ParquetFile(raw, page_checksum_verification=True) as content:
        parts = range(content.num_row_groups)
        if (size := sum(content.metadata.row_group(part).total_byte_size for part in parts)) > LARGEST:
            raise BimodalError(f"{path} would unpack to {size} bytes; at most {LARGEST} are read")
        if (count := content.metadata.num_rows) > most:
            raise BimodalError(f"{path} would have {count} rows; its suite has at most {most} episodes")
        used = [column for column in EPISODE_COLUMNS if column[0] in names]
        table = content.read([name for name, _ in used])
    if "clipped" not in table.column_names:  # of a run from before it was counted
        table = table.append_column("clipped", pa.array(np.zeros(len(table), np.int32)))
    table = table.select([name for name, _ in used])
    table = table.cast(pa.schema(used))
    if any(column.null_count for column in table.columns):
        raise ValueError("a value is missing")
    return table


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
