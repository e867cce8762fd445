"""Where bits differ, `reproduce` still demands that episodes begin, and are decided first, as the entry's."""

import pytest
from bimodal.leaderboard.entry import read_entry
from bimodal.leaderboard.verification import rerun_verdict
from bimodal.leaderboard.verification.rerun_verdict import judge_rerun
from bimodal.leaderboard.verification.trace_archive import read_archive
from bimodal.leaderboard.verification.verify import archive_beside
from fabricated_entries import changed, draw_anew, edit


@pytest.fixture
def judged(submitted, monkeypatch):
    """Return the verdict on the entry's own run, one fingerprint changed, as if on another processor."""
    monkeypatch.setattr(rerun_verdict, "compare_machines", lambda *_: (False, "cpu A there, B here"))
    entry = read_entry(submitted)
    other = changed(entry, edit("episodes", 0, "digests", to=lambda old: "0" * 8 + old[8:]))
    header, arrays = read_archive(archive_beside(submitted))

    def judge(change=lambda arrays: None):
        told = {name: array.copy() for name, array in arrays.items()}
        change(told)
        monkeypatch.setattr(
            "bimodal.leaderboard.verification.first_decisions.read_archive", lambda path: (header, told)
        )
        return judge_rerun(other, submitted.parents[1] / "run", archive_beside(submitted))

    return judge


def test_other_bits_are_consistent_where_everything_begins_alike(judged):
    found = judged()
    assert found.verdict == "consistent"
    assert found.reason.endswith("every episode begins and decides first as the entry's")


@pytest.mark.parametrize(
    ("part", "byte", "problem"),
    [("actions", 1, "seed 0: the first decision differs by 0.0"), ("positions", 1, "seed 0 begins 0.00")],
)
def test_another_beginning_is_different(judged, part, byte, problem):
    def change(arrays):
        first = arrays[f"000.{part}"]
        first[byte, 0, 0] ^= 8  # 2048 units of the grid: 20 mm of an action, 1 mrad of a joint

    found = judged(change)
    assert found.verdict == "different" and problem in found.reason and "cpu A there" in found.reason


@pytest.mark.parametrize(("part", "verdict"), [("actions", "consistent"), ("positions", "different")])
def test_of_pictures_by_another_renderer_only_the_first_decision_may_differ(
    part, verdict, judged, monkeypatch
):
    def change(arrays):
        arrays[f"000.{part}"][1, 0, 0] ^= 8

    draw_anew(monkeypatch, "softpipe")
    found = judged(change)
    assert found.verdict == verdict
    assert found.reason.endswith("every episode begins as the entry's") == (part == "actions")
