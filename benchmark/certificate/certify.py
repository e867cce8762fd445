"""The certificate of a task: is it bimodal, by physics and by learning, and by how much?

Seven gates, one row a check. A task that fails a gate is redesigned, never the gate.
"""

import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from rich import box
from rich.table import Table

from ...envs.seed_ranges import VALIDATION
from ...tasks.core.fingerprint import fingerprint
from ...tasks.core.task import Task
from ...tasks.demonstrations.collect import collect
from ..processes import run_in_processes
from ..provenance import machine, versions
from .certificate import Certificate, Row, counted
from .hidden_mode_gate import AFTER, PROBED, hidden_rows
from .learning_gates import LESSONS, Outcomes, Study, learning_rows
from .physics_gates import average_rows, dead_zone_rows, expert_rows, floor_rows

QUICK_SEEDS = 20
"""Seeds of a quick certificate."""
GATES = {
    1: ("Experts", "Every mode can be done, cleanly and in the same time, and a coin chooses it."),
    2: ("Average", "The average of the plans fails in the first executed block, and so do its neighbours."),
    3: ("Floors", "Nothing is given away to a policy that keeps still or moves at random."),
    4: ("Hidden mode", "Nothing that is observed tells the modes apart until they part."),
    5: ("Regression", "Regression fails where the same network succeeds when it is told the mode."),
    6: ("Flow", "The same network succeeds in every mode when it draws one."),
    7: ("Rule", "For information: what changes when touching the forbidden does not end an episode."),
}
"""The gates: a heading, and what they ask."""

ORDER = ("experts", "average of the modes", "dead zone", "zero and random", "hidden mode")
"""Stages of gates 1 to 4, in the order of their rows."""

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
        progress: see `Progress`.
        workers: processes; the result does not depend on them.
    """
    begin = time.monotonic()
    episodes -= episodes % len(task.modes)
    panel = VALIDATION[: QUICK_SEEDS if quick else seeds]
    with TemporaryDirectory(prefix="bimodal-certify-") as folder:
        study = Study(task, Path(folder), episodes)
        calls: dict[str, Callable] = {} if quick else {"demonstrations": study.prepare}  # lessons need them
        calls |= {
            "hidden mode": partial(_hidden, task, quick),
            "dead zone": partial(dead_zone_rows, task, panel),
            "zero and random": partial(floor_rows, task, panel),
            "experts": partial(expert_rows, task, panel, episodes),
            "average of the modes": partial(average_rows, task, panel),
        }
        lessons = {} if quick else {str(lesson): partial(study.learn, lesson) for lesson in LESSONS}
        say = _announcer(progress, len(calls) + len(lessons))
        say("scene")
        found = {}
        for name, result in run_in_processes(calls | lessons, workers):
            found[name] = result
            say(name)
        rows = [row for name in ORDER for row in found[name]]
        if not quick:
            rows += _learning(task, study, {name: found[name] for name in lessons})
    seconds = round(time.monotonic() - begin, 1)
    return Certificate(task.id, quick, tuple(rows), fingerprint(task), versions(), machine(), seconds)


def _hidden(task: Task, quick: bool) -> list[Row]:
    """Gate 4."""
    k = len(task.modes)
    calm = collect(task, episodes=QUICK_SEEDS * k, process_noise=0.0)
    if quick:
        return hidden_rows(task, calm, calm)
    many = collect(task, episodes=PROBED - PROBED % k, seed=1, until=task.shared_steps + AFTER + 1)
    return hidden_rows(task, calm, many)


def _learning(task: Task, study: Study, found: dict[str, Outcomes | str]) -> list[Row]:
    """Gates 5 to 7."""
    broken = [text for text in found.values() if isinstance(text, str)]
    if broken:
        return [Row(5, "lessons", "training and trial", broken[0], "possible", False)]
    shown = study.demonstrations.success
    value = counted(int(shown.sum()), len(shown))
    row = Row(5, "demonstrations", "successful ones are learnt", value, "", None)
    return [row, *learning_rows(task, {cell: o for part in found.values() for cell, o in part.items()})]  # type: ignore[union-attr]


def _announcer(progress: Progress | None, total: int) -> Callable[[str], None]:
    """Return a function that tells `progress` what has been done."""
    done = iter(range(total + 1))

    def say(text: str) -> None:
        if progress:
            progress(text, next(done), total)

    return say


def certificate_table(certificate: Certificate) -> Table:
    """Return the certificate for the terminal, at its best from 100 columns on."""
    n, quick = len(certificate.failures), ", quick" if certificate.quick else ""
    verdict = f"[red]{n} check{'s' * (n > 1)} failed[/]" if n else "[green]certified[/]"
    table = Table(
        box=box.SIMPLE_HEAD,
        title=f"Certificate of {certificate.task}: {verdict}{quick}",
        title_justify="left",
        caption=f"MuJoCo {certificate.versions['mujoco']}, {certificate.seconds:.0f} s; · marks information",
        caption_justify="left",
        pad_edge=False,
    )
    for column in ("", "check", "measured", "value", "asked for"):
        table.add_column(column, no_wrap=column not in ("measured", "value"))
    marks = {True: "[green]✓[/]", False: "[red]✗[/]", None: "[dim]·[/]"}
    gate = 0
    for row in certificate.rows:
        if row.gate != gate:
            gate = row.gate
            table.add_row(f"[bold]{gate}[/]", f"[bold]{GATES[gate][0]}[/]")
        style = "red" if row.passed is False else None
        cells = (marks[row.passed], row.name, f"[dim]{row.measured}[/]", row.value, row.bound)
        table.add_row(*cells, style=style)
    return table


SUMMARY = {
    "average": "average: successes; lifts",
    "average acts": "fails at step",
    "dead zone": "dead zone",
    "mse, 8 of 16": "mse",
    "labelled mse, 8 of 16": "labelled mse",
    "flow, 8 of 16": "flow; rarest mode",
}
"""Rows of the first table of the page, and what they are called there."""


def certificates_page(certificates: Sequence[Certificate], missing: Sequence[str] = ()) -> str:
    """Return the certificates as a page of Markdown: one table of all tasks, then one of each.

    Args:
        certificates: at least one.
        missing: tasks that have none.
    """
    tried, cpu = certificates[0].versions, certificates[0].machine["cpu"]
    verdicts = {True: "certified", False: "**not certified**"}
    summary = [(c.task, *(_value(c, name) for name in SUMMARY), verdicts[c.passed]) for c in certificates]
    lines = [
        "# Certificates",
        "",
        "Is a task bimodal? Each is measured against seven gates; `bimodal certify TASK` measures it again.",
        "",
        *(f"{number}. **{name}.** {text}" for number, (name, text) in GATES.items()),
        "",
        *_markdown(("task", *SUMMARY.values(), "verdict"), summary),
        "",
        f"Measured with MuJoCo {tried['mujoco']}, torch {tried['torch']} and numpy {tried['numpy']},",
        f"on one core of: {cpu}. The seeds are of no suite's panel. Steps are control steps of",
        "50 ms, the first after the modes part is 0. Figures side by side are of several training seeds; the",
        "worst counts. Bars show the success of the mixtures 0.05, 0.1 .. 0.95 of the two modes' plans.",
        "Learned policies are tried in 100 episodes, executing 16 actions in 50; in 25 where no gate asks.",
    ]
    if missing:
        lines += ["", f"Without a certificate so far, and so in no suite: {', '.join(missing)}."]
    header = ("gate", "check", "measured", "value", "asked for", "")
    for c in certificates:
        source = f"Fingerprint `{c.fingerprint[:16]}`, measured in {c.seconds:.0f} s."
        lines += ["", f"## {c.task}", "", source, "", *_markdown(header, [_cells(row) for row in c.rows])]
    return "\n".join(lines) + "\n"


def _cells(row: Row) -> tuple[str, ...]:
    mark = {True: "passed", False: "**failed**", None: ""}[row.passed]
    return f"{row.gate} {GATES[row.gate][0]}", row.name, row.measured, row.value, row.bound, mark


def _value(certificate: Certificate, name: str) -> str:
    """Return the value of a row; of those for each pair of modes, the first with the pair's numbers."""
    for row in certificate.rows:
        if row.name == name or (name == "dead zone" and row.name.startswith("dead zone ")):
            return f"{row.value}{row.name[len(name) :]}"
    return "not measured"


def _markdown(header: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> list[str]:
    return ["| " + " | ".join(cells) + " |" for cells in (header, ("---",) * len(header), *rows)]
