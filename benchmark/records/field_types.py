"""The base class of everything that is written as JSON, the types of its fields, and errors in one line.

Used by the models in `run_record.py` and in `leaderboard/entry_model.py`.
"""

import json
from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, WrapValidator
from pydantic_core import ErrorDetails

Item = TypeVar("Item")
Written = TypeVar("Written")


class Record(BaseModel):
    """A record on disk: strict types, no unknown fields, never changed in place; one docstring a field."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        frozen=True,
        use_attribute_docstrings=True,
        serialize_by_alias=True,
        validate_by_name=True,
        validate_by_alias=True,
    )

    def plain(self) -> dict[str, Any]:
        """Return the record as it reads back from JSON: dicts, lists, numbers and text."""
        return json.loads(json.dumps(self.model_dump()))


def _as_written(value: Written, check: Callable[[Written], object]) -> Written:
    """Keep a number as it was written, 1 or 1.0, so that a file reads and writes to the same bytes."""
    check(value)
    return value


def _all_different(values: tuple[Item, ...]) -> tuple[Item, ...]:
    if len(set(values)) < len(values):
        raise ValueError("holds an element twice")
    return values


def _real_time(text: str) -> str:
    """Refuse a date or a time that no calendar or clock has."""
    try:
        datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{text} is no date and time that exists") from None
    return text


PRINTABLE = r"^[^\u0000-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]*$"
"""No control characters, nothing invisible, nothing that turns the direction of writing."""

Number = Annotated[float, Field(allow_inf_nan=False), WrapValidator(_as_written)]
"""A finite number, whole or not."""
Share = Annotated[float, Field(ge=0, le=1), WrapValidator(_as_written)]
"""A rate, 0 to 1."""
Duration = Annotated[float, Field(ge=0, le=1e9), WrapValidator(_as_written)]
"""A time; its unit stands with the field."""
Seed = Annotated[int, Field(ge=0, le=2**53 - 1)]
"""An episode's seed; JSON numbers are exact up to here."""
Text = Annotated[str, Field(max_length=300, pattern=PRINTABLE)]
"""One printable line."""
Key = Annotated[str, Field(max_length=80, pattern=PRINTABLE)]
"""A name in a table of free names."""
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
"""Hex digits of a sha256."""
TaskId = Annotated[str, Field(pattern=r"^[A-Z][A-Za-z0-9]{2,62}-v[0-9]{1,3}$")]
"""Robot, verb, object, version."""
VariantName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_.:=+-]{0,95}$")]
"""Perturbation and level, or `clean`."""
When = Annotated[
    str,
    Field(
        pattern=r"^20[0-9]{2}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:[0-6][0-9](\.[0-9]{1,9})?"
        r"(Z|[+-][0-2][0-9]:[0-5][0-9])$"
    ),
    AfterValidator(_real_time),
]
"""Date and time with zone, ISO 8601."""
Many = Annotated[tuple[Item, ...], Field(strict=False, fail_fast=True)]
"""A JSON list; `strict` would take Python's tuples only. Of its wrong elements the first is told."""
Distinct = Annotated[
    Many[Item], AfterValidator(_all_different), Field(json_schema_extra={"uniqueItems": True})
]
"""A JSON list without repetitions."""


def problems(error: ValidationError) -> list[str]:
    """Return what is wrong with a record, one line each: where, what it is, what would be right."""
    found = error.errors(include_url=False, include_context=True)
    return sorted({one_line(f"{_where(one)}: {_reason(one)}") for one in found})


def one_line(value: object, longest: int = 160) -> str:
    """Return a value as one printable line of at most `longest` characters, whatever it is."""
    try:
        text = str(value)
    except (ValueError, RecursionError):
        text = "a huge value"
    text = "".join(c if c.isprintable() else "?" for c in text[: longest + 1])
    return text if len(text) <= longest else text[: longest - 1] + "…"


def _where(error: ErrorDetails) -> str:
    """Return the place of an error; a name that is missing or too much is said to be its owner's."""
    path = [str(part) for part in error["loc"] if part != "[key]"]
    if error["type"] in ("missing", "extra_forbidden"):
        path = path[:-1]
    return one_line(".".join(path), 120) or "the record"


_TYPES = {"dict": "object", "model": "object", "tuple": "array", "float": "number", "int": "integer"}
_RULES = {
    "less_than_equal": ("maximum", "le"),
    "greater_than_equal": ("minimum", "ge"),
    "string_pattern_mismatch": ("pattern", "pattern"),
    "string_too_long": ("maxLength", "max_length"),
    "string_too_short": ("minLength", "min_length"),
    "too_long": ("maxItems", "max_length"),
    "too_short": ("minItems", "min_length"),
}
"""The words of JSON Schema for what a value breaks, and where the bound stands."""


def _reason(error: ErrorDetails) -> str:
    """Return why a value is refused, in the words of JSON Schema, without quoting the whole value."""
    kind = error["type"]
    last = error["loc"][-1] if error["loc"] else ""
    context = error.get("ctx", {})
    value = one_line(error["input"], 60)
    if kind == "missing":
        return f"{last!r} is a required property"
    if kind == "extra_forbidden":
        return f"{one_line(repr(last), 60)} was unexpected"
    if kind == "literal_error":
        return f"{value} is not one of {context['expected'].replace(' or ', ', ')}".replace("'", "")
    if kind == "value_error":
        return str(context["error"])
    if kind in _RULES:
        rule, bound = _RULES[kind]
        return f"{value} breaks the rule {rule} {_bound(context[bound])}"
    if kind == "float_type" and type(error["input"]) is int:
        return f"{value} breaks the rule maximum 1.8e308"
    wanted = kind.partition("_")[0]
    return f"{value} is not of type {_TYPES.get(wanted, wanted)}"


def _bound(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else one_line(value, 80)
