"""Names of policies around policies, such as `safe(flow)` and `bid(flow, candidates=32)`, for the registry.

What stands first in the parentheses is any policy's name; options, all of them numbers, may follow it.
"""

import importlib
import inspect
import re
from collections.abc import Callable
from typing import NamedTuple

from ...envs.errors import WrongUse, unknown_name
from .policy import Policy

WRAPPERS = {
    "safe": "safety.safety_filter:SafetyFilter",
    "bid": "bidirectional_decoding:BidirectionalDecoding",
    "best_of_n": "best_of_n:BestOfN",
    "rtc": "real_time_chunking:RealTimeChunking",
    "ensemble": "temporal_ensemble:TemporalEnsemble",
}
"""Module below `bimodal.policies` and class of each policy around another one."""
_FORM = re.compile(r"([a-z_]+)\((.+?)((?:, *[a-z_]+=[^,()=]*)*)\)", re.DOTALL)


class Wrapping(NamedTuple):
    """A policy around another one, as it is named."""

    wrapper: str
    """One of `WRAPPERS`."""
    inner: str
    """URI of the policy inside."""
    options: str
    """`, name=value` for each option; "" for none."""

    def around(self, inner: str) -> str:
        """Return the same around another policy."""
        return f"{self.wrapper}({inner}{self.options})"


def wrapping(uri: str) -> Wrapping | None:
    """Return what a URI such as `safe(flow)` says; None for a policy around nothing."""
    found = _FORM.fullmatch(uri)
    return Wrapping(*found.groups()) if found and found[1] in WRAPPERS else None


def unwrapped(uri: str) -> str:
    """Return the policy inside any number of wrappers, or the same."""
    while said := wrapping(uri):
        uri = said.inner
    return uri


def with_inner(uri: str, change: Callable[[str], str]) -> str:
    """Return a URI of which the policy inside any number of wrappers is changed."""
    said = wrapping(uri)
    return said.around(with_inner(said.inner, change)) if said else change(uri)


def wrappers(uri: str) -> tuple[str, ...]:
    """Return the names of a policy's wrappers, the outermost first."""
    said = wrapping(uri)
    return (said.wrapper, *wrappers(said.inner)) if said else ()


def wrapper_class(said: Wrapping) -> type[Policy]:
    """Return the class of a wrapper."""
    module, _, name = WRAPPERS[said.wrapper].partition(":")
    return getattr(importlib.import_module(f"bimodal.policies.{module}"), name)


def wrapper_options(said: Wrapping) -> dict[str, float]:
    """Return the options of a wrapper by name, as its constructor takes them.

    Raises:
        WrongUse: it has no such option, or the value is no number of its kind.
    """
    parameters = inspect.signature(wrapper_class(said)).parameters
    kinds = {name: one.annotation for name, one in parameters.items() if one.annotation in (int, float)}
    found = {}
    for text in filter(None, said.options.split(",")):
        name, _, value = text.strip().partition("=")
        if name not in kinds:
            raise unknown_name(f"option of {said.wrapper}(...)", name, kinds)
        try:
            found[name] = kinds[name](value)
        except ValueError:
            what = "a whole number" if kinds[name] is int else "a number"
            raise WrongUse(f"{said.wrapper}(...): {name} is {value.strip()!r}; it must be {what}") from None
    return found
