"""Typed components of observations and actions: name, shape, unit, frame and range.

Conventions everywhere: SI units, radians, quaternions wxyz, the robot's base is the world's origin and
the table top is z = 0. TCP is the point between the finger pads; the fingers open along its x axis.
"""

from dataclasses import dataclass, replace

import numpy as np

CONTROL_HZ = 20
"""Control steps per second."""
PREFIXES = ("", "second_")
"""What the names of the first and of the second arm's bodies, observations and actions begin with."""


@dataclass(frozen=True)
class Spec:
    """One component of an observation or an action."""

    name: str
    """What it is, in snake_case."""
    shape: tuple[int, ...]
    """Its shape for one episode."""
    unit: str
    """SI unit, `rad`, or `1` for a pure number."""
    frame: str
    """`world` (the robot's base), `tcp`, or `-`."""
    low: float
    """Smallest possible value."""
    high: float
    """Largest possible value."""
    description: str
    """One sentence for a reader."""

    @property
    def size(self) -> int:
        """Number of values."""
        return int(np.prod(self.shape))


ROBOT_OBSERVATION = (
    Spec("tcp_position", (3,), "m", "world", -2.0, 2.0, "Point between the finger pads."),
    Spec("tcp_rotation", (6,), "1", "world", -1.0, 1.0, "First two columns of the TCP's rotation matrix."),
    Spec("gripper_opening", (1,), "m", "-", -0.03, 0.11, "Distance between the finger pads."),
)
"""What every task observes of each arm."""

OPENING_LOW = -0.008
"""Smallest commanded gripper opening [m]; below zero presses the fingers together with full force."""
OPENING_HIGH = 0.08
"""Largest commanded gripper opening [m]."""

ACTIONS: dict[str, tuple[Spec, ...]] = {
    "ee_absolute": (
        Spec("position", (3,), "m", "world", -2.0, 2.0, "Target of the TCP."),
        Spec("rotation", (6,), "1", "world", -1.5, 1.5, "First two columns of the target rotation matrix."),
        Spec("opening", (1,), "m", "-", OPENING_LOW, OPENING_HIGH, "Target distance between the pads."),
    ),
    "ee_delta": (
        Spec("translation", (3,), "1", "world", -1.0, 1.0, "Step of the TCP, in units of 5 cm."),
        Spec("rotation", (3,), "1", "world", -1.0, 1.0, "Rotation vector of the step, in units of 0.5 rad."),
        Spec("grip", (1,), "1", "-", -1.0, 1.0, "-1 opens the gripper, +1 closes it."),
    ),
    "joint_absolute": (
        Spec("joints", (7,), "rad", "-", -3.8, 3.8, "Target angles of the seven arm joints."),
        Spec("opening", (1,), "m", "-", OPENING_LOW, OPENING_HIGH, "Target distance between the pads."),
    ),
}
"""Action spaces of one arm. `ee_absolute` is the default; `ee_delta` follows robosuite's OSC convention."""

POSITION = slice(0, 3)
"""Where one arm's `ee_absolute` action holds the TCP's position."""
ROTATION = slice(3, 9)
"""Where it holds the first two columns of the rotation matrix, one after the other."""
GRIPPER = np.intp(9)
"""Where it holds the gripper's opening."""


GRID = 1e-5
"""Actions are rounded to multiples of this, so that a recorded action is exact and small."""
RANGE_SLACK = 1e-6
"""How far beyond its range an action may lie by rounding."""


def to_grid(actions: np.ndarray) -> np.ndarray:
    """Return actions as whole multiples of `GRID`, int32."""
    return np.rint(actions / GRID).astype(np.int32)


def from_grid(grid: np.ndarray) -> np.ndarray:
    """Return recorded integer actions as SI values, float64."""
    return grid * GRID


def of_arms(specs: tuple[Spec, ...], arms: int) -> tuple[Spec, ...]:
    """Return the components of one arm for several, arm by arm; the second arm's names carry its prefix."""
    return tuple(replace(spec, name=prefix + spec.name) for prefix in PREFIXES[:arms] for spec in specs)


def by_arm(actions: np.ndarray) -> np.ndarray:
    """Return `ee_absolute` actions (..., 10 arms) arm by arm, (..., arms, 10); a view."""
    return actions.reshape(*actions.shape[:-1], -1, size(ACTIONS["ee_absolute"]))


_ELEMENTS = {
    1: ("",),
    2: ("cosine", "sine"),
    3: ("x", "y", "z"),
    6: ("column 1 x", "column 1 y", "column 1 z", "column 2 x", "column 2 y", "column 2 z"),
    7: tuple(f"joint {i}" for i in range(1, 8)),
}


def elements(spec: Spec) -> tuple[str, ...]:
    """Return the names of a component's numbers, "" for its only one."""
    return _ELEMENTS.get(spec.size, tuple(f"element {i}" for i in range(spec.size)))


def size(specs: tuple[Spec, ...]) -> int:
    """Return the number of values of several components together."""
    return sum(spec.size for spec in specs)


def bounds(specs: tuple[Spec, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Return the lower and upper bound of every value, each (size,)."""
    low = np.concatenate([np.full(spec.size, spec.low) for spec in specs])
    high = np.concatenate([np.full(spec.size, spec.high) for spec in specs])
    return low, high
