"""Pictures of demonstrations are those that the evaluator would show, and are drawn once."""

import numpy as np
import pytest
from bimodal.benchmark.rollout.observation import Observer
from bimodal.envs.errors import BimodalError, WrongUse
from bimodal.envs.simulation import Simulation
from bimodal.policies import Needs
from bimodal.tasks import load_task
from bimodal.tasks.demonstrations import collect as demonstrations
from bimodal.tasks.demonstrations import pictures

TASK = load_task("PandaLiftDumbbell-v1")
NAMES = ("front_image", "wrist_image")


@pytest.fixture(scope="module")
def shown(tmp_path_factory):
    """A file of four demonstrations: both modes of two scenes."""
    file = tmp_path_factory.mktemp("demos") / "bi50-4-s0.npz"
    return demonstrations.save(demonstrations.collect(TASK, "bi50", 4), file)


@pytest.fixture(scope="module")
def drawn(shown):
    return pictures.demonstration_pictures(shown, NAMES, 96)


def test_a_picture_of_a_demonstration_is_what_the_evaluator_shows_of_the_same_state(shown, drawn):
    demos = demonstrations.load(shown)
    simulation = Simulation(TASK, 4)
    simulation.reset(demos.seeds)
    observer = Observer(TASK, simulation, Needs(NAMES, n_action_steps=1, image_size=96))
    states = np.stack(list(demonstrations.played_states(demos)))
    moving = 0
    for frame in (12, 36, 71):
        simulation.restore(states[:, frame])
        seen = observer.see(frame, np.ones(4, bool))
        for row in np.flatnonzero(drawn.frames == frame):
            moving += 1
            for name in NAMES:
                assert np.array_equal(drawn.images[name][row], seen[name][drawn.episodes[row]])
    assert moving == 6
    assert len(np.unique(drawn.images["wrist_image"], axis=0)) > len(drawn.frames) / 2, "the hand moves"


def test_every_sixth_step_is_drawn_of_all_modes_of_a_scene_and_the_next_scene_begins_elsewhere(shown, drawn):
    demos = demonstrations.load(shown)
    length = demos.actions.shape[1]
    assert demos.modes.tolist() == [0, 1, 0, 1] and demos.seeds[0] == demos.seeds[1] != demos.seeds[2]
    for episode, first in enumerate((0, 0, 5, 5)):
        assert np.array_equal(drawn.frames[drawn.episodes == episode], np.arange(first, length, 6))
    shows = demos.modes[drawn.episodes]
    assert all((shows[drawn.frames == step] == 0).mean() == 0.5 for step in np.unique(drawn.frames))
    assert all(image.shape == (len(drawn.frames), 96, 96, 3) for image in drawn.images.values())


def test_pictures_are_drawn_once_and_again_where_the_file_does_not_fit(shown, drawn, tmp_path, monkeypatch):
    times = []
    draw = pictures.draw
    monkeypatch.setattr(pictures, "draw", lambda *given: times.append(given) or draw(*given))
    again = pictures.demonstration_pictures(shown, NAMES, 96)
    assert not times
    assert np.array_equal(again.images["front_image"], drawn.images["front_image"])
    # 1. damaged
    kept = pictures.pictures_file(shown, NAMES, 96)
    whole = kept.read_bytes()
    for damaged in (b"", whole[: len(whole) // 2], whole[:5000] + bytes(2000) + whole[7000:]):
        kept.write_bytes(damaged)
        found = pictures.demonstration_pictures(shown, NAMES, 96)
        assert np.array_equal(found.images["wrist_image"], drawn.images["wrist_image"])
    assert len(times) == 3 and kept.read_bytes() == whole
    # 2. of other demonstrations
    demonstrations.save(demonstrations.collect(TASK, "bi50", 2, seed=1), shown)
    other = pictures.demonstration_pictures(shown, NAMES, 96)
    assert len(times) == 4
    assert not np.array_equal(other.images["front_image"], drawn.images["front_image"])


def test_what_cannot_be_drawn_is_refused_in_one_line(shown, tmp_path):
    with pytest.raises(BimodalError, match="unknown picture 'top_image'"):
        pictures.demonstration_pictures(shown, ("top_image",), 96)
    with pytest.raises(WrongUse, match="pictures of 100 pixels do not exist"):
        pictures.demonstration_pictures(shown, NAMES, 100)
    with pytest.raises(WrongUse, match="no demonstrations at"):
        pictures.demonstration_pictures(tmp_path / "none.npz", NAMES, 96)
    demos = demonstrations.load(shown)
    foreign = demonstrations.save(
        demos._replace(meta={"digest": demos.meta["digest"]}), tmp_path / "foreign.npz"
    )
    with pytest.raises(WrongUse, match="does not say of which task it is"):
        pictures.demonstration_pictures(foreign, NAMES, 96)
