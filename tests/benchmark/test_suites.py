"""What a suite fixes, and what a policy may know of it."""

import os
import subprocess
import sys

import numpy as np
import pytest
from bimodal.benchmark import suites
from bimodal.benchmark.evaluation.evaluate import evaluate
from bimodal.benchmark.evaluation.options import EvalOptions
from bimodal.benchmark.records.run_folder import read_run_record
from bimodal.benchmark.suites import SUITES, Suite, find_suite, suite_from_record
from bimodal.envs import scene
from bimodal.envs.errors import WrongUse
from bimodal.envs.perturbations.contact import Mass
from bimodal.envs.robot import inverse_kinematics as control
from bimodal.envs.robot import panda as robot
from bimodal.envs.seed_ranges import TRAIN, scene_seed
from bimodal.policies import Needs
from bimodal.policies.baselines import Zero
from bimodal.policies.experts import Expert
from bimodal.tasks import load_task
from bimodal.tasks.core import referee
from bimodal.tasks.demonstrations import regimes as demonstrations
from bimodal.tasks.lift_dumbbell import LiftDumbbell
from scoring import DUMBBELL, POST, panel, rows


def test_the_hash_changes_with_everything_that_decides_an_episode(monkeypatch):
    base = Suite("core", "1", (DUMBBELL,), range(8))
    seen = {base.hash()}

    def differs(what, hashed):
        assert hashed not in seen, what
        seen.add(hashed)

    differs("seeds", base._replace(seeds=range(1, 9)).hash())
    differs("count", base._replace(seeds=range(9)).hash())
    differs("version", base._replace(version="2").hash())
    differs("task", base._replace(tasks=(POST,)).hash())
    differs("variant", base._replace(variants=("clean", "sensing.noise:1")).hash())
    for owner, name, value in (
        (suites, "SHARD_SIZE", 7),
        (suites.mujoco, "__version__", "4.0.1"),
        (scene, "TIMESTEP", 0.004),
        (scene, "SUBSTEPS", 5),
        (control, "DAMPING", 2e-3),
        (control, "NULLSPACE_GAIN", 0.2),
        (robot, "HOME", (0.0, -0.2, 0.0, -2.4, 0.0, 2.2, -0.7)),
        (referee, "CLOSED", 0.004),
        (suites.specs, "GRID", 1e-6),
        (sys.modules["bimodal.tasks.lift_dumbbell"], "HUB", (0.09, 0.06, 0.065)),
        (LiftDumbbell, "success_height", 0.05),
        (LiftDumbbell, "max_episode_steps", 90),
        (LiftDumbbell, "dead_zone", (0.3, 0.7)),
        (LiftDumbbell, "spread", (0.03, 0.04, 0.1)),
        (LiftDumbbell, "hold_steps", 11),
    ):
        with monkeypatch.context() as change:
            change.setattr(owner, name, value)
            differs(name, base.hash())
    assert base.hash() in seen and base.hash() == base._replace(name="mine").hash()


def test_the_hash_does_not_change_with_words_or_processes(monkeypatch, tmp_path):
    before = SUITES["core"].hash()
    monkeypatch.setattr(LiftDumbbell, "__doc__", "Other words.")
    monkeypatch.setattr(LiftDumbbell, "goal", "Other words.")
    monkeypatch.setattr(scene, "__doc__", "Other words.")
    assert SUITES["core"].hash() == before
    program = "from bimodal.benchmark import SUITES; print(SUITES['core'].hash())"
    found = subprocess.run(
        [sys.executable, "-c", program],
        env=os.environ | {"PYTHONHASHSEED": "7", "LC_ALL": "C"},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert found.stdout.strip() == before


def test_an_earlier_version_is_known_beside_the_last_one():
    for earlier in suites.EARLIER:
        last = SUITES[earlier.name]
        assert int(earlier.version) < int(last.version) and earlier.hash() != last.hash()
        assert suites.suite_of(earlier.name, earlier.version) == earlier
        assert suites.suite_of(earlier.name, last.version) == last == suites.suite_of(earlier.name, "0")
    assert suites.suite_of("harder", "1") is None


def test_a_cut_suite_carries_a_star():
    assert find_suite("core") is SUITES["core"]
    core = SUITES["core"]
    assert find_suite("core", core.tasks, core.seeds).name == "core"
    assert find_suite("core", variants=core.variants[1:]).name == "core*", "200 seeds of each, not 50"
    for cut in (
        find_suite("core", (POST,)),
        find_suite("core", (), range(50)),
        find_suite("smoke", (), range(1, 17)),
    ):
        assert cut.name.endswith("*")
        assert cut.hash() not in {suite.hash() for suite in SUITES.values()}
    assert find_suite("core", (POST, POST)).tasks == (POST,), "no task counts twice"


def test_suites_nest_and_share_no_seed_with_the_demonstrations():
    scenes = [[scene_seed(seed) for seed in suite.seeds] for suite in SUITES.values()]
    most = max(map(max, scenes))
    assert all(one[0] == 0 for one in scenes)
    sets = []
    for regime in demonstrations.REGIMES:
        for number in (0, 1, 5):
            seeds, _ = demonstrations.schedule(load_task(DUMBBELL), regime, 200, number)
            assert seeds.min() >= TRAIN.start > most
            sets.append((number, set(seeds.tolist())))
    assert all(not a & b for i, a in sets for j, b in sets if i != j), "other sets, other scenes"
    with pytest.raises(WrongUse, match="it must be 0 to"):
        demonstrations.schedule(load_task(DUMBBELL), "bi50", 200, -1)
    with pytest.raises(WrongUse):
        find_suite("core", (), range(999_990, 1_000_001))


@pytest.mark.parametrize("bad", [range(0), range(5, 3), range(0, 10, 2), range(-3, 3)])
def test_seeds_that_are_no_panel_are_refused(bad):
    with pytest.raises(WrongUse, match=r"START\.\.END"):
        find_suite("core", (), bad)


@pytest.mark.parametrize("how", ["file", "entry point"])
def test_a_perturbation_from_outside_changes_no_suite(how, tmp_path):
    (tmp_path / "dusty.py").write_text(
        f"from {Mass.__module__} import Mass\nclass Dust(Mass):\n    name = 'contact.dust'\ndel Mass\n"
    )
    if how == "entry point":
        installed = tmp_path / "dusty-1.0.dist-info"
        installed.mkdir()
        (installed / "METADATA").write_text("Metadata-Version: 2.1\nName: dusty\nVersion: 1.0\n")
        (installed / "entry_points.txt").write_text("[bimodal.axes]\ncontact.dust = dusty:Dust\n")
        variables = {"PYTHONPATH": str(tmp_path)}
    else:
        variables = {"BIMODAL_AXES": str(tmp_path / "dusty.py")}
    program = (
        "from bimodal.benchmark.suites import SUITES, ladder\n"
        "print(ladder('contact.dust:1')[0][0], *(suite.hash() for suite in SUITES.values()))"
    )
    found = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | variables,
    )
    assert found.stdout.split() == ["contact.dust", *(suite.hash() for suite in SUITES.values())]


# -------------------------------------------------------------------------------- what a policy may know


def test_the_scene_seed_never_reaches_the_policy(tmp_path):
    met = []

    class Curious(Zero):
        def reset(self, episodes):
            met.append(episodes)

        def act(self, observation):
            met.append({name: array.dtype.kind for name, array in observation.items()})
            return super().act(observation)

    def keys(first, tasks=(DUMBBELL,)):
        met.clear()
        evaluate(
            Curious,
            panel(4, tasks, first),
            EvalOptions(out=tmp_path / f"{first}{len(tasks)}", workers=0, fresh=True),
        )
        return [e for e in met if isinstance(e, tuple) and len(e.noise_keys) > 1]

    (episodes,) = keys(0)
    assert episodes._fields == ("noise_keys", "simulation", "deadline_s", "asked")
    assert episodes.simulation is None and episodes.asked is None
    assert episodes.noise_keys.dtype == np.uint64
    assert min(episodes.noise_keys) > 1_000_000, "a key is no seed"
    assert all(set(seen.values()) == {"f"} for seen in met if isinstance(seen, dict))
    first = [int(key) for key in episodes.noise_keys]
    assert len(set(first)) == 4
    assert [int(key) for key in keys(0)[0].noise_keys] == first, "equal in every run"
    assert [int(key) for key in keys(2)[0].noise_keys][:2] == first[2:], (
        "a matter of the seed, not of the row"
    )
    both = [int(key) for part in keys(0, (DUMBBELL, POST)) for key in part.noise_keys]
    assert len(set(both)) == 8, "other tasks, other noise"


def test_only_privileged_policies_get_the_simulation(tmp_path):
    class Lazy(Expert):
        def needs(self):
            return Needs(n_action_steps=16)

    run = evaluate(Lazy, panel(4, (DUMBBELL,)), EvalOptions(out=tmp_path / "run", workers=0))
    assert {row["label"] for row in rows(run)} == {"POLICY_ERROR"}
    assert read_run_record(run).policy.track == "state"


@pytest.mark.parametrize(
    ("variant", "words"),
    [
        ("scene.lighting:3", "scene.lighting:3 changes pictures only: this policy reads no pictures"),
        ("contact.mass:2+scene.texture:1", "scene.texture:1 changes pictures only"),
        ("scene.camera:1", "changes pictures only"),
        ("contact.friction:0", "is the clean world; write contact.friction:1"),
        ("combo:0", "is the clean world"),
    ],
)
def test_a_variant_that_cannot_reach_the_policy_is_refused_when_somebody_asks_for_it(variant, words):
    with pytest.raises(WrongUse, match=words):
        find_suite("smoke", variants=[variant]).shown_to(pictures=False, words=False)


def test_variants_of_the_camera_are_cells_of_a_policy_that_reads_pictures():
    named = ["scene.lighting:3", "sensing.camera_noise:1"]
    asked = find_suite("smoke", variants=named).shown_to(pictures=True, words=False)
    assert {variant for _, variant in asked.cells()} == {"clean", *named}
    assert suite_from_record(asked.record()).cells() == asked.cells()
    with pytest.raises(WrongUse, match=r"sensing.camera_noise:1 changes pictures only"):
        find_suite("smoke", variants=named[1:]).shown_to(pictures=False, words=False)
    full = SUITES["full"]
    seen = full.shown_to(pictures=True, words=False)
    more = set(seen.cells()) - set(full.shown_to(pictures=False, words=False).cells())
    assert {variant.rpartition("_")[0] for _, variant in more} == {"sensing.camera"}
    assert full.shown_to(pictures=False, words=False) == full and "pictures" not in full.record().plain()
