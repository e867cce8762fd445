"""Compares an entry with its episodes run again, and says what that amounts to; called by `reproduce.py`.

identical   every episode agrees in digest, outcome, mode and length: actions and states to the last bit
consistent  another processor, library, kernel or renderer of pictures may change bits, and no more than that:
            success is equivalent
different   bits differ where they must not, or success is not shown to be equivalent
forged      an episode has the digest of what came out, but another outcome, mode or length

A digest covers outcome, mode and length too, so no honest run contradicts its own. Success is equivalent when
two one-sided tests at 5 % (the 90 % interval of the paired difference) show less than `MACRO_MARGIN` over all
tasks and less than `TASK_MARGIN` on each, and when no test of McNemar sees a direction. An entry holds no
states: where its trace archive lies beside it, starts and first decisions are compared too; of pictures by
another renderer starts alone, as a policy was shown something else.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ...benchmark.number_text import short_name
from ...benchmark.records.field_types import one_line
from ...benchmark.records.same_machine import compare_machines
from ...benchmark.scoring.run_episodes import EpisodeColumns, RunEpisodes, mode_names, read_run
from ...benchmark.statistics.paired import discordant, mcnemar_mid_p, paired_difference
from ...benchmark.statistics.rates import Interval, mean_interval
from ...envs.errors import NotComparable
from ...envs.perturbations.core.variant import CLEAN
from ...tasks.core.outcomes import succeeded
from ..entry_model import Entry
from ..episode_block import DIGITS, EpisodeBlock
from .first_decisions import first_difference

MACRO_MARGIN = 0.05
"""Largest difference of success, mean over the tasks, that still counts as equivalent."""
TASK_MARGIN = 0.10
"""The same on a single task."""
EQUIVALENCE_LEVEL = 0.90
"""Level of the interval that must lie within the margin: two one-sided tests at 5 %."""
DIRECTION_LEVEL = 0.05
"""McNemar's tests, all together, call this share of honest reproductions different."""


class Reproduction(NamedTuple):
    """What came out."""

    verdict: str
    """identical, consistent, different or forged."""
    reason: str
    """Why, in one sentence."""
    lines: tuple[str, ...]
    """One line a task and variant."""


class ComparedCell(NamedTuple):
    """The episodes of one task in one variant, beside the same seeds run again; arrays (N,) bool."""

    task: str
    variant: str
    same: np.ndarray
    """Episodes that agree in everything."""
    forged: np.ndarray
    """Episodes whose digest agrees and whose outcome, mode or length does not."""
    claimed: np.ndarray
    """Successes of the entry."""
    found: np.ndarray
    """Successes of the run."""
    contradiction: str
    """What the entry says of the first forged episode and what the run says, "" without one."""


def judge_rerun(entry: Entry, run_dir: Path, archive: Path | None = None) -> Reproduction:
    """Compare an entry with a run of its policy on its suite, or on a part of it, episode by episode.

    Where bits differ, the entry's trace archive, if there is one, tells where episodes begin otherwise.

    Raises:
        NotComparable: the run has episodes that the entry has not.
    """
    run = read_run(run_dir)
    blocks = {(block.task, block.variant): block for block in entry.episodes}
    if foreign := [f"{task} ({variant})" for task, variant in run.cells if (task, variant) not in blocks]:
        raise NotComparable(f"{run_dir} has {foreign[0]}, the entry has not")
    cells = [_compare_cell(blocks[key], cell) for key, cell in run.cells.items()]
    provenance = entry.provenance
    made = (provenance.machine.plain(), provenance.versions)
    same, told = compare_machines(made, (run.record.machine.plain(), run.record.versions))
    weights = run.record.policy.artifacts.items()  # of a part of the tasks, a part of the entry's
    if not weights <= entry.policy.artifacts.items():  # `bimodal bench` trains anew
        same = False
        told = "the weights are others"
    redrawn = provenance.machine.renderer != run.record.machine.renderer
    found = Reproduction(*_verdict(cells, same, redrawn, told), tuple(map(_line, cells)))
    if found.verdict == "consistent" and archive:
        if begins := first_difference(entry, archive, run, decisions=not redrawn):
            return found._replace(verdict="different", reason=f"{begins} ({told})")
        alike = "begins" if redrawn else "begins and decides first"
        return found._replace(reason=f"{found.reason}; every episode {alike} as the entry's")
    return found


def _compare_cell(block: EpisodeBlock, cell: RunEpisodes) -> ComparedCell:
    """Compare the episodes of a run with those of the same seeds in an entry."""
    rows = block.columns.rows_of(cell.seeds)
    if foreign := cell.seeds[rows < 0].tolist():
        raise NotComparable(f"seed {foreign[0]} of {block.task} ({block.variant}) is not in the entry")
    claim = block.columns.part(rows)
    digest = claim.digests == np.array([digest[:DIGITS] for digest in cell.digests], object)
    told = (claim.labels == cell.labels) & (claim.modes == cell.modes) & (claim.steps == cell.steps)
    forged = digest & ~told
    return ComparedCell(
        task=block.task,
        variant=block.variant,
        same=digest & told,
        forged=forged,
        claimed=succeeded(claim.labels),
        found=succeeded(cell.labels),
        contradiction=_contradiction(block, claim, cell, int(forged.argmax())) if forged.any() else "",
    )


def _contradiction(block: EpisodeBlock, claim: EpisodeColumns, cell: RunEpisodes, row: int) -> str:
    def told(of: EpisodeColumns) -> str:
        mode = mode_names(block.task, of.modes[row : row + 1])[0] or "no mode"
        return f"{of.labels[row]}, {mode}, {of.steps[row]} steps"

    where = f"{short_name(block.task)} ({block.variant}) seed {cell.seeds[row]}"
    return f"{where}: {told(claim)} claimed, {told(cell)} found"


# ---------------------------------------------------------------------------------------- the verdict


def _verdict(cells: Sequence[ComparedCell], same_bits: bool, redrawn: bool, told: str) -> tuple[str, str]:
    """Return the verdict and its reason.

    Args:
        cells: what was compared.
        same_bits: whether every bit must agree: the same weights, on the same machine.
        redrawn: whether the policy was shown pictures by another renderer.
        told: how machines or weights differ, or that they do not.
    """
    total = sum(len(cell.same) for cell in cells)
    same = sum(int(cell.same.sum()) for cell in cells)
    forged = sum(int(cell.forged.sum()) for cell in cells)
    if forged:
        first = next(cell.contradiction for cell in cells if cell.contradiction)
        return "forged", f"{forged} of {total} episodes contradict their own digest, such as {first}"
    if same == total:
        text = f"all {total} episodes agree to the last bit"
        if redrawn:
            return "consistent", f"{text}, drawn by another renderer ({told})"
        return "identical", text
    agree = f"{same} of {total} episodes agree to the last bit"
    if same_bits:
        return "different", f"{agree}; {told}, and there every one must"
    if doubt := next(_doubts(cells), ""):
        return "different", f"{agree}, and {doubt} ({told})"
    macro = _points(_macro_difference(cells))
    margin = f"less than {100 * MACRO_MARGIN:g} points"
    return "consistent", f"{agree}; success differs by {margin}: {macro}, tested for equivalence ({told})"


def _doubts(cells: Sequence[ComparedCell]) -> Iterator[str]:
    """Yield why the successes that were found are not equivalent to those that were claimed."""
    tasks = list(dict.fromkeys(cell.task for cell in cells))
    groups = {"over all tasks": [cell for cell in cells if cell.variant == CLEAN]}
    groups |= {f"on {short_name(task)}": [cell for cell in cells if cell.task == task] for task in tasks}
    for where, group in groups.items():
        pairs = _pairs(group)
        if mcnemar_mid_p(*discordant(*pairs)) < DIRECTION_LEVEL / len(groups):
            yield f"success {where} is {pairs[1].sum()} claimed, {pairs[0].sum()} found, more than chance"
    differences = {"over all tasks": (_macro_difference(cells), MACRO_MARGIN)}
    differences |= {f"on {short_name(task)}": (_task_difference(cells, task), TASK_MARGIN) for task in tasks}
    for where, (difference, margin) in differences.items():
        if difference.low < -margin or difference.high > margin:
            text = f"is not shown to differ by less than {100 * margin:g} points"
            yield f"success {where} {text}: {_points(difference)}"


def _macro_difference(cells: Sequence[ComparedCell]) -> Interval:
    tasks = dict.fromkeys(cell.task for cell in cells)
    return mean_interval([_task_difference(cells, task) for task in tasks])


def _task_difference(cells: Sequence[ComparedCell], task: str) -> Interval:
    """Return found minus claimed success of a task, over all its variants, paired by episode."""
    pairs = _pairs([cell for cell in cells if cell.task == task])
    return paired_difference(*pairs, level=EQUIVALENCE_LEVEL)


def _pairs(cells: Sequence[ComparedCell]) -> tuple[np.ndarray, np.ndarray]:
    """Return the successes found and those claimed, episode by episode, (N,) bool each."""
    none = np.zeros(0, bool)
    found = np.concatenate([none, *(cell.found for cell in cells)])
    return found, np.concatenate([none, *(cell.claimed for cell in cells)])


def _points(difference: Interval) -> str:
    estimate, low, high = (f"{100 * value:+.1f}" for value in difference)
    return f"{estimate}, 90 % interval {low} to {high}"


def _line(cell: ComparedCell) -> str:
    return one_line(
        f"{short_name(cell.task)} ({cell.variant}): {cell.same.sum()}/{len(cell.same)} episodes identical, "
        f"successes {cell.claimed.sum()} claimed, {cell.found.sum()} found"
    )
