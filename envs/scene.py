"""The stage and the pieces tasks build on it: table, floor, movable and fixed objects, contact sensors.

A scene is one `mujoco.MjSpec` of physics shapes. How it looks is decided elsewhere (`appearance.py`) from the
colours given here, so a task describes its objects once.
"""

import mujoco
import numpy as np

from .frames import yaw_quaternion
from .robot import panda as robot
from .specs import CONTROL_HZ, PREFIXES

TIMESTEP = 0.005
"""Physics time step [s]."""
SUBSTEPS = round(1 / (CONTROL_HZ * TIMESTEP))
"""Physics steps per control step; exact, 10 x 5 ms = 50 ms."""
TABLE_CENTRE = (0.31, 0.0)
"""Centre of the table's top, x, y [m]; the top is z = 0."""
TABLE_HALF = (0.56, 0.60, 0.02)
"""Half the table's extents [m]."""
FLOOR_Z = -0.724
"""Height of the floor [m]."""
BASES = np.array([[0.0, 0.0, 0.0], [1.2, 0.0, -np.pi]])
"""Where the arms stand: x, y [m] and yaw [rad], world, (2, 3). The second faces the first, and the middle is
60 cm from both."""

Triple = tuple[float, float, float]
"""Extents or a place [m], a direction, or a colour."""
Quaternion = tuple[float, float, float, float]
"""A rotation, wxyz."""
UPRIGHT: Quaternion = (1.0, 0.0, 0.0, 0.0)
"""No rotation."""

_ROBOT_ROOT = "base"
_FINGERS = ("leftfinger", "rightfinger")


class SceneEditor:
    """Adds bodies, shapes and contact sensors to a spec that holds a robot."""

    def __init__(self, spec: mujoco.MjSpec) -> None:
        """Take the spec that is changed."""
        self.spec = spec

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

    def sliding(
        self, base: mujoco.MjsBody, name: str, axis: Triple, way: float, friction: float, damping: float
    ) -> mujoco.MjsBody:
        """Add a body that slides on `base` along `axis` (of the base's frame), from 0 to `way` [m].

        Args:
            base: a fixed body.
            name: of the body and its joint.
            axis: direction in which the joint's position grows.
            way: how far it can go [m].
            friction: dry friction of the joint [N].
            damping: viscous friction of the joint [N s/m].
        """
        body = base.add_body(name=name)
        body.add_joint(
            name=name,
            type=mujoco.mjtJoint.mjJNT_SLIDE,
            axis=axis,
            range=[0.0, way],
            limited=True,
            frictionloss=friction,
            damping=damping,
        )
        return body

    def box(
        self,
        body: mujoco.MjsBody,
        name: str,
        size: Triple,
        at: Triple,
        colour: Triple | None,
        mass: float = 0.0,
        quat: Quaternion = UPRIGHT,
    ) -> None:
        """Add a box with full extents `size` [m].

        Args:
            body: to which it belongs.
            name: of the shape; `watch` and `watch_fingers` know it by this.
            size: extents along x, y, z [m].
            at: its centre in the body's frame [m].
            colour: red, green, blue in 0..1; None hides it from cameras (see `shell`).
            mass: [kg].
            quat: its rotation in the body's frame, wxyz.
        """
        half = [extent / 2 for extent in size]
        self._shape(body, name, mujoco.mjtGeom.mjGEOM_BOX, half, at, colour, mass, quat)

    def cylinder(
        self,
        body: mujoco.MjsBody,
        name: str,
        diameter: float,
        height: float,
        at: Triple,
        colour: Triple | None,
        mass: float = 0.0,
        quat: Quaternion = UPRIGHT,
    ) -> None:
        """Add a cylinder of `diameter` and `height` [m], its axis along z; otherwise as `box`."""
        size = [diameter / 2, height / 2, 0]
        self._shape(body, name, mujoco.mjtGeom.mjGEOM_CYLINDER, size, at, colour, mass, quat)

    def shell(
        self, body: mujoco.MjsBody, name: str, vertices: np.ndarray, faces: np.ndarray, colour: Triple
    ) -> None:
        """Add what is only seen: a mesh that touches nothing and weighs nothing.

        Args:
            body: to which it belongs; its physics shapes are hidden by the colour None.
            name: of the mesh and its shape.
            vertices: (V, 3), the body's frame [m].
            faces: (F, 3), indices of vertices, counter-clockwise from outside.
            colour: red, green, blue in 0..1.
        """
        mesh = self.spec.add_mesh(name=name)
        mesh.uservert = vertices.astype(float).ravel()
        mesh.userface = faces.astype(np.int32).ravel()
        body.add_geom(
            name=name,
            type=mujoco.mjtGeom.mjGEOM_MESH,
            meshname=name,
            rgba=[*colour, 1.0],
            contype=0,
            conaffinity=0,
            mass=0.0,
        )

    def watch(self, geom: str, sensor: str) -> None:
        """Add a sensor of the net force [N] between `geom` and the whole robot."""
        self._contact_sensor(geom, sensor, _ROBOT_ROOT)

    def watch_fingers(self, geom: str, sensor: str, arm: int = 0) -> None:
        """Add two sensors, `<sensor>_left` and `<sensor>_right`: the net force [N] between `geom` and a
        finger of an arm.
        """
        for side, finger in zip(("left", "right"), _FINGERS, strict=True):
            self._contact_sensor(geom, f"{sensor}_{side}", PREFIXES[arm] + finger)

    def watch_pair(self, geom: str, other: str, sensor: str) -> None:
        """Add a sensor of the net force [N] between two shapes of the task."""
        self._contact_sensor(geom, sensor, other, mujoco.mjtObj.mjOBJ_GEOM)

    def _shape(
        self,
        body: mujoco.MjsBody,
        name: str,
        kind: mujoco.mjtGeom,
        size: list[float],
        at: Triple,
        colour: Triple | None,
        mass: float,
        quat: Quaternion,
    ) -> None:
        rgba = [0.0, 0.0, 0.0, 0.0] if colour is None else [*colour, 1.0]
        body.add_geom(name=name, type=kind, size=size, pos=at, quat=quat, rgba=rgba, mass=mass)

    def _contact_sensor(
        self, geom: str, name: str, other: str, kind: mujoco.mjtObj = mujoco.mjtObj.mjOBJ_XBODY
    ) -> None:
        """The sensor's four values are: number of contacts, net force in the world frame (3)."""
        found = 0
        force = 1
        net = 3
        self.spec.add_sensor(
            name=name,
            type=mujoco.mjtSensor.mjSENS_CONTACT,
            objtype=mujoco.mjtObj.mjOBJ_GEOM,
            objname=geom,
            reftype=kind,
            refname=other,
            intprm=[(1 << found) | (1 << force), net, 1],
        )


class Scene(SceneEditor):
    """A physics scene under construction: one or two lean Pandas on a table, and what a task adds.

    The second arm is as the first, its names prefixed. It hangs on the first one's base, so that a sensor of
    the whole robot feels both. Shapes of the robot touch the scene alone: not each other, nor the other arm.
    """

    def __init__(self, arms: int = 1) -> None:
        super().__init__(robot.panda())
        if arms == 2:
            x, y, yaw = BASES[1]
            stand = self.spec.body(_ROBOT_ROOT).add_frame(pos=[x, y, 0.0], quat=yaw_quaternion(yaw))
            self.spec.attach(robot.panda(), prefix=PREFIXES[1], frame=stand)
        self.spec.modelname = "bimodal"
        option = self.spec.option
        option.timestep = TIMESTEP
        option.integrator = mujoco.mjtIntegrator.mjINT_IMPLICITFAST
        option.cone = mujoco.mjtCone.mjCONE_ELLIPTIC
        option.impratio = 10.0
        world = self.spec.worldbody
        (x, y), half = table_extents(arms)
        table = world.add_body(name="table", pos=[x, y, -half[2]])
        table.add_geom(
            name="table_top", type=mujoco.mjtGeom.mjGEOM_BOX, size=half, rgba=[0.78, 0.66, 0.52, 1]
        )
        world.add_geom(
            name="floor", type=mujoco.mjtGeom.mjGEOM_PLANE, size=[0, 0, 1], pos=[0, 0, FLOOR_Z], group=3
        )
        self.watch("table_top", "table")


def table_extents(arms: int) -> tuple[tuple[float, float], Triple]:
    """Return the centre of the top and half the extents of the table [m] on which one arm or two stand."""
    if arms == 1:
        return TABLE_CENTRE, TABLE_HALF
    behind = TABLE_HALF[0] - TABLE_CENTRE[0]  # from the first base to the edge
    x, y, _ = (BASES[0] + BASES[1]) / 2
    return (float(x), float(y)), (float(x) + behind, *TABLE_HALF[1:])
