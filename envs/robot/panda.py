"""The Panda arm and its gripper, lean: robosuite's kinematics with few shapes and real servos.

The kinematic tree, masses and finger pads are read from robosuite's model files (`model_files.py`). Arm
links touch the world through five capsules and three boxes fitted to their meshes; the joints are position
servos with gravity compensation, and the gripper presses with 40 N.
Numbers: docs/design.md, "Robot".
"""

import functools
from pathlib import Path
from xml.etree import ElementTree

import mujoco
import numpy as np

from .model_files import ROBOSUITE_MODELS

ARM_JOINTS = tuple(f"joint{i}" for i in range(1, 8))
FINGER_JOINTS = ("finger_joint1", "finger_joint2")
TCP_SITE = "grip_site"

SERVO_KP = (1800.0, 1800.0, 1800.0, 1800.0, 900.0, 900.0, 540.0)
"""Stiffness of the joint servos [N m/rad]."""
SERVO_KD_PER_KP = 0.05
"""Damping over stiffness [s]; equal on all joints, or the hand lags sideways."""
TORQUE_LIMIT = (87.0, 87.0, 87.0, 87.0, 12.0, 12.0, 12.0)
"""Torque limits of the Panda's joints [N m]."""
FINGER_KP = 4000.0
"""Stiffness of the finger servos [N/m]."""
FINGER_FORCE = 40.0
"""Their force limit [N]."""
FINGER_LOW = -0.004
"""Lowest commanded finger position [m]; 4 mm beyond contact, so that the force limit sets the grip."""
FINGER_HIGH = 0.04
"""Highest commanded finger position [m]."""

HOME = (0.0, -0.222, 0.0, -2.469, 0.0, 2.247, -0.785)
"""Joint angles [rad] of TCP (0.45, 0, 0.28), hand down, fingers opening along x (yaw 180 degrees)."""

COLLISION_GROUP = 3
"""Geom group of the robot's collision shapes."""

# (body, from, to, radius): capsules fitted to the hulls of the links that can reach the table [m].
_CAPSULES = (
    ("link5", (0.0, 0.0658, -0.003), (0.0, 0.0253, -0.1565), 0.0621),
    ("link5", (0.0, 0.0503, -0.1159), (0.0, 0.0042, -0.2243), 0.0595),
    ("link6", (0.0887, -0.0166, 0.0), (0.0199, -0.0064, 0.0113), 0.0482),
    ("link6", (0.0827, 0.0389, 0.001), (-0.0039, 0.0005, 0.0123), 0.0472),
    ("link7", (0.033, 0.0331, 0.0809), (-0.007, -0.0074, 0.0766), 0.0399),
)
# (body, centre, half sizes): boxes of the hand and the fingers [m].
_BOXES = (
    ("right_gripper", (0.001, 0.0, 0.0265), (0.101, 0.028, 0.0395)),
    ("leftfinger", (0.0, 0.0128, 0.0272), (0.0098, 0.0108, 0.0262)),
    ("rightfinger", (0.0, -0.0128, 0.0272), (0.0098, 0.0108, 0.0262)),
)
_PADS = ("finger1_pad_collision", "finger2_pad_collision")


def panda() -> mujoco.MjSpec:
    """Return a fresh spec of the lean Panda with its gripper, base at the world's origin."""
    return _panda().copy()


@functools.cache
def _panda() -> mujoco.MjSpec:
    arm = _kinematics(ROBOSUITE_MODELS / "robots" / "panda" / "robot.xml")
    gripper = _kinematics(ROBOSUITE_MODELS / "grippers" / "panda_gripper.xml")
    hand = arm.find(".//body[@name='right_hand']")
    gripper_root = gripper.find(".//body[@name='right_gripper']")
    assert hand is not None and gripper_root is not None
    hand.append(gripper_root)
    spec = mujoco.MjSpec.from_string(ElementTree.tostring(arm, encoding="unicode"))
    _add_shapes(spec)
    _add_servos(spec)
    for body in spec.body("base").find_all("body"):
        body.gravcomp = 1.0
    return spec


def _kinematics(path: Path) -> ElementTree.Element:
    """Read a model file and keep only its bodies, joints, inertias, finger pads and TCP site."""
    root = ElementTree.parse(path).getroot()  # noqa: S314 (our own file)
    for unused in ("asset", "actuator", "sensor"):
        for element in root.findall(unused):
            root.remove(element)
    for body in root.iter("body"):
        for element in list(body):
            keep = element.tag in ("body", "joint", "inertial") or element.get("name") in (*_PADS, TCP_SITE)
            if not keep:
                body.remove(element)
    return root


def _add_shapes(spec: mujoco.MjSpec) -> None:
    touch = {"contype": 0, "conaffinity": 1, "group": COLLISION_GROUP}
    for index, (body, start, end, radius) in enumerate(_CAPSULES):
        spec.body(body).add_geom(
            name=f"{body}_capsule{index}",
            type=mujoco.mjtGeom.mjGEOM_CAPSULE,
            fromto=[*start, *end],
            size=[radius, 0, 0],
            mass=0,
            **touch,
        )
    for body, centre, half in _BOXES:
        finger = "finger" in body
        spec.body(body).add_geom(
            name=f"{body}_box",
            type=mujoco.mjtGeom.mjGEOM_BOX,
            pos=centre,
            size=half,
            mass=0,
            condim=4 if finger else 3,
            **touch,
        )
    for name in _PADS:
        pad = spec.geom(name)
        pad.contype = 0
        pad.conaffinity = 1
        pad.group = COLLISION_GROUP
        pad.solref = [0.008, 1.0]
        pad.condim = 4


def _add_servos(spec: mujoco.MjSpec) -> None:
    for name, kp, torque in zip(ARM_JOINTS, SERVO_KP, TORQUE_LIMIT, strict=True):
        low, high = spec.joint(name).range
        _servo(spec, name, kp, SERVO_KD_PER_KP * kp, torque, low, high)
    for name, sign in zip(FINGER_JOINTS, (1.0, -1.0), strict=True):
        low, high = sorted((sign * FINGER_LOW, sign * FINGER_HIGH))
        _servo(spec, name, FINGER_KP, 0.0, FINGER_FORCE, low, high)


def _servo(
    spec: mujoco.MjSpec, joint: str, kp: float, kd: float, force: float, low: float, high: float
) -> None:
    """Add the position servo force = kp (ctrl - q) - kd qdot, limited to +-force."""
    actuator = spec.add_actuator(name=joint, target=joint, trntype=mujoco.mjtTrn.mjTRN_JOINT)
    actuator.set_to_position(kp=kp, kv=kd)
    actuator.ctrllimited = True
    actuator.ctrlrange = [low, high]
    actuator.forcelimited = True
    actuator.forcerange = [-force, force]


def down(yaw: np.ndarray) -> np.ndarray:
    """Return the rotation Rz(yaw) diag(1, -1, -1) of a hand that points down.

    Args:
        yaw: angle of the finger-opening axis about world z [rad], (...).

    Returns:
        Rotation matrices world <- TCP, (..., 3, 3).
    """
    c = np.cos(yaw)
    s = np.sin(yaw)
    zero = np.zeros_like(yaw)
    return np.stack(
        [
            np.stack([c, s, zero], -1),
            np.stack([s, -c, zero], -1),
            np.stack([zero, zero, zero - 1], -1),
        ],
        -2,
    )
