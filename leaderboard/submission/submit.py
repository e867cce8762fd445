"""Makes of a finished run what is proposed to the leaderboard: entry, trace archive, and the form of a hub.

Everything that would keep it from the board is told at once, before a file is written. Entries are only ever
added: another run of the same policy is another attempt, and the board keeps both on record.
"""

import json
import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from ...benchmark.records.contract_card import title
from ...benchmark.records.shard_file import sha256
from ...benchmark.scoring.run_episodes import read_run
from ...envs.perturbations.core.variant import CLEAN
from ...envs.storage.atomic_write import write_bytes, write_text
from ..check import check_entry
from ..entry import entry_from_run, file_name, read_entry
from ..entry_model import Entry
from ..files import entry_id, pretty
from ..verification.trace_archive import write_archive
from ..verification.verify import archive_beside

MOST_TRACE_BYTES = 5_000_000
"""Largest archive that may lie beside its entry; a larger one is named by its address."""
NEEDED_ANSWERS = ("training_data", "panel_overlap", "most_likely_failure", "rejection_criterion")
"""What the contract card of a submission must say."""


class Terms(NamedTuple):
    """What a submitter says beyond the run."""

    authors: tuple[str, ...] = ()
    """Who submits it."""
    licence: str | None = None
    """SPDX name of the policy's licence."""
    url: str | None = None
    """Where the trace archive can be had; None for beside the entry."""


class Submission(NamedTuple):
    """What was written."""

    entry: Path
    archive: Path
    hub_form: Path
    record: Entry


def submit(run_dir: Path, folder: Path, terms: Terms) -> Submission | list[str]:
    """Write the entry of a run, its archive and the form of a hub; called by `bimodal submit`.

    Returns:
        What was written, or everything that is wrong; then nothing was written.

    Raises:
        BimodalError: not a finished run, or the disk refuses.
    """
    run = read_run(run_dir)
    draft = entry_from_run(run_dir).model_copy(update={"authors": terms.authors, "licence": terms.licence})
    if before := _earlier(folder, draft):
        last = before[-1]
        draft = draft.model_copy(update={"attempt": last.attempt + 1, "supersedes": last.entry_id})
    path = entry_path(folder, draft)
    form = run.folder / ".eval_results" / f"{path.stem}.yaml"
    with TemporaryDirectory(dir=run.folder) as scratch:
        archive = Path(scratch) / "trace.npz"
        write_archive(archive, run.record, run.folder)
        plain = _with_trace(draft, archive, terms.url)
        found = [*_nothing_new(draft, before), *terms_problems(draft), *_too_large(archive, terms.url)]
        if problems := [*found, *check_entry(plain)]:
            return problems
        entry = Entry.model_validate(plain)
        for target in (path, form):
            target.parent.mkdir(parents=True, exist_ok=True)
        write_bytes(archive_beside(path), archive.read_bytes())
    write_text(path, pretty(plain))
    write_text(form, hub_form(entry))
    return Submission(path, archive_beside(path), form, entry)


def _with_trace(draft: Entry, archive: Path, url: str | None) -> dict[str, Any]:
    """Return an entry as JSON that names its archive, under its own id."""
    trace = {"sha256": sha256(archive), "bytes": archive.stat().st_size, "url": url}
    plain = draft.plain() | {"trace": trace}
    return plain | {"entry_id": entry_id(plain)}


def _too_large(archive: Path, url: str | None) -> Iterator[str]:
    size = archive.stat().st_size
    if size > MOST_TRACE_BYTES and url is None:
        yield (
            f"the trace archive has {size / 1e6:.1f} MB, more than {MOST_TRACE_BYTES / 1e6:g}: put it where "
            "everybody can have it, and say --url https://..."
        )


def terms_problems(entry: Entry) -> Iterator[str]:
    """Yield what a submission lacks that an entry of one's own does not need."""
    if not entry.authors:
        yield "nobody is named who submits it: --author NAME (may be repeated)"
    if entry.licence is None:
        yield "the policy has no licence: --licence Apache-2.0, or another SPDX name"
    said = {**entry.card.known.given(), **entry.card.stated.given()}
    if silent := [title(name).lower() for name in NEEDED_ANSWERS if name not in said]:
        yield (
            f"the contract card does not say: {', '.join(silent)}; it is written before the first episode: "
            f"bimodal card {shlex.quote(entry.policy.uri)} --suite {entry.suite.name} > card.toml, fill it "
            "in, then evaluate --card card.toml --fresh"
        )


def entry_path(folder: Path, entry: Entry) -> Path:
    """Return where an entry lies: `<suite>-<policy>.json`, later attempts with their number."""
    name = Path(file_name(entry))
    return folder / (name.stem + (f"-{entry.attempt}" if entry.attempt > 1 else "") + name.suffix)


def _earlier(folder: Path, entry: Entry) -> list[Entry]:
    """Return the earlier attempts of a policy on a suite, the first one first."""
    found = []
    for number in range(1, 1000):
        path = entry_path(folder, entry.model_copy(update={"attempt": number}))
        if not path.exists():
            break
        found.append(read_entry(path))
    return found


def _nothing_new(entry: Entry, before: Sequence[Entry]) -> Iterator[str]:
    """Yield why another attempt would add nothing, or is somebody else's."""
    for old in before:
        if old.suite.hash != entry.suite.hash:
            continue
        if old.policy.name != entry.policy.name or not {*old.authors} & {*entry.authors}:
            yield (
                f"{old.policy.name} by {', '.join(old.authors) or 'nobody'} has an entry already; give this "
                "policy another name, or name one of its authors"
            )
        elif old.episodes == entry.episodes:
            yield f"attempt {old.attempt} has the same episodes, to the last bit; there is nothing to add"


def git_commands(submission: Submission) -> list[str]:
    """Return the commands that propose a submission, for a shell in the repository.

    The policy's own file is proposed apart, if at all: a pull request of an entry adds nothing else.
    """
    entry = submission.record
    branch = f"entry-{submission.entry.stem}"
    beside = entry.trace is not None and entry.trace.url is None
    files = [submission.entry, *([submission.archive] if beside else [])]
    message = f"Entry: {entry.policy.name} on {entry.suite.name} {entry.suite.version}"
    return [
        f"git checkout -b {branch}",
        f"git add {shlex.join(map(str, files))}",
        f"git commit -m {shlex.quote(message)}",
        f"git push -u origin {branch}",
    ]


def hub_form(entry: Entry) -> str:
    """Return the entry as a model repository of a hub wants it, `.eval_results/NAME.yaml`; JSON is YAML."""
    total = entry.aggregate
    suite = entry.suite
    name = f"{suite.name}-{suite.version}"
    clean = sum(row.episodes for row in entry.results if row.variant == CLEAN)
    low, high = (100 * bound for bound in total.success_macro95)
    rows = [
        (name, total.success_macro, f"mean success in %, 95 % interval {low:.1f} to {high:.1f}"),
        (f"{name}/averaged", total.averaging_macro, "episodes that averaged two grasps, in %"),
    ]
    lines = []
    for task, value, note in rows:
        lines += [
            "- dataset:",
            "    id: bimodal-bench/bimodal",
            f"    task_id: {json.dumps(task)}",
            f"    revision: {json.dumps(suite.hash)}",
            f"  value: {100 * value:.4g}",
            f"  date: {json.dumps(entry.created[:10])}",
            f"  notes: {json.dumps(f'{note}; {clean} episodes; entry {entry.entry_id}')}",
        ]
    return "\n".join(lines) + "\n"
