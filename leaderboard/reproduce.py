"""Running an entry's panel again and saying whether the same came out.

identical   every episode has the same digest: actions, states and verdict agree to the last bit
consistent  another kind of machine changed some episodes, but on no task is the paired difference of
            success beyond its 95 % interval
different   on some task it is
"""

from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

from ..benchmark.evaluation.describe import describe
from ..benchmark.evaluation.evaluate import evaluate
from ..benchmark.evaluation.options import EvalOptions
from ..benchmark.records.field_types import one_line
from ..benchmark.records.run_folder import RUNS
from ..benchmark.report.terms import short_name
from ..benchmark.scoring.run_episodes import read_run
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


def reproduce(path: Path, options: EvalOptions) -> Reproduction:
    """Run the panel of the entry at `path` again and compare; called by `bimodal reproduce`.

    Raises:
        BimodalError: the entry is unsound.
        NotComparable: this installation has other tasks, another MuJoCo or other weights.
    """
    entry = _comparable_entry(path, options)
    folder = Path(options.out or RUNS / f"reproduce-{path.stem}")
    finished = (folder / "SHA256SUMS").exists()
    if options.out and finished and not options.fresh:
        raise WrongUse(f"{folder} holds a finished run; choose another --out, or add --fresh to discard it")
    # An interrupted reproduction goes on; an old one does not count.
    options = replace(options, out=folder, fresh=options.fresh or finished)
    return compare(entry, evaluate(entry.policy.uri, suite_from_record(entry.suite), options))


def _comparable_entry(path: Path, options: EvalOptions) -> Entry:
    """Return the entry of a file, sound and made with the tasks and the weights that are here."""
    raw = read_unchecked(path)
    _check_hash(path, raw.get("suite"))
    if problems := check_entry(raw):
        raise BimodalError(f"{path} is unsound: {problems[0]}")
    entry = Entry.model_validate(raw)
    uri = entry.policy.uri
    _check_source(path, uri, entry.policy.artifacts)
    here = describe(uri, suite_from_record(entry.suite), options)
    if here.policy.artifacts != entry.policy.artifacts:
        raise NotComparable(f"{path} was made with other weights or code than {one_line(uri)} has here")
    return entry


def _check_source(path: Path, uri: str, artifacts: dict[str, str]) -> None:
    """Refuse to run a policy's file that is not the one that the entry names."""
    location = Path(uri.rpartition(":")[0])
    if location.suffix == ".py":
        digest = sha256(location.read_bytes()).hexdigest() if location.is_file() else ""
        if digest != artifacts.get(location.name):
            raise NotComparable(f"{path} was made with another {one_line(location.name)} than lies here")


def _check_hash(path: Path, suite: object) -> None:
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
    lines: list[str] = []
    apart: list[str] = []
    same = 0
    total = 0
    for block in entry.episodes:
        task = block.task
        cell = cells[task, block.variant]
        if list(block.seeds) != cell.seeds.tolist():
            raise NotComparable(f"{run} has other seeds of {task} than the entry")
        equal = sum(a == b for a, b in zip(block.digests, cell.digests, strict=True))
        claimed = succeeded(block.labels)
        found = succeeded(cell.labels)
        change = paired_difference(found, claimed)
        same += equal
        total += len(found)
        if change.low > 0 or change.high < 0:
            apart.append(short_name(task))
        lines.append(
            f"{short_name(task):20} {equal}/{len(found)} episodes identical, "
            f"successes {sum(claimed)} claimed, {sum(found)} found "
            f"(difference {change.estimate:+.1%}, 95 % {change.low:+.1%} to {change.high:+.1%})"
        )
    return _verdict(same, total, apart, tuple(lines))


def _verdict(same: int, total: int, apart: list[str], lines: tuple[str, ...]) -> Reproduction:
    """Return what the number of equal episodes and the tasks whose success differs amount to."""
    if same == total:
        return Reproduction("identical", f"all {total} episodes agree to the last bit", lines)
    if apart:
        return Reproduction("different", f"success differs beyond its interval on {', '.join(apart)}", lines)
    reason = (
        f"{same} of {total} episodes agree to the last bit, and success differs nowhere beyond its interval"
    )
    return Reproduction("consistent", reason, lines)
