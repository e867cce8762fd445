"""What the pages of tasks show: the task itself, its picture, its certificate, and what policies do in it."""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from ...benchmark.report.pages.certificates_page import WrittenCertificate
from ...benchmark.report.run_report import Plot
from ...benchmark.report.video_gallery import Clip
from ...benchmark.scoring.perturbation_effects import PerturbationEffect
from ...benchmark.scoring.task_scores import TaskScore
from ...envs.perturbations.core.variant import CLEAN
from ...tasks import Task, load_task, task_names
from ...tasks.core.fingerprint import fingerprint
from ..board import Board
from .profiles import Profile
from .site_folder import Picture, Shown, unlike


class Example(NamedTuple):
    """A video that stands for a kind of ending."""

    policy: str
    videos: str
    """Folder of its file in the site."""
    clip: Clip


class TaskRow(NamedTuple):
    """One policy on one task."""

    profile: Profile
    cell: TaskScore
    """In the clean world."""
    shifts: dict[tuple[str, str], PerturbationEffect]
    """In every variant beside the clean arm, by variant and scenes."""


class TaskPage(NamedTuple):
    """Everything about one task."""

    task: Task
    page: str
    """Its page in the site."""
    picture: Picture | None
    certificate: WrittenCertificate | None
    current: bool
    """Whether the certificate is of the task's present form."""
    results: list[tuple[Board, list[TaskRow]]]
    """What the policies of each suite do in it, best first."""
    plots: list[tuple[str, Plot]]
    """Where the hand acted, by policy."""
    examples: list[Example]
    """One video of each kind."""

    @property
    def best(self) -> TaskRow | None:
        """The ranked policy that succeeds most often, in the first suite that has the task."""
        ranked = [row for _, rows in self.results[:1] for row in rows if row.profile.row.rank]
        return max(ranked, key=lambda row: row.cell.success.estimate, default=None)


def task_pages(
    boards: Sequence[tuple[Board, Sequence[Profile]]],
    runs: Sequence[Shown],
    pictures: Sequence[Picture],
    certificates: Mapping[str, WrittenCertificate],
) -> list[TaskPage]:
    """Return a page for every task of the boards and of the runs, and for every one that has a picture."""
    drawn = {picture.name: picture for picture in pictures}
    of_boards = (task for board, _ in boards for task in board.suite.tasks)
    of_runs = (task for run in runs for task in (*run.plots, *run.clips) if task)
    names = list(dict.fromkeys([*of_boards, *of_runs, *sorted(set(drawn) & set(task_names()))]))
    pages = zip(names, unlike(f"{name}.html" for name in names), strict=True)
    return [
        _page(load_task(name), f"tasks/{page}", boards, runs, drawn.get(name), certificates.get(name))
        for name, page in pages
    ]


def _page(
    task: Task,
    page: str,
    boards: Sequence[tuple[Board, Sequence[Profile]]],
    runs: Sequence[Shown],
    picture: Picture | None,
    certificate: WrittenCertificate | None,
) -> TaskPage:
    return TaskPage(
        task=task,
        page=page,
        picture=picture,
        certificate=certificate,
        current=certificate is not None and fingerprint(task).startswith(certificate.fingerprint),
        results=[(board, _rows(task.id, some)) for board, some in boards if task.id in board.suite.tasks],
        plots=[(run.policy, run.plots[task.id]) for run in runs if task.id in run.plots],
        examples=examples(task.id, runs),
    )


def _rows(task: str, some: Sequence[Profile]) -> list[TaskRow]:
    """Return the policies on a task, in the order of the board."""
    return [
        TaskRow(
            profile=profile,
            cell=cell,
            shifts={(one.variant, one.scenes): one for one in profile.row.shifts if one.task == task},
        )
        for profile in some
        for cell in profile.row.cells
        if cell.task == task
    ]


def examples(task: str, runs: Iterable[Shown]) -> list[Example]:
    """Return one video of each mode's success and of each kind of failure, clean ones first.

    Of every variant it is one more; a perturbed episode never stands for a clean one.
    """
    kinds: dict[tuple[str | None, ...], Example] = {}
    for run in runs:
        for clip in run.clips.get(task, []):
            ending = (clip.label, clip.mode if clip.group == "success" else None)
            kind = (CLEAN, *ending) if clip.variant == CLEAN else (clip.variant,)
            kinds.setdefault(kind, Example(run.policy, run.videos, clip))
    return sorted(kinds.values(), key=lambda example: example.clip.variant != CLEAN)


def success_and_average(pages: Sequence[TaskPage]) -> list[Example]:
    """Return a clean success and an averaging failure in the same task, [] where no task shows both."""
    for page in pages:
        clean = [one for one in page.examples if one.clip.variant == CLEAN]
        found = {one.clip.group: one for one in reversed(clean)}
        if "success" in found and "average" in found:
            return [found["success"], found["average"]]
    return []
