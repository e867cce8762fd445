"""One folder, one run: strangers' files, damaged records, full disks, nothing to draw with."""

import ctypes
import os
import shutil
import subprocess
import sys

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from bimodal.benchmark.evaluation.evaluate import evaluate
from bimodal.benchmark.evaluation.options import EvalOptions
from bimodal.benchmark.records import parquet_tables
from bimodal.benchmark.records.checksums import seal
from bimodal.benchmark.records.shard_file import read_shard
from bimodal.benchmark.scoring.run_episodes import read_run
from bimodal.envs.errors import WrongUse
from scoring import CLI, DUMBBELL, POST, bimodal, digests, expert_digests, panel, rows, score


def test_a_folder_holds_one_run(tmp_path, capsys):
    run = tmp_path / "run"
    assert score("zero", run, capsys=capsys)[0] == 0
    before = {file: file.read_bytes() for file in run.rglob("*") if file.is_file()}
    for other in (("mean", run), ("zero", run, "--task", POST)):
        code, _, err = score(*other, capsys=capsys)
        assert (code, len(err)) == (2, 1) and "another run" in err[0] and "--fresh" in err[0]
    assert {file: file.read_bytes() for file in run.rglob("*") if file.is_file()} == before
    assert score("mean", run, "--fresh", capsys=capsys)[0] == 0
    assert {row["label"] for row in rows(run)} == {"COLLISION_MID"}


@pytest.mark.parametrize("more", [(), ("--fresh",)])
def test_a_folder_that_is_not_a_run_is_left_alone(tmp_path, more, capsys):
    folder = tmp_path / "thesis"
    (folder / "chapters").mkdir(parents=True)
    (folder / "chapters" / "one.tex").write_text("Once upon a time")
    code, _, err = score("zero", folder, *more, capsys=capsys)
    assert (code, len(err)) == (2, 1) and "not a run folder" in err[0]
    assert sorted(path.name for path in folder.rglob("*")) == ["chapters", "one.tex"]


def test_shards_without_their_run_are_not_taken_over(tmp_path, capsys):
    score("mean", tmp_path / "run", capsys=capsys)
    (tmp_path / "run" / "run.json").unlink()
    assert score("zero", tmp_path / "run", capsys=capsys)[0] == 2


def test_an_error_does_not_keep_the_folder_locked(tmp_path):
    run = evaluate("zero", panel(4, (DUMBBELL,)), EvalOptions(out=tmp_path / "run", workers=0))
    with pytest.raises(WrongUse, match="another run") as kept:
        evaluate("mean", panel(4, (DUMBBELL,)), EvalOptions(out=run, workers=0))
    evaluate("zero", panel(4, (DUMBBELL,)), EvalOptions(out=run, workers=0))
    assert kept.value


@pytest.mark.parametrize("command", ["evaluate", "videos"])
@pytest.mark.parametrize(
    "damage", [b"", b'{"schema_version": 1, "sui', b"[]", b"{}", b'{"schema_version": 99}']
)
def test_a_damaged_run_record_is_said_in_one_line(tmp_path, command, damage, capsys):
    run = tmp_path / "run"
    score("zero", run, capsys=capsys)
    (run / "run.json").write_bytes(damage)
    shards = {file: file.read_bytes() for file in run.glob("traces/*")}
    code, _, err = (
        score("zero", run, capsys=capsys) if command == "evaluate" else bimodal("videos", run, capsys=capsys)
    )
    assert (code, len(err)) == (2, 1) and str(run) in err[0]
    assert {file: file.read_bytes() for file in run.glob("traces/*")} == shards
    assert score("zero", run, "--fresh", capsys=capsys)[0] == 0


@pytest.mark.parametrize("keep", [0, 4, 2000])
def test_damaged_tables_are_said_in_one_line(tmp_path, capsys, keep):
    run = tmp_path / "run"
    score("zero", run, capsys=capsys)
    table = run / "episodes.parquet"
    table.write_bytes(table.read_bytes()[:keep])
    code, _, err = bimodal("videos", run, capsys=capsys)
    assert code in (1, 2) and len(err) == 1 and "episodes.parquet" in err[0]


def test_a_table_that_would_fill_the_memory_is_said_in_one_line(tmp_path, capsys, monkeypatch):
    run = tmp_path / "run"
    score("zero", run, capsys=capsys)
    monkeypatch.setattr(parquet_tables, "LARGEST", 100)
    code, _, err = bimodal("videos", run, capsys=capsys)
    assert code in (1, 2) and len(err) == 1 and "would unpack to" in err[0]


def test_lost_or_damaged_tables_are_mended_by_the_same_command(tmp_path, capsys):
    run = tmp_path / "run"
    score("zero", run, capsys=capsys)
    (run / "episodes.parquet").unlink()
    (run / "decisions.parquet").write_bytes(b"PAR1")
    code, _, err = bimodal("videos", run, capsys=capsys)
    assert (code, len(err)) == (1, 1) and "no episodes.parquet" in err[0]
    assert score("zero", run, capsys=capsys)[0] == 0
    assert len(rows(run)) == 4 and pq.read_table(run / "decisions.parquet").num_rows > 4


def _mounted(path, size):
    """Mount a small file system in memory; False where that is not allowed."""
    return (
        ctypes.CDLL(None, use_errno=True).mount(
            b"tmpfs", str(path).encode(), b"tmpfs", 0, f"size={size}".encode()
        )
        == 0
    )


@pytest.mark.parametrize("workers", [0, 1])
def test_a_full_disk_costs_no_finished_shard(tmp_path, small_shards, capsys, workers):
    disk = tmp_path / "disk"
    disk.mkdir()
    if os.geteuid() or not _mounted(disk, 80_000):
        pytest.skip("cannot mount a small file system here")
    try:
        code, _, err = score("expert", disk / "run", capsys=capsys, count=40, workers=workers)
        assert (code, len(err)) == (1, 1)
        assert "No space left" in err[0] and "finished shards are kept" in err[0]
        whole = list((disk / "run").rglob("*.npz"))
        assert 0 < len(whole) < 10
        for file in whole:
            read_shard(file)
        assert not [f for f in (disk / "run").rglob(".*") if f.name != ".lock"]
        shutil.copytree(disk / "run", tmp_path / "run")
    finally:
        subprocess.run(["umount", str(disk)], check=True)
    kept = {f.name: f.stat().st_mtime_ns for f in (tmp_path / "run" / "traces").glob("*.npz")}
    assert score("expert", tmp_path / "run", capsys=capsys, count=40)[0] == 0
    assert {f: (tmp_path / "run" / "traces" / f).stat().st_mtime_ns for f in kept} == kept
    assert digests(tmp_path / "run") == expert_digests(40)


def test_a_file_that_may_not_grow_is_reported_in_one_line(tmp_path):
    limit = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (5000, 5000));"
    found = subprocess.run(
        [sys.executable, "-c", limit + CLI, "evaluate", "expert", "--suite", "smoke", "--seeds", "4"]
        + ["--workers", "0", "--no-videos", "--out", str(tmp_path / "run")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert found.returncode == 1 and len(found.stderr.splitlines()) == 1
    assert "File too large" in found.stderr
    assert [f.name for f in (tmp_path / "run" / "traces").iterdir()] == []


@pytest.mark.parametrize(
    ("setting", "text"),
    [
        ({"MUJOCO_GL": "bogus"}, "MUJOCO_GL=bogus cannot draw"),
        ({"BIMODAL_GL": "none of egl,osmesa"}, "sudo apt-get install"),
    ],
)
def test_without_a_way_to_draw_the_scores_are_kept(tmp_path, monkeypatch, capsys, setting, text):
    monkeypatch.delenv("MUJOCO_GL", raising=False)
    monkeypatch.delenv("BIMODAL_GL", raising=False)
    for name, value in setting.items():
        monkeypatch.setenv(name, value)
    run = tmp_path / "run"
    code, out, err = bimodal(
        *(
            "evaluate",
            "expert",
            "--suite",
            "smoke",
            "--seeds",
            4,
            "--task",
            DUMBBELL,
            "--variant",
            "clean",
            "--workers",
            0,
            "--out",
            run,
        ),
        capsys=capsys,
    )
    assert "Lift Dumbbell" in out and "4/4" in out
    assert (code, len(err)) == (1, 1) and text in err[0]
    assert len(rows(run)) == 4 and (run / "report.html").exists()
    assert not list(run.glob("videos/*.mp4"))


def test_fresh_deletes_what_a_run_wrote_and_nothing_else(tmp_path, capsys):
    run = tmp_path / "run"
    score("zero", run, capsys=capsys)
    (run / "notes.txt").write_text("precious")
    assert score("mean", run, "--fresh", capsys=capsys)[0] == 0
    assert (run / "notes.txt").read_text() == "precious"


def test_a_changed_policy_does_not_take_over_old_shards(tmp_path):
    file = tmp_path / "mine.py"
    file.write_text("from bimodal.policies.baselines import Zero\nclass Mine(Zero): pass\n")
    evaluate(
        f"{file}:Mine", panel(2, (DUMBBELL,)), EvalOptions(out=tmp_path / "run", workers=1, sandbox=False)
    )
    file.write_text(file.read_text() + "# changed\n")
    with pytest.raises(WrongUse, match="changed since"):
        evaluate(
            f"{file}:Mine", panel(2, (DUMBBELL,)), EvalOptions(out=tmp_path / "run", workers=1, sandbox=False)
        )


@pytest.mark.parametrize(
    ("column", "value"), [("label", "x/../../escaped"), ("task", "../x"), ("variant", "../x"), ("mode", 7)]
)
def test_a_run_folder_from_elsewhere_names_no_file(tmp_path, capsys, column, value):
    run = tmp_path / "run"
    score("zero", run, capsys=capsys)
    rows_now = pq.read_table(run / "episodes.parquet").to_pylist()
    rows_now[0][column] = value
    pq.write_table(pa.Table.from_pylist(rows_now), run / "episodes.parquet")
    seal(run)
    code, _, err = bimodal("videos", run, capsys=capsys)
    assert (code, len(err)) == (1, 1) and "not a run of ours" in err[0]


def test_clipped_steps_are_in_the_table_and_said_and_old_tables_read_as_none(tmp_path, capsys):
    (tmp_path / "wide.py").write_text(
        "from bimodal.policies import Decision\nfrom bimodal.policies.experts import Expert\n"
        "class Wide(Expert):\n    clip = True\n    def act(self, observation):\n"
        "        chunk = super().act(observation).actions.copy()\n"
        "        chunk[0, :, 9] += 0.08\n        return Decision(chunk)\n"
    )
    run = tmp_path / "run"
    _, out, _ = score(f"{tmp_path / 'wide.py'}:Wide", run, capsys=capsys, count=2)
    (first, second) = rows(run)
    assert first["clipped"] > 0 == second["clipped"]
    said = f"clipped in {first['clipped']} control steps of 1 episode"
    assert f"{said}\n" in out and f"Actions out of range were {said}." in (run / "report.html").read_text()
    (run / "SHA256SUMS").unlink()
    pq.write_table(pq.read_table(run / "episodes.parquet").drop(["clipped"]), run / "episodes.parquet")
    (cell,) = read_run(run).cells.values()
    assert cell.clipped.tolist() == [0, 0]
