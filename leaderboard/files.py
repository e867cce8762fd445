"""Entries as bytes: bounded strict JSON in, readable JSON out, the id in between, and the schema."""

import hashlib
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic.json_schema import GenerateJsonSchema

from ..benchmark.records.field_types import one_line
from ..envs.errors import BimodalError
from ..envs.storage.bounded_read import read_bounded
from .entry_model import MOST_NESTING, Entry
from .episode_block import MOST_EPISODES

MAX_BYTES = 5_000_000
"""Largest entry file that is read."""
_MANY = 20
"""A list of so many values is written without blanks."""
SCHEMA = Path(__file__).parent / "schema.json"
"""The JSON Schema of entries, for programs of others."""


def entry_id(entry: Mapping[str, Any]) -> str:
    """Return the sha256 of the entry's canonical JSON without `entry_id` and `created`."""
    body = {name: value for name, value in entry.items() if name not in ("entry_id", "created")}
    return hashlib.sha256(canonical(body)).hexdigest()


def read_unchecked(path: Path | str) -> dict[str, Any]:
    """Read an entry file as bounded, strict JSON; nothing in it is checked yet.

    Raises:
        BimodalError: no such file, larger than 5 MB, or not a JSON object.
    """
    raw = read_bounded(Path(path), MAX_BYTES, BimodalError)
    try:
        entry = json.loads(raw.decode("utf-8"), object_pairs_hook=_no_duplicates, parse_constant=_no_constant)
    except RecursionError:
        raise BimodalError(f"{path} is nested too deep") from None
    except ValueError as error:
        raise BimodalError(f"{path} is not strict JSON: {one_line(error)}") from None
    if not isinstance(entry, dict):
        raise BimodalError(f"{path} is not an entry: its top level must be an object")
    return entry


def too_many(raw: object) -> str:
    """Return which part holds more than any sound entry's, "" for none; before its elements are looked at."""
    level: list[Any] = [raw]
    for _ in range(MOST_NESTING):
        level = [part for part in level if isinstance(part, dict | list)]
        if huge := next((part for part in level if len(part) > MOST_EPISODES), None):
            return (
                f"the record: holds a list or object of {len(huge)} parts; at most {MOST_EPISODES} are read"
            )
        level = [inner for part in level for inner in (part.values() if isinstance(part, dict) else part)]
    return ""


def pretty(value: Mapping[str, Any]) -> str:
    """Return JSON for people: indented, but lists and objects of plain values on one line."""
    text = json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False)
    return re.sub(r"([\[{])\n\s*([^][{}]*?)\n\s*([\]}])", _on_one_line, text) + "\n"


def canonical(value: Any) -> bytes:
    """Return the one way to write a value as JSON: sorted keys, no spaces, UTF-8, finite numbers."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return text.encode("utf-8")


class _Schema(GenerateJsonSchema):
    """Pydantic's schema, in which a pattern for names binds every name of an object."""

    def dict_schema(self, schema: Any) -> dict[str, Any]:
        """Return the schema of an object with free names."""
        found = super().dict_schema(schema)
        for pattern, values in found.pop("patternProperties", {}).items():
            found["propertyNames"] = found.get("propertyNames", {}) | {"pattern": pattern}
            found["additionalProperties"] = values
        return found


def schema_text() -> str:
    """Return the text of `schema.json`, generated from the models; a test writes it (see there)."""
    found = Entry.model_json_schema(schema_generator=_Schema)
    return json.dumps({"$schema": _Schema.schema_dialect} | found, indent=1) + "\n"


def _on_one_line(found: re.Match[str]) -> str:
    parts = re.split(r",\n\s*", found[2])
    return found[1] + (", " if len(parts) < _MANY else ",").join(parts) + found[3]


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len({name for name, _ in pairs}) < len(pairs):
        raise ValueError("a name occurs twice in one object")
    return dict(pairs)


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is not a number in JSON")
