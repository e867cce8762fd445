"""What no run can have written into an entry: impossible lengths, faults, times, policies and origins.

Called by `check.py` for parts whose types are right. Nothing here runs or imports a policy.
"""

import re
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import PurePosixPath
from typing import Any

import mujoco

from ..benchmark.records.field_types import one_line
from ..benchmark.records.run_record import SuiteRecord
from ..benchmark.rollout.track import SIMULATOR, track_of
from ..envs.errors import WrongUse
from ..envs.images import IMAGES, INSTRUCTION
from ..envs.perturbations.core.variant import Variant
from ..envs.seed_ranges import REPEATED
from ..envs.specs import ACTIONS
from ..policies.core.server_address import is_server
from ..policies.core.wrapping import unwrapped
from ..tasks import load_task, task_names
from ..tasks.core.instructions import asked_modes
from ..tasks.core.outcomes import OTHER_MODE, OUTCOMES, SUCCESS
from ..tasks.core.task import Task
from .entry_model import EntryPolicy, Provenance, Result
from .episode_block import EpisodeBlock
from .own_policies import own_problems, reads_like_own

_VERSION = re.compile(r"[0-9]+\.[0-9]+[0-9A-Za-z.+-]*")
_REGISTERED = re.compile(r"[a-z][a-z0-9_]*")
_MODULE_CLASS = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*(\.[A-Za-z_]\w*)*")


def possibility_problems(parts: dict[str, Any]) -> Iterator[str]:
    """Yield what adds up and still cannot have happened; `parts` are the sound parts of an entry, by name."""
    policy = parts.get("policy")
    tasks = task_names()
    for block in parts.get("episodes", ()):
        if block.task in tasks and _is_variant(block.variant) and block.is_even:
            yield from episode_problems(block, policy and policy.execute)
    if "suite" in parts:
        yield from request_problems(parts.get("episodes", ()), parts["suite"].instructed)
    yield from latency_problems(parts.get("results", ()))
    if "provenance" in parts:
        yield from origin_problems(parts["provenance"])
    if policy and {"suite", "provenance"} <= parts.keys():
        weights = parts["provenance"].options.checkpoints is not None
        yield from policy_problems(policy, parts["suite"], weights)


# -------------------------------------------------------------------------------------------- episodes


def episode_problems(block: EpisodeBlock, execute: int | None) -> Iterator[str]:
    """Yield each way in which episodes of a block cannot have ended, with the first such seed.

    Args:
        block: the episodes of one task, known here, in one variant, known here; its lists are of one length.
        execute: control steps from one decision of the policy to the next, None if that is unknown.
    """
    task = load_task(block.task)
    horizon = Variant(block.variant).episode_steps(task.max_episode_steps)
    endings = list(zip(block.labels, block.modes, block.steps, strict=True))
    # Most episodes end alike: each ending is judged once.
    reasons = {ending: _impossible(task, horizon, execute, *ending) for ending in dict.fromkeys(endings)}
    found: dict[str, list[int]] = {}
    if any(reasons.values()):
        for seed, ending in zip(block.seeds, endings, strict=True):
            if why := reasons[ending]:
                found.setdefault(why, []).append(seed)
    for why, seeds in found.items():
        where = f"episodes of {block.task} ({block.variant})"
        yield f"{where}: {len(seeds)} cannot be, such as seed {seeds[0]}: {why}"


def _impossible(
    task: Task, horizon: int, execute: int | None, label: str, mode: str | None, steps: int
) -> str:
    """Return why no episode ends so, "" if one can; see `tasks/core/referee.py`."""
    outcome = OUTCOMES[label]
    if steps > horizon:
        return f"it has more than the {horizon} control steps of an episode"
    if outcome.policy_fault:
        at_decision = execute is None or steps % execute == 0
        return "" if at_decision and steps < horizon else f"{label} between two decisions of the policy"
    if (outcome.success or label == OTHER_MODE) and steps < task.hold_steps:
        return f"{label} before it could be held for {task.hold_steps} control steps"
    if steps == 0:
        return f"{label} after no control step"
    if outcome.success and mode is None:
        return f"{label} without a mode"
    if outcome.of_a_mode and mode is None:
        return f"{label} out of no mode"
    if not outcome.terminates and steps != horizon:
        return f"{label} is told at the end of an episode, after {horizon} control steps"
    return ""


def request_problems(blocks: Iterable[EpisodeBlock], instructed: bool) -> Iterator[str]:
    """Yield successes in a mode that is not asked for, and the contrary; whether the suite asks for modes."""
    for block in blocks:
        if not (block.task in task_names() and block.is_even):
            continue
        names = load_task(block.task).modes
        asked = asked_modes(load_task(block.task), block.seeds) if instructed else [None] * len(block.seeds)
        for seed, label, mode, number in zip(block.seeds, block.labels, block.modes, asked, strict=True):
            wanted = mode if number is None else names[number]
            if (label == SUCCESS and mode != wanted) or (label == OTHER_MODE and mode == wanted):
                said = f"seed {seed} asks for {wanted}" if instructed else "no mode is asked for"
                yield f"episodes of {block.task} ({block.variant}): {said}, and ends as {label} in {mode}"
                break


@cache
def _is_variant(name: str) -> bool:
    try:
        return bool(Variant(name))
    except WrongUse:
        return False


def latency_problems(results: tuple[Result, ...]) -> Iterator[str]:
    """Yield decision times whose median is above what 99 of 100 do not exceed."""
    for row in results:
        timed = row.latency_ms
        if timed and timed.p50 > timed.p99:
            above = f"p50 {timed.p50:g} above p99 {timed.p99:g}"
            yield f"results of {row.task} ({row.variant}): latency_ms has {above}"


# -------------------------------------------------------------------------------------- policy, origin


def policy_problems(policy: EntryPolicy, suite: SuiteRecord, own_weights: bool) -> Iterator[str]:
    """Yield what a policy of that name, address and kind, or a panel with a board, cannot be.

    Args:
        policy: what answered.
        suite: the suite that was asked.
        own_weights: whether it was run with a folder of weights of the submitter's.
    """
    if suite.seeds.start in REPEATED:
        yield f"suite.seeds: {suite.name} repeats its scenes and has no board"
    if suite.seeds.block is not None:
        yield "suite.seeds.block: of a run that ended when it was decided, which makes no entry"
    uri = unwrapped(policy.uri)
    if not _is_address(uri):
        yield (
            f"policy.uri: {one_line(repr(policy.uri), 80)} is no name, relative file.py:Class, module:Class "
            "or server"
        )
    if policy.action not in ACTIONS:
        yield f"policy.action: {policy.action} is not one of {', '.join(ACTIONS)}"
    tasks = [load_task(name) for name in suite.tasks if name in task_names()]
    offered = {spec.name for task in tasks for spec in task.observation} | {*IMAGES, INSTRUCTION}
    if unknown := [name for name in policy.observations if name not in offered]:
        yield f"policy.observations: no task of the suite has {unknown[0]}"
    tracks = {track_of(task, policy.observations, policy.track == SIMULATOR) for task in tasks}
    if tracks and policy.track not in tracks:
        yield f"policy.track: what it reads is on the track {tracks.pop()}, not {policy.track}"
    shortest = min((task.max_episode_steps for task in tasks), default=policy.execute)
    if policy.execute > shortest:
        yield f"policy.execute: {policy.execute} is longer than an episode of {shortest} control steps"
    if own := reads_like_own(policy.name, policy.uri):
        yield f"policy.name: {policy.name!r} reads like Bimodal's own {own}; choose another name"
    file = PurePosixPath(uri.rpartition(":")[0])
    if file.suffix == ".py" and file.name not in policy.artifacts:
        yield f"policy.artifacts: the sha256 of {one_line(file.name, 80)} itself is missing"
    yield from own_problems(policy, suite, own_weights)


def _is_address(uri: str) -> bool:
    """Whether a URI can name a policy elsewhere than on its maker's machine."""
    file, _, attribute = uri.rpartition(":")
    if not file.endswith(".py"):
        return is_server(uri) or bool(_REGISTERED.fullmatch(uri) or _MODULE_CLASS.fullmatch(uri))
    path = PurePosixPath(file.replace("\\", "/"))
    parts = path.parts
    foreign = path.is_absolute() or ".." in parts or parts[0].startswith("~") or ":" in file
    return not foreign and attribute.isidentifier()


def origin_problems(provenance: Provenance) -> Iterator[str]:
    """Yield what the versions and the machine of a run here must name, and do not."""
    versions = provenance.versions
    for name in ("mujoco", "numpy", "bimodal"):
        if not _VERSION.fullmatch(versions.get(name, "")):
            yield f"provenance.versions: {name} is {one_line(versions.get(name, 'missing'), 40)}, no version"
    if not re.fullmatch(r"[0-9a-f]{16}", versions.get("code", "")):
        yield "provenance.versions: code is missing, the digest of Bimodal's sources (16 hex digits)"
    if (made := versions.get("mujoco")) and made != mujoco.__version__ and _VERSION.fullmatch(made):
        yield f"provenance.versions: mujoco is {made}, but the suite's hash is that of {mujoco.__version__}"
    machine = provenance.machine
    for name in ("cpu", "os", "python"):
        if not getattr(machine, name).strip():
            yield f"provenance.machine: {name} is empty"
    if machine.cores < 1:
        yield f"provenance.machine: cores is {machine.cores}"
    if provenance.options.threads < 1:
        yield f"provenance.options: threads is {provenance.options.threads}"
