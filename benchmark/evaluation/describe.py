"""The record of a run before its first episode: which policy on which suite, with which weights, on what."""

import secrets
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from ...envs.errors import BimodalError, WrongUse
from ...envs.images import IMAGES, INSTRUCTION
from ...envs.plugins.script_block import installed_versions
from ...policies import Policy
from ...policies.core.registry import POLICIES, policy_names
from ...policies.core.server_address import is_remote
from ...policies.core.wrapping import unwrapped
from ...tasks import load_task
from ..isolation.choice import absolute_uri, hidden_from_policies, isolation_of
from ..isolation.introduction import Introduction, introduce, recorded
from ..isolation.shapes import Isolation
from ..provenance import code_digest, machine, versions
from ..records.fault_file import printable
from ..records.run_record import SCHEMA_VERSION, Machine, PolicyRecord, RunRecord
from ..rollout import timeouts
from ..rollout.track import OBJECTS, PICTURES, SIMULATOR, track_of
from ..suites import Suite
from .options import EvalOptions
from .policy_process import PolicyProcess
from .worker_process import Job

_DRAWN = "PandaLiftDumbbell-v1"
"""The task whose scene is in the test picture, whatever the suite."""


def describe(policy: str | type[Policy], suite: Suite, options: EvalOptions) -> RunRecord:
    """Return the record of a run to come, after checking that the policy fits every task of the suite.

    Called by `evaluate` before anything is written, and by `bimodal reproduce` to compare the weights.

    Raises:
        BimodalError: the policy cannot be built, or reads or emits what a task does not have.
    """
    isolation = how_isolated(policy, options)
    told = _introductions(policy, suite.tasks, options, isolation)
    if not told:
        raise WrongUse("the suite has no tasks")
    for line in dict.fromkeys(line for one in told.values() for line in one.assumed):
        options.say(f"taken for granted, as it is not said: {printable(line)}")
    training = {name: one.training for name, one in told.items() if one.training}
    *_, last = told.values()
    who = _policy_record(policy, told)
    asked = suite.shown_to(bool(who.pictures), INSTRUCTION in who.observations).record()
    return RunRecord(
        schema_version=SCHEMA_VERSION,
        run_id=secrets.token_hex(8),
        suite=asked,
        policy=who,
        training=training or None,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        machine=this_machine(last, who),
        versions=versions_of(policy),
        options=options.record(),
        isolation=isolation,
        latency_ms={},
        wall_s=0.0,
        invalid_shards=(),
        early_stop=options.until_decided and options.until_decided.announced(asked),
        part=options.part,
    )


def how_isolated(policy: str | type[Policy], options: EvalOptions) -> Isolation:
    """Return how a policy is shut in during a run.

    Raises:
        WrongUse: it should be, and cannot.
    """
    if isinstance(policy, str) and (options.workers != 0 or is_remote(unwrapped(policy))):
        return isolation_of(absolute_uri(policy), options.sandbox)
    if options.sandbox:
        raise WrongUse("a policy that runs in this process cannot be shut in: name its file, with workers")
    return "none"


def _policy_record(policy: str | type[Policy], told: Mapping[str, Introduction]) -> PolicyRecord:
    """Return who the policy is, from what it said for each task."""
    *_, last = told.values()
    kind = f"{last.module}:{last.kind}"
    uri = policy if isinstance(policy, str) else kind
    if uri not in policy_names() and last.kind in POLICIES.own():
        raise WrongUse(f"the class is called {last.kind!r}, the name of one of Bimodal's own: rename it")
    looks = any(name in IMAGES for one in told.values() for name in one.observations)
    said = {
        "name": uri if uri in policy_names() else last.kind,
        "uri": uri,
        "class": kind if uri in POLICIES.own() else last.kind,
        "track": _track(told),
        "description": last.description,
        "parameters": next((one.parameters for one in told.values() if one.parameters is not None), None),
        "execute": last.n_action_steps,
        "action": last.action,
        "observations": list(dict.fromkeys(name for one in told.values() for name in one.observations)),
        "n_obs_steps": last.n_obs_steps,
        "pictures": f"{last.image_size} px x {last.image_frames}" if looks else "",
        "artifacts": _artifacts(told),
    }
    return recorded(PolicyRecord, said)


def _track(told: Mapping[str, Introduction]) -> str:
    """Return the track of a policy: where it reads most, over all tasks."""
    each = [track_of(load_task(name), one.observations, one.privileged) for name, one in told.items()]
    return next(track for track in (SIMULATOR, OBJECTS, PICTURES) if track in each)


def _renderer(policy: PolicyRecord) -> dict[str, str] | None:
    """Return what the policy's pictures are drawn with; None where it reads none.

    Raises:
        BimodalError: pictures are asked for and there is no OpenGL.
    """
    if not policy.pictures:
        return None
    from ...envs.rendering.episode_pictures import render_fingerprint

    return render_fingerprint(load_task(_DRAWN))._asdict()


def this_machine(told: Introduction, policy: PolicyRecord) -> Machine:
    """Return the kind of machine that this is, with the kernels of the process that built a policy."""
    return Machine.model_validate(machine() | {"kernels": told.kernels, "renderer": _renderer(policy)})


def versions_of(policy: str | type[Policy]) -> dict[str, str]:
    """Return the versions of all that matters to a run of a policy; `code` is Bimodal's own sources."""
    ours = {"bimodal": version("bimodal-bench"), "code": code_digest()}
    return _asked_for(policy) | versions() | ours


def _asked_for(policy: str | type[Policy]) -> dict[str, str]:
    """Return the installed versions of the packages that a policy's file asks for, by name."""
    inner = unwrapped(policy) if isinstance(policy, str) else ""
    file = POLICIES.sources().get(inner) or Path(inner.rpartition(":")[0])
    return installed_versions(file) if isinstance(file, Path) and file.suffix == ".py" else {}


def _artifacts(told: Mapping[str, Introduction]) -> dict[str, str]:
    """Return the files of all tasks.

    Raises:
        WrongUse: one name stands for two files.
    """
    found: dict[str, str] = {}
    for task, one in told.items():
        for name, digest in one.artifacts.items():
            if found.setdefault(name, digest) != digest:
                raise WrongUse(
                    f"the policy has another {name} for {task} than for the tasks before it; "
                    f"artifacts() must call it {task}/{name}"
                )
    return found


# ------------------------------------------------------------------------------------ asking the policy


def _introductions(
    policy: str | type[Policy], tasks: tuple[str, ...], options: EvalOptions, isolation: Isolation
) -> dict[str, Introduction]:
    """Build the policy for every task: here if it is Bimodal's own or is to run here, else in a process."""
    ours = isolation == "none" and isinstance(policy, str) and _is_safe_here(policy)
    if ours or options.workers == 0 or not isinstance(policy, str):
        deadline = timeouts.Deadline(timeouts.BUILD_DEADLINE_S)
        return {name: introduce(policy, load_task(name), options.weights, deadline) for name in tasks}
    weights = str(options.weights) if options.weights else None
    longest = timeouts.BUILD_DEADLINE_S
    hidden = tuple(map(str, hidden_from_policies(Path(options.out) if options.out else None)))
    job = Job(absolute_uri(policy), weights, "", deadline_s=longest, build_s=longest)
    process = PolicyProcess(job._replace(isolation=isolation, hidden=hidden))
    try:
        return {name: ask(process, name) for name in tasks}
    finally:
        process.end()


def _is_safe_here(uri: str) -> bool:
    """Whether asking for a policy runs no code of others: it is Bimodal's own, or no class is named at all.

    Raises:
        WrongUse: a name that nobody has.
    """
    inner = unwrapped(uri)
    return inner.endswith(".py") or (":" not in inner and POLICIES.is_own(POLICIES.source(inner)))


def ask(process: PolicyProcess, task: str) -> Introduction:
    """Have a process build its policy for a task; raises as `introduce`."""
    reply = process.ask({"introduce": task})
    if why := reply.get("lost"):
        raise BimodalError(f"the policy cannot be built for {task}: {why}")
    if "refused" in reply:
        raise refusal(reply)
    return recorded(Introduction, reply.get("introduction"))


def refusal(reply: Mapping[str, Any]) -> BimodalError:
    """Return the error that a process answered with."""
    kind = WrongUse if reply.get("code") == WrongUse.exit_code else BimodalError
    return kind(str(reply["refused"]))
