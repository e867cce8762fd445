"""The panel of regressions: every recipe minimises what it says, and its page shows the strongest."""

import pytest
import torch
from bimodal.benchmark.certificate import regression_panel as panel
from bimodal.benchmark.certificate.grace import GraceResult
from bimodal.benchmark.report.pages.regressions_page import regressions_page
from bimodal.policies.core.dataset import Batch
from bimodal.policies.training import regressions
from bimodal.policies.training.recipes import RECIPES

DUMBBELL = "PandaLiftDumbbell-v1"
MUG = "PandaLiftMug-v1"


class Constant(torch.nn.Module):
    """Answers with one chunk, whatever it is asked."""

    def __init__(self, chunk):
        super().__init__()
        self.chunk = torch.nn.Parameter(torch.tensor(chunk))

    def forward(self, x, t, c):
        return self.chunk.expand(len(x), -1)


@pytest.mark.parametrize(
    ("error", "best", "worse"),
    [("squared", 0.25, (0.0, 0.5)), ("absolute", 0.0, (0.25, -0.25)), ("Huber", 1 / 30, (0.0, 0.25))],
)
def test_a_mean_minimises_the_squared_error_and_a_median_the_absolute_one(error, best, worse):
    recipe = RECIPES[0]._replace(error=error)
    chunk = torch.tensor([[0.0], [0.0], [0.0], [1.0]])  # mean 0.25, median 0; Huber's best: 3 x = 0.1
    nothing = torch.zeros(4, 0)
    batch = Batch(chunk, torch.zeros(4, 1), nothing, nothing, torch.zeros(4))

    def loss(answer):
        return regressions.regression(recipe).loss(Constant([answer]), batch, torch.Generator()).item()

    assert all(loss(best) < loss(other) for other in worse)


@pytest.mark.parametrize("recipe", RECIPES, ids=str)
def test_a_recipe_trains_its_own_network(recipe):
    network = regressions.regression(recipe).build(
        type("Config", (), {"chunk_values": 160, "condition_size": 15, "blocks": 3}), torch.Generator()
    )
    sizes = {tuple(weights.shape) for weights in network.parameters() if weights.ndim == 2}
    assert (160, recipe.width) in sizes and (recipe.width, recipe.width) in sizes
    assert isinstance(network, regressions.PlainMLP) == (recipe.network == "MLP")


@pytest.mark.parametrize("averaged", [True, False])
def test_a_recipe_comes_out_the_same_again_whoever_trains_it(tmp_path, averaged):
    recipe = RECIPES[-1]._replace(steps=3, width=8, averaged=averaged)
    first, again = (panel.try_recipe(DUMBBELL, recipe, tmp_path, 4, 2, range(7000, 7002)) for _ in range(2))
    assert first == again and first.recipe == "MLP 8, absolute error" + ", averaged" * averaged
    assert len(first.success) == 2 and (tmp_path / "demonstrations.npz").is_file()


def test_what_is_known_is_not_tried_again_and_the_page_names_what_gets_away(tmp_path, monkeypatch):
    def tried(name, recipe, folder):
        strong = recipe == RECIPES[5] and name in (DUMBBELL, MUG)
        return panel.RegressionResult(str(recipe), (0.05, 0.02, 0.43 if strong else 0.2))

    names = [DUMBBELL, "PandaLiftPot-v1", "PandaLiftDumbbell-v2", MUG, "PandaLiftPot-v2"]
    monkeypatch.setattr(panel, "try_recipe", tried)
    first = panel.measure_regressions(names, workers=0, folder=tmp_path)
    monkeypatch.setattr(panel, "try_recipe", None)
    assert panel.measure_regressions(names, workers=0, folder=tmp_path) == first
    page = regressions_page(first, [GraceResult(DUMBBELL, "f" * 64, (1, 1, 1, 0))])
    assert "In 2 of 5 tasks" in page and f"allows its one\nrecipe: {DUMBBELL}, {MUG}." in page
    assert "seed below it: PandaLiftDumbbell-v2 (at most 20 %).\n" in page
    assert "| task | grace | recipe | success by training seed |" in page
    assert f"| {DUMBBELL} | 2 | MLP 256, squared error | 5, 2, 43 |" in page
    assert "| PandaLiftPot-v1 | – | ResFiLM 128, squared error, averaged |" in page
    assert "2 to 43" in page
