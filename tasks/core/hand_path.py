"""Scripted hand paths: what the experts do, written as a chain of moves in the scene frame."""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import ArrayLike

from ...envs.frames import from_frame
from ...envs.robot import inverse_kinematics as control
from ...envs.robot import panda as robot
from ...envs.specs import OPENING_HIGH, OPENING_LOW


class HandPath:
    """A path of N hands, one target per control step, built move by move.

    Positions are [m] in each episode's scene frame, `yaw` is the angle of the finger-opening axis in it
    [rad]. Every move takes the same number of steps in every row, so the modes of a task last equally long
    and time does not tell them apart.
    """

    def __init__(self, position: np.ndarray, yaw: ArrayLike, opening: ArrayLike = OPENING_HIGH) -> None:
        """Begin at `position` (N, 3) with `yaw` and the gripper's `opening` [m], one or (N,) each."""
        self.position = np.asarray(position, float)
        self.yaw = self._each(yaw)
        self.opening = self._each(opening)
        self._targets: list[np.ndarray] = []  # position, yaw, opening; (N, 5) a step

    def __len__(self) -> int:
        return len(self._targets)

    def line(self, to: ArrayLike, steps: int, yaw: ArrayLike | None = None) -> "HandPath":
        """Move straight at constant speed; `to` broadcasts to (N, 3), `yaw` to (N,), None keeps it."""
        return self._along(to, yaw, steps, lambda u: (u, u, u, u))

    def ease(self, to: ArrayLike, steps: int, yaw: ArrayLike | None = None) -> "HandPath":
        """Move straight with minimum jerk (Flash and Hogan 1985): s(u) = 10 u^3 - 15 u^4 + 6 u^5."""

        def profile(u: float) -> tuple[float, ...]:
            s = u**3 * (10 - 15 * u + 6 * u * u)
            return s, s, s, s

        return self._along(to, yaw, steps, profile)

    def arc(
        self,
        to: ArrayLike,
        steps: int,
        last_axis: int = 2,
        yaw: ArrayLike | None = None,
        opening: ArrayLike | None = None,
    ) -> "HandPath":
        """Move on a quarter ellipse: sideways first, `last_axis` last; turn as fast as sideways.

        `opening` [m], one or (N,), is taken at once: the fingers need a few steps to get there.
        """
        if opening is not None:
            self.opening = self._each(opening)

        def profile(u: float) -> tuple[float, ...]:
            angle = 0.5 * np.pi * u  # a sine is fast at first, 1 - cosine at last
            first = np.sin(angle)
            last = 1 - np.cos(angle)
            return *(last if axis == last_axis else first for axis in range(3)), first

        return self._along(to, yaw, steps, profile)

    def wait(self, steps: int) -> "HandPath":
        """Stay."""
        return self.line(self.position, steps)

    def close(self, steps: int) -> "HandPath":
        """Close the gripper with full force and stay."""
        self.opening = self._each(OPENING_LOW)
        return self.wait(steps)

    def open(self, steps: int, opening: ArrayLike = OPENING_HIGH) -> "HandPath":
        """Open the gripper to `opening` [m], one or (N,), and stay."""
        self.opening = self._each(opening)
        return self.wait(steps)

    def _each(self, value: ArrayLike) -> np.ndarray:
        return np.broadcast_to(np.asarray(value, float), len(self.position))

    def _along(
        self, to: ArrayLike, yaw: ArrayLike | None, steps: int, profile: Callable[[float], tuple[float, ...]]
    ) -> "HandPath":
        """Append `steps` targets up to `to`; `profile` gives the share of x, y, z, yaw at u in 0..1."""
        # 1. from where to where; the next move begins there
        start = np.column_stack([self.position, self.yaw])
        self.position = np.broadcast_to(np.asarray(to, float), self.position.shape)
        self.yaw = self.yaw if yaw is None else self._each(yaw)
        end = np.column_stack([self.position, self.yaw])
        # 2. one target a control step; the last one is the end itself
        for step in range(1, steps + 1):
            pose = start + np.array(profile(step / steps)) * (end - start)
            self._targets.append(np.column_stack([pose, self.opening]))
        return self

    def actions(self, frame: np.ndarray) -> np.ndarray:
        """Return the path as `ee_absolute` actions, (N, T, 10), for scene frames (N, 3)."""
        targets = np.stack(self._targets, 1)
        # positions and yaws move and turn with the scene, the gripper's opening does not
        positions = from_frame(targets[..., :3], frame[:, None])
        rotations = control.columns_from_rotation(robot.down(frame[:, None, 2] + targets[..., 3]))
        return np.concatenate([positions, rotations, targets[..., 4:]], axis=-1)


def plan_from_paths(paths: Sequence[HandPath], frame: np.ndarray) -> np.ndarray:
    """Return the plan of all arms, arm by arm, (N, T, 10 arms), for scene frames (N, 3).

    Raises:
        ValueError: the paths do not last equally long.
    """
    return np.concatenate([path.actions(frame) for path in paths], axis=-1)
