"""Whether a task is put together soundly: rules that cost a moment and hold before anything is measured.

`bimodal certify` asks them of every task, and so does the loading of one from outside the package. They
say nothing about bimodality; the certificate does.
"""

from collections.abc import Callable, Iterator
from typing import TypeVar

import mujoco
import numpy as np

from ...envs.errors import BimodalError, WrongUse
from ...envs.simulation import Simulation
from ...envs.specs import CONTROL_HZ, size
from .scene_rules import built, described
from .stated_attributes import stated
from .task import Measurement, Task

Answer = TypeVar("Answer")
SEEDS = np.arange(16)
"""Episodes that are begun."""
DEEPEST = 1e-3
"""Largest penetration of two shapes at the start [m]."""
FARTHEST = 1e-3
"""Largest way of an observed body from where `drift` says in half a second in which nothing happens [m]."""


class _Broken(Exception):
    """A method of the task raised, so that nothing after it can be looked at."""


def require_sound(task: Task, source: str) -> None:
    """Refuse a task that breaks a rule.

    Args:
        task: the task.
        source: its file or package, for the message.

    Raises:
        WrongUse: the first broken rule and how to mend it, and how many more are broken.
    """
    if found := problems(task):
        more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
        raise WrongUse(f"{source}: {found[0]}{more}")


def problems(task: Task) -> list[str]:
    """Return what is wrong with a task, each in a line that says the rule and the mend."""
    # what is broken early would break what comes later, so each stage must be sound before the next
    if found := list(stated(task)):
        return found
    try:
        spec = _call("build()", task.spec)
        if found := list(described(spec)):
            return found
        model = _call("build()", spec.compile)
        if found := list(built(task, spec, model, _call("poses()", task.poses))):
            return found
        simulation = Simulation(task, len(SEEDS))
        _call("the start", simulation.reset, SEEDS)
        return [*_planned(task, simulation), *_begun(task, simulation)]
    except _Broken as error:
        return [str(error)]


# ------------------------------------------------------------------------------------ what its experts do


def _planned(task: Task, simulation: Simulation) -> Iterator[str]:
    """Rules for the plans of the modes."""
    # 1. every mode has a plan of finite actions
    plans = {}
    n = simulation.n
    numbers = size(task.actions("ee_absolute"))
    for mode, name in enumerate(task.modes):
        try:
            plan = np.asarray(task.plan(simulation, np.full(n, mode)))
        except NotImplementedError:
            yield "the modes have no experts; write path(), one hand path for all modes"
            return
        except Exception as error:
            yield f"the mode {name!r} has no expert; path() raises {_text(error)}"
            continue
        if plan.ndim != 3 or plan.shape[::2] != (n, numbers) or not np.isfinite(plan).all():
            yield f"the mode {name!r} has no expert; path() must give finite hands, but gives {plan.shape}"
            continue
        plans[name] = plan
    if len(plans) < len(task.modes):
        return
    # 2. time does not tell the modes apart, and is enough
    steps = {name: plan.shape[1] for name, plan in plans.items()}
    if len(set(steps.values())) > 1:
        yield f"the experts take {steps} control steps; all modes must take equally many, add wait()s"
        return
    length = next(iter(steps.values()))
    if length > task.max_episode_steps:
        most = task.max_episode_steps
        yield f"the experts take {length} control steps and an episode {most}; raise max_episode_steps"
    # 3. the plans are one until they part, and differ afterwards
    first, *others = plans.values()
    shared = task.shared_steps
    if shared >= length or any((plan[:, :shared] != first[:, :shared]).any() for plan in others):
        yield f"the modes part before step {shared} (shared_steps); until then all plans must be the same"
    whole = list(plans.items())
    for i, (name, plan) in enumerate(whole):
        for other, same in whole[:i]:
            if (plan == same).all():
                yield f"the modes {other!r} and {name!r} have the same plan; path() must depend on the mode"


# ------------------------------------------------------------------------------------ how it begins


def _begun(task: Task, simulation: Simulation) -> Iterator[str]:
    """Rules for the start and half a second in which nothing happens."""
    # 1. nothing overlaps, and what a policy sees is as declared
    yield from _penetrations(simulation)
    seen = _call("observe()", simulation.observe)
    for spec in task.observation:
        found = seen.get(spec.name)
        if found is None or found.shape != (simulation.n, *spec.shape) or not np.isfinite(found).all():
            yield f"observe() must give {spec.name!r} in the shape {(simulation.n, *spec.shape)}, finite"
            return
    # 2. nothing has succeeded, is held or touched yet
    if found := list(_measured(task, simulation, "at the start")):
        yield from found
        return
    # 3. and so it stays while the hand stays
    stay = simulation.stay("ee_absolute")
    before = {name: simulation.position(name).copy() for name in task.objects}
    drift = _call("drift()", task.drift, simulation, np.array([CONTROL_HZ // 2]))[:, 0]
    for _ in range(CONTROL_HZ // 2):
        simulation.step(stay)
    for name, place in before.items():
        place[:, :2] += drift
        moved = np.abs(simulation.position(name) - place).max()
        if not moved < FARTHEST:
            yield f"{name!r} moves {1e3 * moved:.1f} mm by itself in 0.5 s; let poses() put it where it rests"
    yield from _measured(task, simulation, "while the hand stays")


def _penetrations(simulation: Simulation) -> Iterator[str]:
    model = simulation.model
    worst = -DEEPEST
    pair = ()
    for row in range(simulation.n):
        data = simulation.batch.get_data(row)
        mujoco.mj_forward(model, data)
        for contact in data.contact:
            if contact.dist < worst:
                worst = contact.dist
                pair = (contact.geom1, contact.geom2)
    if pair:
        first, second = (model.geom(geom).name for geom in pair)
        yield f"{first!r} and {second!r} are {-1e3 * worst:.1f} mm inside each other at the start; move one"


def _measured(task: Task, simulation: Simulation, when: str) -> Iterator[str]:
    seen = _call("measure()", task.measure, simulation)
    n = simulation.n
    for name, column in zip(Measurement._fields, seen, strict=True):
        shape = (n, 4) if name == "hand" else (n,)
        if np.shape(column) != shape or not np.isfinite(column).all():
            yield f"measure() gives {name} as {np.shape(column)}; it must be {shape} and finite"
            return
    if np.any(seen.at_goal):
        yield f"success is true {when}; the `at_goal` of measure() must be what only a grasp brings about"
    if np.any(seen.in_hand) or np.any(seen.part >= 0):
        yield f"measure() says that something is held {when}; watch the parts with watch_fingers"
    if np.any(seen.illegal > 0) or np.any(seen.table > 0):
        yield f"the robot touches the table or the forbidden {when}; start the hand higher"


def _call(what: str, function: Callable[..., Answer], *arguments: object) -> Answer:
    """Return what a method of the task gives.

    Raises:
        _Broken: it raises.
    """
    try:
        return function(*arguments)
    except NotImplementedError as error:
        raise _Broken(f"{what} is missing; see docs/add-a-task.md") from error
    except Exception as error:
        raise _Broken(f"{what} fails: {_text(error)}") from error


def _text(error: Exception) -> str:
    text = " ".join(str(error).split())
    if "repeated name" in text:
        text += "; the robot, the table and the floor have names too, choose another"
    known = isinstance(error, mujoco.FatalError | BimodalError)
    return text if known else f"{type(error).__name__}: {text}"
