"""Reads what `act` returned, whatever it is; called by the evaluator and by the safety filter."""

from contextlib import suppress
from typing import Any

import numpy as np

from ...envs.errors import BimodalError
from .policy import RowFault

_LABELS = {label: label for label in ("POLICY_ERROR", "POLICY_TIMEOUT", "POLICY_INVALID_ACTION")}


class ServerLost(BimodalError):
    """The server that a policy asks is gone: not its fault, so the run ends and nothing is scored."""


class InvalidAnswer(Exception):
    """What `act` returned is not actions; the message says what it is and what would be right."""

    mended: np.ndarray | None = None
    """What it was taken for, if that can be told: a trial goes on with it, an evaluation never does."""


def actions_of(decision: object) -> np.ndarray:
    """Return a decision's actions as floats that nobody else holds; runs the policy's code.

    A plain array, tensor or list of numbers may stand in place of a `Decision`.

    Raises:
        InvalidAnswer: it holds no real numbers, or not in rows of one length.
    """
    given: Any = getattr(decision, "actions", decision)
    try:
        return _numbers(given)
    except InvalidAnswer as error:
        error.mended = _mended(given)
        raise


def _mended(given: Any) -> np.ndarray | None:
    """Return the numbers of a tensor that NumPy does not read, or of a dict with `actions`; None else."""
    given = given.get("actions") if isinstance(given, dict) else given
    for change in ("detach", "cpu", "to_dense", "float"):
        with suppress(Exception):
            given = getattr(given, change)()
    try:
        return _numbers(given)
    except InvalidAnswer:
        return None


def _numbers(given: Any) -> np.ndarray:
    """Return what was given as floats that nobody else holds; raises `InvalidAnswer`."""
    if given is None:
        raise InvalidAnswer("None; return Decision(actions)")
    if wrong := _unreadable_tensor(given):
        raise InvalidAnswer(wrong)
    # `np.ma` is named only where somebody has loaded it: this runs within the policy's deadline
    if type(given).__module__.startswith("numpy.ma") and np.ma.is_masked(given):
        raise InvalidAnswer("a masked array with masked values; fill them")
    try:
        raw = np.asarray(given)
    except (TypeError, ValueError) as error:
        raise InvalidAnswer(_what(given)) from error
    if raw.dtype.kind == "c":
        raise InvalidAnswer("complex numbers; actions are real")
    try:
        return np.array(np.asarray(raw, np.float64))  # a copy: it is checked first and then used
    except (TypeError, ValueError) as error:
        raise InvalidAnswer(_what(given)) from error


def faults_of(decision: object) -> dict[int, RowFault]:
    """Return for which rows a decision says there is none, and why; runs the policy's code.

    Raises:
        InvalidAnswer: it says that in another way than `Decision.faults`.
    """
    said = getattr(decision, "faults", None) or {}
    try:
        return {
            int(row): RowFault(_LABELS[label], one_line(str(text))) for row, (label, text) in said.items()
        }
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise InvalidAnswer("faults that are none; write {row: RowFault(label, text)}") from error


def one_line(text: str) -> str:
    """Return what a policy says as one printable line of at most 300 characters."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())[:300]


def _unreadable_tensor(given: Any) -> str:
    """Return how a tensor that NumPy does not take must be changed, "" for anything else."""
    if type(given).__module__.partition(".")[0] != "torch":
        return ""
    changes = {
        ".to_dense()": str(getattr(given, "layout", "torch.strided")) != "torch.strided",
        ".detach()": bool(getattr(given, "requires_grad", False)),
        ".cpu()": str(getattr(given, "device", "cpu")) != "cpu",
        ".float()": str(getattr(given, "dtype", "")) == "torch.bfloat16",
    }
    needed = "".join(change for change, wanted in changes.items() if wanted)
    kind = f"a torch tensor ({given.dtype}, {given.device}, {given.layout})" if needed else ""
    return f"{kind}; NumPy reads actions{needed}" if needed else ""


def _what(given: Any) -> str:
    """Return what something that is no array is, and the mend."""
    if isinstance(given, dict):
        return f"a dict with the keys {list(given)!r:.60}; return Decision(actions)"
    if isinstance(given, tuple):
        return (
            f"a tuple of {', '.join(type(part).__name__ for part in given)!s:.60}; return Decision(actions)"
        )
    if isinstance(given, list):
        return "a list of lists of different lengths, or of what is not a number; make it one array"
    return f"a {type(given).__name__}, which is no array of numbers; return Decision(actions)"
