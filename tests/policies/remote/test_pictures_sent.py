"""Pictures and words go to servers as arrays of uint8 and texts, in each dialect's own names."""

import numpy as np
import pytest
from bimodal.benchmark.rollout.shard import Shard, run_shard
from bimodal.benchmark.rollout.track import track_of
from bimodal.envs.errors import WrongUse
from bimodal.policies import Needs, load_policy
from bimodal.policies.remote import pictures
from bimodal.policies.remote.contract import announcement, offer
from bimodal.tasks import load_task
from bimodal.tasks.core.referee import Referee
from toy_server import Toy, wander

TASK = load_task("PandaLiftDumbbell-v1")
NEEDS = Needs(("tcp_position", "tcp_rotation", "wrist_image", "front_image", "instruction"), image_size=96)
SEEDS = (0, 1, 2)
DIALECTS = ("openpi", "vla-eval")
STATE = {"state": {"format": "raw"}}
LIBERO = {name: {"format": form} for name, form in (("base", "rgb_hwc_uint8"), ("wrist", "rgb_hwc_uint8"))}


def says(dialect, needs=NEEDS, batch=100, observations=None):
    """What a server of `watch` says of itself."""
    one = offer(TASK, needs, 16)
    one |= {"observations": observations} if observations else {}
    contract = announcement("watch", {"*": one}, batch, remembers=False)
    return {"bimodal": contract} if dialect == "openpi" else {"capabilities": {"bimodal": contract}}


def watch(body):
    """Return chunks that depend on every pixel and word, and on nothing of other episodes."""
    batched = "noise_keys" in body["bimodal"]
    chunks = wander(body) if batched else wander(body)[None]
    for row, chunk in enumerate(chunks):
        shown = [body[f"observation/{name}"] for name in ("front_image", "wrist_image", "instruction")]
        front, wrist, words = (one[row] for one in shown) if batched else shown
        weights = np.random.default_rng(0).random(front.shape)
        chunk[:, :2] += [0.01 * (front * weights).mean() / 255, 0.01 * (wrist * weights).mean() / 255]
        chunk[:, 2] += len(words) * 1e-5
    return chunks if batched else chunks[0]


def play(toy):
    """Play the first 16 control steps of three episodes, two decisions; returns their digests."""
    policy = load_policy(toy.uri, TASK)
    referee = Referee(TASK, len(SEEDS), 16)
    result = run_shard(TASK, policy, Shard(TASK.id, "clean", 0, SEEDS), "1", referee=referee)
    assert not any(result.faults)
    return policy, result.digests.tolist()


@pytest.fixture(scope="module")
def undisturbed():
    with Toy("openpi", says("openpi"), watch) as toy:
        policy, digests = play(toy)
    needs = policy.needs()
    assert set(needs.observations) == set(NEEDS.observations) and needs.image_size == 96
    assert track_of(TASK, needs.observations, needs.privileged) == "vision"
    front = toy.asked[1]["observation/front_image"]
    assert front.dtype == np.uint8 and front.shape == (3, 96, 96, 3) and front.std() > 10
    assert not np.array_equal(front[0], front[1]) and len(set(toy.asked[1]["observation/instruction"])) == 1
    return digests


@pytest.mark.parametrize(("dialect", "batch"), [("openpi", 0), ("vla-eval", 0), ("vla-eval", 100)])
def test_dialect_and_batches_change_no_bit_of_episodes_with_pictures(dialect, batch, undisturbed):
    with Toy(dialect, says(dialect, batch=batch), watch) as toy:
        assert play(toy)[1] == undisturbed
    if not batch:
        shown = toy.asked[-1]
        assert shown["observation/wrist_image"].shape == (96, 96, 3)
        assert isinstance(shown["observation/instruction"], str)


def test_more_pictures_than_a_frame_holds_go_over_several_connections(undisturbed, monkeypatch):
    monkeypatch.setattr(pictures, "LARGEST_FRAME", 2 * (2 * 96 * 96 * 3 + pictures._OVERHEAD))
    with Toy("openpi", says("openpi"), watch) as toy:
        assert play(toy)[1] == undisturbed
    assert len(toy.askers) == 1 + 2, "the trial question's, and two that are kept from decision to decision"
    for decision in (0, 1):  # both connections are asked at once, so neither is always the first
        asked = [body["bimodal"] for body in toy.asked[1:] if body["bimodal"]["decision"] == decision]
        assert sorted(len(about["noise_keys"]) for about in asked) == [1, 2]
        assert len({int(key) for about in asked for key in about["noise_keys"]}) == len(SEEDS)
    assert len(toy.asked) == 1 + 2 * 2, "the trial question, and two a decision"


def test_past_pictures_have_an_axis_of_their_own():
    needs = NEEDS._replace(image_frames=3, image_size=128)
    with Toy("openpi", says("openpi", needs), wander) as toy:
        assert play(toy)[0].needs()[-3:-1] == (128, 3)
    assert toy.asked[-1]["observation/front_image"].shape == (3, 3, 128, 128, 3)


WRONG = {
    "dtype": ({"dtype": "float32"}, "front_image: float32 [96, 96, 3] there; a picture is uint8 [H, W, 3]"),
    "size": ({"shape": [97, 97, 3]}, "front_image: uint8 [97, 97, 3] there; a picture is uint8 [H, W, 3]"),
    "channels": ({"shape": [3, 96, 96]}, "front_image: uint8 [3, 96, 96] there"),
    "past": ({"shape": [9, 96, 96, 3]}, "with a past [2 to 4, H, W, 3]"),
    "none": ({"shape": None}, "front_image: uint8 None there"),
    "name": ({"name": "top_image"}, "unknown observation of PandaLiftDumbbell-v1 'top_image'"),
    "several": ({"shape": [128, 128, 3]}, "several shapes ((96, 96, 3), (128, 128, 3)); one can be sent"),
}
"""What a server announces of its first picture beside a good second one, and what is said of that."""


@pytest.mark.parametrize("kind", WRONG)
def test_pictures_that_cannot_be_sent_are_refused_in_one_line(kind):
    change, why = WRONG[kind]
    good = {"name": "wrist_image", "dtype": "uint8", "shape": [96, 96, 3]}
    wanted = [{**good, "name": "front_image"} | change, good]
    with Toy("openpi", says("openpi", observations=wanted), watch) as toy, pytest.raises(WrongUse) as error:
        load_policy(toy.uri, TASK)
    assert why in str(error.value) and "\n" not in str(error.value) and not toy.asked


def test_a_roboarena_server_is_shown_our_cameras_by_its_names_and_no_object():
    config = {"needs_wrist_camera": True, "n_external_cameras": 2, "image_resolution": [128, 128]}
    config |= {"needs_stereo_camera": False, "needs_session_id": False, "action_space": "joint_position"}
    with Toy("openpi", config, lambda _: np.zeros((4, 8))) as toy:
        needs = load_policy(toy.uri, TASK).needs()
    assert track_of(TASK, needs.observations, needs.privileged) == "vision" and needs.image_size == 128
    shown = {name: value for name, value in toy.asked[0].items() if "image" in name}
    cameras = ("exterior_image_0_left", "exterior_image_1_left", "wrist_image_left")
    assert set(shown) == {f"observation/{camera}" for camera in cameras}
    assert all(value.shape == (128, 128, 3) and value.dtype == np.uint8 for value in shown.values())
    assert toy.asked[0]["observation/state"].shape == (10,), "of the hand alone"


def test_a_vla_eval_server_is_shown_base_and_wrist_in_its_images():
    with Toy("vla-eval", {"observation_spec": STATE | LIBERO}, lambda _: np.zeros(7)) as toy:
        policy = load_policy(toy.uri, TASK)
    needs = policy.needs()
    assert track_of(TASK, needs.observations, needs.privileged) == "vision"
    images = toy.asked[0]["images"]
    assert list(images) == ["front", "wrist"] and toy.asked[0]["state"].shape == (10,)
    assert all(one.shape == (224, 224, 3) and one.dtype == np.uint8 for one in images.values())
    assert any("images = front, wrist, uint8 (224, 224, 3)" in line for line in policy.assumed)
