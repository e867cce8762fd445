"""`evaluate --until-decided`: when it ends, what it leaves behind, how it goes on, and what it refuses."""

from importlib.metadata import version

import numpy as np
import pytest
from bimodal.benchmark.comparison.early_stop import baseline_of
from bimodal.benchmark.evaluation import early_stop
from bimodal.benchmark.provenance import versions
from bimodal.benchmark.records.shard_file import shard_file
from bimodal.benchmark.scoring.run_episodes import read_run
from bimodal.benchmark.statistics.sequential import Evidence, is_decided
from bimodal.benchmark.suites import find_suite
from bimodal.cli.main import main
from bimodal.envs.errors import NotComparable
from fabricated import run_folder
from fabricated_arms import DUMBBELL, POST, SMOKE, N, arm, columns

HERE = versions() | {"bimodal": version("bimodal-bench")}
PLAY = ("evaluate", "expert", "--suite", "smoke", "--seeds", "6", "--workers", "0", "--no-videos")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Return a folder with a baseline that always fails, and the run of an expert that ended against it."""
    folder = tmp_path_factory.mktemp("early")
    for name, wins in (("mse", 0), ("other", 1)):
        episodes = [("SUCCESS", 0, 0.0, 60)] * wins + [("COLLISION_MID", -1, 0.5, 40)] * (N - wins)
        run_folder(folder / name, dict.fromkeys((DUMBBELL, POST), episodes), name, versions=HERE)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(early_stop, "BLOCK", 2)
        yield folder


def play(folder, against="mse", *more):
    words = ("--until-decided", "--against", str(folder / against), "--out", str(folder / "run"))
    return main([*PLAY, *words, *more])


def test_it_ends_as_soon_as_it_is_decided_and_is_an_ordinary_run(folder, capsys):
    assert play(folder) == 0
    told = capsys.readouterr().err
    assert "better: expert succeeds more often than mse" in told
    assert "8 pairs for it and 0 against it, e-value 28.4 (20 decide), after 8 of 12 pairs" in told
    run = read_run(folder / "run")
    stop = run.record.early_stop
    assert stop and (stop.looks, stop.asked.seeds.count, run.record.suite.seeds.count) == (2, 6, 4)
    assert all(cell.seeds.tolist() == [0, 1, 2, 3] for cell in run.cells.values())
    assert "expert succeeds more often than mse" in (folder / "run" / "report.html").read_text()
    assert main(["check", str(folder / "run")]) == 0


def test_it_goes_on_where_it_was_and_only_against_the_same_baseline(folder, capsys):
    before = read_run(folder / "run")
    shard_file(folder / "run", POST, "clean", 1).unlink()
    assert play(folder) == 0
    after = read_run(folder / "run")
    assert after.record.run_id == before.record.run_id
    assert (after.cells[POST, "clean"].digests == before.cells[POST, "clean"].digests).all()
    assert "nothing was run" not in capsys.readouterr().err
    assert play(folder) == 0 and "nothing was run: all 8 episodes" in capsys.readouterr().err
    assert play(folder, "other") == 2
    assert "another baseline" in capsys.readouterr().err


def test_a_test_of_a_fixed_panel_refuses_it(folder, capsys):
    assert main(["compare", str(folder / "run"), str(folder / "run")]) == 3
    assert "ended as soon as it was decided against mse" in capsys.readouterr().err
    assert play(folder, "run") == 3


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (("--until-decided",), 2, "belong together"),
        (("--against", "mse"), 2, "belong together"),
        (("--until-decided", "--against", "mse", "--variant", "contact.friction:2"), 2, "--variant"),
        (("--until-decided", "--against", "mse", "--entry"), 2, "whole suite"),
        (("--until-decided", "--against", "mse", "--seeds", "14..17"), 3, "no seed 16"),
        (("--until-decided", "--against", "nobody"), 2, "nobody"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(folder, capsys, monkeypatch, words, code, told):
    monkeypatch.chdir(folder)
    assert main([*PLAY, *words, "--out", "none"]) == code
    error = capsys.readouterr().err
    assert told in error and len(error.strip().splitlines()) == 1 and not (folder / "none").exists()


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"versions": HERE | {"mujoco": "9"}}, "mujoco 9 and"),
        ({"suite": SMOKE._replace(version="9").record()}, "version 9 of its suite"),
        ({"suite": SMOKE.record().model_copy(update={"hash": "0" * 16})}, "a constant changed"),
        ({"cells": {}}, f"no clean episodes of {DUMBBELL}"),
    ],
)
def test_a_baseline_of_another_simulation_is_refused(changes, told):
    with pytest.raises(NotComparable, match=told):
        baseline_of(arm("mse")._replace(**{"versions": HERE} | changes), find_suite("smoke", variants=()))


def test_a_baseline_is_its_successes_on_the_panel_alone():
    hits = np.arange(N) % 3 == 0
    found = baseline_of(
        arm("mse", columns(hits), versions=HERE), find_suite("smoke", seeds=range(4), variants=())
    )
    assert found.name == "mse (these checkpoints)"
    assert found.hits[DUMBBELL] == found.hits[POST] == {0: True, 1: False, 2: False, 3: True}


def test_evidence_keeps_its_largest_value_and_decides_by_its_last():
    found = Evidence().after(10, 8, 0)
    assert found.decided and is_decided(8, 0)
    later = found.after(10, 0, 8)
    assert later == (2, 20, 8, 8, found.log_evidence) and not later.decided
