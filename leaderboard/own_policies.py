"""What entries of Bimodal's own policies must say: class, track, weights; and names that read like theirs.

Kept as a table, because a board and a check must not load every network to ask it; a test asks them all.
"""

import re
import unicodedata
from collections.abc import Iterator
from functools import cache
from hashlib import sha256

from ..benchmark.records.run_record import PolicyRecord, SuiteRecord
from ..benchmark.rollout.track import OBJECTS, PICTURES, SIMULATOR
from ..policies.core.registry import POLICIES, SHIPPED_CHECKPOINTS
from ..policies.core.wrapping import unwrapped, wrappers, wrapping

PRIVILEGED = ("expert", "mean", "mpc", "mpc_cem", "mpc_mppi", "mpc_mismatched")
"""Those that read the simulator."""
SEEING = ("vision_flow", "vision_flow_no_pose", "vision_mse", "vision_diffusion")
"""Those that read pictures and no pose."""
UNLEARNED = (*PRIVILEGED, "zero", "random")
"""Those without weights."""
BORROWED_WEIGHTS = {
    "flow_1step": "flow",
    "diffusion_ddpm": "diffusion",
    "proprioception_only": "nearest",
    "time_only": "nearest",
    "mean_action": "nearest",
}
"""Those that run another one's weights, and whose."""
CRITIC = "critic"
"""Whose weights `best_of_n(...)` loads beside those of the policy inside."""


def folded(name: str) -> str:
    """Return what is left of a name for a hurried reader: its letters and digits in lower case."""
    plain = unicodedata.normalize("NFKC", name).casefold()
    return "".join(letter for letter in plain if letter.isalnum())


def reads_like_own(name: str, uri: str) -> str:
    """Return the policy of ours for which a name would be taken, "" if it is that one or no such name."""
    right = name in (uri, uri.partition(":")[0])
    own = {folded(known): known for known in POLICIES.own()}
    if wrapping(uri):
        return ""
    if wrapping(name):
        return own.get(folded(unwrapped(name)), "")
    found = own.get(folded(re.sub(r"\([^)]*\)", "", name)), "")
    return "" if right and uri == found else found


def own_problems(policy: PolicyRecord, suite: SuiteRecord, own_weights: bool) -> Iterator[str]:
    """Yield what contradicts that the policy is the one of ours that its URI names; nothing for others."""
    uri = unwrapped(policy.uri)
    file = POLICIES.own().get(uri)
    if file is None:
        return
    track = SIMULATOR if uri in PRIVILEGED else PICTURES if uri in SEEING else OBJECTS
    if policy.track != track:
        yield f"policy.track: {uri} is on the track {track}, not {policy.track}"
    if policy.uri == uri and policy.name != uri:
        yield f"policy.name: {policy.name!r} is not the name of {uri}"
    kind = POLICIES.names_in(file)[uri]
    if policy.uri == uri and not re.fullmatch(rf"bimodal\.policies\.\w+:{kind}", policy.class_):
        yield f"policy.class: {policy.class_} is not the class {kind} of {uri}"
    right = _artifacts(policy.uri, suite.tasks)
    if policy.artifacts.keys() != right.keys():
        some = ", ".join(list(right)[:2]) or "no files"
        yield f"policy.artifacts: {policy.uri} loads {some} and so on, no others"
    elif not own_weights and (other := [n for n in right if policy.artifacts[n] != right[n]]):
        yield f"policy.artifacts: {other[0]} is not the file that comes with {policy.uri}"


@cache
def _artifacts(uri: str, tasks: tuple[str, ...]) -> dict[str, str]:
    """Return the files that a policy of ours loads on some tasks, and the sha256 of those that we have."""
    inner = unwrapped(uri)
    methods = () if inner in UNLEARNED else (BORROWED_WEIGHTS.get(inner, inner),)
    methods += (CRITIC,) * ("best_of_n" in wrappers(uri))
    names = [
        f"{task}/{method}.{kind}" for task in tasks for method in methods for kind in ("safetensors", "json")
    ]
    files = {name: SHIPPED_CHECKPOINTS / name for name in names}
    return {n: sha256(f.read_bytes()).hexdigest() if f.is_file() else "" for n, f in files.items()}
