"""What a server says of the policy behind it, and whether that fits a task; read before the first episode.

A server that knows Bimodal says it in a map called `bimodal`: an openpi server in its metadata, a vla-eval
server in the `capabilities` of its hello. `announcement` and `offer` make that map, `agree` reads it; for a
server that says nothing of the kind its dialect's defaults are taken, see `openpi` and `vla_eval`.

    {"version": 1, "policy": name, "control_hz": 20, "max_batch_size": 100, "remembers": true,
     "tasks": {task id, or "*" for any: {
         "observations": [{"name": "tcp_position", "shape": [3], "unit": "m", "frame": "world"}, ...],
         "action": "ee_absolute", "actions": [{"name": "position", "shape": [3], ...}, ...],
         "rotation": "columns", "gripper": "opening", "n_action_steps": 8, "chunk_size": 16,
         "clip": false}}}

A request to such a server holds, in both dialects (in vla-eval it is the payload of an observation):

    observation/NAME    each component that it names, float64: (d,), or (N, d) where `max_batch_size` is 1 or
                        more; pictures, uint8 (H, W, 3) or (N, H, W, 3); `instruction`, a text or a list of N
                        (see `pictures`)
    prompt              the task's goal in words
    bimodal             {"task": id, "noise_key": int, "decision": int, "seq": int}; where `max_batch_size` is
                        1 or more, `noise_keys`, an array (N,) of uint64, in place of `noise_key`

`noise_key` names the episode for its own noise and for what a server keeps of it; `decision` counts from 0,
which begins the episode anew. The answer holds `actions`, (H, A) or (N, H, A), and may repeat
`bimodal: {"seq": ...}`.
"""

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from ...envs.errors import unknown_name
from ...envs.specs import ACTIONS, CONTROL_HZ, Spec
from ...tasks.core.task import Task
from ..core.policy import Needs
from .conventions import GRIPPERS, OWN_GRIPPER, OWN_ROTATION, ROTATIONS
from .pictures import BESIDE, Pictures, announced, read_pictures

_NAME = r"[A-Za-z0-9][A-Za-z0-9._+-]{0,31}"
VERSION = 1
"""Of the map."""


class Agreement(NamedTuple):
    """What client and server agree on for one task, or why they do not."""

    observations: tuple[str, ...] = ()
    """Components of the state that the server is sent, in order; () for all of them."""
    pictures: Pictures = Pictures()
    """Pictures and words that it is sent besides."""
    action: str = "ee_delta"
    """Action space."""
    n_action_steps: int = 0
    """Actions executed of each chunk; 0 for all."""
    chunk_size: int = 0
    """Actions in a chunk; 0 where the server does not say."""
    rotation: str = ""
    """How the server writes a rotation; "" where the action space has none."""
    gripper: str = "close_positive"
    """How it writes the gripper."""
    max_batch_size: int = 0
    """Most episodes in a request; 0 for one, without an axis of its own."""
    remembers: bool = False
    """Whether an answer depends on earlier requests of the episode."""
    clip: bool = False
    """Whether what is out of range is to be clipped to it, and counted."""
    vector: str = ""
    """How they are sent to a server that does not name them: `all` side by side, or as `hand_state` has it
    besides; "" for each by its name."""
    name: str = ""
    """What the server calls its policy; "" where it does not say."""
    problems: tuple[str, ...] = ()
    """What does not fit, a line each."""
    assumed: tuple[str, ...] = ()
    """What the server does not say and is taken for granted, a line each."""


def announcement(
    policy: str, tasks: Mapping[str, Mapping[str, Any]], max_batch_size: int, remembers: bool
) -> dict[str, Any]:
    """Return what a server says of its policy: its name, and an `offer` for each task."""
    return {
        "version": VERSION,
        "policy": policy,
        "control_hz": CONTROL_HZ,
        "max_batch_size": max_batch_size,
        "remembers": remembers,
        "tasks": {name: dict(one) for name, one in tasks.items()},
    }


def offer(task: Task, needs: Needs, chunk_size: int, clip: bool = False) -> dict[str, Any]:
    """Return what a server of one of Bimodal's own policies says for a task."""
    seen = [spec for spec in task.observation if not needs.observations or spec.name in needs.observations]
    return {
        "observations": [*map(_said, seen), *announced(needs)],
        "action": needs.action,
        "actions": [_said(spec) for spec in task.actions(needs.action)],
        "rotation": OWN_ROTATION[needs.action],
        "gripper": OWN_GRIPPER[needs.action],
        "n_action_steps": needs.n_action_steps,
        "chunk_size": chunk_size,
        "clip": clip,
    }


def agree(said: object, task: Task) -> Agreement:
    """Return what a server's map means for a task; all that does not fit is in `problems`."""
    if not isinstance(said, Mapping) or not isinstance(said.get("tasks"), Mapping):
        return Agreement(problems=("the server's `bimodal` is no map with `tasks`",))
    if said.get("version") != VERSION:
        return Agreement(
            problems=(f"its `bimodal` has version {said.get('version')!r:.20}; {VERSION} is read",)
        )
    offers = said["tasks"]
    here = offers.get(task.id, offers.get("*"))
    if not isinstance(here, Mapping):
        known = ", ".join(map(str, offers))[:200] or "none"
        return Agreement(problems=(f"the server offers nothing for {task.id}; it offers: {known}",))
    found = _Reader(task, {**said, **here})
    return found.agreement()


class _Reader:
    """Reads one offer, and gathers what is wrong with it or missing in it."""

    def __init__(self, task: Task, said: Mapping[str, Any]) -> None:
        self._task = task
        self._said = said
        self._problems: list[str] = []
        self._assumed: list[str] = []

    def agreement(self) -> Agreement:
        space = self._one_of("action", "ee_absolute", tuple(ACTIONS))
        rotations = tuple(ROTATIONS) if space == "ee_absolute" else (OWN_ROTATION[space],)
        rotation = self._one_of("rotation", OWN_ROTATION[space], rotations)
        gripper = self._one_of("gripper", OWN_GRIPPER[space], GRIPPERS)
        hz = self._said.get("control_hz", self._take("control_hz", CONTROL_HZ))
        if hz != CONTROL_HZ:
            self._problems.append(f"control_hz is {hz!r:.20}; episodes run at {CONTROL_HZ}")
        steps = self._count("n_action_steps", 8, 1)
        chunk = self._count("chunk_size", steps, 1)
        if chunk < steps:
            self._problems.append(f"n_action_steps is {steps}, more than the {chunk} actions of a chunk")
        names, pictures = self._observations()
        name = str(self._said.get("policy", ""))
        self._actions(space, rotation)
        return Agreement(
            observations=names,
            pictures=pictures,
            action=space,
            n_action_steps=steps,
            chunk_size=chunk,
            rotation=rotation,
            gripper=gripper,
            max_batch_size=self._count("max_batch_size", 0, 0),
            remembers=self._said.get("remembers", self._take("remembers", True)) is not False,
            clip=self._said.get("clip") is True,
            name=name if re.fullmatch(_NAME, name) else "",
            problems=tuple(self._problems),
            assumed=tuple(self._assumed),
        )

    def _take(self, name: str, value: Any) -> Any:
        """Return a default, and note that it is one where the server does not say."""
        if name not in self._said:
            self._assumed.append(f"{name} = {value}")
        return value

    def _one_of(self, name: str, default: str, known: tuple[str, ...]) -> str:
        value = self._said.get(name, self._take(name, default) if default else "")
        if value in known:
            return str(value)
        self._problems.append(
            f"{name} is {value!r:.40}; it can be {', '.join(filter(None, known)) or 'left out'}"
        )
        return default

    def _count(self, name: str, default: int, low: int) -> int:
        value = self._said.get(name, self._take(name, default))
        if type(value) is int and value >= low:
            return value
        self._problems.append(f"{name} is {value!r:.40}; it must be a whole number from {low} on")
        return default

    def _observations(self) -> tuple[tuple[str, ...], Pictures]:
        given = {spec.name: spec for spec in self._task.observation}
        names = []
        said = self._components("observations", self._task.observation)
        pictures = read_pictures(said)
        self._problems += pictures.problems
        for one in said:
            name = one.get("name")
            if name in given:
                names.append(str(name))
                self._compare("observation", one, given[str(name)], given[str(name)].shape)
            elif name not in BESIDE:
                error = unknown_name(f"observation of {self._task.id}", str(name)[:60], [*given, *BESIDE])
                self._problems.append(f"the server asks for an {error}")
        return tuple(names), pictures

    def _actions(self, space: str, rotation: str) -> None:
        ours = self._task.actions(space)
        said = self._components("actions", ours)
        if [one.get("name") for one in said] != [spec.name for spec in ours]:
            names = ", ".join(str(one.get("name"))[:30] for one in said)
            self._problems.append(f"actions are {names}; {space} has {', '.join(spec.name for spec in ours)}")
            return
        for one, spec in zip(said, ours, strict=True):
            turns = spec.name.endswith("rotation") and rotation in ROTATIONS
            self._compare("action", one, spec, (ROTATIONS[rotation],) if turns else spec.shape)

    def _components(self, name: str, default: tuple[Spec, ...]) -> list[Mapping[str, Any]]:
        if name not in self._said:
            self._assumed.append(f"{name} = {', '.join(spec.name for spec in default)}")
            return [_said(spec) for spec in default]
        said = self._said[name]
        if isinstance(said, list) and all(isinstance(one, Mapping) for one in said):
            return said
        self._problems.append(f"{name} is no list of maps with name, shape, unit and frame")
        return [_said(spec) for spec in default]

    def _compare(self, what: str, said: Mapping[str, Any], spec: Spec, shape: tuple[int, ...]) -> None:
        wanted = {"shape": list(shape), "unit": spec.unit, "frame": spec.frame}
        wrong = [
            f"{name} {said[name]!r:.30} there, {value!r} here"
            for name, value in wanted.items()
            if said.get(name, value) != value
        ]
        if wrong:
            self._problems.append(f"{what} {spec.name}: {', '.join(wrong)}")
        if missing := [f"{name} {value}" for name, value in wanted.items() if name not in said]:
            self._assumed.append(f"{what} {spec.name}: {', '.join(missing)}")


def _said(spec: Spec) -> dict[str, Any]:
    return {"name": spec.name, "shape": list(spec.shape), "unit": spec.unit, "frame": spec.frame}
