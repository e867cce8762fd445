"""Artifacts: packed to the same bytes, read back whole, and hostile or damaged ones refused in one line."""

import hashlib
import json
import shutil
import stat
import tempfile
import zipfile
from pathlib import Path

import numpy as np
import pytest
from bimodal.benchmark.artifact import read
from bimodal.benchmark.artifact.members import HEADER, SUMS, VERSION
from bimodal.benchmark.artifact.pack import pack
from bimodal.benchmark.artifact.read import is_artifact, open_run, read_header
from bimodal.benchmark.evaluation.evaluate import evaluate
from bimodal.benchmark.evaluation.options import EvalOptions
from bimodal.benchmark.records.checksums import seal
from bimodal.benchmark.scoring.run_episodes import read_run
from bimodal.envs.errors import BimodalError, WrongUse
from scoring import DUMBBELL, bimodal, panel

TRACE = f"traces/{DUMBBELL}-clean-000.npz"


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    run = tmp_path_factory.mktemp("finished") / "run"
    evaluate("expert", panel(2, (DUMBBELL,)), EvalOptions(out=run, workers=0))
    (run / "videos").mkdir()
    (run / "videos" / "a.mp4").write_bytes(b"film")
    (run / "notes.txt").write_text("not of the run")
    seal(run)
    return run


@pytest.fixture
def run(finished, tmp_path):
    return Path(shutil.copytree(finished, tmp_path / "run"))


@pytest.fixture
def artifact(run):
    return pack(run)


def contents(path):
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def rewritten(path, files, order=None, **attributes):
    """Write an artifact again from its files; `attributes` are set on every entry but the header's."""
    with zipfile.ZipFile(path, "w") as archive:
        for name in order or files:
            info = zipfile.ZipInfo(name)
            for attribute, value in attributes.items():
                if name != HEADER:
                    setattr(info, attribute, value)
            archive.writestr(info, files[name])
    return path


def signed(files):
    """Forge the sums of changed files, as a stranger would."""
    names = sorted(files.keys() - {HEADER, SUMS})
    sums = "".join(f"{hashlib.sha256(files[name]).hexdigest()}  {name}\n" for name in names).encode()
    header = json.loads(files[HEADER]) | {"sums": hashlib.sha256(sums).hexdigest()}
    return files | {HEADER: json.dumps(header).encode(), SUMS: sums}


def refusal(path):
    """Return why an artifact is refused; nothing may be left behind."""
    with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryDirectory() as folder:
        patch.setattr(tempfile, "tempdir", folder)
        with pytest.raises(BimodalError) as caught, open_run(path):
            pass
        assert not list(Path(folder).iterdir())
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_the_same_run_packs_to_the_same_bytes_wherever_and_whenever(run, tmp_path):
    first = pack(run, tmp_path / "one.zip").read_bytes()
    moved = Path(shutil.copytree(run, tmp_path / "elsewhere" / "run", copy_function=shutil.copy))
    assert pack(moved, tmp_path / "two.zip").read_bytes() == first
    assert pack(run).read_bytes() == first and (tmp_path / "run.zip").exists()


def test_what_was_packed_comes_back_and_nothing_else(run, artifact):
    packed = contents(artifact)
    assert list(packed)[:2] == [HEADER, SUMS] and list(packed)[2:] == sorted([*packed][2:])
    assert "notes.txt" not in packed and "videos/a.mp4" in packed
    with open_run(artifact) as folder:
        assert folder.parent.stat().st_mode & 0o077 == 0, "others could look into it"
        for name in packed.keys() - {HEADER, SUMS}:
            assert (folder / name).read_bytes() == (run / name).read_bytes()
        (cell,) = read_run(folder).cells.values()
        assert cell.seeds.tolist() == [0, 1]
    assert not folder.exists()
    with open_run(run) as folder:
        assert folder == run
    assert run.exists()


def test_videos_can_be_left_out_and_later_files_come_along(run, tmp_path):
    (run / "review.json").write_text("{}")
    names = contents(pack(run, tmp_path / "bare.zip", videos=False))
    assert "videos/a.mp4" not in names and "review.json" in names
    with open_run(tmp_path / "bare.zip") as folder:
        read_run(folder)


def test_the_header_is_read_without_the_traces(artifact):
    content = artifact.read_bytes()
    at = content.index(TRACE.encode()) + len(TRACE)
    artifact.write_bytes(content[:at] + bytes(1000) + content[at + 1000 :])
    header = read_header(artifact)
    assert (header.policy, header.episodes, header.suite.tasks) == ("expert", 2, (DUMBBELL,))
    assert "Bad CRC" in refusal(artifact)


@pytest.mark.parametrize("lost", ["episodes.parquet", "decisions.parquet", SUMS, TRACE])
def test_an_unfinished_run_is_not_packed(run, lost):
    (run / lost).unlink()
    with pytest.raises(BimodalError, match=Path(lost).name):
        pack(run)
    assert not run.with_name("run.zip").exists()


@pytest.mark.parametrize("name", ["run.json", "decisions.parquet", TRACE, "videos/a.mp4"])
def test_a_changed_file_is_not_packed(run, name):
    (run / name).write_bytes((run / name).read_bytes() + b" ")
    with pytest.raises(BimodalError, match="says another sum"):
        pack(run)
    assert not run.with_name("run.zip").exists()


def test_nobody_elses_file_is_overwritten(run, tmp_path):
    thesis = tmp_path / "thesis.zip"
    thesis.write_bytes(b"PK\x03\x04 precious")
    with pytest.raises(WrongUse, match="left as it is"):
        pack(run, thesis)
    with pytest.raises(WrongUse, match=r"ends with \.zip"):
        pack(run, tmp_path / "run.tar")
    assert thesis.read_bytes() == b"PK\x03\x04 precious"


@pytest.mark.parametrize(
    "name", ["../out.npz", "/etc/passwd", "traces/../../out.npz", "traces\\..\\out.npz", "C:run.json", "a/b"]
)
def test_a_file_that_would_leave_the_folder_is_refused(artifact, tmp_path, name):
    files = contents(artifact)
    rewritten(artifact, signed(files | {name: b"evil"}))
    assert "which is no file of a run" in refusal(artifact)
    assert not (tmp_path / "out.npz").exists()


def test_a_link_is_refused(artifact):
    rewritten(artifact, contents(artifact), external_attr=(stat.S_IFLNK | 0o777) << 16)
    assert "is a link" in refusal(artifact)


def test_compressed_files_are_refused_and_so_are_bombs(artifact):
    rewritten(
        artifact, signed(contents(artifact) | {TRACE: bytes(10**7)}), compress_type=zipfile.ZIP_DEFLATED
    )
    assert artifact.stat().st_size < 10**5 and "is compressed" in refusal(artifact)


def test_files_that_lie_on_one_another_are_refused(artifact):
    with zipfile.ZipFile(artifact, "a") as archive:
        big = max(archive.infolist(), key=lambda info: info.file_size)
        for number in range(5):
            twin = zipfile.ZipInfo(f"traces/t{number}.npz")
            twin.header_offset, twin.file_size, twin.compress_size = big.header_offset, *[big.file_size] * 2
            twin.CRC = big.CRC
            archive.filelist.append(twin)
        archive._didModify = True
    assert "larger than itself" in refusal(artifact)


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("twin", ["run.json", "traces/A.npz"])
def test_a_name_that_stands_twice_is_refused(artifact, twin):
    files = contents(artifact) | {"traces/a.npz": b""}
    with zipfile.ZipFile(rewritten(artifact, files), "a") as archive:
        archive.writestr(zipfile.ZipInfo(twin), b"")
    assert "twice" in refusal(artifact)


def test_an_encrypted_file_is_refused(artifact):
    content = bytearray(artifact.read_bytes())
    content[content.rindex(b"PK\x01\x02") + 8] |= 1
    artifact.write_bytes(content)
    assert "is encrypted" in refusal(artifact)


@pytest.mark.parametrize("keep", [0, 3, 10, 0.3, 0.9, -1])
def test_a_truncated_file_is_refused(artifact, keep):
    content = artifact.read_bytes()
    artifact.write_bytes(content[: int(keep * len(content)) if isinstance(keep, float) else keep])
    code_text = refusal(artifact) if is_artifact(artifact) else "cut off"
    assert "cut off" in code_text


def test_more_files_than_a_run_has_are_refused_before_they_are_listed(artifact, monkeypatch):
    monkeypatch.setattr(read, "MOST_FILES", 5)
    assert "at most 5 are read" in refusal(artifact)


def test_a_larger_file_than_is_sensible_is_refused(artifact, monkeypatch):
    monkeypatch.setattr(read, "MOST_BYTES", 1000)
    assert "larger than 1000 bytes" in refusal(artifact)


def test_a_changed_missing_or_added_file_is_found(artifact, tmp_path):
    files = contents(artifact)
    cases = {
        "its sum differs": files | {"decisions.parquet": b"better"},
        "is listed, but missing": {name: part for name, part in files.items() if name != TRACE},
        "is not listed": files | {"traces/b.npz": b""},
        "not the one that was packed": files | {SUMS: b""},
        "run.json is missing": {name: part for name, part in files.items() if name != "run.json"},
    }
    for text, changed in cases.items():
        assert text in refusal(rewritten(tmp_path / "changed.zip", changed))


def test_a_header_of_another_run_or_of_a_newer_version_is_refused(artifact, tmp_path):
    files = contents(artifact)
    for change, text in (
        ({"policy": "flow"}, "another run than run.json"),
        ({"run_id": "ab"}, "another run than run.json"),
        ({"schema_version": VERSION + 1}, "written by a newer bimodal"),
        ({"episodes": 0}, "episodes"),
        ({"more": 1}, "unexpected"),
    ):
        header = json.dumps(json.loads(files[HEADER]) | change).encode()
        assert text in refusal(rewritten(tmp_path / "changed.zip", files | {HEADER: header}))
    assert "first file" in refusal(rewritten(tmp_path / "changed.zip", files, order=sorted(files)[::-1]))


def test_random_damage_is_always_said_in_one_line(artifact):
    whole = artifact.read_bytes()
    right = contents(artifact)
    generator = np.random.default_rng(0)
    for _ in range(150):
        content = bytearray(whole)
        for at in generator.integers(4, len(whole), 3):
            content[at] = generator.integers(256)
        for at in generator.integers(len(whole) - 700, len(whole), 1):  # the list of files
            content[at] = generator.integers(256)
        artifact.write_bytes(content)
        try:
            with open_run(artifact) as folder:
                found = {name: (folder / name).read_bytes() for name in right if name != HEADER}
            assert found == {name: right[name] for name in found}
        except BimodalError as error:
            assert "\n" not in str(error)


def test_the_commands_pack_and_check(run, tmp_path, capsys):
    code, out, err = bimodal("pack", run, "--out", tmp_path / "mine.zip", capsys=capsys)
    assert (code, err) == (0, []) and "expert on smoke*, 2 episodes" in " ".join(out.split())
    code, out, err = bimodal("check", tmp_path / "mine.zip", capsys=capsys)
    assert (code, err) == (0, []) and "sound" in out
    (run / "run.json").write_text("{}")
    code, _, err = bimodal("pack", run, capsys=capsys)
    assert (code, len(err)) == (2, 1)
    code, _, err = bimodal("pack", tmp_path / "nowhere", capsys=capsys)
    assert (code, len(err)) == (2, 1) and "not a run folder" in err[0]
