"""A short trial of a policy tells all that is wrong with it at once, and nothing where nothing is."""

from pathlib import Path

import pytest
from bimodal.benchmark.evaluation.trial import try_policy
from bimodal.benchmark.isolation.source import Here
from bimodal.benchmark.rollout.timeouts import Deadline
from bimodal.envs.errors import WrongUse
from bimodal.policies.core.registry import SHIPPED_CHECKPOINTS, own_names, policy_class
from bimodal.tasks import load_task
from scoring import DUMBBELL
from slow_cases import mostly_slow

TRAINING = (
    "the policy's `training` and `parameters` must be plain JSON: 'object' object has no attribute 'item'"
)
REMEMBERS = (
    "the same episodes came out differently after another one was played: the policy keeps something in its "
    "module or class, or draws from a generator that noise_keys does not seed, so scores depend on the "
    'number of workers; see docs/policies.md, "When it is called"'
)
WRONG = {
    "NotANumber": ["act asked for position[1] = nan in column 1 of ee_absolute: not finite"],
    "WrongShape": [
        "act returned actions of shape (2, 16, 7); expected (2, >=16, 10)",
        "7 numbers are an action of ee_delta: name it in needs()",
    ],
    "AllWrongAtOnce": [
        "act returned a torch tensor (torch.bfloat16, cuda:0, torch.strided); NumPy reads "
        "actions.detach().cpu().float(); expected (2, >=16, 10) numbers",
        "act returned actions of shape (2, 10); expected (2, >=16, 10)",
        "act asked for position[2] = -2.5 in column 2 of ee_absolute, 0.5 beyond the allowed -2 to 2: clip "
        "it, or set clip = True in the class",
        "act asked for opening = 0.09 in column 9 of ee_absolute, 0.01 beyond the allowed -0.008 to 0.08: "
        "clip it, or set clip = True in the class",
    ],
    "WrongAction": [
        "act returned actions of shape (2, 16, 7); expected (2, >=16, 10)",
        "act returned a dict with the keys ['actions']; return Decision(actions); expected (2, >=16, 10) "
        "numbers",
        "7 numbers are an action of ee_delta: name it in needs()",
    ],
    "ReadsMore": [
        "KeyError: 'gripper_opening'",
        "act reads 'gripper_opening', which needs() does not name (tcp_position, tcp_rotation): add it",
    ],
    "Misspells": [
        "KeyError: 'tcp_positions'",
        "act reads 'tcp_positions', which PandaLiftDumbbell-v1 does not have: did you mean tcp_position?",
    ],
    "ReturnsNone": ["act returned None; return Decision(actions); expected (2, >=16, 10) numbers"],
    "HalfPrecision": [
        "act returned a torch tensor (torch.bfloat16, cpu, torch.strided); NumPy reads actions.float(); "
        "expected (2, >=16, 10) numbers",
        "act asked for opening = 0.080078125 in column 9 of ee_absolute, 7.8e-05 beyond the allowed -0.008 "
        "to 0.08: clip it, or set clip = True in the class",
    ],
    "RaisesInAct": ["KeyError: 'left_bar'"],
    "RaisesInReset": ["RuntimeError: no reset"],
    "FailsAlone": ["ValueError: never alone"],
    "Sleeps": ["no decision within 0.5 s"],
    "RaisesInInit": [
        "policy {uri!r} cannot be built for PandaLiftDumbbell-v1: RuntimeError: no weights; its constructor "
        "is called as Class(task)"
    ],
    "RaisesInNeeds": [
        "the policy cannot say what it needs for PandaLiftDumbbell-v1: RuntimeError: needs nothing"
    ],
    "NeedsCamera": [
        "unknown observation of PandaLiftDumbbell-v1 'tcp_positions': did you mean tcp_position or "
        "tcp_rotation or dumbbell_position?"
    ],
    "OddTraining": [TRAINING],
    "Scribbles": [
        "act writes into its observation (tcp_position, tcp_rotation, gripper_opening, dumbbell_position, "
        "dumbbell_heading): compute on a copy"
    ],
    "CountsCalls": [REMEMBERS],
    "Draws": [REMEMBERS],
    "ForgetsToReset": [
        "the same object played the same episodes differently the second time: reset(episodes) must set back "
        'all that an episode changes; see docs/policies.md, "When it is called"'
    ],
    "ManyFaults": [
        TRAINING,
        "act writes into its observation (tcp_position): compute on a copy",
        "act asked for position[1] = -1000 in column 1 of ee_absolute, 1e+03 beyond the allowed -2 to 2: "
        "clip it, or set clip = True in the class",
        "act asked for opening = 0.0801 in column 9 of ee_absolute, 0.0001 beyond the allowed -0.008 to "
        "0.08: clip it, or set clip = True in the class",
    ],
    "Holds": [],
    "HoldsWithRows": [
        "act asks for the transpose of the observed rotation: give the first two columns of the matrix, "
        "matrix[:, 0] and then matrix[:, 1], not its rows"
    ],
    "Slow": [],
    "Seeds": [],
}
"""What a trial tells of hostile and flawed policies, in full."""
FLAWED = Path(__file__).parents[1] / "flawed_policies.py"


def trial(uri, deadline_s=300.0):
    return try_policy(Here(uri, None), load_task(DUMBBELL), Deadline(deadline_s), 300.0)


@pytest.mark.parametrize("name", WRONG)
def test_all_that_is_wrong_is_told_and_nothing_else(name, hostile):
    uri = f"{FLAWED if f'class {name}(' in FLAWED.read_text() else hostile}:{name}"
    found = trial(uri, 0.5 if name == "Sleeps" else 300.0)
    assert list(found.problems) == [line.replace("{uri!r}", repr(uri)) for line in WRONG[name]]


def can_be_tried(name):
    """Whether a policy of ours has its weights with it, if it needs any, and does not take minutes."""
    method = getattr(policy_class(name), "method", "")
    return not name.startswith("mpc") and (
        not method or (SHIPPED_CHECKPOINTS / DUMBBELL / f"{method}.safetensors").is_file()
    )


@pytest.mark.parametrize("name", mostly_slow(filter(can_be_tried, own_names()), "expert", "mse", "flow"))
def test_nothing_is_wrong_with_bimodals_own(name):
    assert trial(name).problems == ()  # those that plan by simulation take seconds


def test_decisions_are_timed_for_one_episode_beside_what_their_actions_take(hostile):
    found = trial(f"{hostile}:Slow")
    assert found.decision_ms and found.decision_ms >= 40 and found.budget_ms == 800


def test_what_is_no_policy_is_refused(hostile):
    for uri, text in ((f"{hostile}:Nobody", "unknown class"), ("flo", "unknown policy 'flo'")):
        with pytest.raises(WrongUse, match=text):
            trial(uri)
