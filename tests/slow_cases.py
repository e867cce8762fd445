"""Which cases of a test belong to the slow ones: the fast suite keeps a few of many that are alike."""

import pytest

DIFFERENT_TASKS = ("PandaLiftDumbbell-v1", "PandaLiftMug-v1", "PandaPickAroundPost-v1", "TwoPandaHandover-v1")
"""Two modes, three modes, two ways, two arms."""
OTHER_GOALS = ("PandaPlaceEitherNest-v1", "PandaSlideTwinKnob-v1")
"""Tasks that set down and that slide, where the others lift."""


def mostly_slow(cases, *kept):
    """Return the cases of a parametrised test, marked slow but for those that are kept."""
    return [
        pytest.param(
            *(case if isinstance(case, tuple) else (case,)), marks=() if case in kept else pytest.mark.slow
        )
        for case in cases
    ]
