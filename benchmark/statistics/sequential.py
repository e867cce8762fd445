"""A comparison that may be looked at after every episode: an e-value in place of a p-value.

For slow policies: `evaluate --until-decided` stops as soon as the evidence suffices, and the error rate holds
however often somebody looked.
"""

from math import exp, log
from typing import NamedTuple

from scipy.special import betaln

from .rates import ALPHA


def log_evidence(only_a: int, only_b: int) -> float:
    """Return the logarithm of the e-value against "neither policy is better".

    With x and y discordant pairs for a and for b: log E = (x + y) log 2 + log Beta(x + 1, y + 1), the
    likelihood ratio of a fair coin and of a coin of unknown bias. Under no difference E exceeds 1 / alpha at
    any look with a probability of at most alpha (Ville 1939).

    Source: J. Ville (1939); the mixture is that of H. Robbins, Ann. Math. Stat. 41 (1970).
    """
    return (only_a + only_b) * log(2) + float(betaln(only_a + 1, only_b + 1))


def is_decided(only_a: int, only_b: int, alpha: float = ALPHA) -> bool:
    """Whether the evidence so far suffices to stop, at any look."""
    return log_evidence(only_a, only_b) >= -log(alpha)


def anytime_p(largest_log_evidence: float) -> float:
    """Return the p-value that holds at every look: 1 / the largest e-value so far, at most 1."""
    return min(1.0, exp(-largest_log_evidence))


class Evidence(NamedTuple):
    """What a comparison that is looked at again and again has found so far."""

    looks: int = 0
    """How often it was looked at."""
    pairs: int = 0
    """Paired episodes."""
    only_a: int = 0
    """Those in which only a succeeds."""
    only_b: int = 0
    """Those in which only b succeeds."""
    log_evidence: float = 0.0
    """Logarithm of the largest e-value of all looks."""

    def after(self, pairs: int, only_a: int, only_b: int) -> "Evidence":
        """Return the evidence after a look at further pairs, those in which only one succeeds among them."""
        a = self.only_a + only_a
        b = self.only_b + only_b
        largest = max(self.log_evidence, log_evidence(a, b))
        return Evidence(self.looks + 1, self.pairs + pairs, a, b, largest)

    @property
    def decided(self) -> bool:
        """Whether it suffices to stop."""
        return is_decided(self.only_a, self.only_b)
