"""What a run takes for its own in its folder: no links, no strangers' files, no doctored shards."""

import errno
import os
import shutil
import signal
import threading
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from bimodal.benchmark.evaluation.describe import describe
from bimodal.benchmark.evaluation.evaluate import evaluate
from bimodal.benchmark.evaluation.options import EvalOptions
from bimodal.benchmark.evaluation.policy_process import PolicyProcess
from bimodal.benchmark.evaluation.worker_process import Job
from bimodal.benchmark.records import checksums
from bimodal.benchmark.records.checksums import seal
from bimodal.benchmark.records.run_folder import RunFolder, read_run_record
from bimodal.benchmark.records.shard_file import write_shard
from bimodal.benchmark.rollout.shard import Shard, digests, run_shard
from bimodal.benchmark.scoring.run_episodes import read_run
from bimodal.envs.errors import BimodalError, WrongUse
from bimodal.envs.storage import atomic_write, file_lock
from bimodal.policies import load_policy
from bimodal.tasks import load_task
from scoring import DUMBBELL, VERSION, panel, rows

SHARD = Shard(DUMBBELL, "clean", 0, (0, 1))


@pytest.fixture(scope="module")
def record():
    return describe("expert", panel(2, (DUMBBELL,)), EvalOptions(workers=0))


@pytest.fixture(scope="module")
def result():
    task = load_task(DUMBBELL)
    return run_shard(task, load_policy("expert", task), SHARD, VERSION)


@pytest.mark.parametrize("part", [".lock", "run.json", "videos", "traces", "traces/a.npz", ".run.json.1"])
@pytest.mark.parametrize("fresh", [False, True])
def test_a_folder_with_a_link_is_refused_and_nothing_is_touched(tmp_path, record, part, fresh):
    run = tmp_path / "run"
    RunFolder(run, record).close()
    victim = tmp_path / "victim"
    if part in ("videos", "traces"):
        victim.mkdir()
        (victim / ".data.1").write_text("precious")
        if part == "traces":
            (run / part).rmdir()
    else:
        victim.write_text("precious")
        (run / part).unlink(missing_ok=True)
    (run / part).symlink_to(victim)
    with pytest.raises(WrongUse, match="is a link"):
        RunFolder(run, record, fresh)
    if part != "run.json":
        with pytest.raises(WrongUse, match="is a link"):
            read_run_record(run)
    kept = victim if victim.is_file() else victim / ".data.1"
    assert kept.read_text() == "precious"


def test_a_run_killed_before_its_first_record_is_begun_again(tmp_path, record):
    run = tmp_path / "run"
    (run / "traces").mkdir(parents=True)
    (run / ".run.json.4711").write_text('{"schema')
    RunFolder(run, record).close()
    assert sorted(file.name for file in run.iterdir()) == [".lock", "run.json", "traces"]


def test_hidden_files_that_no_run_wrote_are_kept(tmp_path, record):
    RunFolder(tmp_path / "run", record).close()
    (tmp_path / "run" / ".bashrc.1").write_text("precious")
    for fresh in (False, True):
        RunFolder(tmp_path / "run", record, fresh).close()
    assert (tmp_path / "run" / ".bashrc.1").read_text() == "precious"


def doctored(result, **changes):
    """Return a shard's result with some fields of its verdict changed in episode 1."""
    verdict = result.verdict._replace(**{name: column.copy() for name, column in changes.items()})
    return result._replace(verdict=verdict)


def _with(column, value):
    changed = (
        column.astype(np.result_type(column, np.array(value))) if isinstance(value, str) else column.copy()
    )
    changed[1] = value
    return changed


DOCTORED = {
    "another label": lambda r: doctored(r, label=_with(r.verdict.label, "TIMEOUT")),
    "no label": lambda r: doctored(r, label=_with(r.verdict.label, "WON")),
    "another mode": lambda r: doctored(r, mode=1 - r.verdict.mode),
    "no mode": lambda r: doctored(r, mode=_with(r.verdict.mode, 9)),
    "negative steps": lambda r: doctored(r, steps=-r.verdict.steps),
    "too many steps": lambda r: doctored(r, steps=r.verdict.steps + 10_000),
    "one episode less": lambda r: doctored(r, label=r.verdict.label[:1]),
    "a success that is none": lambda r: doctored(r, success=~r.verdict.success),
    "infinite alpha": lambda r: doctored(r, alpha=_with(r.verdict.alpha, np.inf)),
    "other actions": lambda r: r._replace(trace=r.trace._replace(actions=r.trace.actions + 1)),
    "other states": lambda r: r._replace(trace=r.trace._replace(states=r.trace.states * 2)),
    "another digest": lambda r: r._replace(digests=r.digests[::-1]),
    "a decision of no time": lambda r: r._replace(
        decisions=[one._replace(latency_ms=float("nan")) for one in r.decisions]
    ),
    "a decision after the end": lambda r: r._replace(
        decisions=[one._replace(step=10_000) for one in r.decisions]
    ),
}
RESEALED = ("no label", "no mode", "too many steps", "a success that is none")
"""Also refused when the digests are made to fit."""


def test_sound_shards_are_kept_and_doctored_ones_run_again(tmp_path, record, result):
    run = RunFolder(tmp_path / "run", record)
    file = run.file(SHARD)
    write_shard(file, result, [1.5], run.record.run_id)
    assert run.missing([SHARD]) == []
    for name, change in DOCTORED.items():
        changed = change(result)
        write_shard(file, changed, [1.5], run.record.run_id)
        assert run.missing([SHARD]) == [SHARD], name
        if name in RESEALED:
            changed = changed._replace(digests=digests(changed.verdict, changed.trace))
            write_shard(file, changed, [1.5], run.record.run_id)
            assert run.missing([SHARD]) == [SHARD], f"{name}, with its digest"
    for times in ([np.nan], [-1.0], [1e12]):
        write_shard(file, result, times, run.record.run_id)
        assert run.missing([SHARD]) == [SHARD], times
    run.close()


def test_a_shard_of_an_older_run_is_not_taken_for_this_one(tmp_path, record, result):
    """An orphan of an older run in the folder may still write there."""
    old = RunFolder(tmp_path / "run", record)
    old.close()
    another = record.model_copy(update={"run_id": "ab" * 8})
    run = RunFolder(tmp_path / "run", another, fresh=True)
    write_shard(run.file(SHARD), result, [], record.run_id)
    assert run.missing([SHARD]) == [SHARD]
    with pytest.raises(BimodalError, match="another run"):
        run.save_tables([SHARD], 1.0, [])
    write_shard(run.file(SHARD), result, [], another.run_id)
    assert run.missing([SHARD]) == []
    run.close()
    again = RunFolder(
        tmp_path / "run", record
    )  # a new process of the same run draws another id, and keeps the old
    assert again.record.run_id == another.run_id and again.missing([SHARD]) == []
    again.close()


def test_every_file_is_on_the_disk_before_it_gets_its_name(tmp_path, monkeypatch):
    events = []
    replace, fsync = Path.replace, atomic_write.os.fsync
    monkeypatch.setattr(atomic_write.os, "fsync", lambda handle: (events.append("on disk"), fsync(handle))[1])
    monkeypatch.setattr(Path, "replace", lambda old, new: (events.append("named"), replace(old, new))[1])
    atomic_write.write_text(tmp_path / "a", "x")
    atomic_write.write_arrays(tmp_path / "b", {"a": np.zeros(3)})
    atomic_write.write_bytes(tmp_path / "c", b"x")
    assert events == ["on disk", "named"] * 3


@pytest.mark.parametrize("code", [errno.EBADF, errno.ENOSYS, errno.ENOLCK])
def test_a_file_system_without_locks_is_scored_on(tmp_path, record, monkeypatch, code):
    def refuse(*_):
        raise OSError(code, "no locks here")

    monkeypatch.setattr(file_lock.fcntl, "flock", refuse)
    run = RunFolder(tmp_path / "run", record)
    assert not run.has_locks
    run.close()
    finished = evaluate("expert", panel(2, (DUMBBELL,)), EvalOptions(out=tmp_path / "run", workers=0))
    assert [row["label"] for row in rows(finished)] == ["SUCCESS"] * 2


def test_without_what_only_unix_has_policies_are_scored_in_this_process(tmp_path, monkeypatch):
    """As on Windows: no locks, no alarms, no process groups; processes are refused in one line."""
    monkeypatch.setattr(file_lock, "fcntl", None)
    monkeypatch.setattr("bimodal.benchmark.evaluation.turns.HAS_LOCKS", False)
    monkeypatch.delattr(signal, "setitimer")
    monkeypatch.delattr(os, "killpg")
    told = []
    options = EvalOptions(out=tmp_path / "run", workers=0, notice=told.append)
    finished = evaluate("expert", panel(2, (DUMBBELL,)), options)
    assert [row["label"] for row in rows(finished)] == ["SUCCESS"] * 2
    assert "without locks" in told[0]
    with pytest.raises(WrongUse, match="--workers 0"):
        PolicyProcess(Job("expert", None, "1"))


def test_a_folder_with_a_colon_in_its_name_holds_a_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run = evaluate("zero", panel(1, (DUMBBELL,)), EvalOptions(out="contact.friction:2", workers=0))
    assert [len(cell.seeds) for cell in read_run(run).cells.values()] == [1]


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    return evaluate(
        "zero", panel(1, (DUMBBELL,)), EvalOptions(out=tmp_path_factory.mktemp("run") / "run", workers=0)
    )


def test_a_flipped_bit_in_a_finished_run_is_found_when_it_is_read(finished, tmp_path):
    run = shutil.copytree(finished, tmp_path / "run")
    raw = bytearray((run / "episodes.parquet").read_bytes())
    raw[raw.index(rows(run)[0]["digest"].encode())] ^= 1
    (run / "episodes.parquet").write_bytes(raw)
    with pytest.raises(BimodalError, match="SHA256SUMS says another sum"):
        read_run(run)
    (run / "SHA256SUMS").unlink()  # the pages have sums of their own
    with pytest.raises(BimodalError, match=r"episodes\.parquet is damaged"):
        read_run(run)


@pytest.mark.parametrize(("column", "value"), [("steps", -1), ("steps", 10_000), ("mode", -2)])
def test_rows_that_no_episode_can_have_are_refused(finished, tmp_path, column, value):
    run = shutil.copytree(finished, tmp_path / "run")
    changed = rows(run)
    changed[0][column] = value
    pq.write_table(pa.Table.from_pylist(changed), run / "episodes.parquet")
    seal(run)
    with pytest.raises(BimodalError, match="not a run of ours"):
        read_run(run)


def test_a_table_of_more_rows_than_the_suite_has_episodes_is_not_read(finished, tmp_path):
    """Run-length coding packs millions of rows into kilobytes."""
    run = shutil.copytree(finished, tmp_path / "run")
    table = pq.read_table(run / "episodes.parquet")
    pq.write_table(pa.concat_tables([table] * 3), run / "episodes.parquet")
    seal(run)
    with pytest.raises(BimodalError, match="3 rows; its suite has at most 1 episodes"):
        read_run(run)


def test_sums_that_are_added_by_two_threads_at_once_are_all_kept(tmp_path, monkeypatch):
    names = [f"{number}.txt" for number in range(4)]
    for name in names:
        (tmp_path / name).write_text(name)
    (tmp_path / "SHA256SUMS").write_text("")
    read = checksums.read_sums

    def slowly(file):
        found = read(file)
        time.sleep(0.05)  # long enough for the others to read the same
        return found

    monkeypatch.setattr(checksums, "read_sums", slowly)
    threads = [threading.Thread(target=checksums.add_to_seal, args=(tmp_path, [name])) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(read(tmp_path / "SHA256SUMS")) == names
