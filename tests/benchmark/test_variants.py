"""Suites with variants: which cells there are, what a shift does beside its clean arm, what is refused."""

import copy
import csv
import json
import runpy
from collections import OrderedDict
from pathlib import Path

import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from bimodal.benchmark import suites
from bimodal.benchmark.certificate.feasibility import Cell
from bimodal.benchmark.certificate.feasibility_store import keep, known, publish
from bimodal.benchmark.evaluation.evaluate import evaluate
from bimodal.benchmark.records.run_folder import read_card
from bimodal.benchmark.report.run_report import report_page
from bimodal.benchmark.report.terminal_tables import shift_table
from bimodal.benchmark.scoring.perturbation_effects import compare, compare_all, over_tasks
from bimodal.benchmark.scoring.task_scores import read_run
from bimodal.benchmark.suites import SUITES, Suite, every_variant, find_suite, ladder, suite_from_card
from bimodal.envs.errors import BimodalError, WrongUse
from bimodal.envs.perturbations.core.registry import axes
from bimodal.envs.perturbations.core.variant import CLEAN, Variant, parse
from bimodal.leaderboard.board import board_rows, board_tables
from bimodal.leaderboard.entry import check_entry, entry_from_run, write_entry
from bimodal.leaderboard.files import entry_id
from bimodal.leaderboard.site import build_site
from bimodal.policies.experts import Expert
from bimodal.tasks import load_task
from rich.console import Console

HERE = Path(__file__).parents[1]
_scoring = runpy.run_path(str(HERE / "scoring.py"))
DUMBBELL, POST = _scoring["DUMBBELL"], _scoring["POST"]
bimodal, panel, rows = _scoring["bimodal"], _scoring["panel"], _scoring["rows"]
expert_digests = _scoring["expert_digests"]
_fabricated = runpy.run_path(str(HERE / "fabricated.py"))
run_folder, outcome = _fabricated["run_folder"], _fabricated["outcome"]

SLIPPERY, BLURRED = "contact.friction:2", "sensing.noise:2"
FAR_OFF = "contact.com_offset:2"
"""Impossible with the cube beside the post, possible with the dumbbell."""


def evaluated(out, *more, capsys, policy="expert", count=4):
    return bimodal(
        *("evaluate", policy, "--suite", "smoke", "--task", DUMBBELL, "--seeds", count, "--out", out),
        *("--workers", 0, "--no-videos", *more),
        capsys=capsys,
    )


def cell(seeds, wins, modes):
    """Columns of a cell; `wins` and `modes` are strings, one sign an episode, `-` for no mode."""
    labels = ["SUCCESS" if win == "1" else "TIMEOUT" for win in wins]
    return {"seed": list(seeds), "label": labels, "mode": [-1 if m == "-" else int(m) for m in modes]}


# ---------------------------------------------------------------------------------------------- the cells


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


def test_a_suite_survives_its_card():
    for suite in (*SUITES.values(), find_suite("core", (POST,), range(5), (SLIPPERY,))):
        again = suite_from_card(json.loads(json.dumps(suite.card())))
        assert again.card() == suite.card()
        assert all(again.panel(variant) == suite.panel(variant) for variant in suite.variants)


def test_the_suites_have_the_variants_that_they_promise():
    shifts = {name: suite.variants[1:] for name, suite in SUITES.items()}
    assert all(suite.variants[0] == CLEAN for suite in SUITES.values())
    assert [len(SUITES[name].tasks) for name in ("smoke", "core")] == [2, 6]
    assert [len(shifts[name]) for name in ("smoke", "core")] == [2, 8]
    assert {part.level for name in ("smoke", "core") for v in shifts[name] for part in parse(v)} == {2}
    assert set(shifts["full"]) == {f"{axis}:{level}" for axis in (*axes(), "combo") for level in (1, 2, 3)}
    assert shifts["full"] == every_variant() and set(shifts["core"]) < set(shifts["full"])
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
    monkeypatch.setattr(axes()["contact.friction"], "levels", (1.0, 0.75, 0.4, 0.3))
    assert base.hash() not in seen and len(seen) == 4
    monkeypatch.setattr(axes()["contact.friction"], "levels", (1.0, 0.7, 0.5, 0.2))
    assert base.hash() == before, "levels that the suite does not have do not matter"


# -------------------------------------------------------------------------------- beside the clean arm


def test_a_shift_is_counted_pair_by_pair():
    """By hand: 4 of 10 succeed in both, 3 only clean, 1 only shifted; phi, shrunk, is 0."""
    clean = cell(range(10), "1111111000", "000011100-")
    shifted = cell(range(10), "1111000100", "0011-1-00-")
    found = compare(DUMBBELL, SLIPPERY, clean, shifted)
    assert (found.task, found.variant, found.pairs) == (DUMBBELL, SLIPPERY, 10)
    assert (found.clean, found.success) == (0.7, 0.5)
    assert (found.broken, found.fixed) == (3, 1)
    assert found.difference == pytest.approx((-0.2, -0.5261, 0.2016), abs=1e-4)
    assert found.p_value == pytest.approx(2 * (1 + 4) / 16 - 4 / 16)
    assert (found.changed_mode, found.realised) == (2, 7)
    assert found.mode_shift == pytest.approx(abs(3 / 9 - 3 / 7))


def test_pairs_are_of_one_seed_in_whatever_order_and_the_clean_panel_may_be_longer():
    clean = cell([9, 2, 5, 7], "1001", "1-01")
    found = compare(DUMBBELL, SLIPPERY, clean, cell([2, 9], "11", "00"))
    assert (found.pairs, found.clean, found.success) == (2, 0.5, 1.0)
    assert (found.broken, found.fixed, found.changed_mode, found.realised) == (0, 1, 1, 1)
    assert found.mode_shift == 1.0
    same = compare(DUMBBELL, SLIPPERY, clean, cell([5, 7], "01", "01"))
    assert (same.broken, same.fixed, same.changed_mode, same.mode_shift) == (0, 0, 0, 0.0)
    assert same.p_value == 1.0 and same.difference.estimate == 0.0


@pytest.mark.parametrize("name", ["start.bias:2", "scene.blocked:2", "contact.com_offset:1"])
def test_who_takes_the_mode_that_a_variant_aims_at_is_counted_in_both_arms(name):
    task, shift = load_task(DUMBBELL), Variant(name)
    aims = "".join(str(shift.aimed(task, seed)) for seed in range(40))
    assert 10 < aims.count("0") < 30, "either mode, as a coin"
    always = compare(DUMBBELL, name, cell(range(40), "1" * 40, "0" * 40), cell(range(40), "1" * 40, aims))
    assert always.aimed == (aims.count("0") / 40, 1.0)
    half = compare(DUMBBELL, name, cell(range(4), "1111", "----"), cell(range(4), "1111", f"--{aims[2]}-"))
    assert half.aimed == (None, 1.0)
    assert compare(DUMBBELL, SLIPPERY, cell([0], "1", "0"), cell([0], "1", "0")).aimed is None
    both = over_tasks([always, half])[0].aimed
    assert both == always.aimed, "half has nothing to compare with"


def test_an_arm_that_realises_no_mode_shifts_none():
    found = compare(DUMBBELL, SLIPPERY, cell(range(3), "111", "010"), cell(range(3), "000", "---"))
    assert (found.mode_shift, found.changed_mode, found.realised) == (0.0, 0, 0)


def test_a_seed_without_its_clean_twin_is_refused():
    with pytest.raises(BimodalError, match=r"seed 4 did not run clean"):
        compare(DUMBBELL, SLIPPERY, cell(range(4), "1111", "0101"), cell(range(2, 6), "1111", "0101"))


def test_a_perturbed_cell_without_a_clean_arm_is_refused():
    arm = cell(range(4), "1111", "0101")
    assert compare_all({(DUMBBELL, CLEAN): arm}) == []
    assert [s.variant for s in compare_all({(DUMBBELL, SLIPPERY): arm, (DUMBBELL, CLEAN): arm})] == [SLIPPERY]
    with pytest.raises(BimodalError, match=f"{POST} .*has no clean arm"):
        compare_all({(DUMBBELL, CLEAN): arm, (DUMBBELL, SLIPPERY): arm, (POST, SLIPPERY): arm})


def test_seen_and_unseen_kinds_of_things_are_told_apart():
    """By hand: even seeds show unseen kinds, 1 of 3 survives them; odd ones seen kinds, and all survive."""
    clean, shifted = cell(range(6), "111111", "010101"), cell(range(6), "011101", "0101-1")
    found = compare_all({(DUMBBELL, CLEAN): clean, (DUMBBELL, "scene.clutter:1"): shifted})
    assert {(one.scenes, one.pairs, one.clean, one.success, one.broken) for one in found} == {
        ("unseen", 3, 1.0, 1 / 3, 2),
        ("seen", 3, 1.0, 1.0, 0),
    }
    (whole,) = compare_all({(DUMBBELL, CLEAN): clean, (DUMBBELL, "scene.size:1"): shifted})
    assert (whole.scenes, whole.pairs) == ("", 6), "sizes are of no kind"


def test_over_tasks_every_task_weighs_the_same():
    """By hand: 1 of 4 breaks on one task, 1 of 2 is fixed on the other."""
    cells = {
        (DUMBBELL, CLEAN): cell(range(4), "1111", "0101"),
        (DUMBBELL, SLIPPERY): cell(range(4), "1110", "0100"),
        (POST, CLEAN): cell(range(2), "00", "01"),
        (POST, SLIPPERY): cell(range(2), "10", "01"),
        (POST, BLURRED): cell(range(2), "00", "01"),
    }
    first, second = over_tasks(compare_all(cells))
    assert (first.variant, first.tasks, second.tasks) == (SLIPPERY, (DUMBBELL, POST), (POST,))
    assert (first.clean, first.success) == (0.5, 0.625)
    assert first.difference.estimate == pytest.approx((-0.25 + 0.5) / 2)
    assert (first.broken, first.fixed, first.changed_mode, first.realised) == (1, 1, 1, 6)
    assert first.mode_shift == pytest.approx((0.25 + 0) / 2)


def test_what_no_expert_can_do_is_marked_with_its_figure(tmp_path, monkeypatch):
    for axis, success in (("contact.friction", 0.6), ("sensing.noise", 1.0)):
        keep(Cell(DUMBBELL, axis, 2, success), tmp_path)
    publish([DUMBBELL], tmp_path, file := tmp_path / "feasible.json")
    monkeypatch.setattr(
        "bimodal.benchmark.scoring.perturbation_effects.known",
        lambda tasks: known(tasks, Path("nowhere"), file),
    )
    arm, both = cell(range(4), "1111", "0101"), f"{BLURRED}+{SLIPPERY}"
    cells = {(DUMBBELL, v): arm for v in (CLEAN, SLIPPERY, BLURRED, both)} | {
        (POST, v): arm for v in (CLEAN, SLIPPERY)
    }
    found = {(one.task, one.variant): one.expert for one in compare_all(cells)}
    assert found == {
        (DUMBBELL, SLIPPERY): 0.6,
        (DUMBBELL, BLURRED): None,
        (DUMBBELL, both): 0.6,
        (POST, SLIPPERY): None,
    }
    assert [one.infeasible for one in over_tasks(compare_all(cells))] == [(DUMBBELL,), (), (DUMBBELL,)]
    win = outcome("SUCCESS", 0, 0.01, 80)
    run = run_folder(tmp_path / "run", {DUMBBELL: [win] * 16, POST: [win] * 16})
    console = Console(width=140, color_system=None)
    with console.capture() as captured:
        console.print(shift_table(read_run(run)))
    assert f"{SLIPPERY} ! 60%" in captured.get() and "expert" in captured.get()
    page = report_page(read_run(run))
    assert page.count("infeasible: expert 60 %") == 1 and "infeasible in 1 of 2 tasks" in page
    file.write_text(file.read_text().replace("0.5", "0.4"))
    assert compare_all(cells)[0].expert is None, "the figure of another magnitude"


# ------------------------------------------------------------------------------------ bimodal evaluate


def test_a_variant_is_scored_beside_its_clean_arm(tmp_path, capsys):
    run = tmp_path / "run"
    code, out, err = evaluated(run, "--variant", SLIPPERY, "--variant", BLURRED, capsys=capsys)
    assert (code, err) == (0, [])
    assert "smoke* v" in out and "When the world shifts" in out and SLIPPERY in out
    suite = read_card(run)["suite"]
    assert suite["name"] == "smoke*" and suite["variants"] == [CLEAN, SLIPPERY, BLURRED]
    found = {(row["variant"], row["seed"]): row for row in rows(run)}
    assert list(found) == [(v, seed) for v in (CLEAN, SLIPPERY, BLURRED) for seed in range(4)]
    for seed in range(4):
        clean, blurred, slippery = (found[v, seed] for v in (CLEAN, BLURRED, SLIPPERY))
        assert clean["digest"] == expert_digests(4)[DUMBBELL, seed], "as in a run of the clean world alone"
        assert blurred["digest"] == clean["digest"], "the expert does not look through the policy's eyes"
        assert slippery["digest"] != clean["digest"]
        assert slippery["mode"] == clean["mode"], "the same noise throws the same coin"
    assert {shift.difference.estimate for shift in compare_all(read_run(run).cells)} == {0.0}


def test_a_generator_without_a_valid_scene_is_one_line_and_never_clean(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(
        "bimodal.envs.scene_generation.generator.fault", lambda *arguments: "all is in the way"
    )
    monkeypatch.setattr("bimodal.envs.scene_generation.generator._worlds", OrderedDict())
    code, _, err = evaluated(tmp_path / "run", "--variant", "scene.clutter:3", capsys=capsys, policy="zero")
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
    assert code == 0 and "When the world shifts" not in out
    assert shift_table(read_run(tmp_path / "run")) is None
    assert read_card(tmp_path / "run")["suite"]["variants"] == [CLEAN]


@pytest.mark.parametrize("workers", [0, 1])
def test_the_clean_arm_does_not_depend_on_the_variants_beside_it(tmp_path, small_shards, workers):
    alone, beside = panel(6, (DUMBBELL,)), panel(6, (DUMBBELL,))._replace(variants=(CLEAN, SLIPPERY))
    runs = [
        evaluate("expert", s, out=tmp_path / str(i), workers=workers) for i, s in enumerate((alone, beside))
    ]
    first, second = ({(r["variant"], r["seed"]): r for r in rows(run)} for run in runs)
    assert len(first) == 6 and len(second) == 12
    for key, row in first.items():
        assert {**second[key], "shard": 0} == {**row, "shard": 0}


WRONG = {
    "near axis": ("contact.frction:2", "did you mean contact.friction"),
    "far axis": ("xyzzy:2", "unknown variant 'xyzzy'"),
    "no such level": ("contact.friction:4", "contact.friction:1, contact.friction:2 or contact.friction:3"),
    "negative level": ("contact.friction:-1", "no such level"),
    "half a level": ("contact.friction:1.5", "no such level"),
    "no level": ("contact.friction", "no such level"),
    "no such combination": ("combo:4", "combo:1, combo:2 or combo:3"),
    "in the combination": ("combo:1+contact.friction:2", "names contact.friction twice"),
    "twice": ("contact.friction:1+contact.friction:2", "names contact.friction twice"),
    "second of two": ("contact.friction:1+sensing.noisy:2", "did you mean sensing.noise"),
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
    assert (code, len(err)) == (2, 1) and "leave out --task, --seeds and --variant" in err[0]


def test_a_variant_that_cannot_be_on_a_task_is_left_out_of_a_suite_and_not_scored_clean(tmp_path):
    suite = panel(2)._replace(variants=(CLEAN, FAR_OFF))
    run = evaluate("zero", suite, out=tmp_path / "run", workers=0)
    found = [(row["task"], row["variant"], row["seed"]) for row in rows(run)]
    assert (
        found == [(t, v, s) for t, v in suite.cells() for s in range(2)] and (POST, FAR_OFF, 0) not in found
    )
    assert [shift.task for shift in compare_all(read_run(run).cells)] == [DUMBBELL]


def test_a_run_that_lost_a_cell_is_not_read(tmp_path):
    win = outcome("SUCCESS", 0, 0.01, 80)
    for lost in (CLEAN, SLIPPERY):
        run = run_folder(tmp_path / lost, {DUMBBELL: [win] * 16, POST: [win] * 16})
        table = pq.read_table(run / "episodes.parquet")
        gone = pc.and_(pc.equal(table["task"], POST), pc.equal(table["variant"], lost))
        pq.write_table(table.filter(pc.invert(gone)), run / "episodes.parquet")
        with pytest.raises(BimodalError, match=rf"no episodes of {POST} \({lost}\)"):
            read_run(run)


# -------------------------------------------------------------------------------------------- entries


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    """The entry of a policy that always takes the first mode."""
    win = outcome("SUCCESS", 0, 0.01, 80)
    folder = tmp_path_factory.mktemp("run")
    return entry_from_run(run_folder(folder, {DUMBBELL: [win] * 16, POST: [win] * 16}))


def without(entry, task, variant):
    """Return an entry without a cell, its id made right."""
    entry = copy.deepcopy(entry)
    for part in ("results", "episodes"):
        entry[part] = [row for row in entry[part] if (row["task"], row["variant"]) != (task, variant)]
    entry["entry_id"] = entry_id(entry)
    return entry


def test_an_entry_has_every_cell_of_its_suite(sound):
    assert check_entry(sound) == []
    cells = SUITES["smoke"].cells()
    assert [(row["task"], row["variant"]) for row in sound["results"]] == cells and len(cells) == 6


@pytest.mark.parametrize("variant", [CLEAN, SLIPPERY, BLURRED])
def test_an_entry_that_left_out_a_cell_is_unsound(sound, variant):
    problems = check_entry(without(sound, POST, variant))
    for part in ("results", "episodes"):
        assert f"{part}: {POST} ({variant}) is there 0 times; expected once" in problems


def test_an_entry_cannot_give_up_its_clean_arm(sound):
    entry = without(without(sound, DUMBBELL, CLEAN), POST, CLEAN)
    entry["suite"]["variants"] = [SLIPPERY, BLURRED]
    entry["entry_id"] = entry_id(entry)
    problems = check_entry(entry)
    assert "suite: a perturbed score counts only beside its clean arm, and there is none" in problems
    assert any(problem.startswith("suite: variants is") for problem in problems)


def test_a_shifted_cell_has_the_seeds_of_the_ladder(sound):
    entry = copy.deepcopy(sound)
    block = next(b for b in entry["episodes"] if (b["task"], b["variant"]) == (POST, SLIPPERY))
    for name in ("seeds", "labels", "modes", "steps", "digests"):
        block[name].pop()
    entry["entry_id"] = entry_id(entry)
    problems = check_entry(entry)
    assert f"episodes of {POST} ({SLIPPERY}): 1 seeds are missing, such as 15" in problems
    assert f"results of {POST} ({SLIPPERY}): episodes is 16, its episodes give 15" in problems


def test_perturbed_failures_do_not_hide_in_the_clean_score(sound):
    entry = copy.deepcopy(sound)
    for block in entry["episodes"]:
        if block["variant"] == SLIPPERY:
            block["labels"] = ["TIMEOUT"] * 16
    problems = check_entry(entry)
    assert [p for p in problems if p.startswith(f"results of {POST} ({SLIPPERY}): successes is 16")]
    assert not [p for p in problems if p.startswith("aggregate")], "the aggregate is of the clean arm"


@pytest.mark.parametrize(
    ("part", "foreign"),
    [
        ("variants", "contact.frction:2"),
        ("variants", "contact.friction:4"),
        ("variants", "a+b"),
        ("variants", "x" * 60),
        ("tasks", "NoSuchTask-v1"),
    ],
)
def test_an_entry_that_names_what_is_not_known_is_a_problem_and_no_crash(sound, part, foreign):
    entry = copy.deepcopy(sound)
    entry["suite"][part][1] = foreign
    entry["entry_id"] = entry_id(entry)
    assert any(problem.startswith(f"suite: {part} is") for problem in check_entry(entry))


def test_no_board_prints_a_perturbed_score_without_its_clean_arm(sound, tmp_path):
    (row,) = board_rows([sound])[0].rows
    assert len(row.cells) == 2 and row.success.estimate == 1.0
    write_entry(sound, tmp_path / "entries")
    page = build_site(tmp_path / "entries", tmp_path / "site")
    with (page.parent / "board.csv").open() as file:
        lines = list(csv.DictReader(file))
    assert len(lines) == 6
    for line in lines:
        beside = [line[name] for name in ("clean", "difference", "difference_low95", "broken", "mode_shift")]
        assert all(beside) if line["variant"] != CLEAN else not any(beside), line
    (plain,) = json.loads((page.parent / "board.json").read_text())[0]["rows"]
    assert [cell["task"] for cell in plain["cells"]] == [DUMBBELL, POST]
    assert all(
        {"clean", "difference", "broken", "fixed", "mode_shift"} <= shift.keys() for shift in plain["shifts"]
    )
    assert [(s["task"], s["variant"]) for s in plain["shifts"]] == [
        (t, v) for t in (DUMBBELL, POST) for v in (SLIPPERY, BLURRED)
    ]
    head, _, shifts = page.read_text().partition('<h2 id="shifts">')
    assert SLIPPERY not in head and shifts.count("100 → 100 %") == 2
    console = Console(width=110, color_system=None)
    with console.capture() as captured:
        console.print(*board_tables([sound]))
    assert "When the world shifts" in captured.get() and "+0.0" in captured.get()


# -------------------------------------------------------------------------------------- from Python


def test_a_suite_is_asked_for_variants_by_name():
    cut = find_suite("core", (DUMBBELL,), range(8), (BLURRED, CLEAN, BLURRED))
    assert (cut.name, cut.variants, cut.shifted) == ("core*", (CLEAN, BLURRED), None)
    assert find_suite("smoke", variants=SUITES["smoke"].variants) is SUITES["smoke"]
    assert find_suite("smoke", variants=()).variants == (CLEAN,)
    with pytest.raises(WrongUse, match="impossible"):
        find_suite("smoke", variants=(FAR_OFF,))


def test_an_axis_from_a_file_changes_the_hash_and_is_evaluated(tmp_path, monkeypatch):
    file = tmp_path / "heavier.py"
    file.write_text(
        "from bimodal.envs.perturbations.core.perturbation import Axis\n"
        "class Gravity(Axis):\n    name, unit = 'world.gravity', 'x'\n"
        "    levels = (1.0, 1.1, 1.25, 1.5)\n    def model(self, model, task, rng):\n"
        "        model.opt.gravity[:] *= self.magnitude\n"
    )
    with pytest.raises(WrongUse, match="unknown variant"):
        find_suite("smoke", variants=("world.gravity:1",))
    monkeypatch.setenv("BIMODAL_AXES", str(file))
    suites.impossible.cache_clear()
    suite = find_suite("smoke", (DUMBBELL,), range(2), ("world.gravity:1",))
    run = evaluate(Expert, suite, out=tmp_path / "run")
    clean, shifted = (
        {r["seed"]: r["digest"] for r in rows(run) if r["variant"] == v} for v in (CLEAN, "world.gravity:1")
    )
    assert clean.keys() == shifted.keys() and not set(clean.values()) & set(shifted.values())
