"""Episodes of one Gymnasium environment: rewards, ends, refusals; to the bit those of the evaluator."""

import gymnasium
import numpy as np
import pytest
from bimodal.benchmark.rollout.shard import STATE_EVERY, Shard, run_shard
from bimodal.envs.errors import WrongUse
from bimodal.envs.simulation import Simulation
from bimodal.envs.specs import ACTIONS
from bimodal.policies.core.policy import Decision, Needs, Policy
from bimodal.tasks import load_task, task_names
from gymnasium_play import ID, PLUNGE, STAY, TASK, expert_plan, play, row_of, same
from slow_cases import DIFFERENT_TASKS, mostly_slow


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
        (
            np.where(np.arange(7) == 2, np.nan, 0),
            r"translation\[2\] = nan in column 2 of ee_delta: not finite",
        ),
        (
            np.where(np.arange(7) == 6, 1.1, 0),
            r"grip = 1.1 in column 6 of ee_delta \(allowed -1 to 1\): clip it",
        ),
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


@pytest.mark.parametrize(
    ("name", "space"),
    mostly_slow(
        [(name, space) for name in task_names() for space in ACTIONS],
        *((TASK, space) for space in ACTIONS),
        *((name, "ee_absolute") for name in DIFFERENT_TASKS),
    ),
)
def test_evaluator_vector_row_and_single_environment_agree_to_the_bit(name, space):
    task, seeds = load_task(name), np.arange(40, 44)
    plan = unrounded_actions(task, seeds, space)
    result = run_shard(task, Fixed(task, plan, space), Shard(name, "clean", 0, tuple(seeds.tolist())), "test")
    verdict, states = result.verdict, result.trace.states
    envs = gymnasium.make_vec(f"bimodal/{name}", num_envs=4, action_space=space, autoreset_mode="Disabled")
    seen, _ = envs.reset(seed=seeds.tolist())
    singles = [gymnasium.make(f"bimodal/{name}", action_space=space) for _ in seeds]
    for row, env in enumerate(singles):
        assert same(env.reset(seed=int(seeds[row]))[0], row_of(seen, row))
    over = np.zeros(4, bool)
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
