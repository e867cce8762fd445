"""The record of a run before its first episode: which policy on which suite, with which weights, on what."""

import json
import secrets
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import ValidationError

from ...envs.errors import BimodalError, WrongUse
from ...policies import Needs, Policy, load_policy
from ...policies.core.registry import POLICIES, policy_class, policy_names
from ...policies.core.source_digest import source_digest
from ...tasks import Task, load_task
from ..provenance import code_digest, machine, versions
from ..records.field_types import problems
from ..records.run_record import SCHEMA_VERSION, Machine, PolicyRecord, RunRecord
from ..rollout.policy_runner import fault_text
from ..rollout.shard import check_needs
from ..rollout.timeouts import BUILD_DEADLINE_S, Deadline
from ..suites import Suite
from .options import EvalOptions


class Introduction(NamedTuple):
    """What a policy that was built for one task says of itself."""

    needs: Needs
    description: str
    parameters: int | None
    """Number of learned parameters."""
    training: dict[str, Any]
    """How it was trained; empty when it was not."""
    artifacts: dict[str, str]
    """sha256 of every file that it loads, by name."""


def describe(policy: str | type[Policy], suite: Suite, options: EvalOptions) -> RunRecord:
    """Return the record of a run to come, after checking that the policy fits every task of the suite.

    Called by `evaluate` before anything is written, and by `bimodal reproduce` to compare the weights.

    Raises:
        BimodalError: the policy cannot be built, or reads or emits what a task does not have.
    """
    told = {name: _introduce(policy, load_task(name), options.weights) for name in suite.tasks}
    if not told:
        raise WrongUse("the suite has no tasks")
    training = {name: one.training for name, one in told.items() if one.training}
    return RunRecord(
        schema_version=SCHEMA_VERSION,
        run_id=secrets.token_hex(8),
        suite=suite.record(),
        policy=_policy_record(policy, list(told.values())),
        training=_plain(training) or None,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        machine=Machine.model_validate(machine()),
        versions=versions() | {"bimodal": version("bimodal-bench"), "code": code_digest()},
        options=options.record(),
        latency_ms={},
        wall_s=0.0,
        invalid_shards=(),
    )


def _policy_record(policy: str | type[Policy], told: list[Introduction]) -> PolicyRecord:
    """Return who the policy is, from what it said for each task."""
    kind = policy_class(policy) if isinstance(policy, str) else policy
    uri = policy if isinstance(policy, str) else f"{kind.__module__}:{kind.__qualname__}"
    artifacts: dict[str, str] = source_digest(kind) if kind.__module__.split(".")[0] != "bimodal" else {}
    for one in told:
        artifacts |= one.artifacts
    last = told[-1]
    said = {
        "name": uri if uri in policy_names() else kind.__qualname__,
        "uri": uri,
        "class": f"{kind.__module__}:{kind.__qualname__}" if uri in POLICIES.own() else kind.__qualname__,
        "track": "privileged" if last.needs.privileged else "state",
        "description": last.description,
        "parameters": next((one.parameters for one in told if one.parameters is not None), None),
        "execute": last.needs.n_action_steps,
        "action": last.needs.action,
        "observations": list(dict.fromkeys(name for one in told for name in one.needs.observations)),
        "artifacts": artifacts,
    }
    try:
        return PolicyRecord.model_validate(_plain(said))
    except ValidationError as error:
        raise WrongUse(f"what the policy says of itself cannot be recorded: {problems(error)[0]}") from None


def _introduce(policy: str | type[Policy], task: Task, weights: Path | None) -> Introduction:
    """Build a policy for a task and ask what it needs and which files it is made of; runs its code."""
    try:
        with Deadline(BUILD_DEADLINE_S).watch():
            built = load_policy(policy, task, weights)
            said = built.needs()
            artifacts = dict(built.artifacts())
    except BimodalError:
        raise
    except Exception as error:
        text = f"the policy cannot say what it needs for {task.id}: {fault_text(error)}"
        raise BimodalError(text) from error
    return Introduction(
        check_needs(task, said), built.description, built.parameters, built.training or {}, artifacts
    )


def _plain(said: dict[str, Any]) -> dict[str, Any]:
    """Return what a policy says of itself as it reads back from JSON."""
    try:
        return json.loads(json.dumps(said, default=lambda value: value.item()))
    except (TypeError, ValueError, AttributeError) as error:
        raise BimodalError(f"the policy's `training` and `parameters` must be plain JSON: {error}") from error
