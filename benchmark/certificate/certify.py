"""Measures the certificate of a task: is it bimodal, by physics and by learning, and by how much?

Seven gates of several checks, for `bimodal certify`. A task that fails a gate is redesigned, never the gate.
"""

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.table import Table

from ...envs.seed_ranges import VALIDATION
from ...tasks.core.fingerprint import fingerprint
from ...tasks.core.task import Task
from ...tasks.demonstrations.collect import collect
from ...tasks.demonstrations.regimes import whole_scenes
from ..processes import run_in_processes
from ..provenance import machine, versions
from ..rich_table import plain_table
from .certificate import Certificate, Check, counted, percents
from .grace import BLOCK, grace_checks
from .hidden_mode_gate import AFTER, PROBED, PROBED_A_MODE, hidden_mode_checks
from .learning_checks import HEADROOM_CEILING, learning_checks
from .learning_gates import TaskTraining, TrialResults, trained_for
from .physics_gates import average_checks, dead_zone_checks, expert_checks, floor_checks

QUICK_SEEDS = 20
"""Seeds of a quick certificate."""
GATES = {
    1: ("Experts", "Every mode can be done, cleanly and in the same time, and a coin chooses it."),
    2: (
        "Average",
        "The average of the plans fails in the first executed block, and so do its neighbours. *Grace* "
        f"counts its blocks of {BLOCK} steps that experts make good: one at most in the next version of a "
        "task.",
    ),
    3: ("Floors", "Nothing is given away to a policy that keeps still or moves at random."),
    4: ("Hidden mode", "Nothing that is observed tells the modes apart until they part."),
    5: ("Regression", "Regression fails where the same network succeeds when it is told the mode."),
    6: (
        "Flow",
        "The same network succeeds in every mode when it draws one. In a task with headroom, the best policy "
        f"that draws one falls short, at {percents(HEADROOM_CEILING)} or less.",
    ),
    7: ("Rule", "For information: what changes when touching the forbidden does not end an episode."),
}
"""The gates: a heading, and what they ask."""

ORDER = ("experts", "average of the modes", "grace", "dead zone", "zero and random", "hidden mode")
"""Stages of gates 1 to 4, in the order of their checks."""

Progress = Callable[[str, int, int], None]
"""Called with what was done last, the number of stages done, and their total."""


def certify(
    task: Task,
    seeds: int = 200,
    episodes: int = 300,
    quick: bool = False,
    progress: Progress | None = None,
    workers: int = 1,
) -> Certificate:
    """Check a task against every gate.

    Args:
        task: the task.
        seeds: episodes of each expert and average; mixtures, zero and random get fewer of them.
        episodes: paired demonstrations, rounded down to a multiple of the number of modes.
        quick: gates 1 to 4 only, on 20 seeds; the probe reads demonstrations without process noise.
        progress: called as `Progress` says.
        workers: processes; the result does not depend on them.
    """
    begin = time.monotonic()
    tell = progress or (lambda text, done, total: None)
    episodes = whole_scenes(task, episodes)
    panel = VALIDATION[: QUICK_SEEDS if quick else seeds]
    with TemporaryDirectory(prefix="bimodal-certify-") as folder:
        training = TaskTraining(task, Path(folder), episodes)
        # 1. demonstrations first, because what is trained needs them; then what learns nothing
        calls: dict[str, Callable] = {} if quick else {"demonstrations": training.prepare}
        calls |= _physics_stages(task, quick, panel, episodes)
        # 2. what is trained, the longest first
        learned = {} if quick else {str(one): partial(training.try_policy, one) for one in trained_for(task)}
        total = len(calls) + len(learned)
        tell("scene", 0, total)
        found: dict = {}
        for name, result in run_in_processes(calls | learned, workers):
            found[name] = result
            tell(name, len(found), total)
        # 3. the checks in the order of the gates, whatever ended first
        checks = [check for name in ORDER for check in found[name]]
        checks += [] if quick else _learning(task, training, {name: found[name] for name in learned})
    seconds = round(time.monotonic() - begin, 1)
    return Certificate(task.id, quick, tuple(checks), fingerprint(task), versions(), machine(), seconds)


def _physics_stages(task: Task, quick: bool, panel: range, episodes: int) -> dict[str, Callable]:
    """Return what makes the checks of gates 1 to 4, the slowest stage first."""
    return {
        "hidden mode": partial(_hidden, task, quick),
        "dead zone": partial(dead_zone_checks, task, panel),
        "zero and random": partial(floor_checks, task, panel),
        "experts": partial(expert_checks, task, panel, episodes),
        "average of the modes": partial(average_checks, task, panel),
        "grace": partial(grace_checks, task, panel[:QUICK_SEEDS]) if quick else partial(grace_checks, task),
    }


def _hidden(task: Task, quick: bool) -> list[Check]:
    """Collect the demonstrations of gate 4 and return its checks."""
    k = len(task.modes)
    calm = collect(task, episodes=QUICK_SEEDS * k, process_noise=0.0)
    if quick:
        return hidden_mode_checks(task, calm, calm)
    shown = max(whole_scenes(task, PROBED), PROBED_A_MODE * k)
    many = collect(task, episodes=shown, seed=1, until=task.shared_steps + AFTER + 1)
    return hidden_mode_checks(task, calm, many)


def _learning(task: Task, training: TaskTraining, found: dict[str, TrialResults | str]) -> list[Check]:
    """Return the checks of gates 5 to 7; a single failed one where something could not be trained."""
    broken = [text for text in found.values() if isinstance(text, str)]
    if broken:
        return [Check(5, "lessons", "training and trial", broken[0], "possible", False)]
    shown = training.demonstrations.success
    value = counted(int(shown.sum()), len(shown))
    check = Check(5, "demonstrations", "successful ones are learnt", value, "", None)
    results = [part for part in found.values() if not isinstance(part, str)]
    return [check, *learning_checks(task, {one: got for part in results for one, got in part.items()})]


def certificate_table(certificate: Certificate) -> Table:
    """Return the certificate for the terminal."""
    n = len(certificate.failures)
    quick = ", quick" if certificate.quick else ""
    verdict = f"[red]{n} check{'s' * (n > 1)} failed[/]" if n else "[green]certified[/]"
    caption = f"MuJoCo {certificate.versions['mujoco']}, {certificate.seconds:.0f} s; · marks information"
    table = plain_table(f"Certificate of {certificate.task}: {verdict}{quick}", caption, 2, pad_edge=False)
    for column in ("", "check", "measured", "value", "asked for"):
        table.add_column(column, no_wrap=column not in ("measured", "value"))
    marks = {True: "[green]✓[/]", False: "[red]✗[/]", None: "[dim]·[/]"}
    gate = 0
    for check in certificate.checks:
        if check.gate != gate:
            gate = check.gate
            table.add_row(f"[bold]{gate}[/]", f"[bold]{GATES[gate][0]}[/]")
        style = "red" if check.passed is False else None
        cells = (marks[check.passed], check.name, f"[dim]{check.measured}[/]", check.value, check.bound)
        table.add_row(*cells, style=style)
    return table
