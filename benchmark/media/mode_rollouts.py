"""One scene played in every mode by the experts, and once by the average of their plans."""

from typing import NamedTuple

import numpy as np

from ...envs.simulation import Simulation
from ...tasks.core import episode_step
from ...tasks.core.outcomes import OUTCOMES
from ...tasks.core.referee import Referee
from ...tasks.core.task import LIGHT_TOUCH, Measurement, Task

AVERAGE = "average"
"""Name of the rollout that executes the mean of the modes' plans."""
_SHOWN_LIFT = 0.05  # how far a target has come when its picture is taken [m]
_GRIPPED = 5  # control steps from a closing gripper to one that shows what it holds


class ModeRollout(NamedTuple):
    """One way of playing a scene, up to its end."""

    name: str
    """Of the mode, or `AVERAGE`."""
    states: np.ndarray
    """The start and what followed every control step, (T + 1, nstate)."""
    moment: int
    """The row of `states` that shows best what happens."""
    label: str
    """The referee's verdict."""
    note: str
    """What a viewer should know of the end, e.g. "touches the hub"; "" for a mode that succeeds."""

    @property
    def caption(self) -> str:
        """What is written under its picture."""
        return f"{self.name}: {self.note}" if self.note else self.name

    @property
    def averaged(self) -> bool:
        """Whether this is the average of the modes."""
        return self.name == AVERAGE


def mode_rollouts(task: Task, seed: int = 0) -> list[ModeRollout]:
    """Play the scene of `seed` in every mode, then by the average of the modes' plans; pictures show them."""
    k = len(task.modes)
    simulation = Simulation(task, k + 1)
    simulation.reset([seed] * (k + 1))
    plans = np.stack([task.plan(simulation, np.full(k + 1, mode))[mode] for mode in range(k)])
    plan = np.concatenate([plans, plans.mean(0, keepdims=True)])
    states = [simulation.state()]
    seen: list[Measurement] = []
    touched = ""
    referee = Referee(task, k + 1)
    for step in range(plan.shape[1]):
        measured = episode_step.advance_and_judge(referee, simulation, plan[:, step], step)
        seen.append(Measurement(*(np.array(column) for column in measured)))
        states.append(simulation.state())
        if not touched and seen[-1].illegal[k] > LIGHT_TOUCH:
            touched = touched_shape(simulation, k, seen[-1].illegal[k])
        if referee.done.all():
            break
    verdict = referee.verdict()
    record = np.stack(states, 1)
    rollouts = []
    for row, name in enumerate((*task.modes, AVERAGE)):
        steps = int(verdict.steps[row])
        label = str(verdict.label[row])
        rows = [Measurement(*(column[row : row + 1] for column in step)) for step in seen[:steps]]
        moment = _stopped(task, rows) if row == k else _taken(rows, row)
        note = _note(row == k, label, touched)
        rollouts.append(ModeRollout(name, record[row, : steps + 1], moment, label, note))
    return rollouts


def _taken(seen: list[Measurement], mode: int) -> int:
    """Return the row of states that shows a mode best.

    The goal is reached and the hand has let go; else the target has come some way in the mode; else the goal
    is reached; else the middle of the time in which the mode is taken, and the target touched if it is at
    all; else the end.
    """
    columns = ("part", "lift", "at_goal", "in_hand")
    part, lift, goal, held = (np.array([getattr(row, name)[0] for row in seen]) for name in columns)
    taken = part == mode
    if (taken & goal & ~held).any():
        return int(np.flatnonzero(taken & goal & ~held)[-1]) + 1
    for shown in (taken & (lift > _SHOWN_LIFT), taken & goal):
        if shown.any():
            return int(shown.argmax()) + 1
    taken = taken & held if (taken & held).any() else taken
    return int(np.median(np.flatnonzero(taken))) + 1 if taken.any() else len(seen)


def _stopped(task: Task, seen: list[Measurement]) -> int:
    """Return the row of states in which the average touches what it must not, or closes on what it finds."""
    for step, row in enumerate(seen):
        if row.illegal[0] > LIGHT_TOUCH:
            return step + 1
    acted = [step for step, row in enumerate(seen) if task.decided(row)[0]]
    return min(acted[0] + _GRIPPED, len(seen)) if acted else len(seen)


def touched_shape(simulation: Simulation, row: int, force: float) -> str:
    """Return the name of the shape whose contact sensor feels just this force [N] in a row."""
    model = simulation.model
    names = [model.sensor(index).name for index in range(model.nsensor)]
    found = min(names, key=lambda name: abs(float(simulation.force(name)[row]) - force))
    shape = model.geom(int(model.sensor(found).objid[0])).name
    return shape.replace("_", " ").rstrip(" 0123456789")


def _note(averaged: bool, label: str, touched: str) -> str:
    if OUTCOMES[label].success:
        return "succeeds" if averaged else ""
    return f"touches the {touched}" if averaged and touched else OUTCOMES[label].short
