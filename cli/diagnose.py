"""`bimodal diagnose`: which interface broke in a run's failures, and which magnitude breaks a policy."""

from pathlib import Path
from typing import Annotated, Any

from ..envs.errors import WrongUse
from .arguments import Json, Sandbox, Workers, argument, flag, number, option, policy_names, task_option

EXAMPLE = "bimodal diagnose runs/smoke-mse --failures 20"

Subject = Annotated[
    str,
    argument(
        "RUN_FOLDER",
        "folder that `bimodal evaluate` wrote; with --search also a policy",
        autocompletion=policy_names,
    ),
]
Search = Annotated[
    str | None,
    option(
        "AXIS",
        "instead: the smallest magnitude of a perturbation, such as actuation.delay, that breaks the policy",
        default="no",
    ),
]


def run(
    run_folder: Subject,
    failures: Annotated[int, number("failed episodes at most, evenly from every task and variant")] = 100,
    task: Annotated[str | None, task_option("this task alone")] = None,
    reruns: Annotated[int, number("re-runs with new noise of each repair")] = 8,
    episodes: Annotated[bool, flag("--episodes", "also list the re-runs of the first episodes")] = False,
    search: Search = None,
    seeds: Annotated[int | None, number("with --search: episodes of each step", "50")] = None,
    sandbox: Sandbox = None,
    json: Json = False,
    workers: Workers = None,
) -> int:
    """Find why episodes failed, by repairing one thing at a time.

    The policy is run again, so what it is made of must be there. The causes are kept in causes.json.
    With --search the exit code is 1 if a magnitude breaks the policy, 3 if too few clean episodes succeed.
    """
    from ..benchmark.provenance import cores

    count = cores() if workers is None else workers
    if search is not None:
        return _search(run_folder, (search, task, seeds, sandbox), json, count)
    if seeds is not None:
        raise WrongUse("--seeds is for --search; `bimodal diagnose` takes the failures of a run")
    asked = {"failures": failures, "task": task, "reruns": reruns, "workers": count, "sandbox": sandbox}
    return _diagnose(Path(run_folder), asked, episodes, json)


def _diagnose(folder: Path, asked: dict[str, Any], episodes: bool, json: bool) -> int:
    """Find the causes of a run's failures, as `diagnose` is asked to, and print them."""
    from ..benchmark.diagnosis.causes_table import cause_table, episode_table
    from ..benchmark.diagnosis.diagnose import diagnose
    from ..benchmark.report.run_report import renew_report
    from ..benchmark.scoring.run_episodes import read_run
    from .console import console, print_json, progress_bar

    found = read_run(folder)
    with progress_bar("diagnosis", "episodes") as update:
        causes = diagnose(found, progress=update, **asked)
    renew_report(folder)
    if json:
        print_json(causes.plain())
    elif not causes.episodes:
        console.print("no episode failed", markup=False)
    else:
        console.print(cause_table(causes))
        if episodes:
            console.print(episode_table(causes))
        seconds = f"{len(causes.episodes)} episodes in {causes.wall_s:.0f} s"
        console.print(f"causes   {folder / 'causes.json'} ({seconds})", markup=False)
    return 0


def _search(
    subject: str, asked: tuple[str, str | None, int | None, bool | None], json: bool, workers: int
) -> int:
    """Find the smallest magnitude that breaks the policy of a run, or one that is named."""
    from ..benchmark.diagnosis.search import search
    from ..benchmark.diagnosis.search_table import plain_search, search_sentence, search_table
    from ..benchmark.diagnosis.searched import SEEDS, searched_for_policy, searched_in_run
    from ..benchmark.scoring.run_episodes import read_run
    from .console import console, print_json, progress_bar

    axis, task, seeds, sandbox = asked
    if seeds is not None and seeds < 1:
        raise WrongUse(f"--seeds {seeds}: a number of episodes, such as 50")
    if Path(subject).is_dir():
        wanted = searched_in_run(read_run(Path(subject)), axis, task, seeds or SEEDS, sandbox)
    else:
        wanted = searched_for_policy(subject, axis, task, seeds or SEEDS, sandbox)
    with progress_bar("search", "tasks") as update:
        found = search(wanted, workers, update)
    if json:
        print_json(plain_search(found))
    else:
        console.print(search_table(found))
        for result in found:
            console.print(search_sentence(result), markup=False)
    return 1 if any(one.first for one in found) else 0 if any(one.steps for one in found) else 3
