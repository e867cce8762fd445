"""The report of fabricated runs whose numbers are known by hand."""

import html
import re

import numpy as np
import pytest
from bimodal.benchmark.number_text import bounds, percent, points, short_name, signed_bounds
from bimodal.benchmark.records.run_record import SeedPanel
from bimodal.benchmark.records.shard_file import slug
from bimodal.benchmark.report.inline_bars import interval_bar, label_bar, share_bar
from bimodal.benchmark.report.mixture_plot import Act, mixture_plot
from bimodal.benchmark.report.run_origin import reproduce
from bimodal.benchmark.report.run_report import certified_zone, write_report
from bimodal.benchmark.report.video_gallery import clips
from bimodal.benchmark.scoring.run_episodes import read_run
from bimodal.benchmark.scoring.task_scores import score_run, score_suite, score_task
from bimodal.benchmark.statistics.rates import Interval
from bimodal.benchmark.suites import SUITES
from bimodal.envs.errors import BimodalError
from bimodal.tasks import load_task
from episode_columns import columns
from fabricated import outcome, run_folder

DUMBBELL, POST = SUITES["smoke"].tasks
LEFT, RIGHT = outcome("SUCCESS", 0, 0.02, 80), outcome("SUCCESS", 1, 0.99, 90)
MIDDLE, IDLE = outcome("COLLISION_MID", -1, 0.5, 40), outcome("NO_ATTEMPT")
AVERAGES = [MIDDLE] * 13 + [LEFT, RIGHT, IDLE]
COMMITS = [LEFT, RIGHT] * 7 + [LEFT, IDLE]


@pytest.fixture
def run(tmp_path):
    return run_folder(tmp_path / "run", {DUMBBELL: AVERAGES, POST: COMMITS})


def text_of(page):
    """Return what a reader reads, without pictures and script."""
    body = re.sub(r"<(svg|style|title|script).*?</\1>", " ", page.split("<body>")[1], flags=re.DOTALL)
    body = re.sub(r"</?a\b[^>]*>", "", body)
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", body)).split())


# ------------------------------------------------------------------------------------------- numbers


def test_a_task_is_scored_by_hand():
    found = score_task(DUMBBELL, "clean", columns(["SUCCESS"] * 3 + ["SLIP"], [0, 0, 1, -1]))
    assert (found.episodes, found.successes, found.modes) == (4, 3, {"left bar": 2, "right bar": 1})
    assert found.minority_share == pytest.approx(1 / 3)
    assert found.averaging_failures == 0


def test_summary_weighs_tasks_equally_and_names_the_most_one_sided(run):
    total = score_suite(score_run(read_run(run)))
    assert total.success.estimate == pytest.approx((2 / 16 + 15 / 16) / 2)
    assert total.averaging.estimate == pytest.approx(13 / 16 / 2)
    assert (total.narrowest.task, total.minority_share) == (POST, pytest.approx(7 / 15))


def test_summary_leaves_variants_out_of_the_headline():
    clean = score_task(DUMBBELL, "clean", columns(["SUCCESS"], [0]))
    pushed = score_task(DUMBBELL, "push-2", columns(["SLIP"], [0]))
    assert score_suite([clean, pushed]).success.estimate == 1.0
    assert score_suite([pushed]).success.estimate == 0.0


def test_a_run_that_lacks_a_task_is_refused(run):
    folder = run_folder(run, {DUMBBELL: AVERAGES})
    with pytest.raises(BimodalError, match=f"no episodes of {POST}"):
        read_run(folder)


def test_task_ids_read_as_words():
    assert short_name("PandaPickAroundPost-v1") == "Pick Around Post"


# ------------------------------------------------------------------------------------------ pictures


def test_percent_never_rounds_to_all_or_nothing():
    assert [percent(value) for value in (1.0, 0.0, 0.999, 0.001, 0.5, None)] == [
        "100",
        "0",
        "99.9",
        "0.1",
        "50",
        "–",
    ]
    assert [percent(share) for share in (0.9958, 0.9951, 0.9999, 0.0042, 0.00001)] == [
        "99.6",
        "99.5",
        "99.9",
        "0.4",
        "0.1",
    ]
    assert percent(0.99999, 1) == "99.9"
    assert percent(0.00004, 2) == "0.01"


def test_intervals_are_rounded_outwards_and_estimates_to_the_nearest():
    change = Interval(-0.107, -0.155, -0.0649)
    assert (points(change.estimate), signed_bounds(change)) == ("-11", "[-16,-6]")
    assert bounds(Interval(0.99, 0.9832, 0.9961)) == "[98,100]"
    assert points(-0.004) == "+0"
    assert "99.0 %, interval [98,100]" in interval_bar(Interval(0.99, 0.9832, 0.9961))


def test_interval_bar_draws_to_scale():
    drawn = interval_bar(Interval(0.5, 0.25, 0.75))
    assert 'width="50.0"' in drawn
    assert "M25.0 6H75.0" in drawn
    assert "50.0 %, interval [25,75]" in drawn


def test_bars_have_one_part_for_each_count_that_is_not_zero():
    assert share_bar({"left": 3, "right": 0}).count('class="part') == 1
    eight = share_bar({str(mode): 1 for mode in range(8)})
    assert set(re.findall(r'class="part (\w+)"', eight)) == {f"mode{mode}" for mode in range(8)}
    assert share_bar({"left": 0, "right": 0}).count('class="part') == 0
    assert "no success" in share_bar({"left": 0, "right": 0})
    assert label_bar({"SUCCESS": 5, "COLLISION_MID": 2, "SLIP": 1}).count('class="part') == 3


def test_mixture_plot_marks_every_episode_that_acted():
    acts = [
        Act(0, "SUCCESS", "l", 0.0),
        Act(1, "COLLISION_MID", None, 0.5),
        Act(2, "NO_ATTEMPT", None, float("nan")),
    ]
    drawn = mixture_plot(acts, ("l", "r"), (0.25, 0.75))
    assert drawn.count('<path class="act ') == 2
    assert "1 succeeded: l, 1 averaged: the average, 0 succeeded: r" in drawn
    assert "seed 1: COLLISION_MID, α = 0.50" in drawn


def test_mixture_plot_of_more_than_two_modes_shows_the_distance_from_the_nearest():
    acts = [Act(0, "SUCCESS", "a", 0.01), Act(1, "SUCCESS", "c", 0.02), Act(2, "COLLISION_MID", None, 0.57)]
    drawn = mixture_plot(acts, ("a", "b", "c"), (0.3, 0.58))
    assert "2 succeeded: one of 3 grasps, 1 averaged: between them" in drawn
    assert drawn.count('<rect class="bar"') == 1 and drawn.count('<path class="act ') == 3
    width = float(re.search(r'<rect class="zone"[^>]* width="([\d.]+)"', drawn)[1])
    assert width / 464 * 1.27 == pytest.approx(0.28, abs=0.001), "beyond what is certified nothing is shaded"


def test_the_zone_that_is_shaded_is_the_one_that_the_certificate_tried():
    assert certified_zone(load_task(DUMBBELL)) == load_task(DUMBBELL).dead_zone
    # Three grasps, equally far apart: the certificate goes half-way between two, and to the middle of all.
    corners = np.array([[0.0, 0, 0, 0], [0.1, 0, 0, 0], [0.05, 0.1 * 0.75**0.5, 0, 0]])
    triangle = type("T", (type(load_task(DUMBBELL)),), {"modes": ("a", "b", "c"), "grasps": corners})
    assert certified_zone(triangle()) == (0.25, pytest.approx(3**-0.5))


def test_mixture_plot_places_marks_by_alpha():
    acts = [Act(seed, "SUCCESS", "l", alpha) for seed, alpha in enumerate((0.0, 0.5, 1.0, 9.0))]
    drawn = mixture_plot(acts, ("l", "r"), (0.25, 0.75))
    x = [
        float(found)
        for found in re.findall(r'<path class="act success" transform="translate\(([\d.]+) ', drawn)
    ]
    assert x[1] == 240.0
    assert x[1] - x[0] == pytest.approx(x[2] - x[1], abs=0.11)
    assert x[2] < x[3] <= 480


def test_pictures_escape_names():
    hostile = "<script>"
    drawn = mixture_plot([Act(0, "SUCCESS", hostile, 0.0)], (hostile, "r"), (0.25, 0.75)) + share_bar(
        {hostile: 1}
    )
    assert "<script" not in drawn


# -------------------------------------------------------------------------------------------- report


def test_report_says_the_numbers(run):
    text = text_of(write_report(run).read_text())
    assert "Succeeds 53.1 %" in text
    assert "Averages two grasps 40.6 %" in text
    assert "13 episodes of 32 failed between the modes" in text
    told = "47 % [21,74] of successes in Pick Around Post, its most one-sided task: 8 left lane, 7 right lane"
    assert told in text
    assert "Decides in 1.5 ms" in text
    assert "1 left bar · 1 right bar" in text
    assert "2 SUCCESS · 13 COLLISION_MID · 1 NO_ATTEMPT" in text
    assert "Not drawn: 1 episode in which the hand never acted." in text
    assert "bimodal evaluate flow --suite smoke" in text
    assert re.search(
        r"Pick Around Post 93\.8 \[69,100\] 0\.0 \[0,21\] 47 1\.5 3\.2 94 100 \[78,100\] 100 100 ", text
    ), text


def test_report_of_nothing_but_failures_has_no_modes(tmp_path):
    folder = run_folder(tmp_path, {DUMBBELL: [IDLE] * 16, POST: [IDLE] * 16}, latency_ms={})
    text = text_of(write_report(folder).read_text())
    assert "nothing succeeded, so no mode was chosen" in text
    assert "Decides in – ms" in text


def test_report_escapes_what_the_policy_says(tmp_path):
    folder = run_folder(tmp_path, {DUMBBELL: COMMITS, POST: COMMITS}, policy="<script>alert(1)</script>")
    page = write_report(folder).read_text()
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page


def test_report_loads_nothing_from_elsewhere(run):
    (run / "videos").mkdir()
    (run / "videos" / f"{DUMBBELL}-13-x.mp4").write_bytes(b"")
    page = write_report(run).read_text()
    found = {name for name in re.findall(r'(?:src|href|poster)="([^"]*)"', page) if name[0] != "#"}
    assert found == {f"videos/{DUMBBELL}-13-x.mp4", "episodes.csv", "episodes.json"}
    assert not re.search(r"url\((?!#)", page), "patterns of the page itself may be named"
    assert re.search(r"default-src 'none'.* script-src 'sha256-[^ ']+'; ", page)


def test_videos_take_their_verdict_from_the_records(run):
    (run / "videos").mkdir()
    for name in (f"{POST}-0-x", f"{DUMBBELL}-0-SUCCESS", f"{DUMBBELL}-13", f"{DUMBBELL}-999", "odd name"):
        (run / "videos" / f"{name}.mp4").write_bytes(b"")
    found = clips(read_run(run))
    assert list(found) == [DUMBBELL, POST, ""]
    assert [clip.caption for clip in found[DUMBBELL]] == [
        "SUCCESS, left bar · seed 13",
        "COLLISION_MID · seed 0",
    ]
    assert len(found[""]) == 2


def test_videos_of_variants_are_told_from_their_seeds(run):
    (run / "videos").mkdir()
    (run / "videos" / f"{DUMBBELL}-push-2-13-SUCCESS.mp4").write_bytes(b"")
    found = read_run(run)
    found.cells[DUMBBELL, "push-2"] = found.cells.pop((DUMBBELL, "clean"))
    assert [clip.seed for clip in clips(found)[DUMBBELL]] == [13]


def test_a_perturbed_clip_says_so_and_comes_after_the_clean_ones(run):
    variant = SUITES["smoke"].variants[1]
    (run / "videos").mkdir()
    for part in ("", f"{slug(variant)}-"):
        (run / "videos" / f"{DUMBBELL}-{part}0-x.mp4").write_bytes(b"")
    found = clips(read_run(run))[DUMBBELL]
    assert [(clip.variant, clip.caption) for clip in found] == [
        ("clean", "COLLISION_MID · seed 0"),
        (variant, f"COLLISION_MID · seed 0 · {variant}"),
    ]
    assert f"seed 0 · {variant}" in text_of(write_report(run).read_text())


def test_the_report_and_the_board_say_the_same_time_of_a_decision(tmp_path):
    times = {DUMBBELL: {"p50": 1.0, "p99": 2, "batch": 1, "decisions": 9}}
    times[POST] = times[DUMBBELL] | {"p50": 4.0}
    folder = run_folder(tmp_path, {DUMBBELL: COMMITS, POST: COMMITS}, latency_ms=times)
    assert "Decides in 2.5 ms" in text_of(write_report(folder).read_text())


def test_training_reads_as_one_line_a_task(tmp_path):
    training = {
        DUMBBELL: {"steps": 1000, "loss": 0.0128622, "data": {"digest": "ab" * 32}},
        POST: {"steps": 5},
    }
    folder = run_folder(tmp_path, {DUMBBELL: COMMITS, POST: COMMITS}, training=training)
    page = write_report(folder).read_text()
    assert f"{DUMBBELL}: steps 1000, loss 0.01286, data (digest abababababab…)\n{POST}: steps 5" in page


def test_depth_of_training_is_cut_not_followed(tmp_path):
    training = "deep"
    for _ in range(300):
        training = {"a": [training]}
    folder = run_folder(tmp_path, {DUMBBELL: COMMITS, POST: COMMITS}, training=training)
    assert "<dd>a (…)</dd>" in write_report(folder).read_text()


def test_command_to_run_again_names_what_was_cut(run):
    whole = read_run(run).record
    seeds = SeedPanel(start=4, count=3, shifted=3)
    cut = {"name": "smoke*", "tasks": (DUMBBELL,), "seeds": seeds, "variants": ("clean", "sensing.noise:1")}
    record = whole.model_copy(update={"suite": whole.suite.model_copy(update=cut)})
    command = f"bimodal evaluate flow --suite smoke --task {DUMBBELL} --seeds 4..6"
    assert reproduce(record) == f"{command} --variant clean --variant sensing.noise:1"
