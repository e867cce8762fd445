"""The policies: one file a method. `load_policy(uri, task)` finds one by name, file or module.

Read in this order:
    core/policy.py          what every policy is: needs, reset, act
    experts.py, baselines.py, mpc.py     policies that are not trained
    core/chunk_policy.py    what all trained ones share, and what a method adds: networks, a loss, a sampler
    mse.py, flow.py         the smallest methods; then diffusion.py, reflow.py, gmm.py,
                            discrete_chunks.py
    bidirectional_decoding.py    around a trained policy: chooses among its chunks; then the other wrappers
    planning/planner.py     what the planners share; then diffuser.py, diffusion_veteran.py and the others
    training/train.py       from demonstrations to a checkpoint
    core/registry.py        the names; a new method is one file whose class states its `name`
Mathematics: generative/ (noise, losses, samplers), planning/guidance.py, trajectory_optimisation/ (for MPC).
"""

from .core.policy import Decision, Episodes, Needs, Policy
from .core.registry import load_policy, policy_names

__all__ = ["Decision", "Episodes", "Needs", "Policy", "load_policy", "policy_names"]
