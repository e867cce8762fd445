"""Runs an entry's panel again and has it judged (`rerun_verdict.py`); called by `bimodal reproduce`."""

from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from ...benchmark.evaluation.describe import describe
from ...benchmark.evaluation.evaluate import evaluate
from ...benchmark.evaluation.options import EvalOptions
from ...benchmark.records.field_types import one_line
from ...benchmark.records.run_folder import RUNS
from ...benchmark.suites import Suite, suite_from_record, suite_of
from ...envs.errors import BimodalError, NotComparable, WrongUse
from ...envs.perturbations.core.variant import CLEAN
from ..check import check_entry
from ..entry_model import Entry
from ..files import read_unchecked
from .fresh_seeds import FreshScore, fresh_suite, judge_fresh
from .policy_source import checked_uri
from .rerun_verdict import Reproduction, judge_rerun
from .verify import known_archive


class Part(NamedTuple):
    """What of an entry is run again."""

    tasks: tuple[str, ...] = ()
    """Some of its tasks; none for all."""
    seeds: range | None = None
    """Some of its seeds; None for all."""
    policy: Path | None = None
    """Where the policy's file lies; None to look for it here and beside the entry."""


WHOLE = Part()
"""All of an entry, with a policy that is found."""


def reproduce(path: Path, options: EvalOptions, part: Part = WHOLE) -> Reproduction:
    """Run the panel of the entry at `path` again and compare; called by `bimodal reproduce`.

    Args:
        path: the entry's file.
        options: how it runs.
        part: what of it is run, and where its policy's file lies.

    Raises:
        BimodalError: the entry is unsound.
        NotComparable: this installation has other tasks, another MuJoCo or other weights.
    """
    entry, uri = _comparable_entry(path, options, part.policy)
    suite = part_of(suite_from_record(entry.suite), part)
    folder = Path(options.out or RUNS / f"reproduce-{path.stem}")
    finished = (folder / "SHA256SUMS").exists()
    if options.out and finished and not options.fresh:
        raise WrongUse(f"{folder} holds a finished run; choose another --out, or add --fresh to discard it")
    # An interrupted reproduction goes on; an old one does not count.
    options = replace(options, out=folder, fresh=options.fresh or finished)
    return judge_rerun(entry, evaluate(uri, suite, options), known_archive(path, entry))


def reproduce_fresh(path: Path, options: EvalOptions, salt: str, policy: Path | None = None) -> FreshScore:
    """Run the policy of the entry at `path` on seeds that a salt decides: `bimodal reproduce --salt`.

    Raises:
        BimodalError: as `reproduce`.
    """
    entry, uri = _comparable_entry(path, options, policy)
    suite = fresh_suite(suite_from_record(entry.suite), salt)
    folder = Path(options.out or RUNS / f"reproduce-{path.stem}")
    fresh = replace(options, out=folder.with_name(f"{folder.name}-fresh-{suite.seeds.start}"))
    return judge_fresh(entry, evaluate(uri, suite, fresh))


def part_of(suite: Suite, part: Part) -> Suite:
    """Return a suite with some of its tasks and of its seeds, in all its variants."""
    if foreign := [task for task in part.tasks if task not in suite.tasks]:
        raise WrongUse(f"{foreign[0]} is not in the suite {suite.name}: {', '.join(suite.tasks)}")
    seeds = suite.seeds if part.seeds is None else part.seeds
    if not len(seeds) or seeds.start < suite.seeds.start or seeds.stop > suite.seeds.stop:
        last = suite.seeds.stop - 1
        raise WrongUse(f"--seeds must lie within {suite.seeds.start}..{last}, those of the entry")
    if not part.tasks and seeds == suite.seeds:
        return suite
    # Variants have the first seeds only: those of the part that they share with the entry.
    shared = max(min(seeds.stop, suite.seeds.start + len(suite.panel(""))) - seeds.start, 0)
    variants = suite.variants if shared else (CLEAN,)
    name = suite.name.rstrip("*") + "*"
    tasks = part.tasks or suite.tasks
    return suite._replace(name=name, tasks=tasks, seeds=seeds, variants=variants, shifted=shared or None)


def _comparable_entry(path: Path, options: EvalOptions, policy: Path | None) -> tuple[Entry, str]:
    """Return the entry of a file, sound and made with the tasks and weights that are here, and its policy."""
    raw = read_unchecked(path)
    _check_hash(path, raw.get("suite"))
    if problems := check_entry(raw):
        raise BimodalError(f"{path} is unsound: {problems[0]}")
    entry = Entry.model_validate(raw)
    uri = checked_uri(path, entry.policy, policy)
    here = describe(uri, suite_from_record(entry.suite), options)
    if here.policy.artifacts != entry.policy.artifacts:
        raise NotComparable(
            f"{path} was made with other weights or code than {one_line(uri)} has here: "
            + _differing(entry.policy.artifacts, here.policy.artifacts)
        )
    return entry, uri


def _differing(theirs: dict[str, str], ours: dict[str, str]) -> str:
    """Return the files that are not the same, the first by name."""
    other = sorted(name for name in theirs.keys() | ours.keys() if theirs.get(name) != ours.get(name))
    return one_line(other[0], 80) + (f" and {len(other) - 1} more" if len(other) > 1 else "")


def _check_hash(path: Path, suite: object) -> None:
    """Refuse an entry, not yet checked, whose suite is another one under a name known here."""
    if not isinstance(suite, dict) or not isinstance(suite.get("hash"), str):
        return
    known = suite_of(str(suite.get("name")), str(suite.get("version")))
    if known and suite["hash"] != known.hash():
        raise NotComparable(
            f"{path} has suite hash {one_line(suite['hash'])}, this installation {known.hash()}: "
            "the tasks, their numbers or MuJoCo differ"
        )
