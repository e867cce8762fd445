"""Gymnasium environments in a variant: the evaluator's episodes, rows that do not know of each other."""

import gymnasium
import numpy as np
import pytest
from bimodal.benchmark.rollout.shard import STATE_EVERY, Shard, run_shard
from bimodal.envs.errors import BimodalError, WrongUse
from bimodal.envs.rendering import gl
from bimodal.policies.core.policy import Decision, Needs, Policy
from bimodal.tasks import load_task
from gymnasium.envs.registration import EnvSpec

TASK = "PandaPickEitherCube-v1"
ID = f"bimodal/{TASK}"
VARIANTS = (
    "contact.friction:2",
    "contact.knock:2",
    "contact.slip:2",
    "sensing.latency:2",
    "sensing.noise:2+actuation.jitter:2",
    "start.bias:2+start.joints:1",
    "horizon.short:2",
    "scene.size:1",
)
SEEDS = (3, 8, 21)


class Plays(Policy):
    """Plays given actions (N, T, A) and remembers what it sees."""

    def __init__(self, task, plan):
        super().__init__(task)
        self.plan, self.seen = plan, []

    def needs(self):
        return Needs(n_action_steps=1)

    def act(self, observation):
        step = min(len(self.seen), self.plan.shape[1] - 1)
        self.seen.append(observation)
        return Decision(self.plan[:, step][:, None])


def plans(variant):
    """Expert plans of `SEEDS`, the modes in turn, (N, T, A)."""
    found = []
    for row, seed in enumerate(SEEDS):
        env = gymnasium.make(ID, variant=variant).unwrapped
        env.reset(seed=seed)
        found.append(env.task.plan(env.simulation, np.array([row % 2]))[0])
    return np.stack(found)


def played(variant):
    """What the evaluator makes of the plans: the result of the shard, and what the policy saw."""
    policy = Plays(load_task(TASK), plans(variant))
    return run_shard(load_task(TASK), policy, Shard(TASK, variant, 0, SEEDS), "1"), policy


@pytest.mark.parametrize("variant", VARIANTS)
def test_an_environment_plays_the_evaluators_episode_of_the_variant(variant):
    result, policy = played(variant)
    for row, seed in enumerate(SEEDS):
        env = gymnasium.make(ID, variant=variant)
        observation, _ = env.reset(seed=seed)
        for step in range(int(result.verdict.steps[row])):
            for spec in env.unwrapped.task.observation:
                right = np.clip(policy.seen[step][spec.name][row], spec.low, spec.high)
                assert (observation[spec.name] == right).all(), (spec.name, step)
            if step % STATE_EVERY == 0:
                state = env.unwrapped.simulation.state()[0]
                assert (state == result.trace.states[row, step // STATE_EVERY]).all(), step
            action = policy.plan[row, min(step, policy.plan.shape[1] - 1)]
            observation, _, terminated, truncated, info = env.step(action)
        assert terminated or truncated
        assert info["label"] == result.verdict.label[row] and info["mode"] == result.verdict.mode[row]
        assert info["steps"] == result.verdict.steps[row] and observation in env.observation_space


@pytest.mark.parametrize("variant", ["contact.knock:2", "sensing.latency:2", "actuation.delay:2"])
@pytest.mark.parametrize("autoreset", ["NextStep", "SameStep"])
def test_rows_are_single_environments_and_begin_anew_on_their_own(variant, autoreset):
    """Row 1 begins a new episode in the middle; row 0 does not notice, and row 1 forgets what was."""
    plan, rows = plans(variant), len(SEEDS)
    envs = gymnasium.make_vec(ID, num_envs=rows, variant=variant, autoreset_mode=autoreset)
    singles = [gymnasium.make(ID, variant=variant) for _ in SEEDS]
    seen, _ = envs.reset(seed=list(SEEDS))
    each = [env.reset(seed=seed)[0] for env, seed in zip(singles, SEEDS, strict=True)]
    begun = np.zeros(rows, int)
    for step in range(40):
        if step == 23:
            mask = np.array([False, True, False])
            seen, _ = envs.reset(seed=list(SEEDS), options={"reset_mask": mask})
            each[1], begun[1] = singles[1].reset(seed=SEEDS[1])[0], step
        for row in range(rows):
            assert all((seen[name][row] == each[row][name]).all() for name in each[row]), (step, row)
        actions = plan[np.arange(rows), step - begun]
        seen, *_ = envs.step(actions)
        each = [env.step(action)[0] for env, action in zip(singles, actions, strict=True)]
    states = [env.unwrapped.simulation.state()[0] for env in singles]
    assert (np.stack(states) == np.concatenate([s.state() for s in envs.unwrapped.simulations])).all()


@pytest.mark.parametrize("autoreset", ["NextStep", "SameStep", "Disabled"])
def test_a_row_that_ends_early_begins_anew_or_rests(autoreset):
    envs = gymnasium.make_vec(
        ID, num_envs=2, action_space="ee_delta", variant="horizon.short:3", autoreset_mode=autoreset
    )
    envs.reset(seed=[0, 1])
    plunge, stay = np.array([0, 0, -1.0, 0, 0, 0, -1.0]), np.array([0, 0, 0, 0, 0, 0, -1.0])
    over, short = [], round(0.5 * load_task(TASK).max_episode_steps)
    for _ in range(short):
        _, rewards, terminated, truncated, _ = envs.step(np.stack([plunge, stay]))
        over.append(terminated | truncated)
        assert rewards.sum() == 0
    over = np.array(over)
    assert over[:, 1].argmax() == short - 1 and over[-1, 1], "half the time, to the step"
    fell = over[:, 0].argmax()
    assert 0 < fell < short - 1
    assert over[fell + 1 :, 0].all() if autoreset == "Disabled" else not over[fell + 1, 0]


def test_the_clean_variant_is_the_plain_environment():
    plain, clean = gymnasium.make_vec(ID, num_envs=2), gymnasium.make_vec(ID, num_envs=2, variant="clean")
    assert len(clean.unwrapped.simulations) == 1 and clean.unwrapped.simulation.n == 2
    a, b = (envs.reset(seed=4)[0] for envs in (plain, clean))
    assert all((a[name] == b[name]).all() for name in a)
    assert (plain.unwrapped.simulation.state() == clean.unwrapped.simulation.state()).all()


def test_a_variant_survives_the_spec_and_every_seed_draws_its_own():
    env = gymnasium.make(ID, variant="sensing.bias:3")
    again = gymnasium.make(EnvSpec.from_json(env.spec.to_json()))
    clean, found = gymnasium.make(ID), []
    for seed in (0, 1, 0):
        seen, right = env.reset(seed=seed)[0], clean.reset(seed=seed)[0]
        assert all((again.reset(seed=seed)[0][name] == seen[name]).all() for name in seen)
        found.append(seen["left_cube_position"] - right["left_cube_position"])
        assert np.linalg.norm(found[-1]) == pytest.approx(0.02)
    assert (found[0] == found[2]).all() and np.abs(found[0] - found[1]).max() > 1e-3


@pytest.mark.parametrize(
    ("variant", "words"),
    [
        ("contact.frction:2", "did you mean contact.friction"),
        ("contact.friction:4", "no such level"),
        ("contact.com_offset:3", "impossible: the left_cube ends"),
    ],
)
@pytest.mark.parametrize("make", [gymnasium.make, gymnasium.make_vec])
def test_a_variant_that_cannot_be_is_refused_and_never_clean(make, variant, words):
    with pytest.raises(WrongUse, match=words):
        make(ID, variant=variant)


def test_a_wrong_action_stops_no_other_row():
    envs = gymnasium.make_vec(ID, num_envs=2, action_space="ee_delta", variant="contact.mass:1").unwrapped
    with pytest.raises(WrongUse, match="call reset"):
        envs.step(np.zeros((2, 7)))
    envs.reset(seed=0)
    before = [simulation.state() for simulation in envs.simulations]
    wrong = np.zeros((2, 7))
    wrong[1, 6] = 1.1
    with pytest.raises(WrongUse, match=r"row 1: grip = 1\.1 in column 6 of ee_delta \(allowed -1 to 1\)"):
        envs.step(wrong)
    with pytest.raises(WrongUse, match=r"shape \(7,\)"):
        envs.step(np.zeros((2, 6)))
    assert all((s.state() == old).all() for s, old in zip(envs.simulations, before, strict=True))
    with pytest.raises(WrongUse, match="simulations"):
        _ = envs.simulation


def test_pictures_show_the_variant_of_every_row():
    try:
        gl.configure_gl()
    except BimodalError as error:
        pytest.skip(str(error))
    sizes = {"render_mode": "rgb_array", "width": 128, "height": 96}
    varied = gymnasium.make_vec(ID, num_envs=2, variant="scene.texture:3", **sizes)
    plain = gymnasium.make_vec(ID, num_envs=2, **sizes)
    pictures = []
    for envs in (varied, plain, varied):
        envs.reset(seed=[5, 5] if envs is plain else [5, 6])
        pictures.append(envs.render())
        assert all(picture.shape == (96, 128, 3) for picture in pictures[-1])
    assert (pictures[1][0] == pictures[1][1]).all()
    different = [np.abs(a.astype(int) - pictures[1][0]).mean() for a in pictures[0]]
    assert min(different) > 5, "another table in both rows"
    assert np.abs(pictures[0][0].astype(int) - pictures[0][1]).mean() > 5, "not the same one"
    assert (pictures[0][0] == pictures[2][0]).all()
    varied.close(), plain.close()
