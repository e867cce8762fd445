"""Tables for the terminal: tasks, policies, and the result of a run."""

from rich.table import Table
from rich.text import Text

from ...envs.errors import MissingPackage
from ...envs.perturbations.core.variant import CLEAN
from ...policies.core.registry import policy_class, policy_names
from ...tasks import load_task, task_names
from ...tasks.core.outcomes import OUTCOMES
from ..metrics import METRICS, Metric, board_metrics
from ..number_text import bounds, metric_text, percent, points, short_name, signed_bounds
from ..rich_table import number_table, plain_table
from ..scoring.panel_limits import scene_choices
from ..scoring.perturbation_effects import INFEASIBLE, UNCHANGED, measure_effects
from ..scoring.requests import requests
from ..scoring.run_episodes import Run
from ..scoring.task_scores import score_run, score_suite
from ..statistics.over_tasks import Value
from ..statistics.rates import Interval


def task_table() -> Table:
    """Return the tasks: id, number of modes, horizon, goal; and under each goal the names of the modes."""
    table = plain_table("Tasks")
    for column in ("task", "modes", "horizon", "goal, and the modes in which it is reached"):
        numeric = column in ("modes", "horizon")
        table.add_column(column, justify="right" if numeric else "left", no_wrap=numeric or column == "task")
    for name in task_names():
        task = load_task(name, check=False)
        said = Text.assemble(task.goal, "\n", (" | ".join(task.modes), "dim"))
        table.add_row(name, str(len(task.modes)), f"{task.max_episode_steps / 20:g} s", said)
    return table


def policy_table() -> Table:
    """Return the registered policies."""
    table = plain_table("Policies", "Your own: file.py:Class or module:Class")
    table.add_column("name", no_wrap=True)
    table.add_column("what it is")
    for name, what in described_policies().items():
        table.add_row(name, what)
    return table


def described_policies() -> dict[str, str]:
    """Return what each registered policy is, by its name."""
    return {name: _described(name) for name in policy_names()}


def _described(policy: str) -> str:
    try:
        kind = policy_class(policy)
    except MissingPackage as error:
        return f"({error})"
    return kind.description or (kind.__doc__ or "").strip().splitlines()[0]


def run_table(run: Run) -> Table:
    """Return a run's result on the clean world: the board's metrics task by task, modes and failures."""
    suite = run.record.suite
    seeds = suite.seeds
    cells = [cell for cell in score_run(run) if cell.variant == CLEAN]
    table = plain_table(
        f"{run.record.policy.name} on {suite.name} v{suite.version} "
        f"(seeds {seeds.start}..{seeds.start + seeds.count - 1})",
        "success: held for 0.5 s, with its exact 95 % interval; shares in %; averaged: failed between the"
        " modes; rarest mode: its share of the successes, its smallest over the tasks; p50 ms:"
        " one decision for one episode on one core",
    )
    shown = board_metrics(suite.instructed)
    table.add_column("task", no_wrap=True)
    table.add_column("n", justify="right", no_wrap=True)
    for metric in shown:
        table.add_column(metric.short.replace("-\n", "").replace("\n", " "), justify="right")
    table.add_column("modes of successes")
    table.add_column("other failures")
    for cell in cells:
        table.add_row(
            short_name(cell.task),
            f"{cell.successes}/{cell.episodes}",
            *(_metric(metric, cell.metrics[metric.name]) for metric in shown),
            ", ".join(f"{count} {mode}" for mode, count in cell.modes.items()),
            ", ".join(f"{n} {name}" for name, n in cell.labels.items() if _other_failure(name)) or "-",
        )
    table.add_section()
    total = score_suite(cells).metrics
    table.add_row("all tasks", "", *(_metric(metric, total[metric.name]) for metric in shown))
    return table


def scene_table(run: Run) -> Table | None:
    """Return which modes are taken in one and the same scene; None for a panel without repeated scenes."""
    rows = scene_choices(run)
    if not rows:
        return None
    return number_table(
        "Choice in one and the same scene",
        ["task", "scenes", "n", "H(mode | scene)", "even choice", "H(mode)"],
        (
            (
                short_name(row.task),
                str(row.scenes),
                str(row.episodes),
                "-" if row.within is None else f"{percent(row.within.estimate)} {bounds(row.within)}",
                percent(row.ceiling),
                percent(row.over_all),
            )
            for row in rows
        ),
        caption="entropy of the modes (Miller-Madow, 100 is even) of the n episodes that realise one; even"
        " choice: what it reaches with so few episodes a scene; H(mode): over all scenes together",
    )


def request_table(run: Run) -> Table | None:
    """Return what becomes of the instructions of a run that asks for modes; None for other runs."""
    rows = requests(run.cells)
    if not rows:
        return None
    return number_table(
        "Instructions: asked for one mode in words",
        ["task", "variant", "n", "success", "obedience", "asks for what is blocked", "for what is free"],
        (
            (
                short_name(row.task),
                row.variant,
                str(row.episodes),
                f"{percent(row.success.estimate)} {bounds(row.success)}",
                "-"
                if row.obedience is None
                else f"{percent(row.obedience.estimate)} {bounds(row.obedience)}",
                "-" if row.blocked is None else row.blocked.words,
                "-" if row.blocked is None else f"success {percent(row.blocked.free.estimate)}",
            )
            for row in rows
        ),
        caption="success: in the mode that is asked for; obedience: how often a realised mode is the one"
        " that is asked for; %, [95 % intervals]",
    )


def _metric(metric: Metric, value: Value) -> str:
    """Return a metric's value; the first one, which ranks, with its interval."""
    text = metric_text(metric, value)
    if isinstance(value, Interval) and metric.name == next(iter(METRICS)):
        text += f" {bounds(value)}"
    return text


def _other_failure(name: str) -> bool:
    return not OUTCOMES[name].success and not OUTCOMES[name].averaging


def shift_table(run: Run) -> Table | None:
    """Return every variant beside its clean arm; None when the run has the clean world alone."""
    cells = measure_effects(run.cells)
    if not cells:
        return None
    low = any(cell.expert is not None for cell in cells)
    aims = any(cell.targeted for cell in cells)
    table = plain_table(
        "Robustness: the same seeds, clean and in the variant",
        "difference: in points, with its paired 95 % interval; broken, fixed: episodes that change their"
        " outcome; other mode: of those that realise a mode in both arms, and how many points of the modes'"
        " shares shift"
        + ("; targeted mode: how often the one that the variant favours or blocks is taken" if aims else "")
        + (f"; {UNCHANGED}" if any(cell.unchanged for cell in cells) else "")
        + (f"; ! {INFEASIBLE}" if low else ""),
        key_columns=2,
    )
    names = ("task", "variant", "clean", "perturbed", "difference", "broken", "fixed", "other mode")
    for column in (*names, "targeted mode")[: len(names) + aims]:
        table.add_column(column, no_wrap=True, justify="left" if column in ("task", "variant") else "right")
    for cell in cells:
        d = cell.difference
        texts = (
            short_name(cell.task),
            f"{cell.variant} {cell.scenes}".strip().replace("+", "\n+")
            + ("" if cell.expert is None else f" ! {percent(cell.expert)}%"),
            f"{percent(cell.clean)}%",
            f"{percent(cell.success)}%",
            "unchanged" if cell.unchanged else f"{points(d.estimate)} {signed_bounds(d)}",
            str(cell.broken),
            str(cell.fixed),
            f"{cell.changed_mode}/{cell.realised}, {percent(cell.mode_shift)}",
            " -> ".join(_share(share) for share in cell.targeted) if cell.targeted else "-",
        )
        table.add_row(*texts[: len(names) + aims])
    return table


def _share(value: float | None) -> str:
    return "-" if value is None else f"{percent(value)}%"
