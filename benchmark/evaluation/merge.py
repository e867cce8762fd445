"""Joins the parts of a run, which `evaluate --shard` played side by side, into one run folder."""

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

from ...envs.errors import BimodalError, WrongUse
from ...envs.storage.atomic_write import atomic_write
from ..records.checksums import changed_files, seal
from ..records.contract_card import ContractCard, keep_card, read_card
from ..records.fault_file import NAME as FAULTS
from ..records.folder_guard import empty
from ..records.run_folder import RunFolder, read_run_record
from ..records.run_record import PlayedPart, RunRecord
from ..records.same_machine import compare_machines
from ..records.shard_file import shard_file
from ..rollout.plan_records import plan_file
from ..rollout.shard import Shard
from ..suites import suite_from_record
from .evaluate import default_folder, share


def merge(
    folders: Sequence[Path], out: Path | None = None, notice: Callable[[str], None] | None = None
) -> Path:
    """Join the parts of a run; called by `bimodal merge`. The parts are left as they are.

    Args:
        folders: of all parts, in any order.
        out: folder of the whole run; None for `runs/<suite>-<policy>`.
        notice: called with a line that the user should read.

    Returns:
        The folder of the whole run.

    Raises:
        BimodalError: a part is missing, twice there, unfinished, damaged, or of another run.
    """
    parts = _sorted_parts(folders)
    whole, differ = joined_record(list(parts.values()))
    card = _one_card(list(parts))
    run = _new_run(out, whole)
    try:
        shards = suite_from_record(whole.suite).shards()
        for folder, record in parts.items():
            for shard in share(shards, record.part):
                _copy(folder, run, shard)
        if missing := run.missing(shards):
            raise BimodalError(_what_is_missing(missing, shards, parts))
        keep_card(run.path, whole, card.stated if card else None, begun=False)
        run.save_tables(shards, 0.0, [])
        seal(run.path)
    except BaseException:
        empty(run.path)
        raise
    finally:
        run.close()
    if differ and notice:
        notice(f"the parts were not all made by the same arithmetic ({differ}); run.json says which where")
    return run.path


def _new_run(out: Path | None, whole: RunRecord) -> RunFolder:
    """Return the new folder of the whole run.

    Raises:
        WrongUse: there is a run in it.
    """
    path = Path(out or default_folder(whole.suite.name, whole.policy.name))
    if (path / "run.json").exists():
        raise WrongUse(f"{path} holds a run already; choose another folder (--out)")
    return RunFolder(path, whole)


def _sorted_parts(folders: Sequence[Path]) -> dict[Path, RunRecord]:
    """Return the record of every part, by folder, in the order of their numbers.

    Raises:
        WrongUse: they are not the parts of one run, each once.
    """
    records: dict[Path, RunRecord] = {}
    for folder in folders:
        record = read_run_record(folder)
        if record.part is None:
            raise WrongUse(f"{folder} is no part of a run; parts are made by: bimodal evaluate --shard 1/3")
        if changed := changed_files(folder, ("run.json",)):
            raise BimodalError(f"{folder / changed[0]} was changed: SHA256SUMS says another sum")
        records[folder] = record
    first, *others = records.items()
    for folder, record in others:
        _require_same_run(*first, folder, record)
    numbers = [record.part.number for record in records.values() if record.part]
    assert first[1].part is not None
    wanted = range(1, first[1].part.of + 1)
    if twice := [n for n in wanted if numbers.count(n) > 1]:
        raise WrongUse(f"part {twice[0]} of {len(wanted)} is there twice or more; name one folder of it")
    if absent := [n for n in wanted if n not in numbers]:
        told = ", ".join(map(str, absent))
        raise WrongUse(f"part {told} of {len(wanted)} is missing; name its folder, too")
    return dict(sorted(records.items(), key=lambda item: item[1].part.number if item[1].part else 0))


def _require_same_run(first: Path, expected: RunRecord, folder: Path, record: RunRecord) -> None:
    """Refuse a part that was not played as the first one was."""
    told = [_terms(one) for one in (expected, record)]
    if different := [name for name, value in told[0].items() if told[1][name] != value]:
        raise WrongUse(f"{folder} is not of the same run as {first}: another {' and '.join(different)}")


def _terms(record: RunRecord) -> dict[str, object]:
    """Return what the parts of one run must agree in."""
    assert record.part is not None
    return {
        **{name: value for name, value in record.identity.items() if name != "part"},
        "number of parts": record.part.of,
        "isolation": record.isolation,
        "deadline": record.options.deadline_s,
    }


def joined_record(records: Sequence[RunRecord]) -> tuple[RunRecord, str]:
    """Return the record of the whole run, and how its parts' machines differ, "" if no bit depends on it.

    Where they differ, the whole names no numerical kernels: nobody can expect every bit again.
    """
    first = records[0]
    made = [(one.machine.plain(), one.versions) for one in records]
    compared = [compare_machines(made[0], other) for other in made[1:]]
    differ = next((text for same, text in compared if not same), "")
    machine = first.machine.model_copy(update={"kernels": None}) if differ else first.machine
    parts = tuple(
        PlayedPart.model_validate({name: getattr(one, name) for name in PlayedPart.model_fields})
        for one in records
        if one.part
    )
    return first.model_copy(
        update={
            "run_id": first.run_id,
            "created": min(one.created for one in records),
            "wall_s": round(sum(one.wall_s for one in records), 1),
            "machine": machine,
            "latency_ms": {},
            "part": None,
            "parts": parts,
        }
    ), differ


def _one_card(folders: Sequence[Path]) -> ContractCard | None:
    """Return the contract card of all parts.

    Raises:
        WrongUse: the submitter says one thing in one part and another in the next.
    """
    cards = [read_card(folder) for folder in folders]
    stated = [card.stated if card else None for card in cards]
    for folder, said in zip(folders, stated, strict=True):
        if said != stated[0]:
            raise WrongUse(f"{folder} has another contract card than {folders[0]}; give all parts one --card")
    return cards[0]


def _copy(part: Path, run: RunFolder, shard: Shard) -> None:
    """Copy a shard's record and plans, and the first tracebacks that there are."""
    source = shard_file(part, shard.task, shard.variant, shard.index)
    for file, copy in ((source, run.file(shard)), (plan_file(source), plan_file(run.file(shard)))):
        if file.is_file():
            with atomic_write(copy) as draft:
                shutil.copyfile(file, draft)
    if (part / FAULTS).is_file() and not (run.path / FAULTS).exists():
        shutil.copyfile(part / FAULTS, run.path / FAULTS)


def _what_is_missing(missing: Sequence[Shard], shards: list[Shard], parts: dict[Path, RunRecord]) -> str:
    """Say how many shards are missing or damaged, and which part's command mends the first."""
    first = missing[0]
    folder = next(path for path, record in parts.items() if first in share(shards, record.part))
    return (
        f"{len(missing)} of {len(shards)} shards are missing or damaged, {first.task} {first.variant} "
        f"{first.index} in {folder} first; run that part's command again, then merge"
    )
