"""Writes the leaderboard as one static folder that opens from disk: no server, no network.

index.html    the board
policies/     a page a policy
tasks/        a page a task
compare.html  any two policies on the same seeds
about.html    what marks, ranks and words mean
board.json, board.csv, pairs.json, pairs.csv    the same for programs and spreadsheets
entries/      every entry, as it was checked
runs/         report and videos of the runs that were given
pictures/     the pictures of tasks
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

from ...benchmark.certificate.certify import GATES
from ...benchmark.report.html_page import render
from ...benchmark.report.pages.certificates_page import WrittenCertificate
from ...benchmark.report.run_report import meaning
from ...benchmark.report.terms import word
from ...benchmark.scoring.run_episodes import Run, read_run
from ...envs.storage.atomic_write import write_text
from ..board import Board, board_rows
from ..board_files import board_csv, board_json, letter, pairs_csv, pairs_json
from ..entry import file_name
from ..entry_model import Entry
from ..files import pretty
from ..marks import Mark, known_marks
from .axes import shade
from .board_data import board_data
from .pair_data import pair_data
from .profiles import Profile, lanes, profiles
from .site_folder import copy_pictures, copy_run, fresh, unlike
from .task_pages import TaskPage, success_and_average, task_pages

TEMPLATES = Path(__file__).parent / "templates"


def build_site(
    entries: Sequence[Entry],
    out_dir: Path | str,
    runs: Sequence[Path | str] = (),
    pictures: Sequence[Path | str] = (),
    certificates: Mapping[str, WrittenCertificate] | None = None,
    progress: Callable[[int, int, str], None] = lambda done, total, note: None,
) -> Path:
    """Build the site and return its index.html; called by `bimodal site` and `bimodal bench`.

    Args:
        entries: sound entries, as `folders.read_folders` returns them.
        out_dir: where the site goes; an earlier site there is replaced.
        runs: run folders whose reports, videos, plots, cards and causes are shown.
        pictures: image files; one that is named after a task stands on its page.
        certificates: of tasks, as `read_certificates` returns them.
        progress: called with finished parts, all parts and the part that comes next.

    Raises:
        BimodalError: a run is unfinished, or the folder holds something else.
    """
    parts = len(runs) + 2
    progress(0, parts, "board")
    boards = board_rows(entries)
    found = _by_rank([read_run(run) for run in runs], boards)
    out = fresh(Path(out_dir))
    stems = _write_entries(entries, out)
    shown = []
    for run, file in zip(found, unlike(file_name(run.record) for run in found), strict=True):
        progress(1 + len(shown), parts, run.record.policy.name)
        shown.append(copy_run(run, out, file.removesuffix(".json")))
    progress(parts - 1, parts, "pages")
    kept = copy_pictures([Path(picture) for picture in pictures], out / "pictures")
    ranked = [(board, profiles(board, stems, shown, entries)) for board in boards]
    tasks = task_pages(ranked, shown, kept, certificates or {})
    more = {"pictures": kept, "withdrawn": _withdrawn(entries, stems)}
    for name, text in chain(_tables(boards).items(), _pages(ranked, tasks, more)):
        write_text(out / name, text)
    progress(parts, parts, "")
    return out / "index.html"


def _by_rank(runs: Iterable[Run], boards: Sequence[Board]) -> list[Run]:
    """Sort runs as their policies stand on the boards; those that are on none come last."""
    order = [row.policy for board in boards for row in board.rows]
    return sorted(runs, key=lambda r: (order + [r.record.policy.name]).index(r.record.policy.name))


def _write_entries(entries: Sequence[Entry], out: Path) -> dict[str, str]:
    """Write every entry; return the names of their files and pages, without ending, by their ids."""
    entries = sorted(entries, key=lambda entry: -entry.attempt)  # the name itself is the last one's
    names = unlike(map(file_name, entries))
    for entry, name in zip(entries, names, strict=True):
        write_text(out / "entries" / name, pretty(entry.plain()))
    return {entry.entry_id: name.removesuffix(".json") for entry, name in zip(entries, names, strict=True)}


def _withdrawn(entries: Sequence[Entry], stems: Mapping[str, str]) -> list[tuple[Entry, str, Mark]]:
    """Return the entries that were withdrawn, each with its file and what maintainers say of it."""
    marks = [(entry, known_marks().get(entry.entry_id)) for entry in entries]
    return [
        (entry, f"entries/{stems[entry.entry_id]}.json", mark)
        for entry, mark in marks
        if mark and mark.withdrawn
    ]


def _tables(boards: Sequence[Board]) -> dict[str, str]:
    return {
        "board.json": board_json(boards),
        "board.csv": board_csv(boards),
        "pairs.json": pairs_json(boards),
        "pairs.csv": pairs_csv(boards),
    }


def _pages(
    boards: Sequence[tuple[Board, Sequence[Profile]]], tasks: Sequence[TaskPage], more: Mapping[str, Any]
) -> Iterable[tuple[str, str]]:
    """Yield the name and the text of every page; `more` is what the board's page alone shows."""
    some = [profile for _, found in boards for profile in found]
    yield (
        "index.html",
        _render(
            "index",
            boards=boards,
            lanes=[lanes(board) for board, _ in boards],
            robust=[(board, found) for board, found in boards if any(one.overall for one in found)],
            both=success_and_average(tasks),
            tasks=tasks,
            drawn=next((page for page in tasks if page.picture), None),
            data=[board_data(board, found) for board, found in boards],
            **more,
        ),
    )
    yield "about.html", _render("about")
    yield "compare.html", _render("compare", data=pair_data([found for _, found in boards]))
    by_task = {page.task.id: page for page in tasks}
    for one in some:
        others = _elsewhere(one, some)
        yield one.page, _render("policy", "../", profile=one, others=others, tasks=by_task)
    for page in tasks:
        yield page.page, _render("task", "../", here=page, gates=GATES)


def _render(template: str, folder: str = "", **content: Any) -> str:
    """Return a page; `folder` leads from it to the site's folder."""
    return render(
        TEMPLATES / f"{template}.html",
        folder=folder,
        letter=letter,
        meaning_of=meaning,
        meanings=lambda variants: ", ".join(map(meaning, variants)),
        shade=shade,
        word=partial(word, page=f"{folder}about.html" if template != "about" else ""),
        **content,
    )


def _elsewhere(profile: Profile, some: Sequence[Profile]) -> list[Profile]:
    """Return the same policy's pages in other suites."""
    name = profile.row.policy
    return [one for one in some if one.row.policy == name and one.board is not profile.board]
