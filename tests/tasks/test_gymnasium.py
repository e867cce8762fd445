"""The Gymnasium faces: rows equal single environments, the evaluator and Gymnasium's own vector environment.

docs/spaces.md is renewed by `BIMODAL_WRITE_DOCS=1 python -m pytest tests/tasks/test_gymnasium.py -k page`.
"""

import os
import warnings
from pathlib import Path

import gymnasium
import numpy as np
import pytest
from bimodal.benchmark.rollout.shard import STATE_EVERY, Shard, run_shard
from bimodal.envs.errors import BimodalError, WrongUse
from bimodal.envs.rendering import gl
from bimodal.envs.seed_ranges import UNNAMED
from bimodal.envs.simulation import Simulation
from bimodal.envs.specs import ACTIONS, size
from bimodal.policies.core.policy import Decision, Needs, Policy
from bimodal.tasks import load_task, task_names
from bimodal.tasks.gym import spaces
from bimodal.tasks.gym.vector_env import TaskVectorEnv
from gymnasium.envs.registration import EnvSpec
from gymnasium.vector import AutoresetMode
from gymnasium.wrappers import FlattenObservation, RecordEpisodeStatistics, RescaleAction

TASK = "PandaLiftDumbbell-v1"
ID = f"bimodal/{TASK}"
PAGE = Path(__file__).parents[2] / "docs" / "spaces.md"
STAY = np.array([0, 0, 0, 0, 0, 0, -1.0])
"""`ee_delta`: keep still, gripper open."""
PLUNGE = np.array([0, 0, -1.0, 0, 0, 0, -1.0])
"""`ee_delta`: straight down, onto what must not be touched."""


def same(one, other):
    """Whether two observations, infos or values are equal to the bit; NaN equals NaN."""
    if isinstance(one, dict):
        return set(one) == set(other) and all(same(one[key], other[key]) for key in one)
    if isinstance(one, np.ndarray) and one.dtype == object:
        return one.shape == other.shape and all(same(a, b) for a, b in zip(one, other, strict=True))
    if isinstance(one, (np.ndarray, float)):
        return np.array_equal(one, other, equal_nan=np.asarray(one).dtype.kind == "f")
    return type(one) is type(other) and one == other


def row_of(observation, row):
    return {name: component[row] for name, component in observation.items()}


def expert_plan(env, mode):
    """The expert's actions (T, A) for a single environment that has just been reset."""
    return env.unwrapped.task.plan(env.unwrapped.simulation, np.array([mode]))[0]


def play(env, actions):
    """Execute actions until the episode ends; return what every step returned."""
    steps = []
    for action in actions:
        steps.append(env.step(action))
        if steps[-1][2] or steps[-1][3]:
            break
    return steps


# ------------------------------------------------------------------------------------------ registration


def test_every_task_is_registered_and_its_spec_survives_json():
    registered = {name for name in gymnasium.registry if name.startswith("bimodal/")}
    assert registered == {f"bimodal/{name}" for name in task_names()}
    env = gymnasium.make(ID, action_space="ee_delta", render_mode="rgb_array")
    again = gymnasium.make(EnvSpec.from_json(env.spec.to_json()))
    assert again.spec == env.spec and again.action_space == env.action_space
    envs = gymnasium.make_vec(ID, num_envs=3, autoreset_mode="SameStep")
    again = gymnasium.make_vec(EnvSpec.from_json(envs.spec.to_json()))
    assert again.num_envs == 3 and again.metadata == envs.metadata
    assert again.observation_space == envs.observation_space


def test_the_vector_environment_is_one_simulation():
    envs = gymnasium.make_vec(ID, num_envs=64)
    assert isinstance(envs.unwrapped, TaskVectorEnv)
    assert isinstance(envs.unwrapped.simulation, Simulation) and envs.unwrapped.simulation.n == 64
    assert envs.metadata["autoreset_mode"] is AutoresetMode.NEXT_STEP
    observation, infos = envs.reset(seed=0)
    assert observation in envs.observation_space and (infos["seed"] == np.arange(64)).all()
    assert list(observation) == list(envs.observation_space) == list(envs.single_observation_space)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"action_space": "ee_dleta"}, "ee_delta"),
        ({"render_mode": "ansi"}, "rgb_array"),
        ({"autoreset_mode": "nextstep"}, "NextStep"),
        ({"num_envs": 0}, "at least 1"),
    ],
)
def test_a_wrong_option_names_the_right_ones(options, words):
    with pytest.raises(WrongUse, match=words):
        TaskVectorEnv(TASK, **options)


# ------------------------------------------------------------------------------------------ spaces


def test_the_page_of_spaces_is_the_generated_one():
    if os.environ.get("BIMODAL_WRITE_DOCS") == "1":
        PAGE.write_text(spaces.spaces_page())
    assert PAGE.read_text() == spaces.spaces_page(), "docs/spaces.md is old; see this file's first lines"


@pytest.mark.parametrize("name", task_names())
def test_a_tasks_table_explains_every_number_of_the_flat_observation(name):
    env = FlattenObservation(gymnasium.make(f"bimodal/{name}"))
    observation, _ = env.reset(seed=4)
    task = load_task(name)
    inner = env.unwrapped._observe()
    assert (observation == np.concatenate([inner[spec.name] for spec in task.observation])).all()
    rows = [line.split(" | ") for line in spaces.describe_spaces(task).splitlines() if line[:3] > "| /"]
    rows = [row for row in rows if row[0].removeprefix("| ").isdigit()]
    assert [int(row[0].removeprefix("| ")) for row in rows] == list(range(len(observation)))
    assert [float(row[-2]) for row in rows] == env.observation_space.low.tolist()
    assert [float(row[-1].removesuffix(" |")) for row in rows] == env.observation_space.high.tolist()


def test_action_spaces_have_the_shape_of_their_specs():
    for name, specs in ACTIONS.items():
        box = gymnasium.make(ID, action_space=name).action_space
        assert box.shape == (size(specs),) and box.dtype == np.float64


# ------------------------------------------------------------------------------------------ seeds


def test_a_seed_begins_the_evaluators_episode():
    env = gymnasium.make(ID)
    simulation = Simulation(load_task(TASK), 1)
    for seed in (0, 17, 123_456_789):
        observation, info = env.reset(seed=seed)
        simulation.reset([seed])
        assert info["seed"] == seed and (env.unwrapped.simulation.state() == simulation.state()).all()
        assert same(observation, row_of(simulation.observe(), 0))


def test_without_a_seed_the_next_episode_follows_from_the_last_seed_and_is_free():
    env, first = gymnasium.make(ID), []
    for _ in range(2):
        env.reset(seed=5)
        first.append([env.reset()[1]["seed"] for _ in range(3)])
    assert first[0] == first[1] and len(set(first[0])) == 3
    assert all(seed in UNNAMED for seed in first[0])


# ------------------------------------------------------------------------------------------ episodes


@pytest.mark.parametrize("mode", [0, 1])
def test_the_expert_earns_one_reward_on_its_last_step(mode):
    env = gymnasium.make(ID)
    env.reset(seed=3)
    steps = play(env, expert_plan(env, mode))
    assert [reward for _, reward, *_ in steps] == [0.0] * (len(steps) - 1) + [1.0]
    _, _, terminated, truncated, info = steps[-1]
    assert terminated and not truncated
    assert info["is_success"] and info["label"] == "SUCCESS" and info["mode"] == mode
    assert info["alpha"] == pytest.approx(mode, abs=0.1) and info["steps"] == len(steps)
    assert info["lift"] >= 0.06 and info["held"] and info["illegal_force"] == 0.0
    assert not any("label" in info or info["is_success"] for *_, info in steps[:-1])


def test_a_forbidden_touch_terminates_and_idleness_truncates():
    env = gymnasium.make(ID, action_space="ee_delta")
    env.reset(seed=0)
    *_, (_, reward, terminated, truncated, info) = play(env, [PLUNGE] * 60)
    assert (reward, terminated, truncated, info["label"]) == (0.0, True, False, "COLLISION_MID")
    assert info["illegal_force"] > 1.0
    env.reset(seed=0)
    steps = play(env, [STAY] * 200)
    _, reward, terminated, truncated, info = steps[-1]
    assert (reward, terminated, truncated, info["label"]) == (0.0, False, True, "NO_ATTEMPT")
    assert len(steps) == load_task(TASK).max_episode_steps and np.isnan(info["alpha"])


def test_stepping_out_of_turn_is_refused():
    env = gymnasium.make(ID, action_space="ee_delta").unwrapped
    with pytest.raises(WrongUse, match="call reset"):
        env.step(STAY)
    env.reset(seed=0)
    play(env, [PLUNGE] * 60)
    with pytest.raises(WrongUse, match="has ended"):
        env.step(STAY)
    with pytest.raises(WrongUse, match="call reset"):
        gymnasium.make_vec(ID, num_envs=2).step(np.zeros((2, 10)))


@pytest.mark.parametrize(
    ("action", "words"),
    [
        (np.zeros(6), r"shape \(7,\), got \(6,\)"),
        (np.where(np.arange(7) == 2, np.nan, 0), "column 2 of ee_delta is nan"),
        (np.where(np.arange(7) == 6, 1.1, 0), "column 6 of ee_delta is 1.1; allowed -1 to 1"),
    ],
)
def test_actions_the_evaluator_would_refuse_are_refused(action, words):
    env = gymnasium.make(ID, action_space="ee_delta")
    env.reset(seed=0)
    before = env.unwrapped.simulation.state()
    with pytest.raises(WrongUse, match=words):
        env.step(action)
    assert (env.unwrapped.simulation.state() == before).all()


def test_an_action_off_by_the_last_bit_of_float32_is_accepted():
    env = gymnasium.make(ID)
    env.reset(seed=0)
    action = expert_plan(env, 0)[0]
    action[9] = np.float32(-0.008)
    assert action[9] < -0.008
    env.step(action)


# ------------------------------------------------------------------------------------------ equal to the bit


class Fixed(Policy):
    """Plays given actions (N, T, A)."""

    def __init__(self, task, plan, space):
        super().__init__(task)
        self.plan, self.space, self.step = plan, space, 0

    def needs(self):
        return Needs(action=self.space, n_action_steps=1)

    def act(self, observation):
        self.step += 1
        return Decision(self.plan[:, min(self.step, self.plan.shape[1]) - 1][:, None])


def unrounded_actions(task, seeds, space):
    """Expert plans with noise that some episodes survive, or random walks; off the grid, (N, T, A)."""
    rng = np.random.default_rng(1)
    simulation = Simulation(task, len(seeds))
    simulation.reset(seeds)
    if space == "ee_absolute":
        plan = task.plan(simulation, np.arange(len(seeds)) % 2)
        shake = rng.normal(0, 1, plan[..., :3].shape) * np.linspace(0, 0.04, len(seeds))[:, None, None]
        return np.concatenate([plan[..., :3] + shake, plan[..., 3:]], 2)
    if space == "ee_delta":
        walk = rng.uniform(-1, 1, (len(seeds), task.max_episode_steps, 7)) * 0.5 + 0.4 * PLUNGE
    else:
        angles = simulation.qpos[:, simulation.arms[0].joints][:, None] + np.cumsum(
            rng.normal(0, 0.05, (len(seeds), task.max_episode_steps, 7)), 1
        )
        opening = rng.uniform(-0.008, 0.08, (*angles.shape[:2], 1))
        walk = np.concatenate([np.clip(angles, -3.8, 3.8), opening], 2)
    return np.tile(walk, task.arms)


@pytest.mark.parametrize("space", ACTIONS)
@pytest.mark.parametrize("name", task_names())
def test_evaluator_vector_row_and_single_environment_agree_to_the_bit(name, space):
    task, seeds = load_task(name), np.arange(40, 48)
    plan = unrounded_actions(task, seeds, space)
    result = run_shard(task, Fixed(task, plan, space), Shard(name, "clean", 0, tuple(seeds.tolist())), "test")
    verdict, states = result.verdict, result.trace.states
    envs = gymnasium.make_vec(f"bimodal/{name}", num_envs=8, action_space=space, autoreset_mode="Disabled")
    seen, _ = envs.reset(seed=seeds.tolist())
    singles = [gymnasium.make(f"bimodal/{name}", action_space=space) for _ in seeds]
    for row, env in enumerate(singles):
        assert same(env.reset(seed=int(seeds[row]))[0], row_of(seen, row))
    over = np.zeros(8, bool)
    for step in range(verdict.steps.max()):
        if step % STATE_EVERY == 0:
            rows = envs.unwrapped.simulation.state()
            assert (rows[~over] == states[~over, step // STATE_EVERY]).all()
            for row in np.flatnonzero(~over):
                assert (singles[row].unwrapped.simulation.state()[0] == rows[row]).all()
        action = plan[:, min(step, plan.shape[1] - 1)]
        seen, rewards, terminated, truncated, infos = envs.step(action)
        for row in np.flatnonzero(~over):
            observation, reward, *flags, info = singles[row].step(action[row])
            assert same(observation, row_of(seen, row))
            assert [reward, *flags] == [rewards[row], terminated[row], truncated[row]]
            assert same(info, {key: type(info[key])(infos[key][row]) for key in info})
        ended = (terminated | truncated) & ~over
        assert (ended == (verdict.steps == step + 1)).all()
        assert (infos.get("label", verdict.label)[ended] == verdict.label[ended]).all()
        assert (rewards[ended] == verdict.success[ended]).all() and (rewards[~ended] == 0).all()
        over |= ended
    assert over.all()
    if space == "ee_absolute":
        assert verdict.success.any() and len(set(verdict.label)) > 1, "the comparison should see both ends"


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


# ------------------------------------------------------------------------------------------ wrappers


def test_gymnasiums_wrappers_work_without_a_warning():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        env = gymnasium.make(ID, disable_env_checker=False, max_episode_steps=90)
        env = RecordEpisodeStatistics(RescaleAction(env, -1.0, 1.0))
        env.reset(seed=1)
        low, high = env.unwrapped.action_space.low, env.unwrapped.action_space.high
        plan = 2 * (expert_plan(env, 1) - low) / (high - low) - 1
        *_, (_, _, terminated, _, info) = play(env, plan)
        assert terminated and info["is_success"] and info["episode"]["r"] == 1.0
        env = gymnasium.make(ID, action_space="ee_delta", max_episode_steps=7)
        env.reset(seed=1)
        assert len(play(env, [STAY] * 20)) == 7
        envs = gymnasium.wrappers.vector.RecordEpisodeStatistics(
            gymnasium.make_vec(ID, num_envs=3, action_space="ee_delta")
        )
        envs.reset(seed=0)
        for _ in range(40):
            envs.step(np.tile(PLUNGE, (3, 1)))
        assert envs.episode_count >= 3 and set(envs.length_queue) == {3, 4}


def test_pictures_are_drawn_only_when_asked_for():
    try:
        gl.configure_gl()
    except BimodalError as error:
        pytest.skip(str(error))
    blind = gymnasium.make(ID)
    blind.reset(seed=0)
    assert blind.render() is None
    env = gymnasium.make(
        ID, action_space="ee_delta", render_mode="rgb_array", width=128, height=96, camera="front"
    )
    env.reset(seed=0)
    env.step(PLUNGE)
    assert not env.unwrapped._pictures._renderers
    picture = env.render()
    assert picture.shape == (96, 128, 3) and picture.dtype == np.uint8 and picture.std() > 10
    envs = gymnasium.make_vec(
        ID, num_envs=2, action_space="ee_delta", render_mode="rgb_array", width=128, height=96
    )
    envs.reset(seed=0)
    envs.step(np.stack([PLUNGE, PLUNGE]))
    first, second = envs.render()
    assert (first == picture).all() and (second != picture).any()
    env.close(), env.close(), envs.close(), envs.close()
    listed = gymnasium.make(ID, render_mode="rgb_array_list", width=96, height=96)
    listed.reset(seed=0)
    assert len(listed.render()) == 1
    listed.close()
