"""Gate 4 of a certificate: fits a linear probe that must not tell the mode from what is observed."""

from itertools import combinations

import numpy as np
from scipy.stats import rankdata

from ...tasks.core.task import Task
from ...tasks.demonstrations.collect import Demonstrations
from .certificate import Check
from .trials import parting

FOLDS = 5
"""Parts into which the groups are dealt for cross-validation."""
RIDGE = 1.0
"""Weight of |w|^2 / 2 beside the summed log loss; keeps separable data finite."""
PROBE_CEILING = 0.55
"""Gate 4: most area under the curve before the modes part."""
PROBE_FLOOR = 0.95
"""Gate 4: least area soon after."""
AFTER = 4
"""Gate 4: control steps after the parting at which the mode must be visible."""
BEFORE = 16
"""Gate 4: control steps before the parting in which nothing may tell the mode."""
PROBED = 1500
"""Gate 4: demonstrations that are probed, up to a little after the parting. On 300 the area scatters by 0.05
around 0.5 when there is nothing to find, on 1,500 by 0.02."""
PROBED_A_MODE = 375
"""Gate 4: least demonstrations of a mode; with many modes each is probed, and the best of them counts."""


def hidden_mode_checks(task: Task, calm: Demonstrations, demos: Demonstrations) -> list[Check]:
    """Gate 4: until the modes part, nothing that is observed tells them apart; soon after, everything does.

    The first check is a proof, the others are statistics: without process noise, the demonstrations of a
    scene must look exactly alike in all modes. In a task of several choices what shows soon after is the
    first one, and modes that part later must look alike until then, too.

    Args:
        task: the task.
        calm: paired demonstrations without process noise.
        demos: paired demonstrations with it, many of them.
    """
    shared = task.shared_steps
    after = shared + AFTER
    before = sorted({*range(max(0, shared - BEFORE), shared, 4), max(0, shared - 1), shared})
    # 1. the modes of a scene side by side, (scenes, modes, steps, components), up to the parting
    views = observed(calm).reshape(-1, len(task.modes), *observed(calm).shape[1:])
    twins = views[:, :, : shared + 1]
    apart = float(np.abs(twins - twins[:, :1]).max())
    # 2. a probe at some steps before the parting, and at one after it
    areas = {t: grouped_auc(observed(demos)[:, t], demos.modes, demos.seeds) for t in before}
    chosen = task.first_choices()[demos.modes]
    shows = grouped_auc(observed(demos)[:, after], chosen, demos.seeds)
    steps = " ".join(map(str, before))
    values = " ".join(f"{areas[t]:.2f}" for t in before)
    hidden = max(areas[t] for t in before) <= PROBE_CEILING
    seen = shows >= PROBE_FLOOR
    return [
        Check(4, "twins", f"difference of views, 0 to {shared}", f"{apart:.3g}", "0", apart == 0.0),
        *_later_twins(task, views, int(calm.seeds[0])),
        Check(4, "probe before", f"AUC, steps {steps}", values.replace("0.", "."), "<= .55", hidden),
        Check(4, "probe after", f"AUC, step {after}", f"{shows:.2f}", ">= .95", seen),
    ]


def _later_twins(task: Task, views: np.ndarray, seed: int) -> list[Check]:
    """Return a check that modes which part at a later choice look alike until then; none without such modes.

    Args:
        task: the task.
        views: the modes of each scene side by side, (scenes, modes, steps, components).
        seed: of the first scene; all scenes part at the same steps.
    """
    first = task.first_choices()
    pairs = [pair for pair in combinations(range(len(first)), 2) if first[pair[0]] == first[pair[1]]]
    if not pairs:
        return []
    partings = [parting(task, pair, seed) for pair in pairs]
    apart = max(
        float(np.abs(views[:, one, : step + 1] - views[:, other, : step + 1]).max())
        for (one, other), step in zip(pairs, partings, strict=True)
    )
    measured = f"difference of views, 0 to {', '.join(map(str, sorted(set(partings))))}"
    return [Check(4, "twins of a later choice", measured, f"{apart:.3g}", "0", apart == 0.0)]


def observed(demos: Demonstrations) -> np.ndarray:
    """Return all observation components side by side, (E, T, C) float64."""
    return np.concatenate(list(demos.observations.values()), axis=2).astype(np.float64)


def auc(scores: np.ndarray, positive: np.ndarray) -> float:
    """Return P(score of a positive > score of a negative) + P(tie) / 2.

    Args:
        scores: (N,).
        positive: (N,) bool; both kinds must occur.

    Source: Mann and Whitney (1947); the area under the ROC curve, Hanley and McNeil (1982).
    """
    p = int(positive.sum())
    n = int((~positive).sum())
    return float((rankdata(scores)[positive].sum() - p * (p + 1) / 2) / (p * n))


def logistic(x: np.ndarray, y: np.ndarray, ridge: float = RIDGE, iterations: int = 30) -> np.ndarray:
    """Fit P(y = 1 | x) = 1 / (1 + exp(-w.x - b)) by Newton's method; return (w, b), (d + 1,).

    Minimises sum_i log(1 + exp(-s_i z_i)) + ridge |w|^2 / 2, with z = w.x + b and s = 2y - 1.

    Args:
        x: features, (N, d).
        y: labels, (N,) bool.
        ridge: see above; b is not penalised.
        iterations: at most so many Newton steps, each halved until the loss does not grow.
    """
    design = np.column_stack([x, np.ones(len(x))])
    sign = 2.0 * y - 1
    penalty = np.append(np.full(x.shape[1], ridge), 0.0)

    def loss(weights: np.ndarray) -> float:
        return float(np.logaddexp(0, -sign * (design @ weights)).sum() + (penalty * weights**2).sum() / 2)

    weights = np.zeros(design.shape[1])
    for _ in range(iterations):
        p = 1 / (1 + np.exp(-design @ weights))
        gradient = design.T @ (p - y) + penalty * weights
        curvature = (design.T * (p * (1 - p))) @ design + np.diag(penalty + 1e-9)
        step = np.linalg.solve(curvature, gradient)
        while loss(weights - step) > loss(weights) and np.abs(step).max() > 1e-9:
            step /= 2
        weights = weights - step
        if np.abs(step).max() < 1e-9:
            break
    return weights


def grouped_auc(x: np.ndarray, modes: np.ndarray, groups: np.ndarray, folds: int = FOLDS) -> float:
    """Return how well a linear probe tells modes of groups it has not seen: 0.5 by chance, 1 for certain.

    Demonstrations are paired: each scene occurs once in each mode. A fold that split a pair would train on
    one copy and test on its twin, whose mode is the other one, so a probe that memorised scenes would
    score far below 0.5. Here both copies stay in one fold. What remains below 0.5 is chance and counts as
    not predictable. The area is taken within each fold and averaged, because the scores of two folds
    come from two fits. With more than two modes each is probed against the rest, and the best counts.

    Args:
        x: observations, (N, d).
        modes: (N,).
        groups: seed of each row, (N,).
        folds: number of folds.
    """
    found = []
    order = np.unique(groups, return_inverse=True)[1]
    kinds = np.unique(modes)
    for mode in kinds[: 1 if len(kinds) == 2 else None]:
        areas = []
        for fold in range(min(folds, int(order.max()) + 1)):
            test = order % folds == fold
            y = modes == mode
            # scaled by what is trained on, so that nothing is learnt from the fold that is tested
            spread = x[~test].std(0)
            z = (x - x[~test].mean(0)) / np.where(spread > 0, spread, 1.0)
            weights = logistic(z[~test], y[~test])
            areas.append(auc(z[test] @ weights[:-1], y[test]))
        found.append(float(np.mean(areas)))
    return max(found)
