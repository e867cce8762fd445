"""Tables for the terminal: tasks, policies, and the result of a run."""

from rich import box
from rich.table import Table

from ...envs.perturbations.core.variant import CLEAN
from ...policies.core.registry import BUILT_IN, policy_class
from ...tasks import load_task, task_names
from ...tasks.core.outcomes import OUTCOMES
from ..scoring.perturbation_effects import INFEASIBLE, measure_effects
from ..scoring.task_scores import Run, score_run, score_suite
from .terms import short_name


def _table(title: str, caption: str = "") -> Table:
    return Table(
        box=box.SIMPLE_HEAD, title=title, title_justify="left", caption=caption, caption_justify="left"
    )


def task_table() -> Table:
    """Return the tasks: id, modes, horizon, goal."""
    table = _table("Tasks")
    for column in ("task", "modes", "horizon", "goal"):
        table.add_column(column, justify="right" if column == "horizon" else "left")
    for name in task_names():
        task = load_task(name, check=False)
        table.add_row(name, " | ".join(task.modes), f"{task.max_episode_steps / 20:g} s", task.goal)
    return table


def policy_table() -> Table:
    """Return the registered policies."""
    table = _table("Policies", "Your own: file.py:Class or module:Class")
    table.add_column("name")
    table.add_column("what it is")
    for name in BUILT_IN:
        found = policy_class(name)
        table.add_row(name, found.description or (found.__doc__ or "").strip().splitlines()[0])
    return table


def run_table(run: Run) -> Table:
    """Return a run's result: successes of all episodes with Wilson's interval, modes, failures, latency."""
    seeds = run.record.suite.seeds
    cells = [cell for cell in score_run(run) if cell.variant == CLEAN]
    total = score_suite(cells)
    table = _table(
        f"{run.record.policy.name} on {run.record.suite.name} v{run.record.suite.version} "
        f"(seeds {seeds.start}..{seeds.start + seeds.count - 1})",
        "success: held for 0.5 s, with Wilson's 95 % interval; averaging: failed between the modes; "
        "latency: one decision for one episode on one core",
    )
    table.add_column("task", no_wrap=True)
    table.add_column("success", justify="right", no_wrap=True)
    table.add_column("95 %", no_wrap=True)
    table.add_column("modes of successes")
    table.add_column("averaging", justify="right")
    table.add_column("other failures")
    table.add_column("p50 / p99 ms", justify="right", no_wrap=True)
    for cell in cells:
        latency = run.record.latency_ms.get(cell.task)
        others = {
            label: count
            for label, count in cell.labels.items()
            if not OUTCOMES[label].success and not OUTCOMES[label].averaging
        }
        table.add_row(
            short_name(cell.task),
            f"{cell.successes}/{cell.episodes}",
            f"{cell.success.low:.0%} - {cell.success.high:.0%}",
            ", ".join(f"{count} {mode}" for mode, count in cell.modes.items()),
            str(cell.averaging_failures),
            ", ".join(f"{count} {label}" for label, count in others.items()) or "-",
            f"{latency.p50:.2f} / {latency.p99:.2f}" if latency else "-",
        )
    table.add_section()
    share = "-" if total.minority_share is None else f"rarer mode at least {total.minority_share:.0%}"
    table.add_row(
        "all tasks",
        f"{total.success.estimate:.1%}",
        f"{total.success.low:.0%} - {total.success.high:.0%}",
        share,
        f"{total.averaging:.0%}",
    )
    return table


def shift_table(run: Run) -> Table | None:
    """Return every variant beside its clean arm; None when the run has the clean world alone."""
    cells = measure_effects(run.cells)
    if not cells:
        return None
    low, aims = any(cell.expert is not None for cell in cells), any(cell.targeted for cell in cells)
    table = _table(
        "When the world shifts: the same seeds, clean and in the variant",
        "difference: in points, with its paired 95 % interval; broken, fixed: episodes that change their"
        " outcome; other mode: of those that realise a mode in both arms, and how many points of the modes'"
        " shares shift"
        + ("; aimed mode: how often the one that the variant favours or blocks is taken" if aims else "")
        + (f"; ! {INFEASIBLE}" if low else ""),
    )
    names = ("task", "variant", "clean", "shifted", "difference", "broken", "fixed", "other mode")
    for column in (*names, "aimed mode")[: len(names) + aims]:
        table.add_column(column, no_wrap=True, justify="left" if column in ("task", "variant") else "right")
    for cell in cells:
        d = cell.difference
        texts = (
            short_name(cell.task),
            f"{cell.variant} {cell.scenes}".strip()
            + ("" if cell.expert is None else f" ! {cell.expert:.0%}"),
            f"{cell.clean:.0%}",
            f"{cell.success:.0%}",
            f"{100 * d.estimate:+.0f} [{100 * d.low:+.0f}, {100 * d.high:+.0f}]",
            str(cell.broken),
            str(cell.fixed),
            f"{cell.changed_mode}/{cell.realised}, {100 * cell.mode_shift:.0f}",
            " -> ".join(_share(share) for share in cell.targeted) if cell.targeted else "-",
        )
        table.add_row(*texts[: len(names) + aims])
    return table


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.0%}"
