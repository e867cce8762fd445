"""The study of ACT's latent variable: a cell trains and plays, and the page shows what was measured."""

import pytest
from bimodal.benchmark.studies import latent
from bimodal.benchmark.studies.latent import LatentCell, Played
from bimodal.cli.latent import latent_page, latent_rows

DUMBBELL = latent.TASKS[0]


def test_what_is_known_is_not_measured_again(tmp_path, monkeypatch):
    asked = []

    def measured(task, weight, folder):
        asked.append((task, weight))
        return LatentCell((weight,), *[(Played(0.5, 0.25),)] * 3)

    monkeypatch.setattr(latent, "try_weight", measured)
    found = latent.measure_latent((DUMBBELL,), workers=0, folder=tmp_path)
    assert asked == [(DUMBBELL, weight) for weight in latent.WEIGHTS]
    assert latent.measure_latent((DUMBBELL,), workers=0, folder=tmp_path) == found
    assert len(asked) == len(found[DUMBBELL]) == len(latent.WEIGHTS)


def test_the_page_shows_the_worst_and_the_best_training_and_the_modes_of_the_best():
    ways = [(Played(0.4, 0.1), Played(0.08, 0.5)), (Played(1.0, 0.3),) * 2, (Played(0.0, 0.0),) * 2]
    cells = {0.01: LatentCell((0.712, 0.649), *ways), 10.0: LatentCell((0.0, 0.0), *ways)}
    rows = latent_rows(cells)
    assert rows[1] == ("0.01", "0.6 to 0.7", "8 to 40, 10", "100, 30", "0, 0")
    assert [row[0] for row in rows] == ["10", "0.01"]
    assert "| 0.01 | 0.6 to 0.7 | 8 to 40, 10 | 100, 30 | 0, 0 |" in latent_page({DUMBBELL: cells})


def test_the_page_says_what_the_best_training_with_the_settings_of_the_paper_reaches():
    def cell(*ensembled):
        other = (Played(0.99, 0.5),)
        return LatentCell((0.0,), other, other, tuple(Played(one, 0.0) for one in ensembled))

    found = {DUMBBELL: {10.0: cell(0.02, 0.07), 1.0: cell(0.5)}, latent.TASKS[1]: {10.0: cell(0.04)}}
    assert "succeeds in\n7 % of the episodes" in latent_page(found)


@pytest.mark.slow
def test_a_cell_is_several_trainings_and_the_same_twice(tmp_path, monkeypatch):
    monkeypatch.setattr(latent, "EPISODES", range(60_000, 60_004))
    monkeypatch.setattr(latent, "SHOWN", 20)
    first, again = (latent.try_weight(DUMBBELL, 0.01, tmp_path / name, steps=5) for name in "ab")
    assert first == again
    assert all(len(part) == latent.SEEDS for part in first)
