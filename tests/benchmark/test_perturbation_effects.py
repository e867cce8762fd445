"""What a perturbation does beside its clean arm, counted by hand."""

from dataclasses import replace
from pathlib import Path

import pytest
from bimodal.benchmark.report.run_report import write_report
from bimodal.benchmark.report.terminal_tables import shift_table
from bimodal.benchmark.scoring.feasible_cells import FeasibilityCell, known_cells, publish, save_cell
from bimodal.benchmark.scoring.perturbation_effects import mean_effects, measure_effect, measure_effects
from bimodal.benchmark.scoring.run_episodes import read_run
from bimodal.envs.errors import BimodalError
from bimodal.envs.perturbations.core.variant import CLEAN, Variant
from bimodal.tasks import load_task
from episode_columns import columns
from fabricated import outcome, run_folder
from rich.console import Console
from scoring import DUMBBELL, POST

SLIPPERY, BLURRED = "contact.friction:2", "sensing.noise:2"


def cell(seeds, wins, modes):
    """Return the episodes of a cell; `wins` and `modes` are strings, one sign an episode, `-` for no mode."""
    labels = ["SUCCESS" if win == "1" else "TIMEOUT" for win in wins]
    return columns(labels, [-1 if m == "-" else int(m) for m in modes], seeds)


def test_a_shift_is_counted_pair_by_pair():
    """By hand: 4 of 10 succeed in both, 3 only clean, 1 only shifted; Tango's interval of 1 and 3 of 10."""
    clean = cell(range(10), "1111111000", "000011100-")
    shifted = cell(range(10), "1111000100", "0011-1-00-")
    found = measure_effect(DUMBBELL, SLIPPERY, clean, shifted)
    assert (found.task, found.variant, found.pairs) == (DUMBBELL, SLIPPERY, 10)
    assert (found.clean, found.success) == (0.7, 0.5)
    assert (found.broken, found.fixed) == (3, 1)
    assert found.difference == pytest.approx((-0.2, -0.5515, 0.2171), abs=1e-4)
    assert found.p_value == pytest.approx(2 * (1 + 4) / 16 - 4 / 16)
    assert (found.changed_mode, found.realised) == (2, 7)
    assert found.mode_shift == pytest.approx(abs(3 / 9 - 3 / 7))


def test_pairs_are_of_one_seed_in_whatever_order_and_the_clean_panel_may_be_longer():
    clean = cell([9, 2, 5, 7], "1001", "1-01")
    found = measure_effect(DUMBBELL, SLIPPERY, clean, cell([2, 9], "11", "00"))
    assert (found.pairs, found.clean, found.success) == (2, 0.5, 1.0)
    assert (found.broken, found.fixed, found.changed_mode, found.realised) == (0, 1, 1, 1)
    assert found.mode_shift == 1.0
    same = measure_effect(DUMBBELL, SLIPPERY, clean, cell([5, 7], "01", "01"))
    assert (same.broken, same.fixed, same.changed_mode, same.mode_shift) == (0, 0, 0, 0.0)
    assert same.p_value == 1.0 and same.difference.estimate == 0.0


@pytest.mark.parametrize("name", ["start.bias:2", "scene.blocked:2", "contact.com_offset:1"])
def test_who_takes_the_mode_that_a_variant_aims_at_is_counted_in_both_arms(name):
    task, shift = load_task(DUMBBELL), Variant(name)
    aims = "".join(str(shift.targeted_mode(task, seed)) for seed in range(40))
    assert 10 < aims.count("0") < 30, "either mode, as a coin"
    always = measure_effect(
        DUMBBELL, name, cell(range(40), "1" * 40, "0" * 40), cell(range(40), "1" * 40, aims)
    )
    assert always.targeted == (aims.count("0") / 40, 1.0)
    half = measure_effect(
        DUMBBELL, name, cell(range(4), "1111", "----"), cell(range(4), "1111", f"--{aims[2]}-")
    )
    assert half.targeted == (None, 1.0)
    assert measure_effect(DUMBBELL, SLIPPERY, cell([0], "1", "0"), cell([0], "1", "0")).targeted is None
    both = mean_effects([always, half])[0].targeted
    assert both == always.targeted, "half has nothing to compare with"


def test_an_arm_that_realises_no_mode_shifts_none():
    found = measure_effect(DUMBBELL, SLIPPERY, cell(range(3), "111", "010"), cell(range(3), "000", "---"))
    assert (found.mode_shift, found.changed_mode, found.realised) == (0.0, 0, 0)


def test_a_seed_without_its_clean_twin_is_refused():
    with pytest.raises(BimodalError, match=r"seed 4 did not run clean"):
        measure_effect(DUMBBELL, SLIPPERY, cell(range(4), "1111", "0101"), cell(range(2, 6), "1111", "0101"))


def test_a_perturbed_cell_without_a_clean_arm_is_refused():
    arm = cell(range(4), "1111", "0101")
    assert measure_effects({(DUMBBELL, CLEAN): arm}) == []
    assert [s.variant for s in measure_effects({(DUMBBELL, SLIPPERY): arm, (DUMBBELL, CLEAN): arm})] == [
        SLIPPERY
    ]
    with pytest.raises(BimodalError, match=f"{POST} .*has no clean arm"):
        measure_effects({(DUMBBELL, CLEAN): arm, (DUMBBELL, SLIPPERY): arm, (POST, SLIPPERY): arm})


def test_seen_and_unseen_kinds_of_things_are_told_apart():
    """By hand: even seeds show unseen kinds, 1 of 3 survives them; odd ones seen kinds, and all survive."""
    clean, shifted = cell(range(6), "111111", "010101"), cell(range(6), "011101", "0101-1")
    found = measure_effects({(DUMBBELL, CLEAN): clean, (DUMBBELL, "scene.clutter:1"): shifted})
    assert {(one.scenes, one.pairs, one.clean, one.success, one.broken) for one in found} == {
        ("unseen", 3, 1.0, 1 / 3, 2),
        ("seen", 3, 1.0, 1.0, 0),
    }
    (whole,) = measure_effects({(DUMBBELL, CLEAN): clean, (DUMBBELL, "scene.size:1"): shifted})
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
    first, second = mean_effects(measure_effects(cells))
    assert (first.variant, first.tasks, second.tasks) == (SLIPPERY, (DUMBBELL, POST), (POST,))
    assert (first.clean, first.success) == (0.5, 0.625)
    assert first.difference.estimate == pytest.approx((-0.25 + 0.5) / 2)
    assert (first.broken, first.fixed, first.changed_mode, first.realised) == (1, 1, 1, 6)
    assert first.mode_shift == pytest.approx((0.25 + 0) / 2)


def test_what_no_expert_can_do_is_marked_with_its_figure(tmp_path, monkeypatch):
    for axis, success in (("contact.friction", 0.6), ("sensing.noise", 1.0)):
        save_cell(FeasibilityCell(DUMBBELL, axis, 2, success), tmp_path)
    publish([DUMBBELL], tmp_path, file := tmp_path / "feasible.json")
    monkeypatch.setattr(
        "bimodal.benchmark.scoring.perturbation_effects.known_cells",
        lambda tasks: known_cells(tasks, Path("nowhere"), file),
    )
    arm, both = cell(range(4), "1111", "0101"), f"{BLURRED}+{SLIPPERY}"
    cells = {(DUMBBELL, v): arm for v in (CLEAN, SLIPPERY, BLURRED, both)} | {
        (POST, v): arm for v in (CLEAN, SLIPPERY)
    }
    found = {(one.task, one.variant): one.expert for one in measure_effects(cells)}
    assert found == {
        (DUMBBELL, SLIPPERY): 0.6,
        (DUMBBELL, BLURRED): None,
        (DUMBBELL, both): 0.6,
        (POST, SLIPPERY): None,
    }
    assert [one.infeasible for one in mean_effects(measure_effects(cells))] == [(DUMBBELL,), (), (DUMBBELL,)]
    lost = cell(range(4), "0000", "0101")
    one_lost = measure_effects(cells | {(DUMBBELL, SLIPPERY): lost, (DUMBBELL, both): lost})
    assert [one.success for one in mean_effects(one_lost)] == [1.0, 1.0, 0.0], "it counts where it is alone"
    assert [one.broken for one in mean_effects(one_lost)] == [0, 0, 4]
    assert [one.success for one in mean_effects(one_lost, all_count=True)] == [0.5, 1.0, 0.0]
    win = outcome("SUCCESS", 0, 0.01, 80)
    run = run_folder(tmp_path / "run", {DUMBBELL: [win] * 16, POST: [win] * 16})
    console = Console(width=140, color_system=None)
    with console.capture() as captured:
        console.print(shift_table(read_run(run)))
    assert f"{SLIPPERY} ! 60%" in captured.get() and "expert" in captured.get()
    page = write_report(run).read_text()
    assert page.count("infeasible: expert 60 %") == 1 and "infeasible in 1 of 2 tasks" in page
    file.write_text(file.read_text().replace("0.5", "0.4"))
    assert measure_effects(cells)[0].expert is None, "the figure of another magnitude"


def test_a_shift_that_leaves_every_bit_is_marked_unchanged():
    clean = cell(range(3), "110", "01-")
    same, other = (replace(clean, digests=clean.digests.copy()) for _ in range(2))
    other.digests[2] = "another"
    cells = {(DUMBBELL, CLEAN): clean, (DUMBBELL, "sensing.noise:1"): same, (DUMBBELL, SLIPPERY): other}
    found = {one.variant: one for one in measure_effects(cells)}
    assert found["sensing.noise:1"].unchanged and not found[SLIPPERY].unchanged
    assert [one.unchanged for one in mean_effects(list(found.values()))] == [True, False]
