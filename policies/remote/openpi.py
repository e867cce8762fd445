"""The openpi dialect: the server says first what it is, then a map of answers follows each map seen.

RoboArena's dialect is the same with another first frame and an `endpoint` in each request. Neither numbers
its messages: after an answer that is late a new connection is made, unless the server repeats our `seq`.
"""

from collections.abc import Mapping
from typing import Any

from ...envs.errors import WrongUse
from ...envs.images import IMAGE_SIZES
from ...tasks.core.task import Task
from ..core.server_address import Address
from .codec import BadFrame, last_line, pack_openpi, unpack_openpi
from .connection import OPEN_S, Connection, Late, until_late
from .contract import Agreement, agree
from .pictures import Pictures, hand_names
from .sessions import ModelError, Question

REPLAN_STEPS = 5
"""Actions that openpi's own LIBERO example executes of a chunk."""
_ROBOARENA = {
    "joint_position": Agreement(action="joint_absolute", rotation="", gripper="close_01", vector="droid"),
    "cartesian_position": Agreement(
        action="ee_absolute", rotation="euler_xyz", gripper="close_01", vector="droid"
    ),
}
"""What its action spaces mean; velocities have no counterpart here."""
_RESET = "reset successful"
_CAMERAS = ("needs_wrist_camera", "n_external_cameras", "needs_stereo_camera")
_PICTURES = {
    "front_image": "exterior_image_0_left",
    "side_image": "exterior_image_1_left",
    "wrist_image": "wrist_image_left",
}
"""What it calls our pictures, after `observation/`; the first two are its external cameras."""


class OpenpiSession:
    """A connection to an openpi or a RoboArena server."""

    def __init__(self, address: Address) -> None:
        """Connect and read what the server says of itself; raises as `Connection`."""
        self._connection = Connection(address)
        self._seq = 0
        self._numbered = False
        self._resets = False
        try:
            self.metadata = unpack_openpi(self._connection.receive(OPEN_S))
        except Late:
            self.close()
            raise WrongUse(
                f"{address} says nothing of itself within {OPEN_S:g} s, as openpi servers do: is it "
                f"vla-eval://{address.host}:{address.port}?"
            ) from None
        except BadFrame as error:
            self.close()
            raise WrongUse(f"what {address} says of itself cannot be read: {error}") from None

    @property
    def _roboarena(self) -> bool:
        return {"action_space", *_CAMERAS} <= self.metadata.keys()

    def agreed(self, task: Task) -> Agreement:
        """Return what the metadata means for a task; without any, what openpi's LIBERO example does."""
        if "bimodal" in self.metadata:
            return agree(self.metadata["bimodal"], task)
        if not self._roboarena:
            return Agreement(
                n_action_steps=REPLAN_STEPS,
                rotation="axis_angle",
                vector="all",
                assumed=(
                    "action = ee_delta, as in openpi's LIBERO example: 7 numbers from -1 to 1, +1 closes",
                    f"n_action_steps = {REPLAN_STEPS}, as there, or all of a shorter chunk",
                    "observation/state = all components of the task, one after the other",
                    "no pictures are wanted, and nothing is remembered from request to request",
                ),
            )
        space = self.metadata["action_space"]
        found = _ROBOARENA.get(space if isinstance(space, str) else "")
        pictures, problems = _wanted(self.metadata)
        if found is None:
            known = ", ".join(_ROBOARENA)
            problems.append(f"action_space is {space!r:.40}; those with a counterpart here: {known}")
        assumed = (
            "all actions of a chunk are executed, at 20 Hz (RoboArena's robot runs at 15)",
            "the gripper's number is 1 closed and 0 open",
        )
        seen = hand_names(task) if pictures.names else ()
        return (found or Agreement())._replace(
            observations=seen,
            pictures=pictures,
            problems=tuple(problems),
            assumed=assumed,
            n_action_steps=0,
        )

    def ask(self, question: Question) -> None:
        """Send a question; a RoboArena server is told first that its episode begins."""
        if not self._numbered:
            self._connection.drop_unasked()
        extra: dict[str, Any] = {}
        if self._roboarena:
            if self.metadata.get("needs_session_id"):
                extra["session_id"] = f"{question.about.get('noise_key', 0):016x}"
            if question.about["decision"] == 0:
                self._connection.send(pack_openpi({"endpoint": "reset", **extra}))
                self._resets = True
            extra["endpoint"] = "infer"
        self._seq += 1
        about = question.about | {"seq": self._seq}
        body = dict(question.body)
        for ours, theirs in _PICTURES.items() if self._roboarena else ():
            if (picture := body.pop(f"observation/{ours}", None)) is not None:
                body[f"observation/{theirs}"] = picture
        self._connection.send(pack_openpi({**body, **extra, "bimodal": about}))

    def answer(self, timeout_s: float) -> object:
        """Return the actions; answers to earlier questions are dropped where the server numbers them."""
        for left in until_late(timeout_s):
            frame = self._connection.receive(left, timeout_s)
            if self._resets and frame == _RESET:
                self._resets = False
                continue
            if isinstance(frame, str):
                raise ModelError(last_line(frame))
            message = unpack_openpi(frame)
            about = message.get("bimodal")
            number = about.get("seq") if isinstance(about, dict) else None
            self._numbered = number is not None
            if number not in (None, self._seq):
                continue
            if "actions" not in message:
                raise BadFrame(f"no actions, but {', '.join(map(str, message))[:100] or 'nothing'}")
            return message["actions"]
        raise AssertionError

    def close(self) -> None:
        """Hang up."""
        self._connection.close()


def _wanted(metadata: Mapping[str, Any]) -> tuple[Pictures, list[str]]:
    """Return the pictures that a RoboArena server wants, and what it cannot have."""
    external = metadata["n_external_cameras"]
    size = metadata.get("image_resolution")
    names = [name for name in _PICTURES if name != "wrist_image"]
    problems = []
    if type(external) is not int or not 0 <= external <= len(names):
        problems.append(f"n_external_cameras is {external!r:.20}; it can be 0 to {len(names)}")
        external = 0
    if metadata["needs_stereo_camera"]:
        problems.append("it wants stereo pictures (needs_stereo_camera), and cameras have one eye here")
    wanted = (*names[:external], *(("wrist_image",) if metadata["needs_wrist_camera"] else ()))
    side = size[0] if isinstance(size, list) and len(size) == 2 and size[0] == size[1] else None
    side = max(IMAGE_SIZES) if size is None else side
    if wanted and side not in IMAGE_SIZES:
        sizes = ", ".join(map(str, IMAGE_SIZES))
        problems.append(f"image_resolution is {size!r:.20}; pictures are square here, of {sizes} pixels")
    return Pictures(wanted, side) if wanted and side in IMAGE_SIZES else Pictures(), problems
