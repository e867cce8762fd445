"""What was measured already: kept as it comes, and read again only if it would come out the same today."""

import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Generic, TypeVar

from pydantic import TypeAdapter

from ...envs.storage.atomic_write import write_json
from ..processes import run_in_processes

Value = TypeVar("Value")


class MeasurementStore(Generic[Value]):
    """Named values of one kind in one JSON file, all measured on the same things.

    Used by certificates, feasible cells, causal controls, samplers and decision times. A file that is damaged
    or of another identity counts as empty, a damaged value as missing, so both are measured again.
    """

    def __init__(self, file: Path, identity: Mapping[str, Any], kind: type[Value]) -> None:
        """Open the store; the file need not exist.

        Args:
            file: where the values lie.
            identity: plain data that must be the same for a value to count: versions, fingerprints, weights.
            kind: type of the values: a dataclass, a NamedTuple, a number.
        """
        self.file = file
        self.identity = json.loads(json.dumps(dict(identity)))
        self._adapter: TypeAdapter[Value] = TypeAdapter(kind)

    def values(self) -> dict[str, Value]:
        """Return all values that count, by name, in the order in which they came."""
        try:
            content = json.loads(self.file.read_text(encoding="utf-8"))
            rows = content["values"].items() if content["identity"] == self.identity else ()
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return {}
        found = {}
        for name, row in rows:
            try:
                found[name] = self._adapter.validate_python(row)
            except ValueError:
                continue
        return found

    def get(self, name: str) -> Value | None:
        """Return one value, None if it is not there."""
        return self.values().get(name)

    def missing(self, names: Iterable[str], fresh: bool = False) -> list[str]:
        """Return the names that have no value yet; all of them if what is there is to be measured again."""
        found = {} if fresh else self.values()
        return [name for name in names if name not in found]

    def put(self, name: str, value: Value) -> None:
        """Write a value beside the others, the file whole or not at all."""
        values = {**self.values(), name: value}
        rows = {key: self._adapter.dump_python(one, mode="json") for key, one in values.items()}
        self.file.parent.mkdir(parents=True, exist_ok=True)
        write_json(self.file, {"identity": self.identity, "values": rows})


def measure_into(
    stores: Mapping[str, MeasurementStore[Value]],
    calls: Mapping[tuple[str, str], Callable[[], Value]],
    workers: int,
    progress: Callable[[str, int, int], None] | None = None,
) -> None:
    """Make calls side by side, and put each value in its store as it comes; called by studies of tasks.

    Args:
        stores: by task.
        calls: by task and by the name of the value.
        workers: processes; the values must not depend on them.
        progress: called with the task and the name that came last, the number done, and their total.
    """
    tell = progress or (lambda text, done, total: None)
    tell("", 0, len(calls))
    for done, ((task, name), value) in enumerate(run_in_processes(calls, workers), 1):
        stores[task].put(name, value)
        tell(f"{task} {name}", done, len(calls))
