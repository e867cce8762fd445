"""Is it the two modes that regression fails on, and when does it escape? Studies of every task, as tables.

*Controls* change only what the demonstrations show: one mode, a visible one, or both in some mixture.
*Limits* change what makes averaging irrevocable. Both train the policies of the certificate, one seed each.
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple, cast

from ...envs.files import write_json
from ...tasks import load_task
from ...tasks.core.fingerprint import fingerprint
from ...tasks.core.task import Task
from ...tasks.demonstrations.collect import PROCESS_NOISE
from ...tasks.demonstrations.regimes import REGIMES
from ...tasks.lift import LiftTask
from ..processes import run_in_processes
from ..provenance import versions
from .learning_gates import TRIAL_SEEDS, Cell, Study
from .store import FOLDER
from .trials import trial

STUDIES = FOLDER.parent / "validity"
"""Where findings lie, relative to the working directory."""
WIDE = 0.02
"""Half-width of the hand's sideways start in the limit of that name [m]; at the parting half is left."""
FORM_TASK = "PandaLiftDumbbell-v1"
"""The task whose branch time and process noise are changed."""
METHODS = {"mse": "regression", "flow": "flow"}
"""The methods of the controls, and what they are called."""


class Setting(NamedTuple):
    """How one policy is taught and tried."""

    table: str
    """`controls`, `limits` or `form`."""
    condition: str
    """What is changed, in the words of the table."""
    method: str
    """What is taught."""
    regime: str = "bi50"
    """Which modes are demonstrated."""
    episodes: int = 300
    """Number of demonstrations."""
    noise: float = PROCESS_NOISE
    """Process noise of the demonstrations [m]."""
    steps: int | None = None
    """Optimiser steps; None takes the method's budget."""
    change: str = ""
    """`wide` or `early` for a changed task."""
    execute: int = 8
    """Actions executed of each chunk."""
    forgiving: bool = False
    """Whether touching what is forbidden neither ends nor fails an episode."""

    @property
    def lesson(self) -> tuple:
        """What is equal for policies that learn from the same demonstrations, equally long."""
        return self.regime, self.episodes, self.noise, self.steps, self.change


CONTROLS = tuple(Setting("controls", regime, method, regime) for regime in REGIMES for method in METHODS)
LIMITS = (
    Setting("limits", "as certified", "mse"),
    Setting("limits", "executes 4", "mse", execute=4),
    Setting("limits", "executes 1", "mse", execute=1),
    Setting("limits", "start ±20 mm", "mse", change="wide"),
    Setting("limits", "touching allowed", "mse", forgiving=True),
    Setting("limits", "100 demos", "mse", episodes=100),
    Setting("limits", "1,000 demos", "mse", episodes=1000),
    Setting("limits", "3x training", "mse", steps=3000),
)
FORM = tuple(
    Setting("form", condition, method, noise=noise, change=change)
    for condition, noise, change in (
        ("late, 0 mm", 0.0, ""),
        ("late, 1 mm", 0.001, ""),
        ("late, 2 mm", 0.002, ""),
        ("late, 5 mm", 0.005, ""),
        ("early, 1 mm", 0.001, "early"),
    )
    for method in METHODS
)
"""What is measured of every task, and of `FORM_TASK`."""


class Finding(NamedTuple):
    """What came out of one setting."""

    table: str
    condition: str
    method: str
    """As in `Setting`."""
    success: float
    """Share of the episodes."""
    rarest: float
    """Share of the rarest mode among the successes."""


class Found(NamedTuple):
    """All findings of one task."""

    task: str
    """Task id."""
    fingerprint: str
    """Of the task that was measured."""
    findings: tuple[Finding, ...]
    """In the order of the settings."""

    def success(self, table: str, condition: str, method: str = "mse") -> float | None:
        """Return the success of a setting, None when it was not measured."""
        wanted = (table, condition, method)
        return next((f.success for f in self.findings if (f.table, f.condition, f.method) == wanted), None)


def changed(task: Task, change: str) -> Task:
    """Return a task with a wide start, or whose modes part at the first step; it has scenes of its own."""
    if not change:
        return task
    if change == "wide":
        x, _, z = task.hand_spread
        changes: dict = {"hand_spread": (x, WIDE, z)}
    else:
        if not isinstance(task, LiftTask):
            raise ValueError(f"{task.id} has no early form")
        start = (*task.hand_start[:2], task.decision_z)
        changes = {
            "hand_start": start,
            "hand_spread": (0.005, 0.003, 0.0),
            "shared_steps": 0,
        }
    kind = type(task)
    return cast("Task", type(kind.__name__, (kind,), {"id": f"{task.id}+{change}", **changes})())


def teach(task_id: str, settings: Sequence[Setting]) -> list[Finding]:
    """Teach and try the policies of settings that share one lesson."""
    first = settings[0]
    task = changed(load_task(task_id), first.change)
    episodes = first.episodes - first.episodes % len(task.modes)
    findings = []
    with TemporaryDirectory(prefix="bimodal-validity-") as folder:
        study = Study(task, Path(folder), episodes, first.regime, first.noise, first.steps)
        for setting in settings:
            policy = study.policy(Cell(setting.method, 0, setting.execute))
            outcome = trial(task, policy, TRIAL_SEEDS, setting.forgiving)
            share = outcome.minority(len(task.modes))
            findings.append(Finding(*setting[:3], success=outcome.rate, rarest=share))
    return findings


def measure(
    tasks: Iterable[Task],
    controls: bool = True,
    limits: bool = True,
    workers: int = 1,
    fresh: bool = False,
    progress: Callable[[str, int, int], None] | None = None,
    folder: Path = STUDIES,
) -> list[Found]:
    """Measure what is not known yet of some tasks, and return all that is known of them.

    Args:
        tasks: the tasks.
        controls: whether to measure the controls, and the form of `FORM_TASK`.
        limits: whether to measure the limits.
        workers: processes; the result does not depend on them.
        fresh: whether to forget what the folder holds.
        progress: called with what was done last, the number of lessons done, and their total.
        folder: where findings are kept, a file a task, as they come.
    """
    known = {task.id: {} if fresh else _read(task, folder) for task in tasks}
    wanted = {name: _settings(name, controls, limits) for name in known}
    calls = {
        (name, lesson): partial(teach, name, missing)
        for name, settings in wanted.items()
        for lesson in dict.fromkeys(setting.lesson for setting in settings)
        if (missing := [s for s in settings if s.lesson == lesson and s[:3] not in known[name]])
    }
    if progress:
        progress("", 0, len(calls))
    for done, ((name, _), findings) in enumerate(run_in_processes(calls, workers), 1):
        known[name] |= {finding[:3]: finding for finding in findings}
        _write(name, known[name], folder)
        if progress:
            progress(f"{name} {findings[0].condition}", done, len(calls))
    return [_found(name, findings) for name, findings in known.items()]


def _settings(name: str, controls: bool, limits: bool) -> list[Setting]:
    chosen = (CONTROLS if controls else ()) + (LIMITS if limits else ())
    return [*chosen, *(FORM if controls and name == FORM_TASK else ())]


def _found(name: str, findings: Mapping[tuple, Finding]) -> Found:
    order = [setting[:3] for setting in (*CONTROLS, *LIMITS, *FORM)]
    ordered = sorted(findings.values(), key=lambda finding: order.index(finding[:3]))
    return Found(name, fingerprint(load_task(name)), tuple(ordered))


def _read(task: Task, folder: Path) -> dict[tuple, Finding]:
    """Return what is known of the task's present form with the installed versions."""
    try:
        data = json.loads((folder / f"{task.id}.json").read_text())
        current = (data["fingerprint"], data["versions"]) == (fingerprint(task), versions())
        return {tuple(row[:3]): Finding(*row) for row in data["findings"]} if current else {}
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def _write(name: str, findings: Mapping[tuple, Finding], folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    found = _found(name, findings)
    rows = [list(finding) for finding in found.findings]
    content = {"fingerprint": found.fingerprint, "versions": versions(), "findings": rows}
    write_json(folder / f"{name}.json", content)
