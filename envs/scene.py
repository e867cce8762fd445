"""The stage and the pieces tasks build on it: table, floor, movable and fixed objects, contact sensors.

A scene is one `mujoco.MjSpec` of physics shapes. How it looks is decided elsewhere (`look.py`) from the
colours given here, so a task describes its objects once.
"""

import mujoco

from . import robot
from .specs import CONTROL_HZ

TIMESTEP = 0.005
"""Physics time step [s]."""
SUBSTEPS = round(1 / (CONTROL_HZ * TIMESTEP))
"""Physics steps per control step; exact, 10 x 5 ms = 50 ms."""
TABLE_CENTRE, TABLE_HALF = (0.31, 0.0), (0.56, 0.60, 0.02)
"""Centre of the table's top and half its extents [m]; the top is z = 0."""
FLOOR_Z = -0.724
"""Height of the floor [m]."""

_ROBOT_ROOT = "base"
_FINGERS = ("leftfinger", "rightfinger")


class Scene:
    """A physics scene under construction: the lean Panda on a table, and what a task adds."""

    def __init__(self) -> None:
        self.spec = robot.panda()
        self.spec.modelname = "bimodal"
        option = self.spec.option
        option.timestep = TIMESTEP
        option.integrator = mujoco.mjtIntegrator.mjINT_IMPLICITFAST
        option.cone = mujoco.mjtCone.mjCONE_ELLIPTIC
        option.impratio = 10.0
        world = self.spec.worldbody
        table = world.add_body(name="table", pos=[*TABLE_CENTRE, -TABLE_HALF[2]])
        table.add_geom(
            name="table_top", type=mujoco.mjtGeom.mjGEOM_BOX, size=TABLE_HALF, rgba=[0.78, 0.66, 0.52, 1]
        )
        world.add_geom(
            name="floor", type=mujoco.mjtGeom.mjGEOM_PLANE, size=[0, 0, 1], pos=[0, 0, FLOOR_Z], group=3
        )
        self.watch("table_top", "table")

    def movable(self, name: str) -> mujoco.MjsBody:
        """Add a free body; a start gives its pose."""
        body = self.spec.worldbody.add_body(name=name)
        body.add_freejoint(name=name)
        return body

    def fixed(self, name: str) -> mujoco.MjsBody:
        """Add a body that never moves but whose pose is drawn per episode (a mocap body: its pose is
        part of the recorded state).
        """
        return self.spec.worldbody.add_body(name=name, mocap=True)

    def box(
        self,
        body: mujoco.MjsBody,
        name: str,
        size: tuple[float, float, float],
        at: tuple[float, float, float],
        colour: tuple[float, float, float],
        mass: float = 0.0,
    ) -> None:
        """Add a box with full extents `size` [m], centred `at` [m] in the body's frame; mass [kg]."""
        half = [extent / 2 for extent in size]
        self._shape(body, name, mujoco.mjtGeom.mjGEOM_BOX, half, at, colour, mass)

    def cylinder(
        self,
        body: mujoco.MjsBody,
        name: str,
        diameter: float,
        height: float,
        at: tuple[float, float, float],
        colour: tuple[float, float, float],
        mass: float = 0.0,
    ) -> None:
        """Add an upright cylinder [m], centred `at` in the body's frame; mass [kg]."""
        size = [diameter / 2, height / 2, 0]
        self._shape(body, name, mujoco.mjtGeom.mjGEOM_CYLINDER, size, at, colour, mass)

    def watch(self, geom: str, sensor: str) -> None:
        """Add a sensor of the net force [N] between `geom` and the whole robot."""
        self._contact_sensor(geom, sensor, _ROBOT_ROOT)

    def watch_fingers(self, geom: str, sensor: str) -> None:
        """Add two sensors, `<sensor>_left` and `<sensor>_right`: the net force [N] between `geom` and a
        finger.
        """
        for side, finger in zip(("left", "right"), _FINGERS, strict=True):
            self._contact_sensor(geom, f"{sensor}_{side}", finger)

    def _shape(
        self,
        body: mujoco.MjsBody,
        name: str,
        kind: mujoco.mjtGeom,
        size: list[float],
        at: tuple[float, float, float],
        colour: tuple[float, float, float],
        mass: float,
    ) -> None:
        body.add_geom(name=name, type=kind, size=size, pos=at, rgba=[*colour, 1.0], mass=mass)

    def _contact_sensor(self, geom: str, name: str, subtree: str) -> None:
        """The sensor's four values are: number of contacts, net force in the world frame (3)."""
        found, force, net = 0, 1, 3
        self.spec.add_sensor(
            name=name,
            type=mujoco.mjtSensor.mjSENS_CONTACT,
            objtype=mujoco.mjtObj.mjOBJ_GEOM,
            objname=geom,
            reftype=mujoco.mjtObj.mjOBJ_XBODY,
            refname=subtree,
            intprm=[(1 << found) | (1 << force), net, 1],
        )
