"""Steps the recorded episodes of a shard again and reads off forces, joints and the tool.

Physics steps of 5 ms are looked at one by one, so that a blow between two control steps is seen.
"""

from typing import NamedTuple

import mujoco
import numpy as np

from ...envs.errors import BimodalError
from ...envs.perturbations.core.variant import Variant
from ...envs.robot.arm import Arm
from ...envs.scene import SUBSTEPS
from ...envs.simulation import Simulation
from ...envs.specs import from_grid
from ...policies.safety.limits import Limits, boxed
from ...tasks.core import episode_step
from ...tasks.core.task import Task
from ..records.replay import TOLERANCE, check_size, scaled_difference
from ..rollout.shard import STATE_EVERY, Shard, Trace
from .watched_scene import FORCE_SENSOR, ArmContacts, watched

_POSITION_STAGE = mujoco.mjtStage.mjSTAGE_POS.value
WORKSPACE_MARGIN = 0.02
"""How far beyond the safety filter's workspace the tool may be [m]: it overshoots its walls by 1 cm."""
_WORKSPACE = Limits(
    low=tuple(np.array(Limits().low) - WORKSPACE_MARGIN),
    high=tuple(np.array(Limits().high) + WORKSPACE_MARGIN),
)


class Signals(NamedTuple):
    """What N episodes did in each of T control steps; rows that have ended go on and do not count."""

    force: np.ndarray
    """Largest net force of all contacts on one arm [N], (T, N): what it carries and presses on. The forces
    of a grip cancel."""
    table: np.ndarray
    """Largest force between a robot and the table [N], (T, N)."""
    itself: np.ndarray
    """Whether a hand reaches into its own forearm, or one arm into the other, (T, N) bool."""
    joint_room: np.ndarray
    """Smallest distance of an arm joint from its limit [rad], below 0 beyond it, (T, N)."""
    outside: np.ndarray
    """Whether a tool centre point is outside the workspace, (T, N) bool."""
    fall: np.ndarray
    """Greatest speed at which a loose object goes down [m/s], (T, N); 0 where none is loose."""
    in_hand: np.ndarray
    """Whether both fingers press what may be gripped, (T, N) bool."""
    way: np.ndarray
    """How far the target has come from where it rested [m], (T, N): `Measurement.lift`."""
    hand: np.ndarray
    """Pose of the first hand, scene frame, (T, N, 4): `Measurement.hand`."""
    work: np.ndarray
    """Work of the motors, either way [J], (T, N): sum over motors and physics steps of
    |torque x change of angle|."""
    tool: np.ndarray
    """Tool centre points after every physics step [m], world, (10 T, arms, N, 3)."""


def read_signals(
    shard: Shard, trace: Trace, steps: np.ndarray, action_space: str, threads: int = 1
) -> Signals:
    """Step the episodes of a shard again; called by `measure_shard`.

    Every stretch of actions starts from its own recorded state, as in `replay.check`.

    Args:
        shard: which episodes.
        trace: their record.
        steps: lengths of the episodes [control steps], (N,).
        action_space: of the recorded actions (`policy.action` in run.json).
        threads: simulation threads.

    Raises:
        BimodalError: the recorded states do not follow from the actions.
    """
    task = watched(shard.task)
    simulation = Simulation(task, len(shard.seeds), threads, Variant(shard.variant), substeps=1)
    check_size(simulation, trace)
    simulation.prepare(shard.seeds)
    watch = _Watch(task, simulation)
    rows = []
    tool = []
    for step in range(trace.actions.shape[1]):
        if step % STATE_EVERY == 0:
            recorded = trace.states[:, step // STATE_EVERY]
            _compare(simulation, recorded, (step > 0) & (step < steps))
            simulation.restore(recorded)
        # the command goes to the servos with the first physics step, and stays for the others
        watch.begin()
        episode_step.advance(simulation, from_grid(trace.actions[:, step]), step, action_space)
        tool.append(watch.look())
        for _ in range(SUBSTEPS - 1):
            simulation.batch.step(nstep=1, stage=_POSITION_STAGE)
            tool.append(watch.look())
        rows.append(watch.end())
    if not rows:
        return _nothing(simulation.n, task.arms)
    return Signals(*(np.stack(column) for column in zip(*rows, strict=True)), tool=np.stack(tool))


def _compare(simulation: Simulation, recorded: np.ndarray, rows: np.ndarray) -> None:
    """Refuse to go on from recorded states (N, nstate) that did not come out in `rows` (N,) bool."""
    apart = scaled_difference(simulation.state()[:, None], recorded[:, None], rows[:, None])
    if apart.max(initial=0.0) > TOLERANCE:
        raise BimodalError(
            f"{simulation.task.id} ({simulation.variant.name}): the recorded states do not follow from the "
            "recorded actions; `bimodal check RUN_FOLDER` says in which episodes"
        )


class _Watch:
    """Reads a simulation after each physics step of one control step."""

    def __init__(self, task: Task, simulation: Simulation) -> None:
        self._task = task
        self.simulation = simulation
        model = simulation.model
        self._arms = simulation.arms
        self._contacts = ArmContacts(len(self._arms), simulation.n)
        names = [model.sensor(index).name for index in range(model.nsensor)]
        found = [int(model.sensor_adr[i]) for i, name in enumerate(names) if name.endswith(FORCE_SENSOR)]
        self._forces = [slice(address, address + 3) for address in found]
        servos = model.actuator_trnid[:, 0]
        self._dofs = model.jnt_dofadr[servos]
        self._joints = model.jnt_qposadr[servos]
        bind = simulation.batch.bind
        self._servos = bind("qfrc_actuator")
        self._gravity = bind("qfrc_gravcomp")
        loose = [name for name in simulation.task.objects if simulation.is_loose(name)]
        self._down = [int(model.body(name).dofadr[0]) + 2 for name in loose]

    def begin(self) -> None:
        """Begin a control step."""
        n = self.simulation.n
        self._force, self._table, self._fall, self._work = np.zeros((4, n))
        self._room = np.full(n, np.inf)
        self._outside = np.zeros(n, bool)
        self._before = self.simulation.qpos[:, self._joints].copy()

    def look(self) -> np.ndarray:
        """Take in one physics step; returns the tool centre points (arms, N, 3)."""
        now = self.simulation
        for where in self._forces:
            self._force = np.fmax(self._force, np.linalg.norm(now.sensordata[:, where], axis=-1))
        self._table = np.fmax(self._table, now.force("table"))
        if self._down:
            self._fall = np.fmax(self._fall, -now.qvel[:, self._down].min(axis=1))
        # The torques that drove this step; motors also carry the links, as gravity compensation does.
        angles = now.qpos[:, self._joints].copy()
        torque = self._servos[:, self._dofs] + self._gravity[:, self._dofs]
        self._work = self._work + np.abs(torque * (angles - self._before)).sum(axis=1)
        self._before = angles
        tool = np.stack([arm.tcp_position for arm in self._arms])
        for index, arm in enumerate(self._arms):
            self._room = np.fmin(self._room, _joint_room(now, arm))
            inside = boxed(tool[index][:, None], index, _WORKSPACE)[:, 0]
            self._outside = self._outside | np.any(inside != tool[index], axis=-1)
        return tool

    def end(self) -> tuple[np.ndarray, ...]:
        """Return what the control step showed: the fields of `Signals` but the last."""
        seen = episode_step.measure(self._task, self.simulation)
        return (
            self._force,
            self._table,
            self._contacts.touching(self.simulation),
            self._room,
            self._outside,
            self._fall,
            np.array(seen.in_hand),
            np.array(seen.lift),
            np.array(seen.hand),
            self._work,
        )


def _joint_room(simulation: Simulation, arm: Arm) -> np.ndarray:
    """Return the smallest distance of an arm's joints from their limits [rad], (N,)."""
    angles = simulation.qpos[:, arm.joints]
    return np.minimum(angles - arm.low, arm.high - angles).min(axis=1)


def _nothing(n: int, arms: int) -> Signals:
    """Return the signals of episodes that ended before their first step."""
    empty = dict.fromkeys(Signals._fields, np.zeros((0, n)))
    return Signals(**empty | {"hand": np.zeros((0, n, 4)), "tool": np.zeros((0, arms, n, 3))})
