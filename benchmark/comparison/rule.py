"""The rule by which a candidate replaces a baseline, written down and locked before the candidate runs.

The default is that of the text on which this benchmark grew: accept when the metric improves by ten per cent
and unsafe recoveries do not increase.
"""

import hashlib
import json
import tomllib
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Literal, NamedTuple

from pydantic import Field, ValidationError

from ...envs.errors import WrongUse
from ...envs.storage.atomic_write import write_text
from ..records.field_types import Record, problems
from ..statistics.rates import Interval
from .compare import Comparison, Verdict


class Rule(Record):
    """When a candidate is accepted."""

    metric: Literal["success"] = "success"
    """What must improve: macro success on the clean panel."""
    gain: Annotated[float, Field(ge=0, le=1)] = 0.10
    """By how much of the baseline's value it must improve at least."""
    unsafe_margin: Annotated[float, Field(ge=0, le=1)] = 0.02
    """By less than how much unsafe recoveries must be shown to increase; shares of all episodes."""

    def sha256(self) -> str:
        """Return the rule's fingerprint."""
        return hashlib.sha256(json.dumps(self.plain(), sort_keys=True).encode()).hexdigest()


class Decision(NamedTuple):
    """What a rule says of a comparison."""

    verdict: Verdict
    """BETTER accepts, WORSE rejects, UNDECIDED when the panel cannot tell."""
    reasons: tuple[str, ...]
    """One sentence a condition."""


def read_rule(file: Path | None) -> Rule:
    """Read a rule's TOML file; without one, the default.

    Raises:
        WrongUse: the file cannot be read, or a field is unknown or out of range.
    """
    if file is None:
        return Rule()
    try:
        return Rule.model_validate(tomllib.loads(file.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise WrongUse(f"cannot read the rule {file}: {error}") from None
    except ValidationError as error:
        raise WrongUse(f"the rule {file}: {'; '.join(problems(error))}") from None


def decide(comparison: Comparison, rule: Rule, unsafe: Interval | None) -> Decision:
    """Apply a rule to a comparison.

    Args:
        comparison: of candidate and baseline.
        rule: the rule.
        unsafe: unsafe recoveries of the candidate minus those of the baseline, a share of all episodes; None
            where the records do not tell.
    """
    baseline, candidate = comparison.success
    needed = rule.gain * baseline
    parts = [
        _gain(comparison, needed, f"{rule.metric} {100 * baseline:.1f} -> {100 * candidate:.1f} %"),
        _unsafe(unsafe, rule.unsafe_margin),
    ]
    verdicts = [verdict for verdict, _ in parts]
    found = Verdict.BETTER
    if Verdict.WORSE in verdicts:
        found = Verdict.WORSE
    elif Verdict.UNDECIDED in verdicts:
        found = Verdict.UNDECIDED
    return Decision(found, tuple(reason for _, reason in parts))


def _gain(comparison: Comparison, needed: float, told: str) -> tuple[Verdict, str]:
    """Return whether the metric improves enough: shown to improve, and by the gain in the estimate."""
    seen = comparison.difference
    asked = f"{told}; {100 * needed:+.1f} points asked"
    if comparison.success[0] + needed > 1:
        return Verdict.WORSE, f"no: {asked}, which would be more than 100 %; the rule needs a smaller gain"
    if seen.high < needed or comparison.verdict is Verdict.WORSE:
        return Verdict.WORSE, f"no: {asked}, the interval ends at {100 * seen.high:+.1f}"
    if comparison.verdict is Verdict.BETTER and seen.estimate >= needed:
        return Verdict.BETTER, f"yes: {asked}, the interval begins at {100 * seen.low:+.1f}"
    return (
        Verdict.UNDECIDED,
        f"not shown: {asked}, the interval is {100 * seen.low:+.1f} to {100 * seen.high:+.1f}",
    )


def _unsafe(difference: Interval | None, margin: float) -> tuple[Verdict, str]:
    """Return whether unsafe recoveries are shown to increase by less than the margin."""
    if difference is None:
        return (
            Verdict.UNDECIDED,
            "not known: unsafe recoveries; compare two run folders, entries hold outcomes alone",
        )
    told = f"unsafe recoveries {100 * difference.estimate:+.1f} points"
    if difference.low > 0:
        return Verdict.WORSE, f"no: {told}, an increase beyond chance"
    if difference.high <= margin:
        return (
            Verdict.BETTER,
            f"yes: {told}, at most {100 * difference.high:+.1f}, {100 * margin:.1f} allowed",
        )
    return (
        Verdict.UNDECIDED,
        f"not shown: {told}, up to {100 * difference.high:+.1f}, {100 * margin:.1f} allowed",
    )


# --------------------------------------------------------------------------------------- locked rules


def lock_file(file: Path) -> Path:
    """Return where the lock of a rule lies: beside it."""
    return file.with_name(file.name + ".lock")


def lock_rule(file: Path) -> Path:
    """Write down a rule and its fingerprint before a candidate runs; called by `bimodal plan --lock`.

    Raises:
        WrongUse: it cannot be read, or is locked already.
    """
    rule = read_rule(file)
    lock = lock_file(file)
    if lock.exists():
        raise WrongUse(f"{lock} exists: the rule is locked; a new rule is a new file")
    told = {
        "locked": datetime.now(UTC).isoformat(timespec="seconds"),
        "sha256": rule.sha256(),
        "rule": rule.plain(),
    }
    write_text(lock, json.dumps(told, indent=1) + "\n")
    return lock


def lock_notes(file: Path, rule: Rule, created: str) -> Iterator[str]:
    """Yield what the lock of a rule says: whether it was there before the candidate ran, and later edits.

    Args:
        file: the rule's file.
        rule: as it is now.
        created: when the candidate's run was begun, as in run.json.

    Raises:
        WrongUse: the lock is damaged.
    """
    lock = lock_file(file)
    if not lock.is_file():
        yield f"the rule was not locked before the run; `bimodal plan --lock {file}` does that"
        return
    try:
        told = json.loads(lock.read_text(encoding="utf-8"))
        locked = datetime.fromisoformat(told["locked"])
        kept = dict(told["rule"])
        late = locked > datetime.fromisoformat(created)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise WrongUse(f"{lock} is damaged; it cannot tell what was locked") from error
    when = "AFTER" if late else "before"
    yield f"the rule was locked at {locked:%Y-%m-%d %H:%M} UTC, {when} the candidate ran"
    for name, value in rule.plain().items():
        if kept.get(name) != value:
            yield f"edited since: {name} was {kept.get(name)}, is {value}"
