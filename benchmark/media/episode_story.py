"""What a viewer is shown of an episode besides the scene: the grasps, the hold, the moment that decided it.

All is read off the recorded states by `video_frames.py` and `replay_video.py`; nothing of it is scored.
"""

from collections.abc import Sequence
from contextlib import closing
from typing import NamedTuple

import mujoco
import numpy as np

from ...envs.frames import from_frame
from ...envs.images import ANY, IMAGES, INSTRUCTION
from ...envs.perturbations.core.variant import Variant
from ...envs.physics_state import set_state
from ...envs.robot.parts import robots
from ...envs.seed_ranges import scene_seed
from ...envs.simulation import Simulation
from ...envs.specs import CONTROL_HZ
from ...policies.core.policy import Needs
from ...tasks import load_task
from ...tasks.core import episode_step
from ...tasks.core.instructions import asked_modes
from ...tasks.core.outcomes import OTHER_MODE, OUTCOMES, SUCCESS
from ...tasks.core.referee import CLOSED
from ...tasks.core.task import LIGHT_TOUCH, Measurement, Task
from ..measures.planned_ways import Ways
from ..records.run_record import PolicyRecord, RunRecord
from ..rollout.observation import Observer
from .filmed_episodes import FilmedEpisode
from .mode_rollouts import touched_shape
from .task_geometry import mode_hands

DONE = (SUCCESS, OTHER_MODE)
"""Outcomes of episodes that end when the task is done."""
COLLISIONS = ("COLLISION_MID", "COLLISION_OTHER")
"""Outcomes of episodes that end when something is touched that must not be."""


class Story(NamedTuple):
    """An episode of T control steps: before the first and after each, T + 1 moments."""

    states: np.ndarray
    """(T + 1, nstate)."""
    hold: np.ndarray
    """How much of the required hold is fulfilled, 0..1, (T + 1,)."""
    moment: int
    """The row of `states` in which it is decided."""
    sentence: str
    """What happens there."""
    grasps: np.ndarray
    """The hand that acts in each of k modes, as the task states it: x, y, z [m] and yaw [rad], world, (k, 4);
    then the same at further objects, mode by mode."""
    contact: np.ndarray | None
    """Where the robot touches in that moment what it must not, world [m], (3,); None where it does not."""
    views: Sequence[np.ndarray] | None = None
    """T + 1 pictures (H, W, 3) uint8, what cameras showed the policy last, side by side; None for none."""
    frame: np.ndarray | None = None
    """The scene frame: x, y [m] and yaw [rad], world, (3,)."""
    ways: Sequence[Ways] = ()
    """What the policy planned in each of T + 1 moments; nothing where nobody knows."""
    said: str = ""
    """What the policy is told to do; "" for one that reads no instruction, where no mode is asked for."""


def tell_story(episode: FilmedEpisode, states: np.ndarray) -> Story:
    """Return the story of an episode.

    Args:
        episode: which one, and how it ended.
        states: before every control step and after the last, (T + 1, nstate).
    """
    task = load_task(episode.task)
    simulation = Simulation(task, 1, variant=Variant(episode.variant))
    simulation.prepare([episode.seed])
    looks = [_look(task, simulation, state) for state in states]
    seen = Measurement(*map(np.concatenate, zip(*looks, strict=True)))
    hold = _hold(task, seen.at_goal, episode.label in DONE)
    moment = _moment(task, episode, seen)
    hands = mode_hands(task).acting
    places = from_frame(hands[:, :3], np.repeat(simulation.frame, len(hands), 0))
    grasps = np.column_stack([places, hands[:, 3] + simulation.frame[0, 2]])
    # the simulation stands at the last state, at which every collision ends its episode
    touching = episode.label in COLLISIONS and float(seen.illegal[-1]) > LIGHT_TOUCH
    shape = touched_shape(simulation, 0, float(seen.illegal[-1])) if touching else ""
    contact = _contact(task, episode, states[-1], shape) if shape else None
    sentence = _sentence(task, episode, hold, shape)
    return Story(states, hold, moment, sentence, grasps, contact, frame=simulation.frame[0].copy())


def policy_views(
    episode: FilmedEpisode, states: np.ndarray, policy: PolicyRecord
) -> Sequence[np.ndarray] | None:
    """Return `Story.views`: the pictures of each decision, drawn again as the variant showed them.

    Args:
        episode: which one.
        states: before every control step and after the last, (T + 1, nstate).
        policy: who acted; None is returned for one that reads no pictures.
    """
    names = tuple(name for name in policy.observations if name in IMAGES)
    if not names:
        return None
    task = load_task(episode.task)
    simulation = Simulation(task, 1, variant=Variant(episode.variant))
    simulation.prepare([episode.seed])
    needs = Needs(names, n_action_steps=policy.execute, image_size=int(policy.pictures.split()[0]))
    views: list[np.ndarray] = []
    with closing(Observer(task, simulation, needs)) as observer:
        for step, state in enumerate(states):
            simulation.restore(state[None])
            seen = observer.see(step, np.ones(1, bool))
            views.append(views[-1] if seen is None else np.hstack([seen[name][0] for name in names]))
    return views


def instruction(episode: FilmedEpisode, record: RunRecord) -> str:
    """Return `Story.said`: the instruction of an episode of a run, as the variant worded it."""
    if not (record.suite.instructed or INSTRUCTION in record.policy.observations):
        return ""
    task = load_task(episode.task)
    asked = asked_modes(task, [episode.seed])[0] if record.suite.instructed else -1
    mode = task.modes[asked] if asked >= 0 else ANY
    return Variant(episode.variant).instruction(task, scene_seed(episode.seed), mode)


def _look(task: Task, simulation: Simulation, state: np.ndarray) -> Measurement:
    """Return what the referee would see in a state, (1,) each."""
    simulation.restore(state[None])
    simulation.batch.forward()
    return Measurement(*(np.array(column) for column in episode_step.measure(task, simulation)))


def _hold(task: Task, at_goal: np.ndarray, success: bool) -> np.ndarray:
    """Return how much of the hold is fulfilled, (T + 1,); at the end of a success it is all."""
    at_goal = at_goal.copy()
    if success:
        at_goal[-task.hold_steps :] = True
    run = np.zeros(len(at_goal))
    for row in range(1, len(run)):
        run[row] = run[row - 1] + 1 if at_goal[row] else 0
    most = task.hold_steps if success else task.hold_steps - 1
    return np.minimum(run, most) / task.hold_steps


def _moment(task: Task, episode: FilmedEpisode, seen: Measurement) -> int:
    """Return the row of states in which the outcome is decided; the last one where nothing else tells."""
    decided = np.zeros(len(seen.opening), bool)
    if episode.label in DONE and episode.mode:
        decided = seen.part == task.modes.index(episode.mode)
    elif episode.label.startswith("AIR_GRASP"):
        decided = seen.opening < CLOSED
    elif episode.label in ("SLIP", "DROP") and seen.in_hand.any():
        return min(int(np.flatnonzero(seen.in_hand)[-1]) + 1, len(decided) - 1)
    return int(decided.argmax()) if decided.any() else len(decided) - 1


def _sentence(task: Task, episode: FilmedEpisode, hold: np.ndarray, shape: str) -> str:
    """Return what is said of the decisive moment."""
    between = "between the modes" if OUTCOMES[episode.label].averaging else "away from the middle"
    name = episode.label
    need = task.hold_steps / CONTROL_HZ
    if name == SUCCESS:
        return f"here it commits: {episode.mode}" if episode.mode else "it holds what it should"
    if name == OTHER_MODE:
        return f"here it commits to another mode: {episode.mode}"
    if name == "TIMEOUT":
        return f"time is up: held for {hold.max() * need:.2f} of {need:.1f} s"
    if name in COLLISIONS:
        return f"here it touches {'the ' + shape if shape else 'what it must not'}, {between}"
    if name.startswith("AIR_GRASP"):
        return f"here it closes on nothing, {between}"
    return {"SLIP": "here it slips", "DROP": "here it drops"}.get(name, OUTCOMES[name].short)


def _contact(task: Task, episode: FilmedEpisode, state: np.ndarray, shape: str) -> np.ndarray | None:
    """Return where the robot presses most on shapes of this name, world (3,) [m]."""
    model = Variant(episode.variant).spec(task, episode.seed).compile()
    data = mujoco.MjData(model)
    set_state(model, data, state)
    mujoco.mj_forward(model, data)
    robot = robots(model)
    best = 0.0
    found = None
    force = np.zeros(6)
    for number, contact in enumerate(data.contact):
        names = [model.geom(one).name.replace("_", " ").startswith(shape) for one in contact.geom]
        mujoco.mj_contactForce(model, data, number, force)
        if any(names) and robot[contact.geom].any() and force[0] > best:
            best = float(force[0])
            found = contact.pos.copy()
    return found
