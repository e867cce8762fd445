"""What a planner tried, chose and asked for, as messages of an MCAP log; called by `mcap_export`."""

from collections.abc import Iterator, Sequence

import numpy as np
from foxglove_schemas_protobuf.Color_pb2 import Color
from foxglove_schemas_protobuf.LinePrimitive_pb2 import LinePrimitive
from foxglove_schemas_protobuf.PackedElementField_pb2 import PackedElementField
from foxglove_schemas_protobuf.Point3_pb2 import Point3
from foxglove_schemas_protobuf.PointCloud_pb2 import PointCloud
from foxglove_schemas_protobuf.Pose_pb2 import Pose
from foxglove_schemas_protobuf.SceneEntity_pb2 import SceneEntity
from foxglove_schemas_protobuf.SceneUpdate_pb2 import SceneUpdate

from ...envs.rendering.colours import OUTCOME_COLOURS, Colour, mode_colour, shares
from ...envs.simulation import Simulation
from ...envs.specs import CONTROL_HZ, from_grid
from ...tasks import Task
from ..measures.planned_ways import Way, candidate_ways
from ..rollout.plan_records import Plans
from .mcap_messages import WORLD, Message, quaternion, stamp, target_poses, vector
from .mcap_schemas import OWN
from .replay_episode import RecordedEpisode

THIN = 0.001
THICK = 0.004
"""Lines of the candidates and of the chosen one [m]."""
_COLOUR = ("red", "green", "blue", "alpha")
_POINT = np.dtype([("xyz", "<f4", 3), ("colour", "u1", len(_COLOUR))])
_F32 = PackedElementField.FLOAT32
_U8 = PackedElementField.UINT8


def plans_of_decisions(
    task: Task, episode: RecordedEpisode, plans: Plans, simulation: Simulation, begin: int
) -> Iterator[Message]:
    """Yield the messages of every decision of an episode.

    Args:
        task: its task.
        episode: the episode.
        plans: what its planner recorded, (1, M, ...).
        simulation: at the beginning of the episode.
        begin: when it begins in the log [ns].
    """
    policy = episode.run.policy
    moments = candidate_ways(task, policy, plans, 0, simulation.frame[0], task.hand_yaw)
    for number, decision in enumerate(episode.result.decisions[: plans.digest.shape[1]]):
        at = begin + decision.step * 10**9 // CONTROL_HZ
        if decision.step >= episode.steps:
            return
        yield _numbers(plans, number, at)
        if moments:
            yield _lines(at, moments[number])
            yield _points(at, moments[number])
        if policy.action == "ee_absolute":
            yield target_poses("/plan/asked", at, task, from_grid(plans.asked[0, number]))


def _numbers(plans: Plans, number: int, at: int) -> Message:
    """Return the numbers of one decision; what a planner does not say is empty, -1 or ""."""
    candidates, scores, modes = (
        np.zeros(0) if field is None else field[0, number]
        for field in (plans.candidates, plans.scores, plans.modes)
    )
    content = OWN["bimodal.Plan"](
        timestamp=stamp(at),
        candidates=candidates.ravel(),
        shape=candidates.shape if candidates.size else (),
        scores=scores,
        modes=modes.astype(int),
        chosen=-1 if plans.chosen is None else plans.chosen[0, number],
        verdict="" if plans.verdict is None else str(plans.verdict[0, number]),
    )
    return Message("/plan", at, content)


def _lines(at: int, ways: Sequence[Way]) -> Message:
    """Return the candidates as lines in the colours of their modes, the chosen one thick."""
    lines = [_line(way, *shares(_colour(way))) for way in ways]
    entity = SceneEntity(timestamp=stamp(at), frame_id=WORLD, id="candidates", lines=lines)
    return Message("/plan/lines", at, SceneUpdate(entities=[entity]))


def _line(way: Way, red: float, green: float, blue: float) -> LinePrimitive:
    return LinePrimitive(
        type=LinePrimitive.LINE_STRIP,
        pose=_origin(),
        thickness=THICK if way.chosen else THIN,
        points=[Point3(x=x, y=y, z=z) for x, y, z in way.points.tolist()],
        color=Color(r=red, g=green, b=blue, a=1.0),
    )


def _points(at: int, ways: Sequence[Way]) -> Message:
    """Return the knots of the candidates as points in the same colours, for viewers without lines."""
    points = np.zeros(sum(len(way.points) for way in ways), _POINT)
    if ways:
        points["xyz"] = np.concatenate([way.points for way in ways])
        points["colour"] = [(*_colour(way), 255) for way in ways for _ in way.points]
    content = PointCloud(
        timestamp=stamp(at),
        frame_id=WORLD,
        pose=_origin(),
        point_stride=_POINT.itemsize,
        fields=[
            *(PackedElementField(name=name, offset=4 * place, type=_F32) for place, name in enumerate("xyz")),
            *(
                PackedElementField(name=name, offset=12 + place, type=_U8)
                for place, name in enumerate(_COLOUR)
            ),
        ],
        data=points.tobytes(),
    )
    return Message("/plan/points", at, content)


def _colour(way: Way) -> Colour:
    return mode_colour(way.mode) if way.mode >= 0 else OUTCOME_COLOURS["idle"]


def _origin() -> Pose:
    return Pose(position=vector(np.zeros(3)), orientation=quaternion(np.eye(3)))
