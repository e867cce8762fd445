"""Where a run comes from: the command that runs it again, its facts and its contract card in words."""

import json
import shlex
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from ...envs.errors import BimodalError
from ...tasks import load_task
from ...tasks.demonstrations.regimes import schedule
from ..comparison.arm import arm_of_run
from ..comparison.early_stop import verdict_of
from ..comparison.sentences import early_stop_sentence
from ..records.contract_card import ContractCard, title
from ..records.run_record import RunRecord
from ..rollout.track import shown_track
from ..scoring.run_episodes import Run

_MOST_SHOWN = 10_000
"""Demonstrations whose modes are counted at most."""


class CardRow(NamedTuple):
    """A field of the contract card."""

    title: str
    known: str
    """What the records say, "" for nothing."""
    stated: str
    """What the submitter says, "" for nothing."""


def reproduce(record: RunRecord) -> str:
    """Return the command that runs the same policy on the same suite again."""
    suite = record.suite
    words = ["bimodal", "evaluate", record.policy.uri, "--suite", suite.name.rstrip("*")]
    if suite.name.endswith("*"):
        words += [word for task in suite.tasks for word in ("--task", task)]
        words += ["--seeds", f"{suite.seeds.start}..{suite.seeds.start + suite.seeds.count - 1}"]
        words += [word for variant in suite.variants for word in ("--variant", variant)]
    if record.isolation == "none" and ":" in record.policy.uri:
        words.append("--no-sandbox")
    if checkpoints := record.options.checkpoints:
        words += ["--checkpoints", checkpoints]
    return shlex.join(words)


def facts(record: RunRecord) -> dict[str, str]:
    """Return what a reader wants to know of a run's origin, in words."""
    policy = record.policy
    learned = policy.parameters
    seen = ", ".join(policy.observations) + f" ({policy.pictures})" * bool(policy.pictures)
    return {
        "Policy": f"{policy.uri} ({policy.class_})",
        "Parameters": f"{learned:,}" if learned else "none learned",
        "Track": shown_track(policy.track, policy.observations, record.suite.instructed),
        "Reads": (seen or "every component of the track") + policy.past,
        "Emits": f"{policy.action}, {policy.execute} actions a decision",
        "Training": _lines(record.training),
        "Files": "\n".join(f"{name} {digest[:12]}…" for name, digest in policy.artifacts.items()) or "none",
        "Suite": f"{record.suite.name} {record.suite.version}, {record.suite.hash}",
        "Versions": _lines(record.versions),
        "Machine": _lines(record.machine.plain()),
        "Options": _lines(record.options.plain()),
        "Made": f"{record.created} in {record.wall_s:.0f} s",
    }


def ending(run: Run) -> dict[str, str]:
    """Return what a run shows that was to end as soon as it is decided; nothing for others."""
    stop = run.record.early_stop
    return {"Ended": early_stop_sentence(arm_of_run(run), stop, verdict_of(stop))} if stop else {}


def card_rows(card: ContractCard | None) -> list[CardRow]:
    """Return the rows of a contract card, none for a run from before there were cards."""
    if card is None:
        return []
    stated = card.stated.plain()
    return [CardRow(title(name), known, stated[name]) for name, known in card.known.plain().items()]


def _lines(values: Mapping[str, Any] | None) -> str:
    """Return one line a name if a value has names of its own, else all in one line."""
    if not values:
        return "none"
    if any(isinstance(value, Mapping) for value in values.values()):
        return "\n".join(f"{name}: {_words(value, 2)}" for name, value in values.items())
    return _words(values, 1)


def _words(value: object, depth: int) -> str:
    """Return a value of `run.json` in words; what lies deeper than `depth` is left out."""
    if isinstance(value, Mapping | list) and not depth:
        return "…"
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_inner(part, depth)}" for name, part in value.items())
    if isinstance(value, list):
        return ", ".join(_inner(part, depth) for part in value)
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, str):
        return value[:12] + "…" if len(value) == 64 else value
    return json.dumps(value)


def _inner(part: object, depth: int) -> str:
    text = _words(part, depth - 1)
    return f"({text})" if isinstance(part, Mapping | list) else text


def demonstrated_shares(task: str, training: Mapping[str, Any] | None) -> np.ndarray:
    """Return the share of every mode in the demonstrations that a policy learned from, (k,).

    Even where the record does not say, as the demonstrations of this benchmark are by themselves.
    """
    found = load_task(task)
    k = len(found.modes)
    try:
        shown = (training or {})[task]["demonstrations"]
        if not shown["episodes"] <= _MOST_SHOWN:
            raise ValueError("too many to count")
        modes = schedule(found, shown["regime"], shown["episodes"], shown["seed"])[1]
    except (BimodalError, KeyError, TypeError, ValueError):
        return np.full(k, 1 / k)
    return np.bincount(modes, minlength=k) / len(modes)
