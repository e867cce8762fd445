"""Where hand and objects touch: friction, weight, grip, soft and worn pads.

Of two touching shapes MuJoCo takes the larger friction and the mean of the time constants (equal `priority`
and `solmix`), so a perturbation that changes a pair says so for both of its shapes.
"""

import mujoco
import numpy as np

from ..base_scene import clean_model
from ..frames import heading
from ..robot.parts import finger_joints, finger_servos, fingers, pads, things
from ..scene_generation.episode_context import EpisodeContext
from ..task_protocol import TaskProtocol
from .core.perturbation import Perturbation, drawn_mode

EDGE = 0.002
"""Nearest that a centre of mass may come to the edge of its body [m], or the body topples by itself."""
SAME_PLACE = 0.01
"""Modes whose grips are nearer to each other do not differ in place [m]."""


# ------------------------------------------------------------------------------------- what is where


def movable(model: mujoco.MjModel, task: TaskProtocol) -> list[int]:
    """Return the bodies of the task's objects that can move."""
    return [i for name in task.objects if model.body_dofnum[i := model.body(name).id]]


def loose(model: mujoco.MjModel, task: TaskProtocol) -> list[int]:
    """Return the bodies of the task's objects that nothing holds."""
    free = mujoco.mjtJoint.mjJNT_FREE
    return [i for i in movable(model, task) if model.jnt_type[model.body_jntadr[i]] == free]


# -------------------------------------------------------------------------------- how the world is made


class Friction(Perturbation):
    """Fingers and objects are slippery for each other; objects slide on the table as ever."""

    name = "contact.friction"
    unit = "x"
    levels = (1.0, 0.75, 0.5, 0.3)

    def perturb_model(self, model: mujoco.MjModel, episode: EpisodeContext) -> None:
        """Scale the friction of both, sliding and turning."""
        model.geom_friction[fingers(model) | things(model), :2] *= self.magnitude


class Mass(Perturbation):
    """Objects are heavier."""

    name = "contact.mass"
    unit = "x"
    levels = (1.0, 1.5, 2.0, 3.0)

    def perturb_model(self, model: mujoco.MjModel, episode: EpisodeContext) -> None:
        bodies = np.isin(model.body_weldid, movable(model, episode.task))
        model.body_mass[bodies] *= self.magnitude
        model.body_inertia[bodies] *= self.magnitude
        mujoco.mj_setConst(model, mujoco.MjData(model))

    def impossible(self, task: TaskProtocol) -> str:
        return "" if movable(clean_model(task), task) else "no object can move"


class CentreOfMass(Perturbation):
    """Objects are heavier on the side of one mode, which one is drawn."""

    name = "contact.com_offset"
    unit = "cm"
    levels = (0.0, 1.0, 2.0, 3.0)

    def perturb_scene(self, spec: mujoco.MjSpec, episode: EpisodeContext) -> None:
        """Tell the compiler not to take bodies for simple ones, whose centre of mass is their origin."""
        for name in episode.task.objects:
            spec.body(name).simple = self.level == 0

    def perturb_model(self, model: mujoco.MjModel, episode: EpisodeContext) -> None:
        """Move the centres of mass; objects lie in the scene frame at the start."""
        if self.level == 0:
            return
        way = _toward(episode.task, drawn_mode(episode))
        for body in loose(model, episode.task):
            model.body_ipos[body, :2] += 0.01 * self.magnitude * way
            model.body_sameframe[body] = mujoco.mjtSameFrame.mjSAMEFRAME_NONE
            model.geom_sameframe[model.geom_bodyid == body] = mujoco.mjtSameFrame.mjSAMEFRAME_NONE
        mujoco.mj_setConst(model, mujoco.MjData(model))

    def targeted_mode(self, task: TaskProtocol, seed: int) -> int:
        return drawn_mode(self.context(task, seed, "model"))

    def impossible(self, task: TaskProtocol) -> str:
        model = clean_model(task)
        for body in loose(model, task):
            for mode in range(len(task.grasps)):
                room = _room(model, body, _toward(task, mode))
                if 0.01 * self.magnitude > room - EDGE:
                    name = model.body(body).name
                    return f"the {name} ends {100 * room:.1f} cm from its centre of mass"
        return "" if loose(model, task) else "no object is loose"


class GripForce(Perturbation):
    """The gripper presses less; its fingers are as fast as ever (force over damping)."""

    name = "contact.grip_force"
    unit = "x"
    levels = (1.0, 0.75, 0.5, 0.25)

    def perturb_model(self, model: mujoco.MjModel, episode: EpisodeContext) -> None:
        """Scale the force limit of the finger servos, and the damping of the fingers."""
        model.actuator_forcerange[finger_servos(model)] *= self.magnitude
        model.dof_damping[model.jnt_dofadr[finger_joints(model)]] *= self.magnitude


class Compliance(Perturbation):
    """Fingers are softer: objects sink deeper into them; the table is as hard as ever.

    How deep goes with the square of the contacts' time constant. Much deeper, the fingers behind the pads
    would carry objects, which is no soft pad any more.
    """

    name = "contact.compliance"
    unit = "x"
    levels = (1.0, 1.25, 1.5, 1.75)

    def perturb_model(self, model: mujoco.MjModel, episode: EpisodeContext) -> None:
        """Scale the time constant of the pairs, which is the mean of finger's and object's."""
        if self.level == 0:
            return
        thing = model.geom_solref[things(model), 0].mean()
        pair = model.geom_solref[fingers(model), 0] + thing
        model.geom_solref[fingers(model), 0] = self.magnitude**0.5 * pair - thing


class PadWear(Perturbation):
    """The pads are worn to smaller ones, which resist less turning of what they hold."""

    name = "contact.pad_wear"
    unit = "x"
    levels = (1.0, 0.75, 0.5, 0.25)

    def perturb_model(self, model: mujoco.MjModel, episode: EpisodeContext) -> None:
        """Scale the pads' width and height, and the radius on which they resist turning."""
        worn = pads(model)
        model.geom_size[worn] *= [self.magnitude, 1.0, self.magnitude]
        model.geom_friction[worn, 1] *= self.magnitude


def _toward(task: TaskProtocol, mode: int) -> np.ndarray:
    """Return the horizontal direction from the middle of the modes to one of them, scene frame, (2,).

    Where they do not differ in place it is the axis along which the fingers open in this mode.
    """
    way = task.grasps[mode, :2] - task.grasps[:, :2].mean(0)
    if np.linalg.norm(way) < SAME_PLACE:
        way = heading(task.grasps[mode, 3])
    return way / np.linalg.norm(way)


def _room(model: mujoco.MjModel, body: int, way: np.ndarray) -> float:
    """Return how far a body reaches from its centre of mass along `way`, its own x, y [m]."""
    ends = []
    for geom in np.flatnonzero(model.geom_bodyid == body):
        turn = np.zeros(9)
        mujoco.mju_quat2Mat(turn, model.geom_quat[geom])
        along = turn.reshape(3, 3)[:2].T @ way
        centre = model.geom_aabb[geom, :3]
        half = model.geom_aabb[geom, 3:]
        ends.append(model.geom_pos[geom, :2] @ way + centre @ along + half @ np.abs(along))
    return float(max(ends) - model.body_ipos[body, :2] @ way)
