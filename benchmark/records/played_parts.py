"""The kinds of machines that played a run's shards together; `RunFolder.admit` keeps them in `run.json`.

Shards of each kind carry a run id of their own, as those of the parts of a joined run do.
"""

import secrets
from datetime import UTC, datetime

from .run_record import Machine, PlayedPart, RunPart, RunRecord
from .same_machine import compare_machines


def with_machine(record: RunRecord, machine: Machine, seconds: float) -> tuple[RunRecord, str]:
    """Return the record of a run one of whose shards a machine has played, and the run id of that shard.

    A second kind of machine takes the numerical kernels from the record: nobody can expect every bit again.

    Args:
        record: of the run so far.
        machine: what the shard was played on.
        seconds: how long that took [s].
    """
    parts = list(record.parts or [_part(record.run_id, record.created, record.machine)])
    place = next((n for n, part in enumerate(parts) if _same(part.machine, machine, record)), len(parts))
    if place == len(parts):
        now = datetime.now(UTC).isoformat(timespec="seconds")
        parts.append(_part(secrets.token_hex(8), now, machine))
    parts[place] = parts[place].model_copy(update={"wall_s": round(parts[place].wall_s + seconds, 1)})
    numbered = tuple(
        part.model_copy(update={"part": RunPart(number=number, of=len(parts))})
        for number, part in enumerate(parts, 1)
    )
    kept = record.machine if len(parts) == 1 else record.machine.model_copy(update={"kernels": None})
    return record.model_copy(update={"parts": numbered, "machine": kept}), numbered[place].run_id


def _part(run_id: str, created: str, machine: Machine) -> PlayedPart:
    return PlayedPart(
        run_id=run_id, part=RunPart(number=1, of=1), created=created, wall_s=0.0, machine=machine
    )


def _same(one: Machine, other: Machine, record: RunRecord) -> bool:
    """Whether two machines calculate alike, with the versions of the run."""
    return compare_machines((one.plain(), record.versions), (other.plain(), record.versions))[0]
