"""Scripted hand paths: what the experts do, written as a chain of moves in the scene frame."""

import numpy as np

from ..envs import control, robot
from ..envs.simulation import from_frame
from ..envs.specs import OPENING_HIGH, OPENING_LOW


class Path:
    """A path of N hands, one target per control step, built move by move.

    Positions are [m] in each episode's scene frame. Every move takes the same number of steps in every
    row, so the modes of a task last equally long and time does not tell them apart.
    """

    def __init__(self, position: np.ndarray, yaw: float) -> None:
        """Begin at `position` (N, 3), the fingers opening along `yaw` [rad] of the scene frame."""
        self.position = np.asarray(position, float)
        self.yaw = yaw
        self.opening = OPENING_HIGH
        self._positions: list[np.ndarray] = []
        self._openings: list[float] = []

    def __len__(self) -> int:
        return len(self._positions)

    def line(self, to: np.ndarray, steps: int) -> "Path":
        """Move straight at constant speed; `to` broadcasts to (N, 3)."""
        return self._along(to, steps, lambda s: (s, s, s))

    def ease(self, to: np.ndarray, steps: int) -> "Path":
        """Move straight with minimum jerk (Flash and Hogan 1985): s(u) = 10 u^3 - 15 u^4 + 6 u^5."""

        def profile(u: float) -> tuple[float, float, float]:
            s = u**3 * (10 - 15 * u + 6 * u * u)
            return s, s, s

        return self._along(to, steps, profile)

    def arc(self, to: np.ndarray, steps: int, last_axis: int = 2) -> "Path":
        """Move on a quarter ellipse: sideways first, `last_axis` last."""

        def profile(u: float) -> tuple[float, float, float]:
            angle = 0.5 * np.pi * u
            first, last = np.sin(angle), 1 - np.cos(angle)
            return tuple(last if axis == last_axis else first for axis in range(3))  # type: ignore[return-value]

        return self._along(to, steps, profile)

    def wait(self, steps: int) -> "Path":
        """Stay."""
        return self.line(self.position, steps)

    def close(self, steps: int) -> "Path":
        """Close the gripper with full force and stay."""
        self.opening = OPENING_LOW
        return self.wait(steps)

    def _along(self, to: np.ndarray, steps: int, profile) -> "Path":  # noqa: ANN001
        start, end = self.position, np.broadcast_to(to, self.position.shape)
        for step in range(1, steps + 1):
            self._positions.append(start + np.array(profile(step / steps)) * (end - start))
            self._openings.append(self.opening)
        self.position = end
        return self

    def actions(self, frame: np.ndarray) -> np.ndarray:
        """Return the path as `ee_absolute` actions, (N, T, 10), for scene frames (N, 3)."""
        positions = from_frame(np.stack(self._positions, 1), frame[:, None])
        rotations = control.columns_from_rotation(robot.down(frame[:, 2] + self.yaw))
        n, steps = positions.shape[:2]
        return np.concatenate(
            [
                positions,
                np.broadcast_to(rotations[:, None], (n, steps, 6)),
                np.broadcast_to(np.array(self._openings)[None, :, None], (n, steps, 1)),
            ],
            axis=-1,
        )
