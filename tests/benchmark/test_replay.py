"""Replays: the record alone brings every state back, and an edited record is found out."""

import numpy as np
import pytest
from bimodal.benchmark.records.replay import check, replay, replay_many
from bimodal.benchmark.records.shard_file import read_shard, write_shard
from bimodal.benchmark.rollout.shard import STATE_EVERY, Shard, digests, run_shard
from bimodal.envs.errors import BimodalError
from bimodal.policies import load_policy
from bimodal.tasks import load_task, task_names
from scoring import bimodal, score
from slow_cases import DIFFERENT_TASKS, mostly_slow

TASK = "PandaLiftDumbbell-v1"
SEEDS = (0, 1, 2, 3, 4, 5)


def record(folder, task, policy):
    """Run a shard and read it back from its file."""
    result = run_shard(
        load_task(task), load_policy(policy, load_task(task)), Shard(task, "clean", 0, SEEDS), "1"
    )
    path = folder / f"{task}-{policy}.npz"
    write_shard(path, result, [])
    return read_shard(path).result


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    folder, kept = tmp_path_factory.mktemp("traces"), {}

    def get(task=TASK, policy="expert"):
        if (task, policy) not in kept:
            kept[task, policy] = record(folder, task, policy)
        return kept[task, policy]

    return get


def edited(result, fingerprints=True, **changes):
    """Return a record with other actions, states or verdicts, the fingerprints forged to match if asked."""
    trace = result.trace._replace(**{k: v for k, v in changes.items() if k in result.trace._fields})
    verdict = result.verdict._replace(**{k: v for k, v in changes.items() if k in result.verdict._fields})
    forged = digests(verdict, trace) if fingerprints else result.digests
    return result._replace(trace=trace, verdict=verdict, digests=forged)


@pytest.mark.parametrize("task", mostly_slow(task_names(), *DIFFERENT_TASKS))
@pytest.mark.parametrize("policy", mostly_slow(["expert", "mean"], "expert"))
def test_every_recorded_state_comes_back_bit_for_bit(recorded, task, policy):
    result = recorded(task, policy)
    for row in (0, len(SEEDS) - 1):
        steps = int(result.verdict.steps[row])
        states = replay(load_task(task), result.trace, row, steps)
        assert states.shape == (steps + 1, result.trace.states.shape[-1])
        kept = result.trace.states[row, : -(-steps // STATE_EVERY)]
        assert states[:-1:STATE_EVERY].tobytes() == kept.tobytes()
        assert not np.array_equal(states[-1], states[-2])


def test_an_episode_does_not_depend_on_what_is_replayed_beside_it(recorded):
    result = recorded()
    steps = result.trace.actions.shape[1]
    together = replay_many(load_task(TASK), result.trace, np.array([4, 1, 3]), steps)
    alone = replay(load_task(TASK), result.trace, 1, steps)
    assert together[1].tobytes() == alone.tobytes()


@pytest.mark.parametrize("task", mostly_slow(task_names(), *DIFFERENT_TASKS))
def test_a_true_record_agrees(recorded, task):
    result = recorded(task)
    found = check(load_task(task), result)
    assert found.agrees and found.exact and found.worst == 0.0
    assert found.segments == sum(-(-int(steps) // STATE_EVERY) for steps in result.verdict.steps)


@pytest.mark.parametrize("forged", [False, True])
def test_an_edited_action_is_found(recorded, forged):
    result = recorded()
    actions = result.trace.actions.copy()
    actions[2, 12, 0] += 100  # 1 mm
    found = check(load_task(TASK), edited(result, fingerprints=forged, actions=actions))
    assert found.strays == (SEEDS[2],) and not found.exact


def test_an_action_edited_after_the_last_recorded_state_breaks_the_fingerprint(recorded):
    result = recorded()
    actions = result.trace.actions.copy()
    actions[3, int(result.verdict.steps[3]) - 1, 1] += 1
    assert check(load_task(TASK), edited(result, fingerprints=False, actions=actions)).strays == (SEEDS[3],)


@pytest.mark.parametrize("forged", [False, True])
def test_an_edited_state_is_found(recorded, forged):
    result = recorded()
    states = result.trace.states.copy()
    states[1, 3, 2] += 1e-4
    found = check(load_task(TASK), edited(result, fingerprints=forged, states=states))
    assert found.strays == (SEEDS[1],) and found.worst > 1e-6


def test_what_another_machine_may_differ_by_is_not_exact_but_agrees(recorded):
    result = recorded()
    states = result.trace.states.copy()
    states[:, 1, 2] += 1e-9
    found = check(load_task(TASK), edited(result, states=states))
    assert found.agrees and not found.exact and 0 < found.worst < 1e-6


def test_easier_scenes_than_the_seeds_give_are_found(recorded):
    result = recorded()
    swap = [1, 0, *range(2, len(SEEDS))]
    trace = result.trace
    moved = edited(result, actions=trace.actions[swap], states=trace.states[swap])
    assert check(load_task(TASK), moved).strays == (SEEDS[0], SEEDS[1])


def test_a_better_verdict_than_the_actions_earn_is_found(recorded):
    result = recorded(policy="mean")
    label = result.verdict.label.astype("<U24")
    label[4] = "SUCCESS"
    assert check(load_task(TASK), edited(result, label=label)).strays == (SEEDS[4],)
    mode = recorded().verdict.mode.copy()
    mode[0] = 1 - mode[0]
    assert check(load_task(TASK), edited(recorded(), mode=mode)).strays == (SEEDS[0],)


def test_a_fault_of_the_policy_is_taken_as_it_is(recorded):
    result = recorded()
    label = result.verdict.label.astype("<U24")
    label[0] = "POLICY_ERROR"
    assert check(load_task(TASK), edited(result, label=label)).agrees


def test_the_record_of_another_task_is_refused(recorded):
    with pytest.raises(BimodalError, match="the task has changed"):
        replay(load_task("PandaPickEitherCube-v1"), recorded().trace, 0, 5)
    with pytest.raises(BimodalError, match="cannot replay 999 control steps"):
        replay(load_task(TASK), recorded().trace, 0, 999)


def test_the_record_of_a_run_is_replayed_by_its_command(tmp_path, capsys):
    run = tmp_path / "run"
    assert score("mean", run, capsys=capsys)[0] == 0
    code, out, err = bimodal("check", run, capsys=capsys)
    assert (code, err) == (0, []) and "sound" in out
    (file,) = run.glob("traces/*.npz")
    stored = read_shard(file)
    label = stored.result.verdict.label.astype("<U24")
    label[2] = "SUCCESS"
    write_shard(file, edited(stored.result, label=label), [])
    code, out, err = bimodal("check", run, capsys=capsys)
    assert (code, err) == (1, []) and "1 of 4 episodes do not follow" in " ".join(out.split())
    assert "such as seed 2" in " ".join(out.split())
    file.unlink()
    code, _, err = bimodal("check", run, capsys=capsys)
    assert (code, len(err)) == (1, 1) and "missing or damaged" in err[0]


def test_a_record_with_states_left_out_is_refused(recorded):
    result = recorded()
    with pytest.raises(BimodalError, match="too few or too many states"):
        check(load_task(TASK), edited(result, states=result.trace.states[:, :-1]))
