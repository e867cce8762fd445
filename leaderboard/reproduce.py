"""Running an entry's panel again and saying whether the same came out.

identical   every episode has the same digest: actions, states and verdict agree to the last bit
consistent  another kind of machine changed some episodes, but on no task is the paired difference of
            success beyond its 95 % interval
different   on some task it is
"""

from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

from ..benchmark.evaluation.evaluate import RUNS, describe, evaluate
from ..benchmark.records.field_types import one_line
from ..benchmark.report.terms import short_name
from ..benchmark.scoring.task_scores import read_run
from ..benchmark.statistics import paired_difference
from ..benchmark.suites import SUITES, suite_from_record
from ..envs.errors import BimodalError, NotComparable, WrongUse
from ..tasks.core.outcomes import succeeded
from .check import check_entry
from .entry_model import Entry
from .files import read_unchecked


class Reproduction(NamedTuple):
    """What came out."""

    verdict: str
    """identical, consistent or different."""
    reason: str
    """Why, in one sentence."""
    lines: tuple[str, ...]
    """One line a task."""


def reproduce(
    path: Path,
    *,
    out: Path | None = None,
    checkpoints: Path | None = None,
    workers: int | None = None,
    threads: int = 1,
    fresh: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> Reproduction:
    """Run the panel of the entry at `path` again and compare; options as in `evaluate`.

    Raises:
        BimodalError: the entry is unsound.
        NotComparable: this installation has other tasks, another MuJoCo or other weights.
    """
    raw = read_unchecked(path)
    _check_hash(path, raw.get("suite"))
    if problems := check_entry(raw):
        raise BimodalError(f"{path} is unsound: {problems[0]}")
    entry = Entry.model_validate(raw)
    suite = suite_from_record(entry.suite)
    uri = entry.policy.uri
    _check_source(path, uri, entry.policy.artifacts)
    here = describe(
        uri, suite, Path(checkpoints).resolve() if checkpoints else None, entry.provenance.options
    )
    if here.policy.artifacts != entry.policy.artifacts:
        raise NotComparable(f"{path} was made with other weights or code than {one_line(uri)} has here")
    folder = out or RUNS / f"reproduce-{path.stem}"
    if out is not None and not fresh and (folder / "SHA256SUMS").exists():
        raise WrongUse(f"{folder} holds a finished run; choose another --out, or add --fresh to discard it")
    # An interrupted reproduction goes on; an old one does not count.
    finished = (folder / "SHA256SUMS").exists()
    run = evaluate(
        uri,
        suite,
        out=folder,
        checkpoints=checkpoints,
        workers=workers,
        threads=threads,
        fresh=fresh or finished,
        progress=progress,
    )
    return compare(entry, run)


def _check_source(path: Path, uri: str, artifacts: dict[str, str]) -> None:
    """Refuse to run a policy's file that is not the one that the entry names."""
    location = Path(uri.rpartition(":")[0])
    if location.suffix == ".py":
        digest = sha256(location.read_bytes()).hexdigest() if location.is_file() else ""
        if digest != artifacts.get(location.name):
            raise NotComparable(f"{path} was made with another {one_line(location.name)} than lies here")


def _check_hash(path: Path, suite: Any) -> None:
    """Refuse an entry, not yet checked, whose suite is another one under a name known here."""
    if not isinstance(suite, dict) or not isinstance(suite.get("hash"), str):
        return
    known = SUITES.get(str(suite.get("name")))
    if known and suite["hash"] != known.hash():
        raise NotComparable(
            f"{path} has suite hash {one_line(suite['hash'])}, this installation {known.hash()}: "
            "the tasks, their numbers or MuJoCo differ"
        )


def compare(entry: Entry, run: Path) -> Reproduction:
    """Compare an entry with a run of the same suite, episode by episode."""
    cells = read_run(run).cells
    lines, same, total, apart = [], 0, 0, []
    for block in entry.episodes:
        task = block.task
        rows = cells[task, block.variant]
        if list(block.seeds) != rows["seed"]:
            raise NotComparable(f"{run} has other seeds of {task} than the entry")
        equal = sum(a == b for a, b in zip(block.digests, rows["digest"], strict=True))
        claimed = succeeded(block.labels)
        found = succeeded(rows["label"])
        change = paired_difference(found, claimed)
        same, total = same + equal, total + len(found)
        if change.low > 0 or change.high < 0:
            apart.append(short_name(task))
        lines.append(
            f"{short_name(task):20} {equal}/{len(found)} episodes identical, "
            f"successes {sum(claimed)} claimed, {sum(found)} found "
            f"(difference {change.estimate:+.1%}, 95 % {change.low:+.1%} to {change.high:+.1%})"
        )
    if same == total:
        return Reproduction("identical", f"all {total} episodes agree to the last bit", tuple(lines))
    if apart:
        return Reproduction(
            "different", f"success differs beyond its interval on {', '.join(apart)}", tuple(lines)
        )
    reason = (
        f"{same} of {total} episodes agree to the last bit, and success differs nowhere beyond its interval"
    )
    return Reproduction("consistent", reason, tuple(lines))
