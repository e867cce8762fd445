"""`bimodal plan`: how many episodes a claim needs, and the rule that is locked before a run."""

from pathlib import Path
from typing import Annotated

from ..envs.errors import WrongUse
from .arguments import SUITES, Checkpoints, Json, Sandbox, choice, option, percentage, policy_names

EXAMPLE = "bimodal plan --baseline 90 --gain 5 --policy flow"


def run(
    baseline: Annotated[float, option("PERCENT", "success that you expect of the baseline", percentage)] = 90,
    gain: Annotated[float, option("POINTS", "difference that you want to see", percentage)] = 5,
    suite: Annotated[str, choice("suite", f"whose panel is judged: {', '.join(SUITES)}", SUITES)] = "core",
    policy: Annotated[
        str,
        option(
            "POLICY",
            "whose episodes are timed: name, file.py:Class or openpi://HOST:PORT",
            autocompletion=policy_names,
        ),
    ] = "expert",
    checkpoints: Checkpoints = None,
    sandbox: Sandbox = None,
    lock: Annotated[Path | None, option("FILE", "write down a rule (TOML) before the run")] = None,
    json: Json = False,
) -> int:
    """Say how many episodes a claim needs.

    `--lock rule.toml` writes rule.toml.lock, which `compare --rule` reads: so a rule cannot be chosen after
    the result. The exit code is 1 if the suite's panel is too short for the difference.
    """
    from ..benchmark.comparison.plan import plan
    from ..benchmark.comparison.rule import lock_rule
    from ..benchmark.isolation.choice import isolation_of
    from ..benchmark.isolation.shapes import NOT_SHUT_IN
    from .console import console, print_json

    if lock:
        console.print(f"locked: {lock_rule(lock)}", markup=False)
        return 0
    if isolation_of(policy, sandbox) not in NOT_SHUT_IN:
        raise WrongUse(f"plan plays {policy} with your rights, not shut in: add --no-sandbox if you trust it")
    found = plan(suite, baseline, gain, policy, checkpoints)
    if json:
        print_json(found._asdict())
    else:
        for line in found.sentences():
            console.print(line, markup=False)
    return 0 if found.suffices else 1
