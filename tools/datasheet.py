"""Measures the demonstrations and writes the figures into docs/datasheet.md, so that none is typed by hand.

Run `python tools/datasheet.py` after tasks were added or changed; with ids of tasks it measures those alone,
and the lines of the others stay. It reads `runs/demos` and records first what is missing there, some minutes
for all tasks. `tests/test_datasheet.py` fails until you do.
"""

import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from bimodal.envs.seed_ranges import TRAIN
from bimodal.envs.specs import CONTROL_HZ
from bimodal.policies.core.registry import SHIPPED_CHECKPOINTS
from bimodal.tasks import load_task, task_names
from bimodal.tasks.core.task import PAD_RADIUS
from bimodal.tasks.demonstrations.collect import PROCESS_NOISE, SETTLING, collect, load, save
from bimodal.tasks.demonstrations.grades import GAMMA, KINDS
from bimodal.tasks.demonstrations.human import OPERATORS, PAUSE, WAVE, Operator
from bimodal.tasks.demonstrations.record import Demonstrations, arrays_of
from bimodal.tasks.demonstrations.regimes import whole_scenes

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "datasheet.md"
SIZES = {"bi50": 300, "graded": 600}
"""Episodes of the sets that published policies learn from, by regime; less what is no whole scene."""
HUMAN_SIZES = (300, 100)
"""Episodes of the set `human`, of which nothing published has learnt: of tasks with weights, of others."""
APART = 0.001
"""Commanded fingers further apart than this are on different ways [m]."""
PAIRED = (
    *("task", "modes", "episodes", "steps", "observed", "action", "succeed"),
    *("part at", "apart [cm]", "size [MB]", "digest"),
)
"""Headings of the table of `bi50`."""
STYLES = ("operator", "share", "pace", "up and down", "pauses", "second tries", "beside the way [mm]")
"""Headings of the table of operators."""
HUMAN = (
    *("task", "episodes", "modes", "succeed", "steps"),
    *(operator.name for operator in OPERATORS),
    *("deviation / mean", "shortest, longest / mean", "digest"),
)
"""Headings of the table of `human`."""
PEOPLE = ("robomimic's Can, six people", 300, 209.19, 114.42, 98, 1050)
"""Lengths of demonstrations of people: what, episodes, mean, standard deviation, least, most [control steps].

`low_dim_v141.hdf5` of the multi-human set (Mandlekar et al. 2021, arXiv 2108.03298), as robomimic's own
script `get_dataset_info.py` counts it.
"""


def paired_row(demos: Demonstrations) -> str:
    """Return the line of a task's `bi50` set."""
    task = load_task(demos.meta["task"])
    episodes, steps, action = demos.actions.shape
    observed = sum(array.shape[2] for array in demos.observations.values())
    apart = np.stack([_apart(demos, mode) for mode in range(1, len(task.modes))]).max(0)  # (T,)
    megabytes = sum(array.nbytes for array in arrays_of(demos).values()) / 1e6
    cells = (
        *(task.id, len(task.modes), episodes, steps, observed, action),
        *(f"{100 * demos.success.mean():.1f} %", int((apart > APART).argmax()), f"{100 * apart.max():.0f}"),
        *(f"{megabytes:.1f}", f"`{demos.meta['digest'][:8]}`"),
    )
    return f"| {' | '.join(map(str, cells))} |"


def _apart(demos: Demonstrations, mode: int) -> np.ndarray:
    """Return how far a finger is told to be from where the first mode has it [m], at most, (T,)."""
    fingers = demos.actions[..., :3] + PAD_RADIUS * demos.actions[..., 3:6]  # column 1: where fingers open
    return np.linalg.norm(fingers[demos.modes == mode] - fingers[demos.modes == 0], axis=-1).max(0)


def graded_row(demos: Demonstrations) -> str:
    """Return the line of a task's `graded` set."""
    assert demos.kinds is not None
    kinds = [demos.kinds == index for index in range(len(KINDS))]
    counts = [f"{demos.success[kind].sum()} of {kind.sum()}" for kind in kinds]
    cells = (demos.meta["task"], len(demos.seeds), *counts, f"`{demos.meta['digest'][:8]}`")
    return f"| {' | '.join(map(str, cells))} |"


def human_row(demos: Demonstrations) -> str:
    """Return the line of a task's `human` set: lengths of what succeeds, all and by operator."""
    assert demos.operators is not None and demos.valid is not None
    steps = demos.valid.sum(1)
    good = demos.success
    lengths = [_length(steps[good & (demos.operators == index)]) for index in range(len(OPERATORS))]
    modes = np.bincount(demos.modes, minlength=len(load_task(demos.meta["task"]).modes))
    cells = (
        *(demos.meta["task"], len(good), " + ".join(map(str, modes)), f"{100 * good.mean():.1f} %"),
        *(_length(steps[good]), *lengths, *_unequal(steps[good])),
        f"`{demos.meta['digest'][:8]}`",
    )
    return f"| {' | '.join(map(str, cells))} |"


def operator_row(operator: Operator) -> str:
    """Return the line of an operator: what `human.py` states of one."""
    slow, fast = operator.pace
    cells = (
        *(operator.name, f"{operator.share:.0%}", f"{slow:.0%} to {fast:.0%}", f"{operator.unsteady:.0%}"),
        *(f"{operator.pauses:g}", f"{operator.second:.0%}", f"{1000 * operator.sway:g}"),
    )
    return f"| {' | '.join(cells)} |"


def people_row() -> str:
    """Return the line of what people demonstrated elsewhere, beside which those of `human` stand."""
    what, episodes, mean, deviation, least, most = PEOPLE
    unequal = (f"{deviation / mean:.2f}", f"{least / mean:.2f}, {most / mean:.2f}")
    cells = (what, episodes, "", "", f"{mean:.0f} ± {deviation:.0f}", *[""] * len(OPERATORS), *unequal, "")
    return f"| {' | '.join(map(str, cells))} |"


def _unequal(steps: np.ndarray) -> tuple[str, str]:
    """Return how unequal lengths are: their standard deviation, and the least and the most, over the mean."""
    mean = steps.mean()
    return f"{steps.std() / mean:.2f}", f"{steps.min() / mean:.2f}, {steps.max() / mean:.2f}"


def _length(steps: np.ndarray) -> str:
    """Return mean and standard deviation of lengths."""
    return f"{steps.mean():.0f} ± {steps.std():.0f}"


def filled(text: str, paired: Sequence[str], graded: Sequence[str], human: Sequence[str]) -> str:
    """Return the page with the lines of the tables and the constants of today."""
    blocks = {
        "paired": table(PAIRED, paired),
        "graded": table(("task", "episodes", *KINDS, "digest"), graded),
        "human": table(HUMAN, human),
        "operators": table(STYLES, [operator_row(one) for one in OPERATORS]),
        "pause": " to ".join(f"{steps / CONTROL_HZ:g}" for steps in (PAUSE[0], PAUSE[1] - 1)) + " s",
        "wave": " to ".join(f"{steps / CONTROL_HZ:g}" for steps in WAVE) + " s",
        "step": f"{1000 / CONTROL_HZ:g} ms",
        "apart": f"{1000 * APART:g} mm",
        "gamma": f"{GAMMA:g}",
        "first": f"{TRAIN.start:,}",
        "noise": f"{1000 * PROCESS_NOISE:g} mm",
        "settling": str(SETTLING),
    }
    for name, block in blocks.items():
        new = f"<!-- {name} -->{block}<!-- /{name} -->"
        text = re.sub(rf"<!-- {name} -->.*?<!-- /{name} -->", lambda _, new=new: new, text, flags=re.S)
    return text


def table(heads: Sequence[str], rows: Sequence[str]) -> str:
    """Return a table of finished lines, on lines of its own."""
    return "\n".join(["", f"| {' | '.join(heads)} |", "|---" * len(heads) + "|", *rows, ""])


def recorded(name: str, regime: str) -> Demonstrations:
    """Return the published set of a task, from `runs/demos` or recorded there now."""
    size = SIZES.get(regime)
    published = (SHIPPED_CHECKPOINTS / name).is_dir()
    episodes = whole_scenes(load_task(name), size) if size else HUMAN_SIZES[not published]
    file = ROOT / "runs" / "demos" / name / f"{regime}-{episodes}-s0.npz"
    if not file.exists():
        save(collect(load_task(name), regime, episodes), file)
    return load(file)


def rows_of(
    block: str, text: str, tasks: Sequence[str], renewed: Sequence[str], row: Callable[[str], str]
) -> list[str]:
    """Return the lines of a table, measured now for tasks that are renewed or new, else as they were.

    Args:
        block: name of the table on the page.
        text: the page.
        tasks: task ids, a line each.
        renewed: those of which the line is measured again.
        row: measures a task's line.
    """
    found = re.findall(rf"<!-- {block} -->\n(.*?)<!-- /{block} -->", text, re.S)
    lines = {line.split("|")[1].strip(): line for line in "".join(found).splitlines()[2:]}
    return [row(task) if task in renewed or task not in lines else lines[task] for task in tasks]


def renew(text: str, renewed: Sequence[str]) -> str:
    """Return the page with the lines of some tasks, and of those that are new, measured again."""
    trained = sorted(folder.name for folder in SHIPPED_CHECKPOINTS.iterdir() if folder.is_dir())
    every = task_names()
    rows = rows_of("paired", text, every, renewed, lambda task: paired_row(recorded(task, "bi50")))
    graded = rows_of("graded", text, trained, renewed, lambda task: graded_row(recorded(task, "graded")))
    human = rows_of("human", text, every, renewed, lambda task: human_row(recorded(task, "human")))
    return filled(text, rows, graded, [*human, people_row()])


if __name__ == "__main__":
    PAGE.write_text(renew(PAGE.read_text(), sys.argv[1:] or task_names()))
