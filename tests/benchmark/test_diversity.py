"""The suite `diversity`: few scenes, each played often with new policy noise, and what may be said of it."""

import json

import numpy as np
import pytest
from bimodal.benchmark.comparison.compare import Verdict, compare_two
from bimodal.benchmark.comparison.ranking import rank_arms
from bimodal.benchmark.comparison.sentences import comparison_sentences
from bimodal.benchmark.records.shard_file import read_shard, shard_file
from bimodal.benchmark.scoring.panel_limits import scene_choices, unseen
from bimodal.benchmark.scoring.run_episodes import read_run
from bimodal.benchmark.statistics.paired import tango
from bimodal.benchmark.suites import SUITES, find_suite
from bimodal.cli.main import main
from bimodal.envs.errors import NotComparable, WrongUse
from fabricated import run_folder
from fabricated_arms import DUMBBELL, POST, arm, columns
from scipy import stats

PANEL = SUITES["diversity"]
FIRST = PANEL.seeds.start


def test_it_is_twenty_scenes_of_the_panel_played_twenty_five_times():
    assert PANEL.tasks == SUITES["core"].tasks and PANEL.variants == ("clean",) and len(PANEL.seeds) == 500
    assert find_suite("diversity", seeds=range(50)).seeds == range(FIRST, FIRST + 50)
    assert find_suite("diversity", seeds=range(FIRST, FIRST + 50)).seeds == range(FIRST, FIRST + 50)
    for wrong in ({"seeds": range(500, 600)}, {"variants": ("contact.friction:2",)}):
        with pytest.raises(WrongUse):
            find_suite("diversity", **wrong)


@pytest.fixture(scope="module")
def played(tmp_path_factory):
    """Return the run of the expert, which tosses a coin, on two scenes."""
    out = tmp_path_factory.mktemp("diversity") / "run"
    part = ("--suite", "diversity", "--task", DUMBBELL, "--seeds", "50", "--workers", "0", "--no-videos")
    assert main(["evaluate", "expert", *part, "--out", str(out)]) == 0
    return out


def test_a_scene_begins_the_same_each_time_and_the_policy_chooses_anew(played, capsys):
    states = read_shard(shard_file(played, DUMBBELL, "clean", 0)).result.trace.states[:, 0]
    assert len(np.unique(states, axis=0)) == 2
    assert (states[:25] == states[0]).all() and (states[25:] == states[25]).all()
    run = read_run(played)
    (row,) = scene_choices(run)
    assert (row.scenes, row.episodes) == (2, 50)
    assert row.within and row.ceiling and row.within.high <= 1 and row.within.estimate > row.ceiling - 0.1
    assert main(["check", str(played)]) == 0
    capsys.readouterr()
    assert main(["measures", str(played), "--json"]) == 0
    (cell,) = json.loads(capsys.readouterr().out)
    assert cell["scene_choice"]["scenes"] == 2 and cell["scene_choice"]["within"]["estimate"] > 0.9


def fabricated(folder, choose, policy="flow"):
    """Return the run of a policy on the first 50 seeds that takes mode `choose(scene, time)`, or None."""
    modes = [choose(i // 25, i % 25) for i in range(50)]
    ends = [("COLLISION_MID", -1, 0.5, 40) if m is None else ("SUCCESS", m, float(m), 60) for m in modes]
    panel = find_suite("diversity", (DUMBBELL, POST), range(50))
    return read_run(run_folder(folder, dict.fromkeys((DUMBBELL, POST), ends), policy, suite=panel))


def test_a_choice_by_the_scene_is_not_a_choice_in_it(tmp_path):
    by_scene = scene_choices(fabricated(tmp_path / "a", lambda scene, _: scene))[0]
    assert by_scene.within and by_scene.within.estimate == 0.0 and by_scene.over_all == 1.0
    in_scene = scene_choices(fabricated(tmp_path / "b", lambda _, time: time % 2))[0]
    assert in_scene.within and in_scene.within.estimate == 1.0 and in_scene.ceiling < 1.0
    half = scene_choices(fabricated(tmp_path / "c", lambda scene, time: time % 2 if scene else None))[0]
    assert (half.scenes, half.episodes) == (1, 25)
    none = scene_choices(fabricated(tmp_path / "d", lambda *_: None))[0]
    assert none == (DUMBBELL, 0, 0, None, None, None)


def test_a_panel_says_what_it_cannot_show(tmp_path):
    assert "few scenes often" in unseen(fabricated(tmp_path / "a", lambda scene, _: scene))
    run = read_run(
        run_folder(tmp_path / "b", dict.fromkeys((DUMBBELL, POST), [("SUCCESS", 0, 0.0, 60)] * 16))
    )
    assert not scene_choices(run)
    told = unseen(run)
    assert "less than 20.1 points over all tasks, by less than 38.5 points on one" in told
    # Beside a policy that never fails the test rejects from five failures on.
    assert stats.binom.sf(4, 32, 0.2013) > 0.8 > stats.binom.sf(4, 32, 0.1995)
    assert "the rarest mode of an even choice: 40 % with 2 at 16 successes." in told


def scenes(*shares):
    """Return episodes of repeated scenes, in each of which that share of 25 succeeds."""
    hits = np.concatenate([np.arange(25) < round(25 * share) for share in shares])
    return columns(hits, seeds=FIRST + np.arange(len(hits)))


def test_scenes_and_not_episodes_count_as_pairs():
    """One scene that differs decides nothing, though it is 25 pairs; a little in every scene does."""
    even = arm("a", scenes(*[0.0] * 20))
    one = compare_two(even, arm("b", scenes(1.0, *[0.0] * 19)))
    assert one.verdict is Verdict.UNDECIDED and one.difference.low <= 0 < one.difference.high
    assert one.tasks[0].only_candidate == 25 and one.tasks[0].p_value == 1.0
    none = compare_two(even, even._replace(name="d"))
    assert none.difference == tango(0, 0, 40) and none.tasks[0].difference == tango(0, 0, 20)
    every = compare_two(even, arm("c", scenes(*[0.08] * 20)))
    assert every.verdict is Verdict.BETTER and every.scenes == 40
    assert "plays 40 scenes several times" in comparison_sentences(every)[1]
    with pytest.raises(NotComparable, match="two policies at a time"):
        rank_arms([even, even._replace(name="b"), even._replace(name="c")])


def test_it_has_no_board(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["evaluate", "expert", "--suite", "diversity", "--entry", "--workers", "0"]) == 1
    assert "has no board" in capsys.readouterr().err and not (tmp_path / "runs").exists()
