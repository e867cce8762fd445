"""Every perturbation is felt, changes nothing at level 0, and episodes stay their own."""

import pytest
from bimodal.benchmark.records.replay import check, replay
from bimodal.envs.perturbations.core import registry
from bimodal.envs.perturbations.core.perturbation import overrides
from bimodal.envs.perturbations.core.registry import perturbations
from bimodal.envs.specs import from_grid, to_grid
from perturbed_episodes import SEEDS, TASK, Ruins, begin, possible, record, recorded


@pytest.mark.parametrize("name", possible(TASK))
def test_level_0_is_clean_to_the_last_bit(name):
    assert list(record(f"{name}:0").digests) == list(recorded("clean").digests)


@pytest.mark.parametrize("name", possible(TASK))
def test_a_perturbation_is_felt_and_its_records_replay(name):
    result = recorded(f"{name}:2")
    unseen = ("perturb_appearance", "perturb_instruction")  # by a policy that sees the state alone
    assert (result.digests != recorded("clean").digests).all() or any(
        overrides(perturbations()[name], hook) for hook in unseen
    )
    found = check(TASK, result)
    assert found.agrees and found.exact
    steps = int(result.verdict.steps[1])
    states = replay(TASK, result.trace, 1, steps, shard=result.shard)
    assert states[:-1:10].tobytes() == result.trace.states[1, : -(-steps // 10)].tobytes()


@pytest.mark.parametrize("name", possible(TASK))
def test_a_policy_that_ruins_all_that_it_touches_changes_no_episode(name):
    assert list(record(f"{name}:2", policy=Ruins).digests) == list(recorded(f"{name}:2").digests)
    assert TASK.hold_steps == 10 and TASK.grasps.max() < 4


@pytest.mark.parametrize("name", possible(TASK))
def test_what_an_episode_draws_depends_on_neither_batch_nor_order_nor_threads(name):
    seeds = (1, 40, 3)
    found = dict(zip(seeds, record(f"{name}:2", seeds, threads=2).digests, strict=True))
    known = dict(zip(SEEDS, recorded(f"{name}:2").digests, strict=True))
    assert found[1] == known[1] and found[3] == known[3] and found[40] not in known.values()


@pytest.mark.parametrize(
    "apart", [(1, 5), pytest.param(range(1, len(possible(TASK))), marks=pytest.mark.slow)]
)
def test_any_two_perturbations_combine(apart):
    """In the fast suite every perturbation is combined with four others."""
    names = possible(TASK)
    for one, other in {tuple(sorted((name, names[i - k]))) for k in apart for i, name in enumerate(names)}:
        simulation = begin(f"{one}:1+{other}:2")
        variant, stay = simulation.variant, to_grid(simulation.stay("ee_absolute"))
        for step in range(2):
            variant.perturb_observation(simulation.observe(), step)
            action = variant.perturb_action(stay, "ee_absolute", step, simulation)
            variant.perturb_simulation(simulation, step)
            simulation.step(from_grid(action))
        assert not simulation.diverged.any(), f"{one}+{other}"


@pytest.mark.parametrize("name", perturbations())
def test_a_perturbation_says_what_it_is(name):
    kind = perturbations()[name]
    assert not registry.flaw(kind) and kind.__doc__ and name.count(".") == 1
    assert len(set(kind.levels)) == 4
