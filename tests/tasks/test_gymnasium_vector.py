"""The vector environment: as Gymnasium's own would be, and every row for itself."""

import gymnasium
import numpy as np
import pytest
from bimodal.envs.errors import WrongUse
from bimodal.tasks import load_task
from gymnasium.vector import AutoresetMode
from gymnasium_play import ID, PLUNGE, STAY, TASK, row_of, same


@pytest.mark.parametrize("autoreset", list(AutoresetMode))
def test_gymnasiums_own_vector_of_single_environments_agrees(autoreset):
    """SyncVectorEnv is the oracle for resets, flags, seeds that are drawn and the layout of infos."""
    ours = gymnasium.make_vec(ID, num_envs=3, action_space="ee_delta", autoreset_mode=autoreset)
    kwargs = {"vectorization_mode": "sync", "vector_kwargs": {"autoreset_mode": autoreset}}
    oracle = gymnasium.make_vec(ID, num_envs=3, action_space="ee_delta", **kwargs)
    (seen, infos), (expected, expected_infos) = ours.reset(seed=6), oracle.reset(seed=6)
    assert same(seen, expected) and same(infos, expected_infos)
    speeds, endings = np.array([[1.0], [0.6], [0.35]]), np.zeros(3, int)
    for step in range(90):
        actions = PLUNGE * speeds + 0.2 * np.sin(step) * np.array([1, 0, 0, 0, 0, 1, 0])
        one, other = ours.step(actions), oracle.step(actions)
        for a, b in zip(one[1:4], other[1:4], strict=True):
            assert same(a, b) and a.dtype == b.dtype
        assert same(one[0], other[0]) and same(one[4], other[4])
        over = one[2] | one[3]
        endings += over
        if autoreset is AutoresetMode.DISABLED and over.any():
            one, other = (envs.reset(options={"reset_mask": over.copy()}) for envs in (ours, oracle))
            assert same(one[0], other[0]) and same(one[1], other[1])
    assert (endings >= 2).all() and len(set(endings)) > 1, "rows should end often, and not together"


def test_resetting_one_row_leaves_the_others_alone():
    runs = []
    for disturbed in (False, True):
        envs = gymnasium.make_vec(ID, num_envs=3, action_space="ee_delta", autoreset_mode="Disabled")
        envs.reset(seed=0)
        for step in range(14):
            if disturbed and step == 7:
                _, infos = envs.reset(seed=[99] * 3, options={"reset_mask": np.array([False, True, False])})
                assert infos["seed"][1] == 99 and infos["_seed"].tolist() == [False, True, False]
            seen, *_ = envs.step(np.tile(0.1 * PLUNGE, (3, 1)))
        runs.append((seen, envs.unwrapped.simulation.state()))
        assert envs.unwrapped._episodes.ended.sum() == 0
    (plain, states), (seen, disturbed_states) = runs
    assert (states[[0, 2]] == disturbed_states[[0, 2]]).all() and (states[1] != disturbed_states[1]).any()
    env = gymnasium.make(ID, action_space="ee_delta")
    env.reset(seed=99)
    for _ in range(7):
        alone, *_ = env.step(0.1 * PLUNGE)
    assert same(row_of(seen, 1), alone) and same(row_of(seen, 0), row_of(plain, 0))


def test_a_row_that_has_ended_keeps_its_flags_and_earns_nothing_until_it_is_reset():
    envs = gymnasium.make_vec(ID, num_envs=2, action_space="ee_delta", autoreset_mode="Disabled")
    envs.reset(seed=0)
    actions = np.stack([PLUNGE, STAY])
    for _ in range(30):
        _, rewards, terminated, truncated, infos = envs.step(actions)
        if terminated[0]:
            actions[0] = np.nan  # nobody asks what a row that has ended does
    assert terminated.tolist() == [True, False] and not truncated.any() and not rewards.any()
    assert infos["_lift"].tolist() == [False, True]
    for mask in (np.zeros(2, bool), np.ones(2, int), np.ones(3, bool)):
        with pytest.raises(WrongUse, match="reset_mask"):
            envs.reset(options={"reset_mask": mask})
    options = {"reset_mask": np.array([True, False])}
    envs.reset(options=options)
    assert "reset_mask" in options
    assert not envs.step(np.stack([STAY, STAY]))[2].any()


def test_a_row_that_is_reset_early_has_its_whole_horizon_again():
    envs = gymnasium.make_vec(ID, num_envs=2, action_space="ee_delta", autoreset_mode="Disabled")
    envs.reset(seed=0)
    ended = [[], []]
    for step in range(2 * load_task(TASK).max_episode_steps):
        if step == 40:
            envs.reset(seed=0, options={"reset_mask": np.array([True, False])})
        _, _, terminated, truncated, infos = envs.step(np.stack([STAY, STAY]))
        for row in np.flatnonzero(infos.get("_label", np.zeros(2, bool))):
            ended[row].append((step + 1, infos["steps"][row], terminated[row], truncated[row]))
    assert ended == [[(140, 100, False, True)], [(100, 100, False, True)]]


def test_a_row_whose_physics_explodes_ends_alone_and_can_begin_again(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # MuJoCo writes its log into the current folder
    envs = gymnasium.make_vec(ID, num_envs=2, action_space="ee_delta", autoreset_mode="Disabled")
    envs.reset(seed=0)
    envs.unwrapped.simulation.qvel[0] = 1e12
    *_, terminated, truncated, infos = envs.step(np.stack([STAY, STAY]))
    assert (
        terminated.tolist() == [True, False] and not truncated.any() and infos["label"][0] == "SIM_DIVERGED"
    )
    envs.reset(seed=[7, 7], options={"reset_mask": np.array([True, False])})
    seen, _, terminated, *_ = envs.step(np.stack([STAY, STAY]))
    assert not terminated.any() and not envs.unwrapped.simulation.diverged.any()
    env = gymnasium.make(ID, action_space="ee_delta")
    env.reset(seed=7)
    assert same(row_of(seen, 0), env.step(STAY)[0])


def test_threads_do_not_change_the_result():
    finals = []
    for threads in (1, 2):
        envs = gymnasium.make_vec(ID, num_envs=4, action_space="ee_delta", threads=threads)
        envs.reset(seed=0)
        for _ in range(20):
            envs.step(np.tile(PLUNGE, (4, 1)))
        finals.append(envs.unwrapped.simulation.state())
    assert (finals[0] == finals[1]).all()


@pytest.mark.parametrize("variant", ["clean", "horizon.short:2"])
def test_clipped_actions_are_counted_and_what_is_none_ends_its_own_episode(variant):
    """Rows: in range, float32 far out of range, not finite at the third step."""
    options = {"action_space": "ee_delta", "autoreset_mode": "Disabled", "variant": variant}
    envs = gymnasium.make_vec(ID, num_envs=3, clip=True, **options)
    plain = gymnasium.make_vec(ID, num_envs=3, **options)
    envs.reset(seed=0), plain.reset(seed=0)
    asked = np.stack([0.2 * PLUNGE, 5 * STAY, 0.2 * STAY]).astype(np.float32)
    for step in range(4):
        if step == 2:
            asked[2, 1] = np.inf
        seen, rewards, terminated, truncated, infos = envs.step(asked)
        same_asked = np.where(np.isfinite(asked), np.clip(asked, -1, 1), 0)
        expected, *_ = plain.step(same_asked)
        assert same(row_of(seen, 0), row_of(expected, 0)) and same(row_of(seen, 1), row_of(expected, 1))
        assert infos["clipped"][:2].tolist() == [0, step + 1]
        if step == 2:
            assert infos["label"][2] == "POLICY_INVALID_ACTION" and infos["steps"][2] == 2
            assert not infos["is_success"][2] and infos["_label"].tolist() == [False, False, True]
    assert truncated.tolist() == [False, False, True] and not terminated.any() and not rewards.any()
    envs.reset(options={"reset_mask": np.array([False, True, True])}, seed=[None, 1, 2])
    assert envs.step(np.stack([STAY] * 3))[4]["clipped"].tolist() == [0, 0, 0]
    with pytest.raises(WrongUse, match="has shape"):
        envs.step(np.zeros((3, 10)))
