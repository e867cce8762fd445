"""What the tests of graded demonstrations share."""

import numpy as np
from bimodal.tasks.core.hand_path import HandPath
from bimodal.tasks.demonstrations.grades import KINDS

DUMBBELL = "PandaLiftDumbbell-v1"
CALM = 14
SEEDS = 1_000_000 + np.arange(80)
"""Two decks of scenes."""


def of(kind, kinds):
    return kinds == KINDS.index(kind)


def reach_and_lift(way, lift, n=2):
    """Plans of a hand that comes down, closes and goes up, with so many steps for either; (n, T, 10)."""
    path = HandPath(np.tile([0.5, 0.0, 0.2], (n, 1)), np.pi).line([0.5, 0.1, 0.02], way).close(8)
    return path.line([0.5, 0.1, 0.12], lift).wait(CALM).actions(np.zeros((n, 3)))
