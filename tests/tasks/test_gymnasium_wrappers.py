"""What Gymnasium's own tools ask of the vector environment: its checker, its wrappers, attributes of rows."""

import sys
import types
import warnings

import gymnasium
import numpy as np
import pytest
from bimodal.envs.errors import BimodalError, WrongUse
from bimodal.envs.rendering import gl
from gymnasium.utils.env_checker import check_env
from gymnasium.vector import AutoresetMode
from gymnasium.wrappers.vector import RecordEpisodeStatistics, RecordVideo
from gymnasium_play import ID, PLUNGE, STAY, play, same


@pytest.fixture
def pictures():
    """Options of an environment that draws small pictures, where something can draw them."""
    try:
        gl.configure_gl()
    except BimodalError as error:
        pytest.skip(str(error))
    return {"action_space": "ee_delta", "render_mode": "rgb_array", "width": 96, "height": 96}


def test_gymnasiums_checker_is_content(pictures):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_env(gymnasium.make(ID, reward="dense", **pictures).unwrapped)


# ------------------------------------------------------------------------------------------ attributes


def test_attributes_of_rows_are_those_of_gymnasiums_own_vector():
    ours = gymnasium.make_vec(ID, num_envs=2, action_space="ee_delta")
    oracle = gymnasium.make_vec(ID, num_envs=2, action_space="ee_delta", vectorization_mode="sync")
    ours.reset(seed=0), oracle.reset(seed=0)
    for name in ("_max_episode_steps", "task_description", "action_space", "metadata", "render_mode"):
        assert ours.get_attr(name) == oracle.get_attr(name) == ours.call(name)
    assert list(ours.get_attr("observation_space")) == list(oracle.get_attr("observation_space"))
    assert [task.id for task in ours.get_attr("task")] == [task.id for task in oracle.get_attr("task")]
    assert ours.call("render") == oracle.call("render") == (None, None)
    for envs in (ours, oracle):
        envs.set_attr("curriculum", [1, 2])
        envs.set_attr("colour", "red")
    for name in ("curriculum", "colour"):
        assert ours.get_attr(name) == oracle.get_attr(name)
    for envs in (ours, oracle):
        with pytest.raises(AttributeError, match="nothing_like_it"):
            envs.get_attr("nothing_like_it")
    assert gymnasium.make_vec(ID, 3, variant="horizon.short:2").get_attr("_max_episode_steps")[0] < 100


@pytest.mark.parametrize(("name", "values", "words"), [("x", [1], "2 rows"), ("task", "y", "is fixed")])
def test_attributes_that_cannot_be_set_are_refused(name, values, words):
    envs = gymnasium.make_vec(ID, num_envs=2)
    with pytest.raises(WrongUse, match=words):
        envs.set_attr(name, values)


# ------------------------------------------------------------------------------------------ wrappers


@pytest.fixture
def clips(monkeypatch):
    """The clips that RecordVideo hands to moviepy, by file name; moviepy itself is none of our packages."""
    written = {}

    class Clip:
        def __init__(self, frames, fps):
            self.frames, self.fps = frames, fps

        def write_videofile(self, path, **_):
            written[path.split("/")[-1]] = self

    module = types.ModuleType("moviepy.video.io.ImageSequenceClip")
    module.ImageSequenceClip = Clip
    for name in ("moviepy", "moviepy.video", "moviepy.video.io"):
        monkeypatch.setitem(sys.modules, name, types.ModuleType(name))
    monkeypatch.setitem(sys.modules, module.__name__, module)
    return written


@pytest.mark.parametrize("mode", [AutoresetMode.NEXT_STEP, AutoresetMode.SAME_STEP])
def test_videos_and_statistics_of_episodes_are_those_of_single_environments(tmp_path, pictures, clips, mode):
    single = gymnasium.make(ID, **pictures)
    expected = []
    single.reset(seed=0)
    lengths = [len(play(single, [PLUNGE] * 60))]
    single.reset()
    expected.append(single.render())
    for action in [PLUNGE] * 60:
        _, _, terminated, *_ = single.step(action)
        expected.append(single.render())
        if terminated:
            break
    lengths.append(len(expected) - 1)

    envs = gymnasium.make_vec(ID, num_envs=2, autoreset_mode=mode, **pictures)
    options = {"record_first_only": True, "episode_trigger": lambda episode: episode == 1}
    envs = RecordVideo(RecordEpisodeStatistics(envs), str(tmp_path / "clips"), **options)
    envs.reset(seed=0)
    told = []
    while len(told) < 2:
        *_, infos = envs.step(np.stack([PLUNGE, STAY]))
        if infos.get("_episode", [False])[0]:
            told.append(int(infos["episode"]["l"][0]))
    envs.close()
    assert told == lengths
    (clip,) = clips.values()
    assert list(clips) == ["rl-video-episode-1.mp4"] and clip.fps == 20
    # same-step: what follows the last frame is already the next episode
    kept = expected if mode is AutoresetMode.NEXT_STEP else expected[:-1]
    assert all(same(np.asarray(a), b) for a, b in zip(clip.frames, kept, strict=True))
