"""Videos: the right episodes, files that every browser plays, and what is written on them."""

import subprocess
from pathlib import Path

import imageio_ffmpeg
import numpy as np
import pyarrow.parquet as pq
import pytest
from bimodal.benchmark.evaluation.evaluate import evaluate
from bimodal.benchmark.evaluation.options import EvalOptions
from bimodal.benchmark.media.encode import encode
from bimodal.benchmark.media.episode_story import tell_story
from bimodal.benchmark.media.filmed_episodes import episodes_to_film
from bimodal.benchmark.media.video_frames import FREEZE_S, HOLD_S, ending, replayed_states, write_videos
from bimodal.benchmark.media.videos import render_videos
from bimodal.benchmark.report.video_gallery import clips
from bimodal.benchmark.scoring.run_episodes import read_run
from bimodal.benchmark.suites import SUITES, find_suite
from bimodal.envs.errors import BimodalError, WrongUse
from bimodal.envs.frames import to_frame
from bimodal.envs.perturbations.core.variant import CLEAN
from bimodal.envs.rendering.colours import OUTCOME_COLOURS
from bimodal.envs.rendering.render import Renderer
from bimodal.envs.simulation import Simulation
from bimodal.tasks import load_task
from bimodal.tasks.core.outcomes import OUTCOMES
from bimodal.tasks.lift_dumbbell import HUB
from fabricated import outcome, run_folder
from PIL import Image

TASKS = ("PandaLiftDumbbell-v1", "PandaLiftPot-v1")
SIZE, HOLD, FREEZE = (192, 144), round(20 * HOLD_S), round(20 * FREEZE_S)


@pytest.fixture(scope="module")
def expert(tmp_path_factory):
    return evaluate(
        "expert",
        find_suite("core", tasks=TASKS, seeds=range(8), variants=()),
        EvalOptions(workers=0, out=tmp_path_factory.mktemp("e") / "run"),
    )


@pytest.fixture(scope="module")
def mean(tmp_path_factory):
    return evaluate(
        "mean",
        find_suite("core", tasks=TASKS, seeds=range(3), variants=()),
        EvalOptions(workers=0, out=tmp_path_factory.mktemp("m") / "run"),
    )


@pytest.fixture(scope="module")
def filmed(drawing, mean):
    seen = []
    paths = render_videos(
        mean, size=SIZE, processes=2, progress=lambda done, total: seen.append((done, total))
    )
    return paths, seen


def read(path):
    """Return what the container says and all pictures, (T, H, W, 3)."""
    reader = imageio_ffmpeg.read_frames(str(path))
    about = next(reader)
    wide, tall = about["size"]
    return about, np.stack([np.frombuffer(part, np.uint8).reshape(tall, wide, 3) for part in reader])


def test_endings_have_plain_words_in_the_colour_of_their_group():
    for name, known in OUTCOMES.items():
        words, colour = ending(name)
        assert name not in words and ("averaged" in words) == known.averaging, words
        assert colour == OUTCOME_COLOURS[known.group]


# -------------------------------------------------------------------------------------------- choice


def test_one_success_of_each_mode_is_chosen_lowest_seed_first(expert):
    rows = pq.read_table(expert / "episodes.parquet").to_pylist()
    wanted = {}
    for row in sorted(rows, key=lambda row: row["seed"]):
        wanted.setdefault((row["task"], row["mode_name"]), row["seed"])
    assert {(episode.task, episode.mode): episode.seed for episode in episodes_to_film(expert)} == wanted
    assert len(wanted) == 4 and {episode.label for episode in episodes_to_film(expert)} == {"SUCCESS"}


def test_one_episode_of_every_failure_is_chosen(mean):
    assert [(episode.task, episode.label, episode.seed) for episode in episodes_to_film(mean)] == [
        (task, "COLLISION_MID", 0) for task in TASKS
    ]


def test_every_variant_is_filmed_even_if_it_breaks_nothing(tmp_path):
    variants = SUITES["smoke"].variants
    won = [outcome("SUCCESS", 0, 0.0)] * 16
    folder = run_folder(tmp_path, dict.fromkeys(SUITES["smoke"].tasks, won))
    found = {episode.variant: episode for episode in episodes_to_film(folder)}
    assert list(found) == list(variants), "in their order, in every process"
    for name, one in found.items():
        assert (one.seed, one.label) == (0, "SUCCESS")
        assert one.twin == (None if name == CLEAN else one._replace(variant=CLEAN, twin=None))
        assert ("beside_clean" in one.file) == (name != CLEAN)


def test_a_brief_choice_has_every_outcome_once_and_of_many_tasks(tmp_path):
    first, second = SUITES["smoke"].tasks
    labels = ("SUCCESS", "COLLISION_MID", "SUCCESS", "TIMEOUT")
    outcomes = [outcome(label, 0 if label == "SUCCESS" else -1, 0.0) for label in labels] * 4
    failures = [outcomes[0], outcomes[0], outcomes[1], outcomes[0]] * 4
    folder = run_folder(tmp_path, {first: outcomes, second: failures})
    assert [(one.task, one.label, one.seed) for one in episodes_to_film(folder, brief=True)] == [
        (first, "SUCCESS", 0),
        (second, "COLLISION_MID", 2),
        (first, "TIMEOUT", 3),
    ]


# ------------------------------------------------------------------------------------------- files


def test_a_video_is_h264_that_browsers_play_and_lasts_as_long_as_the_episode(filmed, mean):
    for path, episode in zip(filmed[0], episodes_to_film(mean), strict=True):
        about, pictures = read(path)
        assert about["codec"] == "h264" and about["pix_fmt"].startswith("yuv420p")
        assert about["fps"] == 20 and about["size"] == SIZE
        assert len(pictures) == episode.steps + 1 + FREEZE + HOLD
        data = path.read_bytes()
        assert data.index(b"moov") < data.index(b"mdat"), "a browser must see the index first"


def test_progress_counts_every_video(filmed):
    assert filmed[1] == [(0, 2), (1, 2), (2, 2)]


def test_nothing_but_videos_and_their_stills_is_left_in_the_folder(filmed, mean):
    names = [path.with_suffix(kind).name for path in filmed[0] for kind in (".mp4", ".jpg")]
    assert sorted(file.name for file in (mean / "videos").iterdir()) == sorted(names)


def test_the_report_finds_episode_and_verdict_of_every_video(filmed, mean):
    found = [clip for shown in clips(read_run(mean)).values() for clip in shown]
    assert [(c.task, c.seed, c.label) for c in found] == [
        (s.task, s.seed, s.label) for s in episodes_to_film(mean)
    ]
    for clip in found:
        assert clip.poster, "the page shows a still before the video plays"
        difference = np.asarray(Image.open(clip.poster)).astype(int) - read(clip.file)[1][-1]
        assert np.abs(difference).mean() < 6, "it is the end, with the verdict"


def test_existing_videos_are_kept_and_missing_ones_made_the_same(filmed, mean):
    first, second = filmed[0]
    kept, content = second.stat().st_mtime_ns, first.read_bytes()
    first.unlink()
    seen = []
    assert render_videos(mean, size=SIZE, processes=0, progress=lambda *at: seen.append(at)) == filmed[0]
    assert second.stat().st_mtime_ns == kept
    assert first.read_bytes() == content
    assert seen == [(1, 2), (2, 2)]


def test_a_shifted_episode_stands_beside_its_clean_twin_in_step(drawing, mean):
    alone = episodes_to_film(mean)[0]
    (path,) = write_videos(mean, [alone._replace(twin=alone)], "closeup", SIZE, 20)
    about, pictures = read(path)
    assert about["size"] == (288, 108), "two panes of three quarters"
    assert len(pictures) == alone.steps + 1 + FREEZE + HOLD
    left, right = np.split(pictures.astype(int), 2, axis=2)
    assert np.abs(left - right)[:, :, 6:-6].mean() < 3, "here both are the same episode"
    (wide,) = [clip for shown in clips(read_run(mean)).values() for clip in shown if clip.wide]
    assert (wide.seed, wide.label) == (alone.seed, alone.label)
    path.unlink()
    path.with_suffix(".jpg").unlink()


# ------------------------------------------------------------------------------------------ stories


def test_of_an_average_the_touch_of_the_hub_is_told_and_marked(mean):
    episode = episodes_to_film(mean)[0]
    story = tell_story(episode, replayed_states(mean, episode, "ee_absolute"))
    assert story.moment == episode.steps and story.sentence == "here it touches the hub, between the modes"
    simulation = Simulation(load_task(TASKS[0]), 1)
    simulation.reset([episode.seed])
    simulation.restore(story.states[-1:])
    touched = to_frame(story.contact[None], simulation.frame)[0] - [0, 0, HUB[2] / 2]
    assert np.abs(np.abs(touched) - np.array(HUB) / 2).min() < 0.002, "on a face of the hub"
    assert (np.abs(touched) < np.array(HUB) / 2 + 0.002).all()
    assert np.allclose(
        to_frame(story.grasps[:, :3], np.repeat(simulation.frame, 2, 0)), load_task(TASKS[0]).grasps[:, :3]
    )


def test_of_a_success_the_grasp_is_told_and_the_hold_fills_in_its_last_half_second(expert):
    for episode in episodes_to_film(expert)[:2]:
        story = tell_story(episode, replayed_states(expert, episode, "ee_absolute"))
        assert story.sentence == f"here it commits: {episode.mode}" and story.contact is None
        assert np.allclose(story.hold[-11:], np.arange(11) / 10) and story.hold[:-10].max() < 1
        assert 20 < story.moment < episode.steps - 10


# ----------------------------------------------------------------------------------------- pictures


def test_band_inset_and_verdict_are_drawn_over_the_scene(filmed):
    pictures = read(filmed[0][0])[1].astype(int)
    task = load_task(TASKS[0])
    simulation = Simulation(task, 1)
    simulation.reset([0])
    with Renderer(task, *SIZE, "video") as renderer:
        bare = renderer.frame(simulation.state()[0], "closeup").astype(int)
    difference = np.abs(pictures[0] - bare).mean(-1)
    assert np.median(difference[30:90, :110]) < 5, "the scene stays as it is, but for the planned way"
    assert difference[-22:-8, 20:-20].mean() > 25, "the band"
    assert difference[8:40, -60:-10].mean() > 10, "the wrist camera's picture"
    orange = (pictures[..., 0] > 150) & (pictures[..., 1:].max(-1) < 110)
    pill = orange[:, -48:-22, 20:60].mean(axis=(1, 2))
    assert pill[-HOLD:].min() > 0.3 and pill[:-HOLD].max() < 0.05, "the verdict comes at the end and stays"


def test_the_robot_moves_until_the_verdict_and_then_stands(filmed):
    pictures = read(filmed[0][0])[1].astype(int)
    moved = np.abs(np.diff(pictures[:, 20:100], axis=0)).max(axis=(1, 2, 3))
    assert (moved[: -HOLD - FREEZE - 1] > 10).mean() > 0.8
    assert moved[-HOLD + 2 :].max() < 25


# ------------------------------------------------------------------------------------------- faults


def test_an_encoder_that_cannot_write_is_an_error_and_leaves_nothing(tmp_path):
    picture = np.zeros((96, 96, 3), np.uint8)
    with pytest.raises(BimodalError, match="No such file or directory"):
        encode(tmp_path / "gone" / "a.mp4", [picture] * 200, (96, 96), 20)
    assert not list(tmp_path.iterdir())


def test_a_relative_folder_that_looks_like_a_protocol_holds_a_video(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("x:y").mkdir()
    encode(Path("x:y/a.mp4"), [np.full((96, 96, 3), 80, np.uint8)] * 3, (96, 96), 20)
    assert len(read(tmp_path / "x:y" / "a.mp4")[1]) == 3


def test_the_encoder_leaves_what_is_typed_for_the_next_command(tmp_path, monkeypatch):
    heard, begin = [], subprocess.Popen.__init__

    def started(process, words, **more):
        heard.extend([more.get("stdin")] * ("-i" in words))
        begin(process, words, **more)

    monkeypatch.setattr(subprocess.Popen, "__init__", started)
    encode(tmp_path / "a.mp4", [np.full((96, 96, 3), 80, np.uint8)] * 3, (96, 96), 20)
    assert len(heard) > 1 and None not in heard, "ffmpeg reads the terminal unless it is given another input"


def test_an_encoder_that_fails_is_an_error_and_leaves_nothing(tmp_path, monkeypatch):
    broken = tmp_path / "ffmpeg"
    broken.write_text("#!/bin/sh\ncat > /dev/null\nexit 1\n")
    broken.chmod(0o755)
    monkeypatch.setattr("imageio_ffmpeg._io.get_ffmpeg_exe", lambda: str(broken))
    with pytest.raises(BimodalError, match="the encoder failed") as caught:
        encode(tmp_path / "a.mp4", [np.zeros((96, 96, 3), np.uint8)] * 3, (96, 96), 20)
    assert "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == [broken]


def test_a_failure_while_drawing_leaves_no_half_video(tmp_path):
    def pictures():
        yield np.zeros((96, 96, 3), np.uint8)
        raise RuntimeError("the scene broke")

    with pytest.raises(RuntimeError, match="the scene broke"):
        encode(tmp_path / "a.mp4", pictures(), (96, 96), 20)
    assert not list(tmp_path.iterdir())


def test_a_size_that_h264_cannot_hold_is_refused(mean):
    with pytest.raises(WrongUse, match="must be even"):
        render_videos(mean, size=(193, 144))


def test_without_opengl_the_run_stays_and_the_message_helps(mean, monkeypatch):
    monkeypatch.setenv("MUJOCO_GL", "none")
    with pytest.raises(BimodalError, match="cannot draw"):
        render_videos(mean)
