"""The messages of an MCAP log, in protobuf; called by `mcap_export`, `mcap_plans` and `mcap_pictures`.

Foxglove's own schemas where it has one, so that Foxglove and Rerun draw them; the rest is in `mcap_schemas`.
"""

from collections.abc import Iterable
from typing import NamedTuple

import mujoco
import numpy as np
from foxglove_schemas_protobuf.FrameTransform_pb2 import FrameTransform
from foxglove_schemas_protobuf.FrameTransforms_pb2 import FrameTransforms
from foxglove_schemas_protobuf.Log_pb2 import Log
from foxglove_schemas_protobuf.Pose_pb2 import Pose
from foxglove_schemas_protobuf.PosesInFrame_pb2 import PosesInFrame
from foxglove_schemas_protobuf.Quaternion_pb2 import Quaternion
from foxglove_schemas_protobuf.Vector3_pb2 import Vector3
from google.protobuf.message import Message as Content
from google.protobuf.timestamp_pb2 import Timestamp

from ...envs.robot.inverse_kinematics import rotation_from_columns
from ...envs.simulation import Simulation
from ...envs.specs import POSITION, ROTATION, size
from ...tasks import Task
from ...tasks.core.task import Measurement
from .mcap_schemas import OWN

WORLD = "world"
"""The frame in which all poses and points are."""


class Message(NamedTuple):
    """One message of a log."""

    topic: str
    at: int
    """Time since the log begins [ns]."""
    content: Content


def stamp(at: int) -> Timestamp:
    """Return a time [ns] as protobuf has it."""
    seconds, nanos = divmod(at, 10**9)
    return Timestamp(seconds=seconds, nanos=nanos)


def transform(at: int, name: str, position: np.ndarray, rotation: np.ndarray) -> FrameTransform:
    """Return where a frame is in the world: position (3,) [m], rotation (3, 3)."""
    return FrameTransform(
        timestamp=stamp(at),
        parent_frame_id=WORLD,
        child_frame_id=name,
        translation=vector(position),
        rotation=quaternion(rotation),
    )


def body_poses(simulation: Simulation, at: int) -> Message:
    """Return where every named body of the first episode is."""
    bodies = (simulation.model.body(number).name for number in range(1, simulation.model.nbody))
    return transforms(
        at,
        (
            transform(at, name, simulation.position(name)[0], simulation.rotation(name)[0])
            for name in bodies
            if name
        ),
    )


def transforms(at: int, frames: Iterable[FrameTransform]) -> Message:
    """Return frames of one moment in a message."""
    return Message("/tf", at, FrameTransforms(transforms=frames))


def log(at: int, text: str) -> Message:
    """Return a line for the viewer's log."""
    return Message("/log", at, Log(timestamp=stamp(at), level=Log.INFO, message=text, name="bimodal"))


def action(at: int, space: str, values: np.ndarray) -> Message:
    """Return what the robot is commanded, (A,)."""
    return Message("/action", at, OWN["bimodal.Action"](timestamp=stamp(at), space=space, values=values))


def target_poses(topic: str, at: int, task: Task, actions: np.ndarray) -> Message:
    """Return the hand poses of absolute actions (T, A): those of the first arm, then of the second."""
    one = size(task.actions("ee_absolute")) // task.arms
    hands = actions.reshape(len(actions), task.arms, one).swapaxes(0, 1).reshape(-1, one)
    rotations = rotation_from_columns(hands[:, ROTATION])
    poses = [
        Pose(position=vector(hand[POSITION]), orientation=quaternion(rotation))
        for hand, rotation in zip(hands, rotations, strict=True)
    ]
    return Message(topic, at, PosesInFrame(timestamp=stamp(at), frame_id=WORLD, poses=poses))


def signals(task: Task, seen: Measurement, at: int) -> Message:
    """Return what the referee sees of one episode: mixture coordinate, mode, forces."""
    content = OWN["bimodal.Signals"](
        timestamp=stamp(at),
        alpha=task.mixture(seen.hand)[0],
        mode=task.side(seen.hand)[0],
        taken=seen.part[0],
        forbidden_force=seen.illegal[0],
        table_force=seen.table[0],
        opening=seen.opening[0],
        lift=seen.lift[0],
        at_goal=seen.at_goal[0],
    )
    return Message("/signals", at, content)


def vector(values: np.ndarray) -> Vector3:
    """Return (3,) as protobuf has it."""
    x, y, z = map(float, values)
    return Vector3(x=x, y=y, z=z)


def quaternion(rotation: np.ndarray) -> Quaternion:
    """Return a rotation matrix (3, 3) as a quaternion, as protobuf has it."""
    wxyz = np.zeros(4)
    mujoco.mju_mat2Quat(wxyz, np.ascontiguousarray(rotation).ravel())
    w, x, y, z = wxyz.tolist()
    return Quaternion(x=x, y=y, z=z, w=w)
