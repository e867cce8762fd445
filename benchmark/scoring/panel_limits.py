"""What a run's panel can show: modes chosen in one and the same scene, and what it is too short for.

Shown under the main table of every run, in the terminal and in the report.
"""

from typing import NamedTuple

import numpy as np

from ...envs.perturbations.core.variant import CLEAN
from ...tasks import load_task
from ..number_text import percent
from ..statistics.modes import conditional_entropy, entropy_ceiling, minority_ceiling, normalised_entropy
from ..statistics.rates import Interval
from .run_episodes import EpisodeColumns, Run
from .task_scores import TaskScore, clean_cells, score_run, score_suite


class SceneChoice(NamedTuple):
    """Which modes a policy takes when it meets the same scene again, with new noise of its own."""

    task: str
    """Task id."""
    scenes: int
    """Scenes in which a mode was realised."""
    episodes: int
    """Episodes with a realised mode, over all scenes."""
    within: Interval | None
    """H(mode | scene) to base k, Miller-Madow; None without a mode."""
    ceiling: float | None
    """What an even choice reaches with as many episodes in each scene."""
    over_all: float | None
    """H(mode) over all scenes together."""


def scene_choices(run: Run) -> list[SceneChoice]:
    """Return a row for every task whose scenes are repeated; none for a panel without repeats."""
    return [
        _choice(task, cell)
        for (task, variant), cell in run.cells.items()
        if variant == CLEAN and repeats_scenes(cell) and len(load_task(task).modes) > 1
    ]


def repeats_scenes(cell: EpisodeColumns) -> bool:
    """Whether some scenes of a cell are played several times."""
    return len(np.unique(cell.scenes)) < len(cell.seeds)


def _choice(task: str, cell: EpisodeColumns) -> SceneChoice:
    k = len(load_task(task).modes)
    scenes = np.unique(cell.scenes)
    counts = np.zeros((len(scenes), k), int)
    taken = cell.modes >= 0
    np.add.at(counts, (np.searchsorted(scenes, cell.scenes[taken]), cell.modes[taken]), 1)
    counts = counts[counts.sum(1) > 0]
    ceilings = [entropy_ceiling(k, int(n)) or 0.0 for n in counts.sum(1)]
    return SceneChoice(
        task=task,
        scenes=len(counts),
        episodes=int(counts.sum()),
        within=conditional_entropy(counts),
        ceiling=float(np.mean(ceilings)) if ceilings else None,
        over_all=normalised_entropy(counts.sum(0)) if len(counts) else None,
    )


def unseen(run: Run) -> str:
    """Return what a run's clean panel cannot show, in one sentence."""
    if any(map(repeats_scenes, run.cells.values())):
        return (
            "This panel plays few scenes often, to show choices within a scene; compare success on another."
        )
    cells = clean_cells(score_run(run))
    rate = score_suite(cells).success.estimate
    told = f"success that differs by {_least(sum(cell.episodes for cell in cells), rate)}"
    if len(cells) > 1:
        told += f" over all tasks, by {_least(min(cell.episodes for cell in cells), rate)} on one"
    even = _even_shares(cells)
    return f"This panel is too short to show four times in five: {told}" + (f"; {even}." if even else ".")


def _least(pairs: int, rate: float) -> str:
    """Return below which difference a paired panel is too short, at this success of one of two policies."""
    from ..statistics.power import detectable_difference  # SciPy, which the board does not need

    # A fall from p and a rise from 1 - p are the same question.
    least = detectable_difference(pairs, max(rate, 1 - rate))
    return "any number of points" if least is None else f"less than {100 * least:.1f} points"


def _even_shares(cells: list[TaskScore]) -> str:
    """Return what an even choice shows on average as the share of the rarest mode, by number of modes."""
    fewest: dict[int, int] = {}
    for cell in cells:
        if cell.successes:
            k = len(cell.modes)
            fewest[k] = min(fewest.get(k, cell.successes), cell.successes)
    shares = {k: minority_ceiling(k, n) for k, n in sorted(fewest.items())}
    told = [f"{percent(share)} % with {k} at {fewest[k]} successes" for k, share in shares.items() if share]
    return f"the rarest mode of an even choice: {', '.join(told)}" if told else ""
