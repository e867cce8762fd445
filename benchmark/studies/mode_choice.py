"""Measures what makes methods choose a mode, for `bimodal results --choices`: a start, a post, a knock.

And what a post does to policies that read pictures, for `bimodal results --families`.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from ...envs.perturbations.core.perturbation import LEVELS
from ...envs.perturbations.core.variant import CLEAN
from ..evaluation.evaluate import evaluate
from ..evaluation.options import EvalOptions
from ..records.run_folder import RUNS
from ..scoring.perturbation_effects import MeanEffect, mean_effects, measure_effects
from ..suites import SUITES, Suite
from .families import EPISODES, FamilyCell, Plan, measure_plans, plain
from .families import FOLDER as FAMILIES
from .method_results import finished

METHODS = ("expert", "mse", "nearest", "gmm", "flow", "diffusion")
"""Methods that are asked, a coin between experts first."""
QUESTIONS = {
    "start.bias": "The hand starts nearer to one grasp",
    "scene.blocked": "A post stands near or on the way to one grasp",
    "contact.knock_after": "Once the hand has chosen, the objects are knocked towards the other grasp",
}
"""The perturbations that ask, and what they do."""
PANEL = Suite(
    "choices",
    "1",
    SUITES["core"].tasks,
    range(50),
    (CLEAN, *(f"{name}:{level}" for name in QUESTIONS for level in LEVELS[1:])),
)
"""Every question at every level, on the tasks of the core suite that can have it."""
POST = ("PandaLiftDumbbell-v1", "scene.blocked:3")
"""Task and variant in which a post bars one way: no pose that is observed tells it, cameras show it."""
PASSING = tuple(map(plain, ("flow", "bet", "vision_flow")))
"""What is compared beside the post: two that see poses, and one that sees pictures."""


class ModeChoices(NamedTuple):
    """The answers of one method."""

    method: str
    """Its name."""
    answers: Mapping[str, MeanEffect]
    """What each variant changes, by its name."""


def measure_choices(
    methods: Sequence[str] = METHODS,
    workers: int | None = None,
    fresh: bool = False,
    progress: Callable[[str, int, int], None] | None = None,
    panel: Suite = PANEL,
) -> list[ModeChoices]:
    """Ask methods what has not been asked yet; runs are kept in `runs/choices-METHOD`.

    Args:
        methods: names of policies.
        workers: processes; None for one a core.
        fresh: whether to forget earlier runs.
        progress: called with a method, its finished episodes, and their total.
        panel: the episodes.
    """
    for method in methods:
        report = None if progress is None else lambda n, total, of=method: progress(of, n, total)
        evaluate(method, panel, EvalOptions(workers=workers, fresh=fresh, progress=report))
    return load_choices(methods, panel)


def load_choices(
    methods: Sequence[str] = METHODS, panel: Suite = PANEL, folder: Path = RUNS
) -> list[ModeChoices]:
    """Return the answers of the methods that have a finished run of the present panel."""
    found = []
    for method in methods:
        if run := finished(folder / f"{panel.name}-{method}", panel.hash()):
            effects = mean_effects(measure_effects(run.cells), all_count=True)
            answers = {one.variant: one for one in effects}
            found.append(ModeChoices(method, answers))
    return found


def measure_post(
    workers: int = 1,
    fresh: bool = False,
    progress: Callable[[str, int, int], None] | None = None,
    folder: Path = FAMILIES,
) -> dict[str, dict[str, FamilyCell]]:
    """Measure what a post does that no observed pose tells; by variant, the clean world first, and policy.

    Args:
        workers: processes; the cells do not depend on them.
        fresh: whether to measure again what the folder holds.
        progress: called with what was done last, the number of cells done, and their total.
        folder: where cells are kept as they come.
    """
    task, variant = POST
    return {
        world: measure_plans({task: Plan(PASSING, EPISODES, world)}, workers, fresh, progress, folder)[task]
        for world in (CLEAN, variant)
    }
