"""Runs an entry's panel again and has it compared (`comparison.py`); called by `bimodal reproduce`."""

from dataclasses import replace
from hashlib import sha256
from pathlib import Path

from ..benchmark.evaluation.describe import describe
from ..benchmark.evaluation.evaluate import evaluate
from ..benchmark.evaluation.options import EvalOptions
from ..benchmark.records.field_types import one_line
from ..benchmark.records.run_folder import RUNS
from ..benchmark.suites import SUITES, suite_from_record
from ..envs.errors import BimodalError, NotComparable, WrongUse
from .check import check_entry
from .comparison import Reproduction, compare
from .entry_model import Entry
from .files import read_unchecked


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
