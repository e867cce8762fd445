"""Whether what somebody asks of the robot is an action: finite, within its range, its rotations rotations.

The evaluator asks it of a policy's chunks, the Gymnasium environments of every step.
"""

import numpy as np

from ..specs import ACTIONS, RANGE_SLACK, bounds, of_arms

SHORTEST = 1e-3
"""A shorter column of a rotation matrix, or shorter part of the second across the first, has no direction."""


class ActionCheck:
    """Checks the actions of one space, of one arm or of two side by side."""

    def __init__(self, space: str, arms: int) -> None:
        """Take the space's name, e.g. `ee_absolute`, and the number of arms."""
        specs = of_arms(ACTIONS[space], arms)
        self.space = space
        self.low, self.high = bounds(specs)
        self.names = [
            spec.name if spec.size == 1 else f"{spec.name}[{index}]"
            for spec in specs
            for index in range(spec.size)
        ]
        """Name of every column, such as `position[2]` or `opening`."""
        first = np.cumsum([0, *(spec.size for spec in specs)])
        self._rotations = [
            (spec.name, int(begin))
            for spec, begin in zip(specs, first, strict=False)
            if spec.name.endswith("rotation") and spec.size == 6
        ]

    def inside(self, actions: np.ndarray) -> np.ndarray:
        """Return which actions (..., A) are within their range in every column, (...) bool."""
        within = (actions >= self.low - RANGE_SLACK) & (actions <= self.high + RANGE_SLACK)
        return np.asarray(within.all(-1))

    def sound(self, actions: np.ndarray) -> np.ndarray:
        """Return which actions (..., A) may be executed, (...) bool."""
        sound = self.inside(actions)
        with np.errstate(all="ignore"):  # of what is not finite
            for _, begin in self._rotations:
                first, across = _lengths(actions[..., begin : begin + 6])
                sound &= (first >= SHORTEST) & (across >= SHORTEST)
        return sound

    def fault(self, actions: np.ndarray) -> str:
        """Return what is wrong with the worst of some actions (H, A), "" for nothing."""
        if not np.isfinite(actions).all():
            step, column = np.argwhere(~np.isfinite(actions))[0]
            return f"{self._value(actions[step], int(column))}: not finite"
        if not self.inside(actions).all():
            beyond = np.maximum(self.low - actions, actions - self.high)
            step, column = np.argwhere(beyond == beyond.max())[0]
            allowed = f"(allowed {self.low[column]:g} to {self.high[column]:g})"
            return f"{self._value(actions[step], int(column))} {allowed}: clip it"
        for name, begin in self._rotations:
            first, across = _lengths(actions[:, begin : begin + 6])
            if min(first.min(), across.min()) < SHORTEST:
                wrong = "first column is zero" if first.min() < SHORTEST else "columns are parallel"
                return (
                    f"no {name} in columns {begin} to {begin + 5} of {self.space}: its {wrong}; write the "
                    "first two columns of a rotation matrix, one after the other"
                )
        return ""

    def _value(self, action: np.ndarray, column: int) -> str:
        return f"{self.names[column]} = {action[column]:.8g} in column {column} of {self.space}"


def _lengths(columns: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the length of the first column of (..., 6), and of the part of the second across it."""
    first = columns[..., :3]
    second = columns[..., 3:]
    length = np.sqrt((first * first).sum(-1))
    along = (first * second).sum(-1, keepdims=True) / np.maximum(length, SHORTEST)[..., None] ** 2 * first
    across = second - along
    return length, np.sqrt((across * across).sum(-1))
