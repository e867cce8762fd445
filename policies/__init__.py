"""The policies: one file a method. `load_policy(uri, task)` finds one by name, file or module."""

from .core.policy import Decision, Episodes, Needs, Policy
from .core.registry import load_policy, policy_names

__all__ = ["Decision", "Episodes", "Needs", "Policy", "load_policy", "policy_names"]
