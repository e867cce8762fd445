"""Policies that draw nothing are shaken in re-runs, and in no other episode."""

import numpy as np
import pytest
from bimodal.benchmark.diagnosis.arms import Subject, draws_nothing
from bimodal.benchmark.diagnosis.shaken import Shaken
from bimodal.policies.baselines import MeanOfModes, Zero
from bimodal.policies.core.policy import Episodes
from bimodal.policies.experts import Expert
from bimodal.tasks import load_task
from scoring import DUMBBELL


@pytest.mark.parametrize(("policy", "expected"), [(MeanOfModes, True), (Expert, False)])
def test_a_policy_that_draws_nothing_is_known_by_its_episodes(policy, expected):
    subject = Subject(load_task(DUMBBELL), policy, "contact.friction:1", "1")
    assert draws_nothing(subject, np.array([3])) == expected


def test_every_re_run_is_shaken_by_a_millimetre_of_its_own_and_the_episode_itself_not_at_all():
    task = load_task(DUMBBELL)
    seen = {
        "tcp_position": np.tile([0.5, 0.0, 0.2], (40, 1)),
        "tcp_rotation": np.tile([1.0, 0, 0, 0, -1, 0], (40, 1)),
    }
    plain = Zero(task).act(seen).actions[:, :8]
    policy = Shaken(Zero(task), {7})
    policy.reset(Episodes(np.arange(40, dtype=np.uint64)))
    moved = [policy.act(seen).actions - plain for _ in range(2)]
    assert not np.any(moved[0][7])
    others = np.delete(np.concatenate(moved, axis=1), 7, axis=0)
    assert others[..., :3].std() == pytest.approx(1e-3, rel=0.05)
    assert not np.any(others[..., 3:])
    assert len(np.unique(others[..., 0])) == others[..., 0].size
