"""Writes episodes of a run as MCAP, the log format of robotics; called by `bimodal export --mcap`.

Messages are JSON with the names of Foxglove's schemas where it has one. An episode is simulated again from
its record, so everything that the referee saw is there; episodes follow one another, a second apart.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import mujoco
import numpy as np

from ...envs.errors import WrongUse
from ...envs.perturbations.core.variant import Variant
from ...envs.simulation import Simulation
from ...envs.specs import CONTROL_HZ, from_grid
from ...envs.storage.atomic_write import atomic_write
from ...tasks import Task, load_task
from ...tasks.core import episode_step
from ...tasks.core.task import Measurement
from ..rollout.plan_records import Plans
from .mcap_pictures import CAMERA, pictures_of
from .replay_episode import RecordedEpisode, outcome_words

PICTURES = f"/camera/{CAMERA}"
_STEP_NS = 10**9 // CONTROL_HZ
_GAP_NS = 10**9
_TIME = {"type": "object", "properties": {"sec": {"type": "integer"}, "nsec": {"type": "integer"}}}
_LINE = {"type": "array", "items": {"type": "number"}}


def _numbers(*names: str) -> dict[str, Any]:
    return {"type": "object", "properties": {name: {"type": "number"} for name in names}}


_TRANSFORM = {
    "type": "object",
    "properties": {
        "timestamp": _TIME,
        "parent_frame_id": {"type": "string"},
        "child_frame_id": {"type": "string"},
        "translation": _numbers("x", "y", "z"),
        "rotation": _numbers("x", "y", "z", "w"),
    },
}
TOPICS: dict[str, tuple[str, dict[str, Any]]] = {
    "/tf": ("foxglove.FrameTransforms", {"transforms": {"type": "array", "items": _TRANSFORM}}),
    "/log": (
        "foxglove.Log",
        {
            "timestamp": _TIME,
            "level": {"type": "integer"},
            "message": {"type": "string"},
            "name": {"type": "string"},
            "file": {"type": "string"},
            "line": {"type": "integer"},
        },
    ),
    "/action": ("bimodal.Action", {"timestamp": _TIME, "space": {"type": "string"}, "values": _LINE}),
    "/signals": (
        "bimodal.Signals",
        {
            "timestamp": _TIME,
            "alpha": {"type": "number"},
            "mode": {"type": "integer"},
            "taken": {"type": "integer"},
            "forbidden_force": {"type": "number"},
            "table_force": {"type": "number"},
            "opening": {"type": "number"},
            "lift": {"type": "number"},
            "at_goal": {"type": "boolean"},
        },
    ),
    "/plan": (
        "bimodal.Plan",
        {
            "timestamp": _TIME,
            "candidates": {"type": "array"},
            "scores": _LINE,
            "modes": _LINE,
            "chosen": {"type": "integer"},
            "verdict": {"type": "string"},
            "asked": {"type": "array"},
        },
    ),
    PICTURES: (
        "foxglove.CompressedImage",
        {
            "timestamp": _TIME,
            "frame_id": {"type": "string"},
            "format": {"type": "string"},
            "data": {"type": "string", "contentEncoding": "base64"},
        },
    ),
}
"""Schema of each topic: its name, and the properties of a message as JSON Schema."""


class Exported(NamedTuple):
    """An episode to be exported, and the plans of its decisions."""

    episode: RecordedEpisode
    plans: Plans | None
    """Cut down to this episode, (1, M, ...); None where none were recorded."""


def export_mcap(out: Path, episodes: Sequence[Exported], pictures: bool = False) -> int:
    """Write episodes into a file, if wanted with pictures, and return how many messages it holds.

    Raises:
        WrongUse: the package `mcap` is not installed, or the name ends otherwise than in .mcap.
        BimodalError: the disk refuses, or nothing can be drawn here.
    """
    if out.suffix != ".mcap":
        raise WrongUse(f"cannot write {out}: the name must end in .mcap")
    try:
        from mcap.writer import Writer  # type: ignore[import-not-found]
    except ImportError:
        raise WrongUse("--mcap needs the package mcap: pip install 'bimodal-bench[mcap]'") from None
    count = 0
    with atomic_write(out) as draft, draft.open("wb") as file:
        writer = Writer(file)
        writer.start(library="bimodal")
        topics = [topic for topic in TOPICS if pictures or topic != PICTURES]
        channels = {topic: _channel(writer, topic) for topic in topics}
        begin = 0
        for one in episodes:
            for topic, at, message in _messages(one, begin, pictures):
                data = json.dumps(message, allow_nan=False).encode()
                writer.add_message(channels[topic], at, data, publish_time=at)
                count += 1
            begin += one.episode.steps * _STEP_NS + _GAP_NS
        writer.finish()
    return count


def _channel(writer: Any, topic: str) -> int:
    """Register a topic with its schema; return the channel's number."""
    name, properties = TOPICS[topic]
    schema = {"title": name, "type": "object", "properties": properties}
    schema_id = writer.register_schema(name=name, encoding="jsonschema", data=json.dumps(schema).encode())
    return writer.register_channel(topic=topic, message_encoding="json", schema_id=schema_id)


def _messages(one: Exported, begin: int, pictures: bool) -> list[tuple[str, int, dict[str, Any]]]:
    """Simulate an episode again; return topic, time [ns] and content of its messages."""
    result = one.episode.result
    shard = result.shard
    task = load_task(shard.task)
    space = one.episode.run.policy.action
    simulation = Simulation(task, 1, variant=Variant(shard.variant))
    simulation.reset(shard.seeds)
    title = f"{shard.task} ({shard.variant}), seed {shard.seeds[0]}: "
    told = [("/log", begin, _log(title + outcome_words(shard.task, result.verdict), begin))]
    told.append(("/tf", begin, _transforms(simulation, begin)))
    if one.plans is not None:
        for number, decision in enumerate(result.decisions[: one.plans.digest.shape[1]]):
            at = begin + decision.step * _STEP_NS
            if decision.step < one.episode.steps:
                told.append(("/plan", at, _plan(one.plans, number, at)))
    for step in range(one.episode.steps):
        at = begin + step * _STEP_NS
        command = from_grid(result.trace.actions[:, step])
        told.append(("/action", at, {"timestamp": _stamp(at), "space": space, "values": command[0].tolist()}))
        episode_step.advance(simulation, command, step, space)
        after = at + _STEP_NS
        told.append(("/tf", after, _transforms(simulation, after)))
        measured = episode_step.measure(task, simulation)
        told.append(("/signals", after, _signals(task, measured, after)))
    for step, data in pictures_of(one.episode) if pictures else ():
        at = begin + step * _STEP_NS
        picture = {"timestamp": _stamp(at), "frame_id": CAMERA, "format": "jpeg", "data": data}
        told.append((PICTURES, at, picture))
    return sorted(told, key=lambda message: message[1])


def _log(text: str, at: int) -> dict[str, Any]:
    return {"timestamp": _stamp(at), "level": 2, "message": text, "name": "bimodal", "file": "", "line": 0}


def _transforms(simulation: Simulation, at: int) -> dict[str, Any]:
    """Return where every named body is, in the frame of the world."""
    bodies = [simulation.model.body(number) for number in range(1, simulation.model.nbody)]
    transforms = []
    for body in (body for body in bodies if body.name):
        rotation = np.zeros(4)
        mujoco.mju_mat2Quat(rotation, simulation.rotation(body.name)[0].ravel())
        transforms.append(
            {
                "timestamp": _stamp(at),
                "parent_frame_id": "world",
                "child_frame_id": body.name,
                "translation": dict(zip("xyz", _plain(simulation.position(body.name)[0]), strict=True)),
                "rotation": dict(zip("wxyz", _plain(rotation), strict=True)),
            }
        )
    return {"transforms": transforms}


def _signals(task: Task, seen: Measurement, at: int) -> dict[str, Any]:
    """Return what the referee sees of one episode: mixture coordinate, mode, forces."""
    return {
        "timestamp": _stamp(at),
        "alpha": _plain(task.mixture(seen.hand))[0],
        "mode": int(task.side(seen.hand)[0]),
        "taken": int(seen.part[0]),
        "forbidden_force": _plain(seen.illegal)[0],
        "table_force": _plain(seen.table)[0],
        "opening": _plain(seen.opening)[0],
        "lift": _plain(seen.lift)[0],
        "at_goal": bool(seen.at_goal[0]),
    }


def _plan(plans: Plans, number: int, at: int) -> dict[str, Any]:
    """Return what a planner tried and chose in one decision; fields that it does not say are left out."""
    fields = {name: getattr(plans, name) for name in ("candidates", "scores", "modes", "chosen", "verdict")}
    said = {name: _plain(field[0, number]) for name, field in fields.items() if field is not None}
    return {"timestamp": _stamp(at), **said, "asked": _plain(from_grid(plans.asked[0, number]))}


def _plain(array: np.ndarray) -> Any:
    """Return an array as lists for JSON, null for what is not finite."""
    if array.dtype.kind != "f" or np.isfinite(array).all():
        return array.tolist()
    plain = array.astype(object)
    plain[~np.isfinite(array)] = None
    return plain.tolist()


def _stamp(at: int) -> dict[str, int]:
    return dict(zip(("sec", "nsec"), divmod(at, 10**9), strict=True))
