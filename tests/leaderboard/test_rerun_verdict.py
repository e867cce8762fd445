"""What `reproduce` answers to fabricated runs: the same run, forged entries, other bits, other successes."""

import secrets
from typing import Any

import pytest
from bimodal.benchmark.records.same_machine import compare_machines
from bimodal.benchmark.suites import find_suite
from bimodal.envs.errors import NotComparable
from bimodal.leaderboard.entry import entry_from_run
from bimodal.leaderboard.entry_model import Entry
from bimodal.leaderboard.verification.rerun_verdict import judge_rerun
from fabricated import outcome, run_folder
from fabricated_entries import DUMBBELL, IDLE, MIXED, POST, WIN_LEFT, draw_anew, drawn_by, forge

HERE: tuple[dict[str, Any], dict[str, str]] = (
    {"cpu": "A", "cores": 2, "os": "Linux glibc 2.36", "python": "3.11.7", "blas": "SkylakeX"},
    {"mujoco": "4.0.0", "numpy": "2.4.6", "code": "0" * 16},
)

SLOW = outcome("NO_ATTEMPT", steps=100)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return run_folder(tmp_path_factory.mktemp("run"), {DUMBBELL: MIXED, POST: [IDLE] * 16})


def claim(run, change) -> Entry:
    """Return the entry of a run with `change(block)` applied to every block of its episodes."""
    raw = entry_from_run(run).plain()
    forge(raw, lambda entry: [change(block) for block in entry["episodes"]])
    return Entry.model_validate(raw)


def all_successes(block):
    block["labels"] = ["SUCCESS"] * 16
    block["modes"] = (["left bar", "right bar"] if block["task"] == DUMBBELL else ["left", "right"]) * 8


def balanced_modes(block):
    block["modes"] = [["left bar", "right bar"][i % 2] if m else m for i, m in enumerate(block["modes"])]


def other_bits(block):
    block["digests"] = [secrets.token_hex(4) for _ in block["digests"]]


def test_the_same_run_is_identical(run):
    found = judge_rerun(entry_from_run(run), run)
    assert (found.verdict, found.reason) == ("identical", "all 96 episodes agree to the last bit")
    assert found.lines[0] == "Lift Dumbbell (clean): 16/16 episodes identical, successes 12 claimed, 12 found"


def test_weights_of_tasks_that_were_not_run_again_are_no_others(run):
    """Before, a part of a panel was told to have other weights, and its bits could be any."""
    raw = entry_from_run(run).plain()
    raw["policy"]["artifacts"]["PandaLiftPot-v1/mse.safetensors"] = "0" * 64
    forge(raw, lambda entry: [other_bits(block) for block in entry["episodes"]])
    assert "the weights are others" not in judge_rerun(Entry.model_validate(raw), run).reason


def test_of_other_weights_no_bit_need_agree_but_success_must(run):
    raw = entry_from_run(run).plain()
    raw["policy"]["artifacts"] = {f"{DUMBBELL}/mse.safetensors": "0" * 64}
    forge(raw, lambda entry: [other_bits(block) for block in entry["episodes"]])
    found = judge_rerun(Entry.model_validate(raw), run)
    assert found.verdict == "consistent" and found.reason.endswith("(the weights are others)")
    forge(raw, lambda entry: [all_successes(block) for block in entry["episodes"]])
    found = judge_rerun(Entry.model_validate(raw), run)
    assert (
        found.verdict == "different" and "12 found" in found.reason and "every one must" not in found.reason
    )


@pytest.mark.parametrize(
    ("change", "forged"),
    [
        (all_successes, "74 of 96 .* SUCCESS, left bar, 80 steps claimed, .*found"),
        (balanced_modes, "of 96 .* modes"),
        (lambda block: block.update(steps=[20] * 16), "96 of 96 .* 20 steps claimed"),
        (lambda block: block["labels"].__setitem__(15, "DROP"), "6 of 96 .* DROP"),
    ],
    ids=["all successes", "modes balanced", "shorter", "one label"],
)
def test_a_digest_beside_another_outcome_mode_or_length_is_forged(run, change, forged):
    assert judge_rerun(claim(run, change), run).verdict == "forged"


def test_the_first_contradiction_is_told(run):
    reason = judge_rerun(claim(run, lambda block: block["labels"].__setitem__(15, "DROP")), run).reason
    expected = (
        "Lift Dumbbell (clean) seed 15: DROP, left bar, 100 steps claimed, TIMEOUT, left bar, 100 steps found"
    )
    assert expected in reason and "6 of 96 episodes" in reason


def test_other_bits_with_the_same_successes_are_consistent_where_the_kernels_are_unknown(run):
    found = judge_rerun(claim(run, other_bits), run)
    assert found.verdict == "consistent"
    assert found.reason.startswith(
        "0 of 96 episodes agree to the last bit; success differs by less than 5 points"
    )
    assert "does not say which numerical kernels" in found.reason


@pytest.mark.parametrize(("drawn", "verdict"), [("llvmpipe", "identical"), ("softpipe", "consistent")])
def test_of_pictures_by_another_renderer_a_run_is_at_best_consistent(run, drawn, verdict, monkeypatch):
    draw_anew(monkeypatch, drawn)
    raw = entry_from_run(run).plain()
    raw["provenance"]["machine"]["renderer"] = drawn_by("llvmpipe")
    found = judge_rerun(Entry.model_validate(raw), run)
    assert found.verdict == verdict and "all 96 episodes agree to the last bit" in found.reason
    told = "renderer.name llvmpipe in the entry, softpipe here"
    assert (told in found.reason) == (verdict == "consistent")
    forge(raw, lambda entry: [other_bits(block) for block in entry["episodes"]])
    assert judge_rerun(Entry.model_validate(raw), run).verdict == "consistent", "the kernels are unknown here"
    forge(raw, lambda entry: [all_successes(block) for block in entry["episodes"]])
    assert judge_rerun(Entry.model_validate(raw), run).verdict == "different"


def test_other_bits_on_the_same_kernels_are_different(run, monkeypatch):
    monkeypatch.setattr(
        "bimodal.leaderboard.verification.rerun_verdict.compare_machines",
        lambda *_: compare_machines(HERE, HERE),
    )
    found = judge_rerun(claim(run, lambda block: block["digests"].__setitem__(3, "f" * 8)), run)
    assert found.verdict == "different"
    assert found.reason.startswith("90 of 96 episodes agree to the last bit; both used the same processor")


@pytest.mark.parametrize("more", [0, 1, 4])
def test_successes_that_are_claimed_beside_invented_digests(tmp_path, more):
    """In one direction, in every variant of one task of two; 96 episodes cannot excuse even one of 16."""
    folder = run_folder(tmp_path, {DUMBBELL: [WIN_LEFT] * 8 + [SLOW] * 8, POST: [IDLE] * 16})

    def lie(block):
        other_bits(block)
        block["labels"] = (
            ["SUCCESS"] * more + block["labels"][more:] if block["task"] == POST else block["labels"]
        )

    expected = "different" if more else "consistent"
    assert judge_rerun(claim(folder, lie), folder).verdict == expected


def test_the_lie_that_passes_is_smaller_than_a_point_of_a_whole_suite():
    """Before, every task could claim 2 to 8 points more beside invented digests."""
    from bimodal.benchmark.statistics.paired import mcnemar_mid_p
    from bimodal.leaderboard.verification.rerun_verdict import DIRECTION_LEVEL

    seeds, tasks = 200, 6
    most = max(k for k in range(100) if mcnemar_mid_p(0, k) >= DIRECTION_LEVEL / (tasks + 1))
    assert most / (seeds * tasks) < 0.01


def test_many_episodes_that_change_in_both_directions_are_not_equivalent(tmp_path):
    win, lose = outcome("SUCCESS", 0, 0.01, 80), outcome("NO_ATTEMPT", steps=100)
    folder = run_folder(
        tmp_path, {DUMBBELL: [win] * 8 + [lose] * 8, POST: [outcome("NO_ATTEMPT", steps=120)] * 16}
    )

    def swap(block):
        other_bits(block)
        block["labels"] = block["labels"][::-1]

    found = judge_rerun(claim(folder, swap), folder)
    assert found.verdict == "different" and "not shown to differ by less than" in found.reason


def test_a_run_of_a_part_is_compared_with_that_part(run, tmp_path):
    part = find_suite("smoke", tasks=[DUMBBELL], seeds=range(8, 16), variants=[])
    folder = run_folder(tmp_path, {DUMBBELL: MIXED[8:]}, suite=part)
    found = judge_rerun(entry_from_run(run), folder)
    assert (found.verdict, found.lines) == (
        "identical",
        ("Lift Dumbbell (clean): 8/8 episodes identical, successes 4 claimed, 4 found",),
    )
    with pytest.raises(NotComparable, match=r"has PandaLiftDumbbell-v1 \(clean\), the entry has not"):
        judge_rerun(claim(run, lambda block: block.update(task=POST)), folder)


# ---------------------------------------------------------------------------------------- which machine


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"blas": "Haswell"}, "blas SkylakeX in the entry, Haswell here"),
        ({"cpu": "B"}, "cpu A in the entry, B here"),
        ({"os": "Linux musl"}, "os Linux glibc 2.36 in the entry, Linux musl here"),
        ({"blas": None}, "this machine does not say which numerical kernels it used"),
        ({"kernels": {"torch": "AVX2"}}, ""),
        ({"cores": 64, "python": "3.12.1"}, ""),
    ],
)
def test_what_differs_between_two_machines_is_named(change, told):
    machine, versions = HERE
    same, text = compare_machines(HERE, (machine | change, versions))
    assert same == (not told) and (told or "both used the same") in text


def test_other_libraries_are_another_arithmetic_and_other_code_is_not():
    machine, versions = HERE
    assert not compare_machines(HERE, (machine, versions | {"numpy": "3.0.0"}))[0]
    assert compare_machines(HERE, (machine, versions | {"code": "1" * 16}))[0]
