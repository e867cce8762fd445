"""Policies that see: pictures of an episode alone, drawn for decisions, tracks by what is read, refusals."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from bimodal.benchmark.evaluation.describe import describe
from bimodal.benchmark.evaluation.options import EvalOptions
from bimodal.benchmark.isolation import channel
from bimodal.benchmark.media.episode_story import policy_views
from bimodal.benchmark.media.filmed_episodes import FilmedEpisode
from bimodal.benchmark.records.replay import replay
from bimodal.benchmark.records.same_machine import compare_machines
from bimodal.benchmark.rollout.observation import Observer
from bimodal.benchmark.rollout.shard import Shard, check_needs, run_shard
from bimodal.benchmark.rollout.track import track_of
from bimodal.benchmark.suites import find_suite
from bimodal.envs.errors import BimodalError, WrongUse
from bimodal.envs.perturbations.core.variant import Variant
from bimodal.envs.rendering import gl
from bimodal.envs.rendering.render import Renderer
from bimodal.envs.simulation import Simulation
from bimodal.policies.baselines import Zero
from bimodal.policies.core.policy import Needs, Policy
from bimodal.tasks import load_task

EXAMPLES = Path(__file__).parents[2] / "examples"
TASK = load_task("PandaLiftDumbbell-v1")
HAND = ("tcp_position", "tcp_rotation", "gripper_opening")
ALL = np.ones(3, bool)


class Blind(Policy):
    """Asks for the hand alone."""

    def needs(self):
        return Needs(HAND)


class Seeing(Policy):
    """Asks for pictures and words."""

    def needs(self):
        return Needs(("front_image", "instruction"))


def looking(variant="clean", seeds=(4, 5, 6), **needs):
    """Return an observer of episodes at their start, and their simulation."""
    simulation = Simulation(TASK, len(seeds), variant=Variant(variant))
    simulation.reset(seeds)
    needs = {"observations": ("front_image", "wrist_image"), **needs}
    return Observer(TASK, simulation, Needs(**needs)), simulation


def moved(simulation, steps):
    plan = TASK.plan(simulation, np.arange(simulation.n) % 2)
    for step in range(steps):
        simulation.step(plan[:, step])


@pytest.mark.parametrize("variant", ["clean", "scene.texture:2"])
def test_the_picture_of_an_episode_does_not_depend_on_its_companions(drawing, variant):
    together, simulation = looking(variant)
    moved(simulation, 3)
    alone, single = looking(variant, seeds=(5,))
    plan = TASK.plan(single, np.ones(1, int))
    for step in range(3):
        single.step(plan[:, step])
    seen = together.see(8, ALL)
    own = alone.see(8, ALL[:1])
    for name in ("front_image", "wrist_image"):
        assert seen[name].shape == (3, 96, 96, 3) and seen[name].dtype == np.uint8
        assert np.array_equal(seen[name][1], own[name][0]), name
        assert not np.array_equal(seen[name][1], seen[name][0]), name


def test_pictures_are_those_of_the_renderer_and_only_running_episodes_are_drawn(drawing):
    observer, simulation = looking(observations=("side_image",), image_size=128)
    first = observer.see(0, ALL)["side_image"]
    with Renderer(TASK, 128, 128, "policy") as renderer:
        expected = [renderer.frame(state, "side") for state in simulation.state()]
    assert np.array_equal(first, expected)
    moved(simulation, 20)
    second = observer.see(8, np.array([True, False, True]))["side_image"]
    assert np.array_equal(first[1], second[1]) and not np.array_equal(first[0], second[0])


def test_past_frames_are_the_last_control_steps_and_the_first_is_repeated(drawing):
    observer, simulation = looking(image_frames=3, observations=("front_image",))
    plan = TASK.plan(simulation, np.zeros(3, int))
    shown = {}
    for step in range(9):
        seen = observer.see(step, ALL)
        shown[step] = seen and seen["front_image"]
        simulation.step(plan[:, step])
    assert [step for step in shown if shown[step] is not None] == [0, 8]
    assert np.array_equal(shown[0][:, 0], shown[0][:, 2])
    again, simulation = looking(observations=("front_image",), n_action_steps=1)
    every = []
    for step in range(9):
        every.append(again.see(step, ALL)["front_image"])
        simulation.step(plan[:, step])
    assert np.array_equal(shown[8], np.stack(every[6:9], axis=1))


def test_a_delayed_camera_shows_what_was(drawing):
    late, simulation = looking("sensing.latency:1", observations=("front_image", *HAND))
    for step in range(8):
        assert (late.see(step, ALL) is None) == (step > 0)
        before = simulation.state()[2]
        moved(simulation, 1)
    seen = late.see(8, ALL)
    with Renderer(TASK, 96, 96, "policy") as renderer:
        assert np.array_equal(seen["front_image"][2], renderer.frame(before))


def test_what_a_camera_gives_is_perturbed_picture_by_picture_and_nothing_else_is(drawing):
    views = {}
    for variant in ("clean", "sensing.camera_noise:2"):
        observer, _ = looking(variant, observations=("front_image", *HAND))
        views[variant] = [observer.see(step, ALL) for step in (0, 8)]
    for clean, noisy in zip(*views.values(), strict=True):
        off = noisy["front_image"].astype(float) - clean["front_image"]
        assert 8 < off.std() < 17, "16 grey levels, less where black and white end"
        assert all(np.array_equal(clean[name], noisy[name]) for name in HAND)
    first, second = (seen["front_image"] for seen in views["sensing.camera_noise:2"])
    assert (first != second).mean() > 0.5, "every picture scatters anew"


def test_a_video_shows_again_what_the_policy_saw(drawing):
    shown = []

    class Looks(Zero):
        def needs(self):
            return Needs((*HAND, "front_image", "wrist_image"), n_action_steps=16)

        def act(self, observation):
            shown.append(np.hstack([observation["front_image"][0], observation["wrist_image"][0]]))
            return super().act(observation)

    shard = Shard(TASK.id, "sensing.camera_noise:2+sensing.latency:1", 0, (4,))
    result = run_shard(TASK, Looks(TASK), shard, "test")
    steps = int(result.verdict.steps[0])
    states = replay(TASK, result.trace, 0, steps, shard=shard)
    episode = FilmedEpisode(TASK.id, shard.variant, 4, 0, "NO_ATTEMPT", "", steps)
    policy = SimpleNamespace(
        observations=(*HAND, "front_image", "wrist_image"), pictures="96 px x 1", execute=16
    )
    views = policy_views(episode, states, policy)
    assert len(views) == steps + 1 == 101 and len(shown) == 7
    assert all(np.array_equal(views[step], shown[step // 16]) for step in range(steps))
    assert policy_views(episode, states, SimpleNamespace(observations=HAND)) is None


def test_a_camera_variant_of_a_policy_without_pictures_is_no_episode():
    with pytest.raises(WrongUse, match=r"sensing.camera_blur:1 is impossible: no camera is observed"):
        run_shard(TASK, Blind(TASK), Shard(TASK.id, "sensing.camera_blur:1", 0, (0,)), "test")


def test_a_policy_that_reads_no_pictures_draws_none(monkeypatch):
    monkeypatch.setattr(gl, "thread_context", lambda: pytest.fail("drew"))
    observer, _ = looking(observations=("instruction", *HAND))
    seen = observer.see(0, ALL)
    assert list(seen) == ["instruction", *HAND] and seen["instruction"].tolist() == [TASK.goal] * 3
    assert observer.drawing_s == 0.0 and observer.see(1, ALL) is None


def test_the_track_is_decided_by_what_is_read():
    cases = {
        (): "state",
        ("dumbbell_position",): "state",
        (*HAND,): "state",
        (*HAND, "front_image"): "vision",
        (*HAND, "front_image", "instruction"): "vision",
        (*HAND, "front_image", "dumbbell_heading"): "state",
    }
    assert {names: track_of(TASK, names, False) for names in cases} == cases
    assert track_of(TASK, ("front_image",), True) == "privileged"


@pytest.mark.parametrize(
    ("needs", "message"),
    [
        (Needs(("front_image",), image_size=100), "image_size is 100; it must be 96, 128 or 224"),
        (Needs(("front_image",), image_frames=9), "image_frames is 9; it must be 1 to 4"),
        (
            Needs(("frnt_image",)),
            "unknown observation of PandaLiftDumbbell-v1 'frnt_image': did you",
        ),
        (Needs(("top_image",)), "unknown observation of PandaLiftDumbbell-v1 'top_image'"),
    ],
)
def test_pictures_that_do_not_exist_are_refused_in_one_line(needs, message):
    with pytest.raises(WrongUse) as caught:
        check_needs(TASK, needs)
    assert message in str(caught.value) and "\n" not in str(caught.value)


def test_without_opengl_only_policies_with_pictures_are_refused(monkeypatch):
    monkeypatch.setenv("MUJOCO_GL", "nonsense")
    suite = find_suite("core", (TASK.id,), range(2), ())
    options = EvalOptions(workers=0)
    assert describe(Blind, suite, options).machine.renderer is None
    with pytest.raises(BimodalError, match=r"MUJOCO_GL=nonsense.*policies that read no pictures need none"):
        describe(Seeing, suite, options)


def test_another_renderer_is_another_machine():
    drawn = {"vendor": "Mesa", "name": "llvmpipe", "picture": "0" * 64}
    made = {"cpu": "x", "os": "y", "kernels": {"openblas": "Zen"}, "renderer": drawn}, {}
    other = made[0] | {"renderer": drawn | {"picture": "1" * 64}}, {}
    assert compare_machines(made, made)[0]
    same, told = compare_machines(made, other)
    assert not same and told.startswith("renderer.picture 000")


def test_the_example_sees_the_dumbbell_and_lifts_both_bars(drawing, monkeypatch):
    monkeypatch.syspath_prepend(str(EXAMPLES))
    from front_camera import FrontCamera

    result = run_shard(TASK, FrontCamera(TASK), Shard(TASK.id, "clean", 0, tuple(range(6))), "test")
    assert result.verdict.success.all() and set(result.verdict.mode) == {0, 1}
    record = describe(FrontCamera, find_suite("core", (TASK.id,), range(2), ()), EvalOptions(workers=0))
    assert (record.policy.track, record.policy.pictures) == ("vision", "128 px x 1")
    assert record.machine.renderer["vendor"] and len(record.machine.renderer["picture"]) == 64


def test_pictures_and_words_cross_to_a_shut_in_process_as_they_are(drawing):
    observer, _ = looking(observations=("front_image", "instruction"))
    words, arrays = channel.apart(observer.see(0, ALL))
    assert words == {"instruction": [TASK.goal] * 3} and list(arrays) == ["front_image"]
    most = 100 * 3 * 4 * 224 * 224 * 3
    assert most < channel.LARGEST_BODY
