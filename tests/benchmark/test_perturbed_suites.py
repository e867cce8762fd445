"""Suites with perturbations: which cells there are, how they are evaluated, what is refused."""

import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from bimodal.benchmark import suites
from bimodal.benchmark.evaluation.evaluate import evaluate
from bimodal.benchmark.evaluation.options import EvalOptions
from bimodal.benchmark.records.run_folder import read_run_record
from bimodal.benchmark.records.run_record import SuiteRecord
from bimodal.benchmark.report.terminal_tables import shift_table
from bimodal.benchmark.scoring.perturbation_effects import measure_effects
from bimodal.benchmark.scoring.run_episodes import read_run
from bimodal.benchmark.suites import EARLIER, SUITES, Suite, find_suite, ladder, suite_from_record
from bimodal.envs.errors import BimodalError, WrongUse
from bimodal.envs.perturbations.core.registry import perturbations
from bimodal.envs.perturbations.core.variant import CLEAN, Variant, parse
from bimodal.policies.experts import Expert
from fabricated import outcome, run_folder
from generated_scenes import forget
from scoring import DUMBBELL, POST, bimodal, expert_digests, panel, rows

SLIPPERY, BLURRED = "contact.friction:2", "sensing.noise:2"
FAR_OFF = "contact.com_offset:2"
"""Impossible with the cube beside the post, possible with the dumbbell."""


def evaluated(out, *more, capsys, policy="expert", count=4):
    return bimodal(
        *("evaluate", policy, "--suite", "smoke", "--task", DUMBBELL, "--seeds", count, "--out", out),
        *("--workers", 0, "--no-videos", *more),
        capsys=capsys,
    )


# -------------------------------------------------------------------------------------------------- the cells


def test_a_suite_has_a_cell_for_every_task_and_variant_that_can_be():
    suite = Suite("mine", "1", (DUMBBELL, POST), range(3, 13), (CLEAN, SLIPPERY, FAR_OFF), shifted=4)
    assert suite.cells() == [
        (DUMBBELL, CLEAN),
        (DUMBBELL, SLIPPERY),
        (DUMBBELL, FAR_OFF),
        (POST, CLEAN),
        (POST, SLIPPERY),
    ]
    assert suite.panel(CLEAN) == range(3, 13) and suite.panel(SLIPPERY) == range(3, 7)
    assert suite._replace(shifted=None).panel(SLIPPERY) == range(3, 13)


def test_shards_hold_every_seed_of_every_cell_once(small_shards):
    suite = Suite("mine", "1", (DUMBBELL, POST), range(10), (CLEAN, SLIPPERY, FAR_OFF), shifted=6)
    found = [(s.task, s.variant, seed) for s in suite.shards() for seed in s.seeds]
    right = [(t, v, seed) for t, v in suite.cells() for seed in suite.panel(v)]
    assert found == right and len(set(found)) == 2 * 10 + 3 * 6
    assert max(len(shard.seeds) for shard in suite.shards()) == 4
    assert len({(s.task, s.variant, s.index) for s in suite.shards()}) == len(suite.shards())


def test_a_suite_survives_its_record():
    for suite in (*SUITES.values(), find_suite("core", (POST,), range(5), (SLIPPERY,))):
        again = suite_from_record(SuiteRecord.model_validate(suite.record().plain()))
        assert again.record() == suite.record()
        assert all(again.panel(variant) == suite.panel(variant) for variant in suite.variants)


def test_the_suites_have_the_variants_that_they_promise():
    shifts = {name: suite.variants[1:] for name, suite in SUITES.items()}
    assert all(suite.variants[0] == CLEAN for suite in SUITES.values())
    assert [len(SUITES[name].tasks) for name in ("smoke", "core")] == [2, 6]
    assert [len(shifts[name]) for name in ("smoke", "core")] == [2, 8]
    assert {part.level for name in ("smoke", "core") for v in shifts[name] for part in parse(v)} == {2}
    every = (*(name for name in perturbations() if not name.startswith("language.")), "combo")
    (earlier,) = (suite for suite in EARLIER if suite.name == "full")
    assert set(earlier.variants[1:]) == {f"{name}:{level}" for name in every for level in (1, 2, 3)}
    assert set(shifts["instructed"]) - set(earlier.variants) == {
        f"language.paraphrase:{n}" for n in (1, 2, 3)
    }
    assert set(shifts["core"]) < set(earlier.variants) and earlier.tasks == SUITES["full"].tasks
    assert all(Variant(name).name == name for suite in SUITES.values() for name in suite.variants)
    assert SUITES["smoke"].panel(SLIPPERY) == SUITES["smoke"].seeds == range(16)
    assert SUITES["core"].panel(SLIPPERY) == range(50) and SUITES["core"].seeds == range(200)
    assert SUITES["full"].panel(SLIPPERY) == range(200)


def test_the_ladder_says_magnitudes_in_their_units():
    assert ladder(CLEAN) == []
    assert ladder(f"{SLIPPERY}+sensing.latency:1") == [
        ("contact.friction", 2, 0.5, "x"),
        ("sensing.latency", 1, 1.0, "control steps"),
    ]


def test_another_magnitude_is_another_suite(monkeypatch):
    base = Suite("mine", "1", (DUMBBELL,), range(4), (CLEAN, SLIPPERY))
    before = base.hash()
    seen = {before, base._replace(variants=(CLEAN,)).hash(), base._replace(shifted=2).hash()}
    seen.add(base._replace(variants=(CLEAN, "contact.friction:1")).hash())
    monkeypatch.setattr(perturbations()["contact.friction"], "levels", (1.0, 0.75, 0.4, 0.3))
    assert base.hash() not in seen and len(seen) == 4
    monkeypatch.setattr(perturbations()["contact.friction"], "levels", (1.0, 0.7, 0.5, 0.2))
    assert base.hash() == before, "levels that the suite does not have do not matter"


# ------------------------------------------------------------------------------------------- bimodal evaluate


def test_a_variant_is_scored_beside_its_clean_arm(tmp_path, capsys):
    run = tmp_path / "run"
    code, out, err = evaluated(run, "--variant", SLIPPERY, "--variant", BLURRED, capsys=capsys)
    assert (code, err) == (0, [])
    assert "smoke* v" in out and "Robustness" in out and SLIPPERY in out
    suite = read_run_record(run).suite
    assert suite.name == "smoke*" and suite.variants == (CLEAN, SLIPPERY, BLURRED)
    found = {(row["variant"], row["seed"]): row for row in rows(run)}
    assert list(found) == [(v, seed) for v in (CLEAN, SLIPPERY, BLURRED) for seed in range(4)]
    for seed in range(4):
        clean, blurred, slippery = (found[v, seed] for v in (CLEAN, BLURRED, SLIPPERY))
        assert clean["digest"] == expert_digests(4)[DUMBBELL, seed], "as in a run of the clean world alone"
        assert blurred["digest"] == clean["digest"], "the expert does not look through the policy's eyes"
        assert slippery["digest"] != clean["digest"]
        assert slippery["mode"] == clean["mode"], "the same noise throws the same coin"
    assert {shift.difference.estimate for shift in measure_effects(read_run(run).cells)} == {0.0}


def test_a_generator_without_a_valid_scene_is_one_line_and_never_clean(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(
        "bimodal.envs.scene_generation.generator.fault", lambda *arguments: "all is in the way"
    )
    forget()
    code, _, err = evaluated(tmp_path / "run", "--variant", "scene.clutter:3", capsys=capsys, policy="zero")
    forget()  # what the other tests shall not believe
    assert (code, len(err)) == (1, 1), err
    assert (
        "none of 60 scenes of scene.clutter:3 (20 pieces) can be used; the last: all is in the way" in err[0]
    )


def test_the_clean_arm_is_there_though_only_a_combination_is_asked_for(tmp_path, capsys):
    name = f"{SLIPPERY}+actuation.delay:1"
    assert evaluated(tmp_path / "run", "--variant", name, capsys=capsys, policy="zero")[0] == 0
    assert {row["variant"] for row in rows(tmp_path / "run")} == {CLEAN, name}


def test_of_the_clean_world_alone_no_shift_is_printed(tmp_path, capsys):
    code, out, _ = evaluated(tmp_path / "run", "--variant", CLEAN, capsys=capsys, policy="zero")
    assert code == 0 and "Robustness" not in out
    assert shift_table(read_run(tmp_path / "run")) is None
    assert read_run_record(tmp_path / "run").suite.variants == (CLEAN,)


@pytest.mark.parametrize("workers", [0, 1])
def test_the_clean_arm_does_not_depend_on_the_variants_beside_it(tmp_path, small_shards, workers):
    alone, beside = panel(6, (DUMBBELL,)), panel(6, (DUMBBELL,))._replace(variants=(CLEAN, SLIPPERY))
    runs = [
        evaluate("expert", s, EvalOptions(out=tmp_path / str(i), workers=workers))
        for i, s in enumerate((alone, beside))
    ]
    first, second = ({(r["variant"], r["seed"]): r for r in rows(run)} for run in runs)
    assert len(first) == 6 and len(second) == 12
    for key, row in first.items():
        assert {**second[key], "shard": 0} == {**row, "shard": 0}


WRONG = {
    "near perturbation": ("contact.frction:2", "did you mean contact.friction"),
    "far perturbation": ("xyzzy:2", "unknown variant 'xyzzy'"),
    "no such level": ("contact.friction:4", "contact.friction:1, contact.friction:2 or contact.friction:3"),
    "negative level": ("contact.friction:-1", "no such level"),
    "half a level": ("contact.friction:1.5", "no such level"),
    "no level": ("contact.friction", "no such level"),
    "no such combination": ("combo:4", "combo:1, combo:2 or combo:3"),
    "in the combination": ("combo:1+contact.friction:2", "names contact.friction twice"),
    "twice": ("contact.friction:1+contact.friction:2", "names contact.friction twice"),
    "second of two": ("contact.friction:1+sensing.noisy:2", "did you mean sensing.noise"),
    "no such magnitude": ("sensing.latency=13", "from 0, the clean world, which is excluded, to 12"),
    "nothing": ("", "unknown variant ''"),
    "loose end": ("contact.friction:1+", "unknown variant ''"),
    "clean and": ("clean+contact.friction:1", "unknown variant 'clean'"),
    "impossible": (FAR_OFF, f"cannot apply to {POST}: {FAR_OFF} is impossible: the cube ends 2.0 cm"),
    "impossible part": (f"contact.mass:1+{FAR_OFF}", "the cube ends 2.0 cm"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_variant_that_cannot_be_is_said_in_one_line_and_never_clean(case, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    variant, text = WRONG[case]
    code, out, err = bimodal(
        *("evaluate", "zero", "--suite", "smoke", "--task", POST, "--seeds", 2, "--workers", 0),
        *("--variant", SLIPPERY, "--variant", variant),
        capsys=capsys,
    )
    assert (code, len(err)) == (2, 1) and text in err[0], err
    assert out == "" and list(tmp_path.iterdir()) == [], "nothing ran"


def test_an_entry_is_of_the_whole_ladder(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, _, err = bimodal("evaluate", "zero", "--variant", SLIPPERY, "--entry", capsys=capsys)
    assert (code, len(err)) == (2, 1) and "leave out --task, --seeds, --variant and --shard" in err[0]


def test_a_variant_that_cannot_be_on_a_task_is_left_out_of_a_suite_and_not_scored_clean(tmp_path):
    suite = panel(2)._replace(variants=(CLEAN, FAR_OFF))
    run = evaluate("zero", suite, EvalOptions(out=tmp_path / "run", workers=0))
    found = [(row["task"], row["variant"], row["seed"]) for row in rows(run)]
    assert (
        found == [(t, v, s) for t, v in suite.cells() for s in range(2)] and (POST, FAR_OFF, 0) not in found
    )
    assert [shift.task for shift in measure_effects(read_run(run).cells)] == [DUMBBELL]


def test_a_run_that_lost_a_cell_is_not_read(tmp_path):
    win = outcome("SUCCESS", 0, 0.01, 80)
    for lost in (CLEAN, SLIPPERY):
        run = run_folder(tmp_path / lost, {DUMBBELL: [win] * 16, POST: [win] * 16})
        table = pq.read_table(run / "episodes.parquet")
        gone = pc.and_(pc.equal(table["task"], POST), pc.equal(table["variant"], lost))
        pq.write_table(table.filter(pc.invert(gone)), run / "episodes.parquet")
        with pytest.raises(BimodalError, match=rf"no episodes of {POST} \({lost}\)"):
            read_run(run)


# ------------------------------------------------------------------------------------------------ from Python


def test_a_suite_is_asked_for_variants_by_name():
    cut = find_suite("core", (DUMBBELL,), range(8), (BLURRED, CLEAN, BLURRED))
    assert (cut.name, cut.variants, cut.shifted) == ("core*", (CLEAN, BLURRED), None)
    assert find_suite("smoke", variants=SUITES["smoke"].variants) is SUITES["smoke"]
    assert find_suite("smoke", variants=()).variants == (CLEAN,)
    with pytest.raises(WrongUse, match="impossible"):
        find_suite("smoke", variants=(FAR_OFF,))


def test_a_perturbation_from_a_file_changes_the_hash_and_is_evaluated(tmp_path, monkeypatch):
    file = tmp_path / "heavier.py"
    file.write_text(
        "from bimodal.envs.perturbations import Perturbation\n"
        "class Gravity(Perturbation):\n    name = 'world.gravity'\n    unit = 'x'\n"
        "    levels = (1.0, 1.1, 1.25, 1.5)\n    def perturb_model(self, model, episode):\n"
        "        model.opt.gravity[:] *= self.magnitude\n"
    )
    with pytest.raises(WrongUse, match="unknown variant"):
        find_suite("smoke", variants=("world.gravity:1",))
    monkeypatch.setenv("BIMODAL_AXES", str(file))
    suites.impossible.cache_clear()
    suite = find_suite("smoke", (DUMBBELL,), range(2), ("world.gravity:1",))
    run = evaluate(Expert, suite, EvalOptions(out=tmp_path / "run"))
    clean, shifted = (
        {r["seed"]: r["digest"] for r in rows(run) if r["variant"] == v} for v in (CLEAN, "world.gravity:1")
    )
    assert clean.keys() == shifted.keys() and not set(clean.values()) & set(shifted.values())
