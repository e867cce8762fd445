"""From the numbers of the tasks to that of a policy."""

from collections.abc import Sequence

from .rates import Interval, mean_interval

Value = Interval | float | None
"""A number with its interval, a number, or None where the question has no answer."""


def number(value: Value) -> float | None:
    """Return a value without its interval."""
    return value.estimate if isinstance(value, Interval) else value


def mean_known(values: Sequence[Value]) -> float | None:
    """Return the mean of the values that there are; every task weighs the same."""
    known = [x for x in map(number, values) if x is not None]
    return sum(known) / len(known) if known else None


def mean_rate(values: Sequence[Value]) -> Interval | None:
    """Return the mean of the rates that there are with its interval; every task weighs the same."""
    known = [value for value in values if isinstance(value, Interval)]
    if not known:
        return None
    mean = mean_interval(known)
    return Interval(mean.estimate, max(mean.low, 0.0), min(mean.high, 1.0))


def smallest(values: Sequence[Value]) -> float | None:
    """Return the smallest of the values that there are."""
    return min((x for x in map(number, values) if x is not None), default=None)
