"""The vla-eval dialect: numbered messages in an envelope, and a connection for each episode that is played.

A connection is a session there: the server keeps what belongs to an episode, chunks not yet executed among
it, by connection. So every episode of a batch has one of its own, unless the server takes batches.
"""

from collections.abc import Mapping
from typing import Any

from ...envs.errors import WrongUse
from ...envs.images import IMAGE_SIZES
from ...tasks.core.task import Task
from ..core.server_address import Address
from .codec import BadFrame, Envelope, last_line, pack_vla_eval, unpack_vla_eval
from .connection import OPEN_S, Connection, Late, until_late
from .contract import Agreement, agree
from .pictures import Pictures, hand_names
from .sessions import ModelError, Question

_POSITIONS = {"delta_xyz": "ee_delta", "absolute_xyz": "ee_absolute"}
_ROTATIONS = {
    "axis_angle": "axis_angle",
    "euler_xyz": "euler_xyz",
    "quaternion_xyzw": "quaternion_xyzw",
    "rot6d_interleaved": "interleaved",
}
_GRIPPERS = {
    "binary_close_positive": "close_positive",
    "binary_close_negative": "close_negative",
    "binary_close_01": "close_01",
}
"""Formats of vla-eval's specs, and what they are here. `continuous_01` does not say which end is closed."""
_RGB = "rgb_hwc_uint8"
"""Format of a picture."""
_STATES = {"raw": "all", "eef_pos3_quat4_gripper1": "eef_pos3_quat4_gripper1"}
_PICTURES = {"front_image": "front", "wrist_image": "wrist"}
"""Pictures that are sent in `images`, and what they are called there: first the base camera's."""
_SIZE = max(IMAGE_SIZES)
"""Their width and height [pixels]; a server does not say which it wants, and scales them itself."""


class VlaEvalSession:
    """A connection to a vla-eval server."""

    def __init__(self, address: Address) -> None:
        """Connect and exchange hellos; raises as `Connection`."""
        self._connection = Connection(address)
        self._seq = 0
        self._began = 0
        self._steps = -1
        try:
            self._send("hello", {"harness_version": "bimodal", "protocol_version": 1})
            reply = unpack_vla_eval(self._connection.receive(OPEN_S))
            if reply.kind != "hello":
                raise BadFrame(f"{reply.kind} in place of hello")
        except Late:
            self.close()
            raise WrongUse(f"{address} answers no hello within {OPEN_S:g} s") from None
        except BadFrame as error:
            self.close()
            other = f"openpi://{address.host}:{address.port}"
            raise WrongUse(f"{address} does not speak vla-eval ({error}): is it {other}?") from None
        self.metadata: dict[str, Any] = reply.payload

    def agreed(self, task: Task) -> Agreement:
        """Return what the server's specs mean for a task."""
        able = self.metadata.get("capabilities")
        if isinstance(able, Mapping) and "bimodal" in able:
            return agree(able["bimodal"], task)
        problems: list[str] = []
        assumed = ["all actions of an answer are executed before the next is asked for, at 20 Hz"]
        vector, pictures = _observed(self.metadata, task, problems)
        if pictures:
            sent = ", ".join(_PICTURES[name] for name in pictures)
            assumed.append(f"images = {sent}, uint8 ({_SIZE}, {_SIZE}, 3), upright; the state is the hand's")
        found = _acts(self.metadata.get("action_spec"), problems, assumed)
        if task.arms > 1:
            problems.append(
                f"{task.id} has two arms, which only a server that announces `bimodal` can tell apart"
            )
        return found._replace(
            observations=hand_names(task) if pictures else (),
            pictures=Pictures(pictures, _SIZE) if pictures else Pictures(),
            vector=vector,
            remembers=True,
            problems=tuple(problems),
            assumed=tuple(assumed),
        )

    def ask(self, question: Question) -> None:
        """Send a question; the server is told first where its episode begins."""
        about = question.about
        if about["decision"] == 0:
            if self._steps >= 0:
                self._send("episode_end", {"metrics": {}, "steps": self._steps, "elapsed_sec": 0.0})
            key = {name: about[name] for name in ("noise_key",) if name in about}
            self._began = self._send("episode_start", {"task": {"name": about["task"], **key}})
            self._steps = 0
        body = dict(question.body)
        body["task_description"] = body["prompt"]
        if "observation/state" in body:
            body["state"] = body["states"] = body.pop("observation/state")
            pictures = {name: body.pop(f"observation/{name}", None) for name in _PICTURES}
            if shown := {_PICTURES[name]: one for name, one in pictures.items() if one is not None}:
                body["images"] = shown
        self._steps += 1
        self._send("observation", body | {"bimodal": about | {"seq": self._seq + 1}})

    def answer(self, timeout_s: float) -> object:
        """Return the actions; answers to earlier questions, and second answers to one, are dropped."""
        for left in until_late(timeout_s):
            reply = unpack_vla_eval(self._connection.receive(left, timeout_s))
            if reply.kind == "error" and reply.seq in (self._seq, self._began):
                raise ModelError(last_line(str(reply.payload.get("error", "it does not say why"))))
            if reply.seq == self._seq:
                return self._actions(reply)
            if reply.seq > self._seq:
                raise BadFrame(f"an answer to question {reply.seq}; {self._seq} were asked")
        raise AssertionError

    def _actions(self, reply: Envelope) -> object:
        if reply.kind != "action" or "actions" not in reply.payload:
            raise BadFrame(f"{reply.kind} without actions in place of an action")
        return reply.payload["actions"]

    def _send(self, kind: Any, payload: dict[str, Any]) -> int:
        self._seq += 1
        self._connection.send(pack_vla_eval(kind, payload, self._seq))
        return self._seq

    def close(self) -> None:
        """Hang up."""
        self._connection.close()


def _observed(metadata: Mapping[str, Any], task: Task, problems: list[str]) -> tuple[str, tuple[str, ...]]:
    """Return how the server wants its state vector, and its pictures; what it cannot have is a problem."""
    params = metadata.get("observation_params")
    params = params if isinstance(params, Mapping) else {}
    if params.get("send_video_history"):
        problems.append("it wants past pictures (send_video_history), which only `bimodal` can announce")
    spec = metadata.get("observation_spec")
    if not isinstance(spec, Mapping):
        problems.append(
            "it does not say what it observes (observation_spec), and one that sees pictures would take "
            "black ones for granted"
        )
        spec = {}
    pictures = _pictures(spec, bool(params.get("send_wrist_image")))
    shown = [part for part in task.observation if not pictures or part.name in hand_names(task)]
    vector = "all"
    for name, one in spec.items():
        form = one.get("format") if isinstance(one, Mapping) else None
        if form == _RGB:
            continue
        if form in _STATES:
            vector = _STATES[form]
            size = sum(part.size for part in shown) if vector == "all" else 8
            if one.get("dims") not in (None, 0, size):
                problems.append(f"observation {name}: {one.get('dims')!r:.20} numbers there, {size} here")
        elif form != "language":
            known = ", ".join([*_STATES, _RGB, "language"])
            problems.append(f"observation {name}: its format {form!r:.40} is none of {known}")
    return vector, pictures


def _pictures(spec: Mapping[str, Any], wrist: bool) -> tuple[str, ...]:
    """Return the pictures that a server wants: the base camera's, and the wrist's where it is named."""
    forms = {str(name): one.get("format") for name, one in spec.items() if isinstance(one, Mapping)}
    wanted = [name for name, form in forms.items() if form == _RGB]
    wrist = wrist or any("wrist" in name for name in wanted)
    base = wrist or bool(wanted)
    return tuple(name for name, sent in zip(_PICTURES, (base, wrist), strict=True) if sent)


def _acts(spec: object, problems: list[str], assumed: list[str]) -> Agreement:
    """Return the action space and conventions of the server's specs."""
    if not isinstance(spec, Mapping) or not spec:
        spec = {
            "position": {"format": "delta_xyz"},
            "rotation": {"format": "axis_angle"},
            "gripper": {"format": "binary_close_positive"},
        }
        assumed.append("action_spec = delta_xyz, axis_angle, binary_close_positive, as in LIBERO")
    if list(spec) != ["position", "rotation", "gripper"]:
        names = ", ".join(map(str, spec))[:100]
        problems.append(f"action_spec has {names}; position, rotation, gripper can be driven, in this order")
        return Agreement()
    forms = {name: str(one.get("format") if isinstance(one, Mapping) else one) for name, one in spec.items()}
    for name, known in (("position", _POSITIONS), ("rotation", _ROTATIONS), ("gripper", _GRIPPERS)):
        if forms[name] not in known:
            problems.append(f"action {name}: its format {forms[name]!r:.40} is none of {', '.join(known)}")
    space = _POSITIONS.get(forms["position"], "ee_delta")
    rotation = _ROTATIONS.get(forms["rotation"], "axis_angle")
    if space == "ee_delta":
        assumed.append("steps are in units of 5 cm and 0.5 rad, from -1 to 1, as in robosuite's OSC")
        if rotation != "axis_angle":
            problems.append(f"action rotation: steps of {rotation} have no counterpart here; axis_angle has")
    else:
        assumed.append("positions are in metres in the robot's frame")
    return Agreement(
        action=space, rotation=rotation, gripper=_GRIPPERS.get(forms["gripper"], "close_positive")
    )
