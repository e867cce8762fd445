"""The smallest policy that runs.

Score it with: bimodal evaluate examples/my_policy.py:GoLeft --suite smoke
"""

import numpy as np
from bimodal.policies import Decision, Policy


class GoLeft(Policy):
    """Moves the open hand slowly to the left of where it is; it grasps nothing."""

    description = "An example: the smallest policy that runs."

    def act(self, observation: dict[str, np.ndarray]) -> Decision:
        """Return eight targets (N, 8, 10): position, two columns of the rotation, opening."""
        position, rotation = observation["tcp_position"], observation["tcp_rotation"]
        target = np.concatenate(
            [position + [0, 0.05, 0], rotation, np.full((len(position), 1), 0.08)], axis=1
        )
        return Decision(np.repeat(target[:, None], 8, axis=1))
