"""Is it the two modes that regression fails on, and when does it escape? Studies of every task, as tables.

*Controls* change only what the demonstrations show: one mode, a visible one, or both in some mixture. *Limits*
change what makes averaging irrevocable. Both train the policies of the certificate, on one training seed.
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from rich import box
from rich.table import Table

from ..tasks import load_task
from ..tasks.demonstrations import PROCESS_NOISE, REGIMES
from ..tasks.fingerprint import fingerprint
from ..tasks.lift import LiftTask
from ..tasks.task import Task
from .certificates import FOLDER
from .crew import Crew
from .files import write_json
from .learning import TRIAL_SEEDS, Cell, Study
from .machine import versions
from .trials import trial

STUDIES = FOLDER.parent / "validity"
"""Where findings lie, relative to the working directory."""
WIDE = 0.02
"""Half-width of the hand's sideways start in the limit "start +-20 mm" [m]; half of it is left at the parting."""
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
    """Return a task with a wide start or with modes that part at the first step; another task, other seeds."""
    if not change:
        return task
    if change == "wide":
        x, _, z = task.hand_spread
        changes: dict = {"hand_spread": (x, WIDE, z)}
    else:
        if not isinstance(task, LiftTask):
            raise ValueError(f"{task.id} has no early form")
        x, y, _ = task.hand_start
        changes = {
            "hand_start": (x, y, task.decision_z),
            "hand_spread": (0.005, 0.003, 0.0),
            "trunk_steps": 0,
        }
    kind = type(task)
    return type(kind.__name__, (kind,), {"id": f"{task.id}+{change}", "__doc__": kind.__doc__, **changes})()


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
    with Crew(workers) as crew:
        for done, ((name, _), findings) in enumerate(crew.run(calls), 1):
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


# ------------------------------------------------------------------------------------------ how it is shown


def control_rows(found: Sequence[Found], method: str) -> list[tuple[str, ...]]:
    """Return the controls of a method: task, success by regime, S(uni) - S(bi50)."""
    rows = []
    for one in found:
        values = [one.success("controls", regime, method) for regime in _BY_MIXTURE]
        both = values[0] is not None and values[-1] is not None
        gap = f"{100 * (values[0] - values[-1]):+.0f}" if both else "-"  # type: ignore[operator]
        rows.append((one.task, *map(_share, values), gap))
    return rows


def limit_rows(found: Sequence[Found]) -> list[tuple[str, ...]]:
    """Return the success of regression by limit: task, one column a limit."""
    return [(one.task, *(_share(one.success("limits", s.condition)) for s in LIMITS)) for one in found]


def form_rows(found: Sequence[Found]) -> list[tuple[str, ...]]:
    """Return branch time and process noise of `FORM_TASK`: condition, success of each method."""
    conditions = list(dict.fromkeys(setting.condition for setting in FORM))
    return [
        (condition, *(_share(one.success("form", condition, method)) for method in METHODS))
        for one in found
        if one.task == FORM_TASK
        for condition in conditions
    ]


_BY_MIXTURE = ("uni", "ctx", "bi90", "bi70", "bi50")
_CONTROL_HEADER = ("task", *_BY_MIXTURE, "uni - bi50")
_LIMIT_HEADER = ("task", *(setting.condition for setting in LIMITS))
_FORM_HEADER = ("branch time, process noise", *METHODS.values())


def _share(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.0f}"


def validity_tables(found: Sequence[Found]) -> list[Table]:
    """Return what was measured for the terminal; tables of which nothing was measured are left out."""
    parts = [
        *((f"{name}: success [%] by what is shown", _CONTROL_HEADER, control_rows(found, method))
          for method, name in METHODS.items()),
        (f"{FORM_TASK}: success [%]", _FORM_HEADER, form_rows(found)),
        ("regression: success [%] when it may escape", _LIMIT_HEADER, limit_rows(found)),
    ]  # fmt: skip
    tables = []
    for title, header, rows in parts:
        if all(cell == "-" for row in rows for cell in row[1:]):
            continue
        table = Table(box=box.SIMPLE_HEAD, title=title, title_justify="left", pad_edge=False)
        for index, column in enumerate(header):
            table.add_column(column, justify="right" if index else "left")
        for row in rows:
            table.add_row(*row)
        tables.append(table)
    return tables


def validity_page(found: Sequence[Found]) -> str:
    """Return the page docs/validity.md."""
    regression, flow = (_markdown(_CONTROL_HEADER, control_rows(found, method)) for method in METHODS)
    prints = ", ".join(f"{one.task} `{one.fingerprint[:16]}`" for one in found)
    return _PAGE.format(
        regression=regression,
        flow=flow,
        form=_markdown(_FORM_HEADER, form_rows(found)),
        limits=_markdown(_LIMIT_HEADER, limit_rows(found)),
        n=len(TRIAL_SEEDS),
        form_task=FORM_TASK,
        prints=prints,
    )


def _markdown(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    return "\n".join("| " + " | ".join(cells) + " |" for cells in (header, ("---",) * len(header), *rows))


_PAGE = """\
# Validity: what a score here shows, and what it does not

<!-- Generated: bimodal certify --all --controls --limits --page docs/validity.md -->

Every figure is success in percent of {n} episodes of one training seed (95 % interval: at most 10 points
to each side), with the networks, budgets and demonstrations of the [certificates](certificates.md).

## It is the second mode that regression fails on

The same task, network and number of demonstrations; only what the demonstrations show is changed. `uni`
shows one mode, `ctx` a mode that an observed number tells (the part of the table on which the scene lies),
`bi90`, `bi70` and `bi50` show the first mode in 90, 70 and 50 of 100 scenes and the others in the rest.
`uni - bi50` is what the second mode costs.

Regression of chunks:

{regression}

Flow matching of chunks:

{flow}

`bi90` is a test of dropping modes, not of averaging: a mean that lies a tenth of the way from a grasp is
often still a grasp.

## Branch time and process noise

{form_task}: in the *late* form the modes share 0.8 s; in the *early* form they part at the first step.
Process noise is how far the demonstrating hand is shaken off its plan in each step.

{form}

## When regression escapes

None of this is hidden: averaging is fatal here because the average meets its failure within the first
executed block, from a start in the middle, and because touching ends the episode. Change one of these and
regression of the same network may get away:

{limits}

- **executes 4, executes 1** of each 16 predicted actions: looking again sooner lets a small chance lead to
  one side grow (the middle is an unstable balance).
- **start ±20 mm**: the hand starts up to 20 mm beside the middle, so the scene tells which side is nearer.
- **touching allowed**: touching what is forbidden neither ends nor fails an episode.
- **100 demos, 1,000 demos** instead of 300; **3x training**: 3,000 instead of 1,000 optimiser steps.

A score here therefore speaks of policies that execute blocks of actions in a closed loop, from starts that
favour no mode, where a wrong touch counts. It does not say that regression cannot grasp.

Measured tasks: {prints}.
"""
