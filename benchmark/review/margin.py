"""How narrowly an episode succeeded or failed, and which of a run's episodes are the hardest by that."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from ...envs.errors import NotComparable, WrongUse
from ...envs.perturbations.core.variant import Variant
from ...tasks import load_task
from ...tasks.core.task import Task
from ..media.filmed_episodes import FilmedEpisode
from ..scoring.review_record import EpisodeKey
from ..scoring.run_episodes import Run, RunEpisodes, mode_names

Cell = tuple[str, str]
"""Task and variant."""


class RankedEpisode(NamedTuple):
    """An episode with its margin."""

    film: FilmedEpisode
    """Which episode it is, and its video."""
    success: bool
    margin: float
    """See `margins`."""
    alpha: float
    """Where the hand acted, NaN nowhere."""
    switches: int
    """How often the hand changed sides."""
    fault: str
    """What the policy did wrong, "" for nothing."""
    digest: str

    @property
    def key(self) -> EpisodeKey:
        """Task, variant, seed."""
        return self.film.task, self.film.variant, self.film.seed


class Listed(NamedTuple):
    """An episode that is to be reviewed, and the same one of another run."""

    episode: RankedEpisode
    other: RankedEpisode | None = None


def margins(task: Task, variant: str, cell: RunEpisodes) -> np.ndarray:
    """Return how far each episode was from the other outcome, (N,): failures -1..0, successes 0..1.

    With t the episode's length and T its time limit [control steps], alpha where the hand acted, (l, h) the
    dead zone and s the hand's changes of side:

        failure   -(T - t) / T: one that was ended early was far from success, a timeout is at 0
        success   the least of
                      (T - t) / T              time that was left
                      (l - alpha) / l          way to the dead zone, 0 inside, at most 1; with two modes and
                                               beyond it (alpha - h) / (1 - h)
                      1 / (1 + s)              steadiness

    An unknown alpha says nothing. The records alone decide; nothing is simulated.
    """
    limit = Variant(variant).episode_steps(task.max_episode_steps)
    left = (limit - cell.steps) / limit
    low, high = task.dead_zone
    away = (low - cell.alphas) / low
    if len(task.modes) == 2:
        away = np.maximum(away, (cell.alphas - high) / (1 - high))
    away = np.where(np.isfinite(away), np.clip(away, 0, 1), 1.0)
    won = np.minimum(np.minimum(left, away), 1 / (1 + cell.switches))
    return np.where(cell.succeeded, won, -left)


def of_task(run: Run, task: str | None) -> Run:
    """Return a run with the episodes of one task alone, or as it is for None.

    Raises:
        WrongUse: the run has no such task.
    """
    if task is None:
        return run
    if task not in run.record.suite.tasks:
        there = ", ".join(run.record.suite.tasks)
        raise WrongUse(f"{run.folder} has no episodes of {task}; it has those of {there}")
    return run._replace(cells={cell: rows for cell, rows in run.cells.items() if cell[0] == task})


def hardest(run: Run, count: int) -> list[Listed]:
    """Return the hardest episodes of a run: failures first, the earliest ones, then the narrowest successes.

    Of equal ones the first in the suite's order comes first.
    """
    found = [(cell, row, value) for cell in run.cells for row, value in enumerate(_margins(run, cell))]
    found.sort(key=lambda one: (bool(run.cells[one[0]].succeeded[one[1]]), one[2]))
    return [Listed(_ranked(run, cell, row, value)) for cell, row, value in found[:count]]


def changed(run: Run, against: Run, count: int) -> list[Listed]:
    """Return the episodes that end otherwise than the same ones of another run, the largest loss first.

    Another outcome or another mode is another end; the loss is the margin there less the margin here.

    Raises:
        NotComparable: the runs share no episode.
    """
    found = []
    for cell, here, there in _shared(run, against):
        new = _margins(run, cell)
        old = _margins(against, cell)
        now = run.cells[cell]
        before = against.cells[cell]
        differ = (now.labels[here] != before.labels[there]) | (now.modes[here] != before.modes[there])
        found += [
            (float(new[a] - old[b]), cell, a, b)
            for a, b in zip(here[differ].tolist(), there[differ].tolist(), strict=True)
        ]
    found.sort(key=lambda one: one[0])
    return [
        Listed(
            _ranked(run, cell, a, float(_margins(run, cell)[a])),
            _ranked(against, cell, b, float(_margins(against, cell)[b])),
        )
        for _, cell, a, b in found[:count]
    ]


def _shared(run: Run, against: Run) -> Iterator[tuple[Cell, np.ndarray, np.ndarray]]:
    """Yield every cell of both runs with the rows of the seeds that both have.

    Raises:
        NotComparable: other versions of the suite, or no episode in common.
    """
    versions = [one.record.suite.version for one in (run, against)]
    if versions[0] != versions[1]:
        raise NotComparable(
            f"{against.folder} is of version {versions[1]} of its suite, "
            f"{run.folder} of version {versions[0]}"
        )
    any_seed = False
    for cell in (cell for cell in run.cells if cell in against.cells):
        rows = np.intersect1d(run.cells[cell].seeds, against.cells[cell].seeds, return_indices=True)[1:]
        any_seed |= bool(len(rows[0]))
        yield cell, *rows
    if not any_seed:
        raise NotComparable(f"{run.folder} and {against.folder} have no episode in common")


def _margins(run: Run, cell: Cell) -> np.ndarray:
    task, variant = cell
    return margins(load_task(task), variant, run.cells[cell])


def _ranked(run: Run, cell: Cell, row: int, margin: float) -> RankedEpisode:
    task, variant = cell
    columns = run.cells[cell]
    film = FilmedEpisode(
        task,
        variant,
        int(columns.seeds[row]),
        int(columns.shards[row]),
        str(columns.labels[row]),
        mode_names(task, columns.modes[row : row + 1])[0] or "",
        int(columns.steps[row]),
    )
    return RankedEpisode(
        film,
        bool(columns.succeeded[row]),
        float(margin),
        float(columns.alphas[row]),
        int(columns.switches[row]),
        str(columns.faults[row]),
        str(columns.digests[row]),
    )
