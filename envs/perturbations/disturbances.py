"""What happens to hand and objects on the way: knocks, a push, a slip."""

from functools import cache

import mujoco
import numpy as np

from ..base_scene import clean_model
from ..frames import heading
from ..robot.panda import TCP_SITE
from ..robot.parts import finger_servos, fingers
from ..scene_generation.episode_context import EpisodeContext
from ..simulation_data import SimulationData
from ..specs import CONTROL_HZ, GRIPPER, OPENING_LOW, POSITION
from ..task_protocol import TaskProtocol
from .contact import SAME_PLACE, loose
from .core.perturbation import Perturbation

NEAR = 0.05
"""Distance of the TCP from a grip at which a knock comes [m]: three or four control steps before contact."""
PUSH_SECONDS = 0.2
"""Duration of a push on the hand [s]."""
SLIP_HEIGHT = 0.03
"""Height at which a held object slips [m]."""
CARRIED = 0.98
"""Share of an object's weight that the grip carries while it slips, with the hand on its way up."""


@cache
def grips(task: TaskProtocol) -> tuple[np.ndarray, np.ndarray]:
    """Return where the expert of each mode closes a gripper first, and how far it then lifts.

    Returns:
        TCP in the scene frame (k, 3) and height (k,) [m]; of an expert that never closes, the task's own
        grasps, and 0.
    """
    modes = np.arange(len(task.grasps))
    starts = np.repeat(task.hands()[:, None, :3], len(modes), axis=1)
    paths = task.paths(starts, modes)
    actions = np.stack([path.actions(np.zeros((len(modes), 3))) for path in paths], axis=2)
    closed = np.asarray(actions[..., GRIPPER] <= OPENING_LOW)  # (k, T, arms)
    first = closed.any(2).argmax(1)
    arm = closed[modes, first].argmax(1)
    grasp = actions[modes, first, arm, POSITION]
    at = np.where(np.any(closed, axis=(1, 2))[:, None], grasp, task.grasps[:, :3])
    height = np.where(closed, actions[..., 2], -np.inf).max((1, 2)) - at[:, 2]
    return at, np.maximum(height, 0.0)


def models(simulation: SimulationData) -> list[mujoco.MjModel]:
    """Return the model of every row."""
    return list(simulation.batch.models or [simulation.model] * simulation.n)


class Knock(Perturbation):
    """Just before contact the objects are knocked aside, once, in a drawn direction.

    The way is that of an object alone on the table; tall ones rock and slide less.
    """

    name = "contact.knock"
    unit = "cm"
    levels = (0.0, 0.5, 1.0, 2.0)

    def draw_numbers(self, episode: EpisodeContext) -> np.ndarray:
        """Return the direction in the world, (1,) [rad]."""
        return episode.rng.uniform(0, 2 * np.pi, 1)

    def reset(self, task: TaskProtocol, draws: np.ndarray) -> None:
        super().reset(task, draws)
        self._knocked = np.zeros(len(draws), bool)

    def perturb_simulation(self, simulation: SimulationData, step: int) -> None:
        """Knock the objects of the rows whose hand has come near a grip."""
        hands = np.stack([simulation.in_frame(arm.tcp_position) for arm in simulation.arms], axis=1)
        way = hands[:, :, None] - grips(self.task)[0]
        now = (np.linalg.norm(way, axis=-1).min((1, 2)) < NEAR) & ~self._knocked
        self._knocked |= now
        for row in np.flatnonzero(now).tolist():
            knock(simulation, self.task, row, self.draws[row, 0], 0.01 * self.magnitude)

    def impossible(self, task: TaskProtocol) -> str:
        return "" if loose(clean_model(task), task) else "no object is loose"


class KnockAfter(Perturbation):
    """Once the hand has committed to a mode, the objects are knocked so that another mode comes nearer."""

    name = "contact.knock_after"
    unit = "cm"
    levels = (0.0, 1.0, 2.0, 4.0)

    def reset(self, task: TaskProtocol, draws: np.ndarray) -> None:
        super().reset(task, draws)
        self._knocked = np.zeros(len(draws), bool)

    def perturb_simulation(self, simulation: SimulationData, step: int) -> None:
        """Knock the objects of the rows whose hand has left the dead zone once the modes have parted."""
        # 1. which hands have just left the dead zone
        hand = simulation.hand
        at = grips(self.task)[0][:, :2]
        out = ~self.task.in_dead_zone(self.task.mixture(hand)) & (step >= self.task.shared_steps)
        now = out & ~self._knocked
        self._knocked |= now
        for row in np.flatnonzero(now).tolist():
            # 2. the grip nearest to the one that is taken; the objects go the way that brings it to the hand
            taken = np.linalg.norm(self.task.grasps[:, :2] - hand[row, :2], axis=-1).argmin()
            others = np.linalg.norm(at - at[taken], axis=-1)
            other = np.where(np.arange(len(at)) == taken, np.inf, others).argmin()
            x, y = at[taken] - at[other]
            angle = np.arctan2(y, x) + simulation.frame[row, 2]
            knock(simulation, self.task, row, angle, 0.01 * self.magnitude)

    def impossible(self, task: TaskProtocol) -> str:
        if not loose(clean_model(task), task):
            return "no object is loose"
        at = grips(task)[0][:, :2]
        apart = np.linalg.norm(at - at[0], axis=-1).max() > SAME_PLACE
        return "" if apart else "all modes grip in the same place"


class Push(Perturbation):
    """The (first) hand is pushed for 0.2 s, sideways, at a drawn time before the modes part."""

    name = "contact.push"
    unit = "N s"
    levels = (0.0, 1.0, 2.0, 4.0)
    steps = round(PUSH_SECONDS * CONTROL_HZ)
    """Length of the push [control steps]."""

    def draw_numbers(self, episode: EpisodeContext) -> np.ndarray:
        """Return first control step and direction in the world [rad], (2,)."""
        return np.array(
            [
                episode.rng.integers(0, episode.task.shared_steps - self.steps + 1),
                episode.rng.uniform(0, 2 * np.pi),
            ]
        )

    def perturb_simulation(self, simulation: SimulationData, step: int) -> None:
        """Begin or end the push: impulse over 0.2 s, 5, 10 or 20 N."""
        if self.level == 0:
            return
        begin, angle = self.draws.T
        force = self.magnitude / PUSH_SECONDS * heading(angle)
        hand = simulation.model.site(TCP_SITE).bodyid[0]
        applied = simulation.batch.bind("xfrc_applied")
        applied[begin == step, hand, :2] = force[begin == step]
        applied[begin + self.steps == step, hand, :2] = 0.0

    def impossible(self, task: TaskProtocol) -> str:
        return "" if task.shared_steps >= self.steps else "the modes part too early"


class Slip(Perturbation):
    """Once an object is 3 cm up, the grip fails for a moment: it slides down by about 2, 6 or 10 mm."""

    name = "contact.slip"
    unit = "control steps"
    levels = (0, 1, 2, 3)

    def perturb_model(self, model: mujoco.MjModel, episode: EpisodeContext) -> None:
        """Have a model of one's own, in which the friction can change on the way."""

    def reset(self, task: TaskProtocol, draws: np.ndarray) -> None:
        super().reset(task, draws)
        self._since = np.full(len(draws), -1)
        self._friction: dict[int, np.ndarray] = {}

    def perturb_simulation(self, simulation: SimulationData, step: int) -> None:
        """Take the friction from what is being lifted, or give it back."""
        # 1. which rows have lifted something far enough, for the first time or long enough ago
        bodies = loose(simulation.model, self.task)
        height = simulation.xpos[:, bodies, 2]
        if step == 0:
            self._rest = height.copy()
        lift = height - self._rest
        self._since[(lift > SLIP_HEIGHT).any(1) & (self._since < 0)] = step
        begins = self._since == step
        ends = (self._since >= 0) & (self._since + self.magnitude == step)
        if self.level == 0 or not (begins | ends).any():
            return
        # 2. their models get another friction, or their own again
        each = models(simulation)
        for row in np.flatnonzero(begins).tolist():
            self._friction[row] = each[row].geom_friction.copy()
            loosen(each[row], bodies[lift[row].argmax()])
        for row in np.flatnonzero(ends).tolist():
            each[row].geom_friction[:] = self._friction.pop(row)
        simulation.batch.set_models(each)

    def impossible(self, task: TaskProtocol) -> str:
        if not loose(clean_model(task), task):
            return "no object is loose"
        return "" if grips(task)[1].max() > SLIP_HEIGHT else "no expert lifts what it holds"


def loosen(model: mujoco.MjModel, body: int) -> None:
    """Lower the sliding friction of fingers and body to mu = share * m g / (2 F), with the grip's force F."""
    held = model.body_weldid[model.geom_bodyid] == body
    weight = model.body_subtreemass[body] * -model.opt.gravity[2]
    force = model.actuator_forcerange[finger_servos(model)[0], 1]
    model.geom_friction[fingers(model) | held, 0] = CARRIED * weight / (2 * force)


def knock(simulation: SimulationData, task: TaskProtocol, row: int, angle: float, way: float) -> None:
    """Make the loose objects of a row slide `way` [m] over the table, along `angle` in the world [rad].

    Friction stops what starts with v after v^2 / (2 mu g).
    """
    if not way:
        return
    model = models(simulation)[row]
    for body in loose(model, task):
        shapes = np.flatnonzero(model.geom_bodyid == body)
        mu = max(model.geom("table_top").friction[0], model.geom_friction[shapes, 0].max())
        speed = np.sqrt(2 * mu * -model.opt.gravity[2] * way)
        dof = model.body_dofadr[body]
        simulation.qvel[row, dof : dof + 2] += speed * heading(angle)
