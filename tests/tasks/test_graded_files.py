"""Graded demonstrations on the disk: read as written, forgeries refused; and what cannot be graded."""

import json
from types import SimpleNamespace

import numpy as np
import pytest
from bimodal.cli import main as cli
from bimodal.envs.errors import WrongUse
from bimodal.envs.specs import OPENING_HIGH, OPENING_LOW
from bimodal.tasks import load_task
from bimodal.tasks.demonstrations import collect as demonstrations
from bimodal.tasks.demonstrations.collect import collect, load, save
from bimodal.tasks.demonstrations.graded import perform
from bimodal.tasks.demonstrations.grades import KINDS
from bimodal.tasks.demonstrations.regimes import GRADED, REGIMES
from graded_plays import CALM, DUMBBELL, SEEDS, of, reach_and_lift


def test_a_file_gives_back_every_array(few, tmp_path):
    found = load(save(few, tmp_path / "demos.npz"))
    assert found.meta == few.meta
    for name in ("returns", "valid", "kinds", "actions", "modes"):
        mine, theirs = getattr(found, name), getattr(few, name)
        assert mine.dtype == theirs.dtype
        np.testing.assert_array_equal(mine, theirs)


def test_files_without_grades_stay_readable(few, tmp_path):
    path = tmp_path / "old.npz"
    old = sealed(few._replace(returns=None, valid=None, kinds=None))
    arrays = {f"obs.{name}": values for name, values in old.observations.items()}
    names = ("seeds", "modes", "success", "actions")
    arrays |= {name: getattr(old, name) for name in names}
    np.savez_compressed(path, meta=np.array(json.dumps(old.meta)), **arrays)
    found = load(path)
    assert found.returns is None and found.valid is None and found.kinds is None


FORGERIES = {
    "too much": ("returns", lambda a: a + 1),
    "not a number": ("returns", lambda a: a * np.float32(np.nan)),
    "below nothing": ("returns", lambda a: a - 1),
    "too wide": ("returns", lambda a: a.astype(float)),
    "too few": ("returns", lambda a: a[:, 1:]),
    "flat": ("returns", lambda a: a[:, 0]),
    "ends twice": ("valid", lambda a: ~a),
    "no truth": ("valid", lambda a: a.astype(np.int8)),
    "an episode short": ("valid", lambda a: a[1:]),
    "unknown kind": ("kinds", lambda a: a + np.int8(100)),
    "negative kind": ("kinds", lambda a: a - np.int8(100)),
    "names": ("kinds", lambda a: a.astype(str)),
}


@pytest.mark.parametrize("forgery", FORGERIES)
def test_forged_grades_are_refused_even_when_the_digest_fits(few, tmp_path, forgery):
    name, change = FORGERIES[forgery]
    path = save(sealed(few._replace(**{name: change(getattr(few, name))})), tmp_path / "demos.npz")
    with pytest.raises(WrongUse, match="damaged") as caught:
        load(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["returns", "valid", "kinds"])
def test_grades_are_part_of_the_digest(few, tmp_path, name):
    changed = getattr(few, name).copy()
    changed[:2] = changed[2:4] if name == "kinds" else 0
    changed[0] = 1 - changed[0] if name == "kinds" else changed[0]
    path = save(few._replace(**{name: changed}), tmp_path / "demos.npz")
    with pytest.raises(WrongUse, match="digest"):
        load(path)


def sealed(demos):
    """Demonstrations with the digest of what they hold now."""
    return demos._replace(meta={**demos.meta, "digest": demonstrations.content_digest(demos)})


# ------------------------------------------------------------------------------------------ wrong use


def test_a_task_without_time_for_a_second_try_is_refused():
    task, plan = SimpleNamespace(id="Toy-v1", max_episode_steps=70), reach_and_lift(20, 10)
    perform(task, plan, plan, SEEDS[:2], CALM)
    task.max_episode_steps = 64
    with pytest.raises(WrongUse, match=r"Toy-v1 cannot be graded.*leaves 12 control steps.*needs 13"):
        perform(task, plan, plan, SEEDS[:2], CALM)


@pytest.mark.parametrize("opening", [OPENING_LOW, OPENING_HIGH])
def test_a_task_whose_gripper_never_or_always_is_shut_is_refused(opening):
    plan = reach_and_lift(20, 10)
    plan[..., 9] = opening
    with pytest.raises(WrongUse, match="Toy-v1 cannot be graded"):
        perform(SimpleNamespace(id="Toy-v1", max_episode_steps=100), plan, plan, SEEDS[:2], CALM)


def test_wrong_wishes_are_refused():
    task = load_task(DUMBBELL)
    with pytest.raises(WrongUse, match="in graded it must be a multiple of 2"):
        collect(task, GRADED, 5)
    with pytest.raises(WrongUse, match="cut short"):
        collect(task, GRADED, 4, until=10)
    with pytest.raises(WrongUse, match="graded"):
        collect(task, "graced", 4)
    assert GRADED not in REGIMES, "the validity study shows experts who do their best"


def test_the_command_says_how_many_of_each_kind_succeed(capsys, tmp_path):
    path = tmp_path / "demos.npz"
    code = cli.main(
        ["demos", DUMBBELL, "--regime", "graded", "--episodes", "12", "--threads", "1", "--out", str(path)]
    )
    lines = capsys.readouterr().out.replace("\n", " ")
    found = load(path)
    assert code == 0 and found.meta["regime"] == "graded"
    for kind in KINDS:
        mine = of(kind, found.kinds)
        assert f"{kind}: {mine.sum()} episodes, {found.success[mine].sum()} succeed" in lines
