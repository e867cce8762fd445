"""What `act` returns: read whatever it is, checked row by row, and refused with the mend."""

import numpy as np
import pytest
import torch
from bimodal.benchmark.rollout.shard import Shard, run_shard
from bimodal.policies import Decision
from bimodal.policies.core.answers import InvalidAnswer, actions_of
from bimodal.policies.core.registry import load_policy
from bimodal.policies.experts import Expert
from bimodal.policies.safety.safety_filter import SafetyFilter
from bimodal.tasks import load_task
from scoring import DUMBBELL


class Hooked:
    """An array that the policy keeps hold of, whatever is asked of it."""

    def __init__(self, array):
        self.array = array

    def __array__(self, dtype=None, copy=None):
        return self.array


def test_an_answer_is_copied_before_it_is_checked():
    kept = np.zeros((2, 16, 10))
    for answer in (kept, Decision(kept), Hooked(kept)):
        found = actions_of(answer)
        kept[:] += 1
        assert (found == kept - 1).all() and type(found) is np.ndarray


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        (None, "None; return Decision(actions)"),
        ({"actions": np.zeros(3)}, "a dict with the keys ['actions']"),
        ((np.zeros((2, 16, 10)), None), "a tuple of ndarray, NoneType; return Decision(actions)"),
        ((row for row in np.zeros((2, 16, 10))), "a generator, which is no array"),
        ([[1.0], [2.0, 3.0]], "a list of lists of different lengths"),
        (b"left", "a bytes, which is no array"),
        (np.zeros((2, 16, 10), complex), "complex numbers"),
        (np.ma.masked_less(np.zeros(3), 1), "a masked array"),
        (
            torch.zeros(2).bfloat16(),
            "a torch tensor (torch.bfloat16, cpu, torch.strided); NumPy reads actions.float()",
        ),
        (torch.zeros(2, 2).to_sparse(), "NumPy reads actions.to_dense()"),
        (torch.zeros(2, requires_grad=True), "NumPy reads actions.detach()"),
        (torch.zeros(2, device="meta").bfloat16(), "NumPy reads actions.cpu().float()"),
    ],
)
def test_what_is_no_array_is_called_what_it_is(answer, text):
    for given in (answer, Decision(answer)):
        with pytest.raises(InvalidAnswer) as error:
            actions_of(given)
        assert text in str(error.value)


@pytest.mark.parametrize(
    "answer",
    [
        torch.ones(2, 3),
        torch.ones(2, 3).half(),
        [torch.ones(3), torch.ones(3)],
        [[1, 1, 1], [1, 1, 1]],
        np.ones((2, 3), object),
        (np.ones(3), np.ones(3)),
    ],
)
def test_what_numpy_reads_without_loss_is_taken(answer):
    found = actions_of(Decision(answer))
    assert found.dtype == np.float64 and found.tolist() == [[1, 1, 1], [1, 1, 1]]


def expert_but(change, seeds=(0, 1), **attributes):
    """Run an expert whose chunks of the first decision are changed in place."""

    class Changed(Expert):
        def act(self, observation):
            first = self._step == 0
            chunk = super().act(observation).actions
            if first:
                change(chunk)
            return Decision(chunk)

    for name, value in attributes.items():
        setattr(Changed, name, value)
    task = load_task(DUMBBELL)
    return run_shard(task, load_policy(Changed, task), Shard(DUMBBELL, "clean", 0, seeds), "1")


def test_every_row_is_told_its_own_column_value_and_mend():
    def change(chunk):
        chunk[0, 3, 9] = 0.0803
        chunk[1, 0, 0] = 2.5

    found = expert_but(change)
    assert found.verdict.label.tolist() == ["POLICY_INVALID_ACTION"] * 2
    mend = "clip it, or set clip = True in the class"
    assert found.faults.tolist() == [
        f"act asked for opening = 0.0803 in column 9 of ee_absolute (allowed -0.008 to 0.08): {mend}",
        f"act asked for position[0] = 2.5 in column 0 of ee_absolute (allowed -2 to 2): {mend}",
    ]


@pytest.mark.parametrize(
    ("columns", "text"),
    [
        (np.zeros(6), "its first column is zero"),
        ([0, 0, 0, 0, 1, 0], "its first column is zero"),
        ([1, 0, 0, 0, 0, 0], "its columns are parallel"),
        ([0.6, 0.8, 0, -0.9, -1.2, 0], "its columns are parallel"),
        ([1e-4, 0, 0, 0, 1, 0], "its first column is zero"),
    ],
)
def test_rotation_columns_that_are_no_rotation_are_refused(columns, text):
    def change(chunk):
        chunk[0, 5, 3:9] = columns

    found = expert_but(change)
    assert (
        found.verdict.label[0] == "POLICY_INVALID_ACTION" and found.verdict.label[1] != found.verdict.label[0]
    )
    assert f"no rotation in columns 3 to 8 of ee_absolute: {text}" in found.faults[0]


def test_rotation_columns_of_any_length_and_angle_are_taken():
    def change(chunk):
        chunk[..., 3:6] *= 0.01
        chunk[..., 6:9] += 0.5 * chunk[..., 3:6]

    assert "POLICY" not in "".join(expert_but(change).verdict.label)


def test_a_policy_that_declares_it_is_clipped_and_its_clipped_steps_are_counted():
    def change(chunk):
        chunk[0, :5, 9] = 0.0803
        chunk[0, 2, 0] = -7.0

    plain = expert_but(lambda chunk: None)
    clipped = expert_but(change, clip=True)
    inside = expert_but(
        lambda chunk: np.clip(
            chunk,
            [-2] * 3 + [-1.5] * 6 + [-0.008],
            [2] * 3 + [1.5] * 6 + [0.08],
            out=(change(chunk), chunk)[1],
        )
    )
    assert clipped.clipped.tolist() == [5, 0] and plain.clipped.tolist() == inside.clipped.tolist() == [0, 0]
    assert clipped.digests.tolist() == inside.digests.tolist()
    assert expert_but(lambda chunk: None, clip=True).digests.tolist() == plain.digests.tolist()


def test_what_is_not_finite_is_never_clipped():
    found = expert_but(lambda chunk: chunk[0, 0].fill(np.inf), clip=True)
    assert found.verdict.label[0] == "POLICY_INVALID_ACTION" and "position[0] = inf" in found.faults[0]


def test_the_safety_filter_reads_whatever_the_evaluator_reads():
    class Bare(Expert):
        clip = True

        def act(self, observation):
            return super().act(observation).actions.tolist()

    task = load_task(DUMBBELL)
    shard = Shard(DUMBBELL, "clean", 0, (0, 1))
    bare, plain = (
        run_shard(task, SafetyFilter(load_policy(one, task)), shard, "1") for one in (Bare, Expert)
    )
    assert bare.digests.tolist() == plain.digests.tolist() and SafetyFilter(Bare(task)).clip
