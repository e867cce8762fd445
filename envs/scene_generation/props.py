"""Things that stand around: primitives, and robosuite's groceries as primitives that look like them."""

from typing import NamedTuple

import mujoco
import numpy as np

from ..frames import yaw_quaternion
from .distributions import uniform

LOOK = "look of "
"""A scene's text of this name and a shape's says as which of `GROCERIES` the shape is drawn."""
COLOURS = (
    (0.86, 0.36, 0.26),
    (0.93, 0.68, 0.22),
    (0.33, 0.58, 0.40),
    (0.22, 0.44, 0.62),
    (0.52, 0.38, 0.60),
    (0.85, 0.80, 0.72),
    (0.35, 0.37, 0.41),
)
GROCERIES: dict[str, tuple[tuple[float, ...], float]] = {
    "bottle": ((0.0285, 0.080), 0.10),
    "bread": ((0.024, 0.020, 0.024), 0.05),
    "can": ((0.025, 0.040), 0.12),
    "cereal": ((0.050, 0.015, 0.075), 0.10),
    "milk": ((0.020, 0.020, 0.072), 0.12),
}
"""Half extents of robosuite's objects [m] (radius and half height of round ones) and their masses [kg]."""
DENSITY = 500.0
"""Of primitives [kg/m^3]."""


class Prop(NamedTuple):
    """An upright thing."""

    kind: str
    """"box", "cylinder" or one of `GROCERIES`."""
    half: tuple[float, ...]
    """Half extents [m]: three of a box; radius and half height of a cylinder."""
    mass: float
    """[kg]."""
    colour: tuple[float, float, float]

    @property
    def radius(self) -> float:
        """Radius of the upright cylinder around it [m]."""
        return float(np.hypot(*self.half[:2])) if len(self.half) == 3 else self.half[0]

    @property
    def height(self) -> float:
        """[m]."""
        return 2 * self.half[-1]


def grown(kinds: tuple[str, ...], n: int, sizes: dict[str, tuple], rng: np.random.Generator) -> list[Prop]:
    """Return n things.

    Args:
        kinds: what they may be, all equally likely.
        n: their number.
        sizes: smallest and largest half extents [m] of each kind that is no grocery.
        rng: what is drawn from.
    """
    found = []
    for which, tint, *extents in uniform(rng, np.zeros((n, 5)), 1.0):
        kind = kinds[int(which * len(kinds))]
        colour = COLOURS[int(tint * len(COLOURS))]
        if kind in GROCERIES:
            half, mass = GROCERIES[kind]
        else:
            low, high = np.array(sizes[kind])
            half = tuple(low + (high - low) * extents[: len(low)])
            mass = DENSITY * 8 * half[0] * half[-1] * half[len(half) - 2]
        found.append(Prop(kind, half, mass, colour))
    return found


def add(
    spec: mujoco.MjSpec, body: mujoco.MjsBody, name: str, what: Prop, place: np.ndarray, yaw: float
) -> None:
    """Add a thing's shape to a body, its centre at `place` (3,) [m] and turned by `yaw` [rad]."""
    flat = len(what.half) == 3
    body.add_geom(
        name=name,
        type=mujoco.mjtGeom.mjGEOM_BOX if flat else mujoco.mjtGeom.mjGEOM_CYLINDER,
        size=[*what.half, 0.0][:3],
        pos=place,
        quat=yaw_quaternion(yaw),
        rgba=[*what.colour, 1.0],
        mass=what.mass,
    )
    if what.kind in GROCERIES:
        spec.add_text(name=LOOK + name, data=what.kind)
