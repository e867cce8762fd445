"""Reviews: which episodes are the hardest, what is drawn of them, and the file that keeps what was said."""

import json
import re
import shutil

import numpy as np
import pyarrow.parquet as pq
import pytest
from bimodal.benchmark.artifact.pack import pack
from bimodal.benchmark.diagnosis.known_causes import known_causes
from bimodal.benchmark.evaluation.evaluate import evaluate
from bimodal.benchmark.evaluation.options import EvalOptions
from bimodal.benchmark.records.checksums import changed_files, seal
from bimodal.benchmark.report.run_report import write_report
from bimodal.benchmark.review.margin import changed, hardest, of_task
from bimodal.benchmark.review.page import ReviewPages
from bimodal.benchmark.review.paths import decisions, executed, project
from bimodal.benchmark.review.signal_plot import Curve, Plot, draw
from bimodal.benchmark.review.signals import read_episode_signals
from bimodal.benchmark.scoring.review_record import NAME, Remark, read_review
from bimodal.benchmark.scoring.run_episodes import read_run
from bimodal.benchmark.suites import SUITES
from bimodal.envs.errors import NotComparable, WrongUse
from bimodal.envs.rendering.cameras import VIEWS
from bimodal.envs.rendering.render import Renderer
from bimodal.envs.simulation import Simulation
from bimodal.policies import mpc
from bimodal.tasks import load_task
from fabricated import outcome, run_folder
from scoring import DUMBBELL, panel

POST = SUITES["smoke"].tasks[1]
TASK = load_task(DUMBBELL)
LIMIT = TASK.max_episode_steps
WIDE = outcome("SUCCESS", 0, 0.0, 10)


def fabricate(folder, episodes, policy="flow", **more):
    return read_run(run_folder(folder, {DUMBBELL: episodes, POST: [WIDE] * 16}, policy, **more))


@pytest.fixture(scope="module")
def expert(tmp_path_factory):
    run = tmp_path_factory.mktemp("expert") / "run"
    return read_run(evaluate("expert", panel(2, (DUMBBELL,)), EvalOptions(out=run, workers=0)))


@pytest.fixture(scope="module")
def planned(tmp_path_factory):
    run = tmp_path_factory.mktemp("planned") / "run"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(mpc, "CANDIDATES", 20)
        return read_run(evaluate("mpc", panel(1, (DUMBBELL,)), EvalOptions(out=run, workers=0)))


# -------------------------------------------------------------------------------------------- choice


def test_failures_come_first_by_how_early_then_successes_by_how_narrow(tmp_path):
    slow = outcome("SUCCESS", 0, 0.0, LIMIT - 2)
    near = outcome("SUCCESS", 1, 0.8, 10)
    early, late = outcome("COLLISION_MID", -1, 0.5, 10), outcome("DROP", 0, 0.0, LIMIT - 2)
    # odd seeds change side once
    run = fabricate(tmp_path / "run", [near, WIDE, late, WIDE, slow, WIDE, early])
    found = [one.episode for one in hardest(run, 12) if one.episode.film.variant == "clean"]
    assert [one.film.seed for one in found if one.film.task == DUMBBELL][:4] == [6, 2, 4, 0]
    assert [one.margin for one in found][:4] == pytest.approx([-1 + 10 / LIMIT, -2 / LIMIT, 2 / LIMIT, 0.2])
    assert len(hardest(run, 3)) == 3


def test_margins_of_successes_know_the_dead_zone_and_changes_of_side(tmp_path):
    inside, unknown = outcome("SUCCESS", 0, 0.5, 10), outcome("SUCCESS", 0, np.nan, LIMIT // 2)
    run = fabricate(tmp_path / "run", [inside, WIDE, unknown])
    margin = {one.episode.key: one.episode.margin for one in hardest(run, 1000)}
    assert margin[DUMBBELL, "clean", 0] == 0
    assert margin[DUMBBELL, "clean", 1] == 0.5  # one change of side
    assert margin[DUMBBELL, "clean", 2] == pytest.approx((LIMIT - LIMIT // 2) / LIMIT)


def test_changed_episodes_are_those_that_end_otherwise_the_largest_loss_first(tmp_path):
    middle, right = outcome("COLLISION_MID", -1, 0.5, 20), outcome("SUCCESS", 1, 1.0, 10)
    old = fabricate(tmp_path / "old", [WIDE, WIDE, middle, WIDE])
    new = fabricate(tmp_path / "new", [WIDE, middle, WIDE, right], "mse")
    found = [one for one in changed(new, old, 100) if one.episode.film.variant == "clean"]
    assert [(one.episode.film.seed, one.other.film.label) for one in found] == [
        *((1, "SUCCESS"), (3, "SUCCESS"), (2, "COLLISION_MID"))
    ]
    assert changed(new, new, 100) == []
    films = [one.episode.film for one in changed(new, old, 100)]
    alike = [(film.task, film.variant) for film in films if film.seed == 1]
    assert len(alike) > 1 and alike == sorted(alike, key=list(new.cells).index), "equal losses as in the run"


def test_runs_that_share_nothing_are_not_comparable(tmp_path, expert):
    old = fabricate(tmp_path / "old", [WIDE] * 16)
    suite = old.record.suite
    other = old._replace(
        record=old.record.model_copy(update={"suite": suite.model_copy(update={"version": "9"})})
    )
    with pytest.raises(NotComparable, match="version 9"):
        changed(old, other, 20)
    with pytest.raises(NotComparable, match="no episode in common"):
        changed(old, old._replace(cells={}), 20)


# ---------------------------------------------------------------------------------- what is shown


def test_signals_are_those_that_the_referee_saw(expert):
    episode = hardest(expert, 1)[0].episode
    signals = read_episode_signals(expert.folder, episode.film, "ee_absolute")
    assert len(signals.alpha) == episode.film.steps + 1 == signals.hands.shape[1]
    closing = np.flatnonzero(signals.opening[1:] < 0.06)[0] + 1
    assert signals.alpha[closing] == episode.alpha
    assert signals.forbidden.max() <= 1.0 and signals.opening[0] == pytest.approx(0.08, abs=1e-3)
    table = pq.read_table(expert.folder / "decisions.parquet").to_pylist()
    mine = [row for row in table if row["seed"] == episode.film.seed]
    assert signals.calls.steps.tolist() == [row["step"] for row in mine]
    assert signals.calls.latency_ms.tolist() == pytest.approx([row["latency_ms"] for row in mine])
    assert (
        signals.start
        != read_episode_signals(expert.folder, hardest(expert, 2)[1].episode.film, "ee_absolute").start
    )


def test_a_point_is_where_the_camera_shows_it(drawing):
    simulation = Simulation(TASK, 1)
    simulation.reset([3])
    state = simulation.state()
    away, marked = state.copy(), simulation.position("dumbbell")[0].copy()
    simulation.qpos[:, simulation.model.joint("dumbbell").qposadr[0]] += 5  # out of sight
    away = simulation.state()
    with Renderer(TASK, 640, 480, "policy") as renderer:
        renderer.show_robot(False)
        changed_pixels = np.abs(
            renderer.frame(state[0], "closeup").astype(int) - renderer.frame(away[0], "closeup")
        ).sum(-1)
    rows, columns = np.nonzero(changed_pixels > 30)
    u, v = project(marked, VIEWS["closeup"])
    assert columns.min() < u < columns.max() and rows.min() < v < rows.max()
    assert np.hypot(u - columns.mean(), v - rows.mean()) < 30


def test_recorded_plans_are_drawn_from_the_hand_in_the_colours_of_their_modes(planned):
    film = hardest(planned, 1)[0].episode.film
    signals = read_episode_signals(planned.folder, film, "ee_absolute")
    found = decisions(TASK, planned.record.policy, signals)
    (way,) = executed(TASK, signals)
    assert [one.step for one in found] == signals.calls.steps.tolist()
    assert {path.mode for path in found[0].paths} == {0, 1}
    for one in found:
        assert sum(path.chosen for path in one.paths) == 1
        begins = np.array([path.points[0] for path in one.paths])
        assert np.median(np.hypot(*(begins - way[one.step]).T)) < 60  # a knot ahead of the hand


def test_other_plans_and_no_plans_are_not_drawn(expert, planned):
    film = hardest(expert, 1)[0].episode.film
    signals = read_episode_signals(expert.folder, film, "ee_absolute")
    assert decisions(TASK, expert.record.policy, signals) == []
    film = hardest(planned, 1)[0].episode.film
    signals = read_episode_signals(planned.folder, film, "ee_absolute")
    odd = signals.plans._replace(candidates=signals.plans.candidates[..., :4])
    assert decisions(TASK, planned.record.policy, signals._replace(plans=odd)) == []


def test_a_curve_breaks_where_nothing_is_known_and_a_far_budget_is_not_drawn():
    values = np.array([0.0, 1.0, np.nan, 1.0])
    plot = Plot("Force", "N", (Curve("", np.arange(4), values),), line=400.0)
    picture = str(draw(plot, 3, plot.limits()))
    assert len(re.findall("M", re.search(r'class="curve c0" d="([^"]*)"', picture)[1])) == 2
    assert "nan" not in picture and "budget" not in picture
    assert 'class="budget"' in str(draw(plot, 3, (0.0, 500.0)))


def test_one_task_alone_can_be_asked_for(tmp_path):
    run = fabricate(tmp_path / "run", [WIDE] * 16)
    assert {one.episode.film.task for one in hardest(of_task(run, POST), 99)} == {POST}
    assert of_task(run, None) is run
    with pytest.raises(WrongUse, match=f"no episodes of PandaLiftPot-v1; it has those of {DUMBBELL}, {POST}"):
        of_task(run, "PandaLiftPot-v1")


# --------------------------------------------------------------------------------------- review.json


def test_what_was_said_is_kept_shown_in_the_report_and_packed(tmp_path, expert):
    folder = shutil.copytree(expert.folder, tmp_path / "run")
    write_report(folder)
    seal(folder)
    run = read_run(folder)
    pages = ReviewPages(run, hardest(run, 2))
    pages.save(1, Remark(tag="timing", note="late\n<b>grip</b>"))
    again = ReviewPages(run, hardest(run, 2))
    assert again.reviewed == 1 and 'value="timing"' in again.page(1) and "&lt;b&gt;grip" in again.page(1)
    assert changed_files(folder, (NAME, "run.json")) == []
    assert pack(folder).is_file()
    text = write_report(folder).read_text()
    assert "What a reviewer said" in text and "late<br>&lt;b&gt;grip" in text
    again.save(1, Remark(tag="", note=""))
    assert again.reviewed == 0 and "What a reviewer said" not in write_report(folder).read_text()


def test_a_review_of_another_run_is_refused(tmp_path):
    run = fabricate(tmp_path / "run", [WIDE] * 16)
    other = fabricate(tmp_path / "other", [WIDE] * 16, "mse")
    ReviewPages(other, hardest(other, 1)).save(0, Remark(tag="x", note=""))
    (other.folder / NAME).rename(run.folder / NAME)
    with pytest.raises(WrongUse, match="review of another run"):
        ReviewPages(run, hardest(run, 1))
    assert "Not shown:" in write_report(run.folder).read_text()


@pytest.mark.parametrize("content", ["", "{", "[]", '{"schema_version": 2}', "[" * 10**5])
def test_a_damaged_review_is_refused_in_one_line(tmp_path, content):
    run = fabricate(tmp_path / "run", [WIDE] * 16)
    (run.folder / NAME).write_text(content)
    with pytest.raises(WrongUse, match="is no review") as caught:
        read_review(run)
    assert "\n" not in str(caught.value)


def test_a_review_that_is_a_link_or_of_an_unknown_episode_is_refused(tmp_path):
    run = fabricate(tmp_path / "run", [WIDE] * 16)
    ReviewPages(run, hardest(run, 1)).save(0, Remark(tag="x", note=""))
    content = json.loads((run.folder / NAME).read_text())
    content["episodes"][0]["seed"] = 999
    (run.folder / NAME).write_text(json.dumps(content))
    with pytest.raises(WrongUse, match="seed 999, which is not there"):
        read_review(run)
    (run.folder / NAME).rename(tmp_path / "away.json")
    (run.folder / NAME).symlink_to(tmp_path / "away.json")
    with pytest.raises(WrongUse, match="is a link"):
        read_review(run)


def test_causes_are_shown_and_those_of_another_run_or_damaged_are_not(tmp_path):
    symptom = {"label": "SLIP", "mode": "", "alpha": None, "steps": 40, "switches": 0, "tried": []}
    cause = {"task": DUMBBELL, "variant": "clean", "seed": 3, "finding": "cause", "causes": ["timing"]}
    chance = cause | {"seed": 4, "finding": "chance", "causes": []}
    either = cause | {"seed": 5, "finding": "several", "causes": ["timing", "control"]}
    found = {"schema_version": 1, "run_id": "ab", "policy": "flow", "reruns": 8, "failures": 3, "wall_s": 1.0}
    found["episodes"] = [symptom | one for one in (cause, chance, either)]
    file = tmp_path / "causes.json"
    assert known_causes(tmp_path, "ab") == {}
    file.write_text(json.dumps(found))
    words = {3: "timing", 4: "chance", 5: "timing or control"}
    assert known_causes(tmp_path, "ab") == {(DUMBBELL, "clean", seed): said for seed, said in words.items()}
    assert known_causes(tmp_path, "cd") == {}
    for text in ("", "[]", "null", json.dumps(found | {"episodes": [1]}), "[" * 10**5):
        file.write_text(text)
        assert known_causes(tmp_path, "ab") == {}
