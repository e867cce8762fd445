"""`bimodal check`: checks a policy, a leaderboard entry, or a run by replaying it."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from .arguments import Checkpoints, Deadline, Json, Sandbox, argument, option, policy_names, task_option

if TYPE_CHECKING:
    from ..benchmark.evaluation.trial import Trial

MOST_LINES = 20
"""Problems that are printed one by one."""
EXAMPLE = "bimodal check examples/my_policy.py:GoLeft"

What = Annotated[
    str,
    argument(
        "WHAT",
        "policy (a name, file.py:Class, module:Class, openpi:// or vla-eval://HOST:PORT), entry file, run "
        "folder or artifact",
        autocompletion=policy_names,
    ),
]
Since = Annotated[
    str | None,
    option(
        "REVISION", "of a folder of entries: what was added since is a whole submission", default="not asked"
    ),
]
Task = Annotated[str | None, task_option("task on which a policy is tried  [default: the first of smoke]")]


def run(
    what: What,
    task: Task = None,
    checkpoints: Checkpoints = None,
    deadline: Deadline = 30.0,
    sandbox: Sandbox = None,
    since: Since = None,
    json: Json = False,
) -> int:
    """Check a policy in a short trial, an entry, or a run.

    A policy plays 20 control steps of a few episodes, and everything wrong with it is told at once, also what
    it remembers from batch to batch. Of an entry every number is counted again. The recorded actions of a run
    folder are simulated again, and states and verdicts compared. In a folder of entries all of them are
    checked, and with --since what a pull request adds. The exit code is 1 if something is wrong.
    """
    from .console import console, print_json

    trial = _trial(what, task, checkpoints, deadline, sandbox) if _is_policy(what) else None
    problems = trial.problems if trial else _problems(Path(what), since)
    if json:
        found = trial.plain() if trial else {}
        print_json({"checked": what, **found, "problems": problems})
        return 1 if problems else 0
    for line in trial.assumed if trial else ():
        console.print(f"taken for granted, as it is not said: {line}", markup=False)
    for problem in problems[:MOST_LINES]:
        console.print(problem, markup=False)
    if len(problems) > MOST_LINES:
        console.print(f"and {len(problems) - MOST_LINES} more", markup=False)
    verdict = f"{len(problems)} problem{'s' * (len(problems) > 1)}" if problems else "sound"
    console.print(f"{what}: {verdict}{_pace(trial)}", markup=False)
    return 1 if problems else 0


def _is_policy(what: str) -> bool:
    """Whether a policy is named, not a file or folder of results."""
    return not what.endswith(".json") and (what.endswith(".py") or not Path(what).exists())


def _trial(
    policy: str, task: str | None, checkpoints: Path | None, deadline: float, sandbox: bool | None
) -> "Trial":
    """Try a policy out on a task; None for the first of the suite `smoke`."""
    from ..benchmark.evaluation.policy_check import check_policy
    from ..benchmark.suites import SUITES

    return check_policy(policy, task or SUITES["smoke"].tasks[0], checkpoints, deadline, sandbox)


def _pace(trial: "Trial | None") -> str:
    """Return how long a decision took, beside the time that the robot needs for its actions."""
    if trial is None or trial.decision_ms is None or trial.budget_ms is None:
        return ""
    slow = ": too slow for a robot" if trial.decision_ms > trial.budget_ms else ""
    return f"; a decision takes {trial.decision_ms:.3g} ms, its actions {trial.budget_ms:g} ms{slow}"


def _problems(path: Path, since: str | None) -> list[str]:
    """Return what is wrong with an entry, a folder of entries, or a run as a folder or an artifact."""
    from ..benchmark.artifact.read import is_artifact, open_run
    from ..leaderboard.check import check_entry
    from ..leaderboard.files import read_unchecked
    from ..leaderboard.submission.folder_check import folder_problems

    if path.is_dir() and not (path / "run.json").exists() and any(path.glob("*.json")):
        return folder_problems(path, since)
    if path.is_dir() or is_artifact(path):
        with open_run(path) as folder:
            return _replayed(folder)
    return check_entry(read_unchecked(path))


def _replayed(folder: Path) -> list[str]:
    """Replay a run; returns a line for every shard with episodes that do not follow from their actions."""
    from ..benchmark.evaluation.replay_run import check_run

    return [
        f"{shard.task} {shard.variant}: {len(found.strays)} of {len(shard.seeds)} episodes do not follow "
        f"from their recorded actions, such as seed {found.strays[0]}"
        for shard, found in check_run(folder)
        if not found.agrees
    ]
