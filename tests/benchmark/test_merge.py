"""Parts of a run, played side by side, join into the run that one machine would have written."""

import shutil
from pathlib import Path

import pytest
from bimodal.benchmark.evaluation.evaluate import evaluate
from bimodal.benchmark.evaluation.merge import merge
from bimodal.benchmark.evaluation.options import EvalOptions
from bimodal.benchmark.records.checksums import seal
from bimodal.benchmark.records.run_folder import read_run_record
from bimodal.benchmark.records.run_record import RunPart
from bimodal.benchmark.scoring.run_episodes import read_run
from bimodal.benchmark.suites import find_suite
from bimodal.envs.errors import BimodalError, WrongUse

PANEL = find_suite("smoke", ("PandaLiftDumbbell-v1", "PandaPickAroundPost-v1"), range(3), ())


def play(folder, number=None, policy="mean", panel=PANEL, of=2, **options):
    part = number and RunPart(number=number, of=of)
    return evaluate(policy, panel, EvalOptions(out=folder, workers=0, part=part, **options))


@pytest.fixture(scope="module")
def played(tmp_path_factory):
    """The folders of both parts of a run, and of the whole."""
    folder = tmp_path_factory.mktemp("parts")
    return play(folder / "1of2", 1), play(folder / "2of2", 2), play(folder / "whole")


@pytest.fixture
def parts(played, tmp_path):
    """Copies of both parts, which a test may change."""
    return [Path(shutil.copytree(part, tmp_path / part.name)) for part in played[:2]]


def test_the_joined_run_is_what_one_machine_writes(played, tmp_path):
    first, second, whole = played
    joined = merge([second, first], tmp_path / "joined")
    runs = [read_run(path) for path in (joined, whole)]
    assert list(runs[0].cells) == list(runs[1].cells)
    for key, cell in runs[0].cells.items():
        assert cell.digests.tolist() == runs[1].cells[key].digests.tolist()
    names = {file.relative_to(whole) for file in whole.rglob("*") if file.name != ".lock"}
    assert {file.relative_to(joined) for file in joined.rglob("*") if file.name != ".lock"} == names
    record = runs[0].record
    assert [str(one.part) for one in record.parts] == ["part 1 of 2", "part 2 of 2"]
    assert record.part is None and record.machine == runs[1].record.machine
    assert record.latency_ms.keys() == runs[1].record.latency_ms.keys()


def test_a_joined_run_goes_on_and_has_nothing_left_to_run(played, tmp_path):
    joined = merge(played[:2], tmp_path / "joined")
    said = []
    play(joined, notice=said.append)
    assert any("nothing was run: all 6 episodes" in line for line in said)


def test_a_part_has_no_result_of_its_own(played, bimodal, tmp_path):
    with pytest.raises(WrongUse, match="part 1 of 2 of a run; join the parts first: bimodal merge"):
        read_run(played[0])
    for words in (
        ("videos", played[0]),
        ("submit", played[0]),
        ("compare", played[0], played[2]),
        ("pack", played[0]),
    ):
        code, _, err = bimodal(*words)
        assert code in (2, 3) and "join the parts first" in err[-1], words


def test_parts_that_do_not_make_one_whole_run_are_refused(parts, played, tmp_path):
    first, second = parts
    other = play(tmp_path / "zero", 2, "zero")
    fewer = play(tmp_path / "fewer", 2, panel=PANEL._replace(seeds=range(2)))
    thirds = play(tmp_path / "thirds", 2, of=3)
    again = Path(shutil.copytree(first, tmp_path / "again"))
    for folders, why in [
        ([first], "part 2 of 2 is missing"),
        ([first, again, second], "part 1 of 2 is there twice or more"),
        ([first, other], "another policy"),
        ([first, fewer], "another suite"),
        ([first, thirds], "another number of parts"),
        ([first, played[2]], "is no part of a run"),
        ([first, tmp_path], "is not a run folder"),
    ]:
        with pytest.raises(WrongUse, match=why):
            merge(folders, tmp_path / "joined")
    with pytest.raises(WrongUse, match="holds a run already"):
        merge(parts, played[2])
    assert not (tmp_path / "joined").exists()


def test_a_damaged_part_is_named_with_what_mends_it_and_then_joins(parts, tmp_path):
    shard = sorted(parts[1].glob("traces/*.npz"))[0]
    sound = shard.read_bytes()
    shard.write_bytes(sound[:-100])
    with pytest.raises(BimodalError, match=r"1 of 2 shards are missing or damaged, .* in .*2of2 first"):
        merge(parts, tmp_path / "joined")
    shard.write_bytes(sound)
    assert len(read_run(merge(parts, tmp_path / "joined")).cells) == 2


def test_a_changed_record_is_no_part(parts, tmp_path):
    file = parts[1] / "run.json"
    file.write_text(file.read_text().replace('"wall_s": ', '"wall_s": 1'))
    with pytest.raises(BimodalError, match=r"run\.json was changed"):
        merge(parts, tmp_path / "joined")


def test_parts_of_different_processors_join_and_say_so(parts, tmp_path):
    file = parts[1] / "run.json"
    record = read_run_record(parts[1])
    machine = record.machine.model_copy(update={"cpu": "Another processor"})
    file.write_text(record.model_copy(update={"machine": machine}).model_dump_json(by_alias=True))
    seal(parts[1])
    said = []
    joined = read_run_record(merge(parts, tmp_path / "joined", said.append))
    assert "Another processor" in said[0] and joined.machine.kernels is None
    assert [one.machine.cpu for one in joined.parts][1] == "Another processor"


@pytest.mark.parametrize("text", ["0/2", "3/2", "2", "a/b", "1/2/3", "-1/2", ""])
def test_a_part_that_cannot_be_is_refused(text, bimodal):
    code, _, err = bimodal("evaluate", "zero", "--suite", "smoke", "--shard", text)
    assert code == 2 and "I/N" in err[-1]


def test_a_part_makes_no_entry_and_keeps_no_bound(bimodal, tmp_path):
    for more in (["--entry", tmp_path], ["--min-success", "90"], ["--json"]):
        code, _, err = bimodal("evaluate", "zero", "--suite", "smoke", "--shard", "1/2", *more)
        assert code == 2 and len(err) == 1
    with pytest.raises(WrongUse, match="decides nothing"):
        EvalOptions(part=RunPart(number=1, of=2), until_decided=object())  # type: ignore[arg-type]
