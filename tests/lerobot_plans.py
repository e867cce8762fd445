"""What the tests play through LeRobot's loop; imported there, where pytest is not, and here."""

import numpy as np
from bimodal.tasks import load_task

TASK = load_task("PandaLiftDumbbell-v1")
MODES = np.array([0, 1, 0, 1])
"""What every row does: the expert's modes; the third row goes straight down, the fourth is soon no action."""


def plans(simulation):
    """Actions (N, T, 10) float32, as a network would give them: partly out of range, once not finite."""
    found = TASK.plan(simulation, MODES).astype(np.float32)
    found[0, :, 9] += (found[0, :, 9] > 0.079) * 0.5  # opens further than it can
    found[2, :, :3] = simulation.arms[0].tcp_position[2] - np.linspace(0, 0.3, found.shape[1])[:, None] * [
        0,
        0,
        1,
    ]
    found[3, 5] = np.nan
    return found
