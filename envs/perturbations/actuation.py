"""What the robot does is not what the policy asked for: delay, jitter, loss, noise, weak servos, a slow hand.

Delays are counted in control steps. While no new command is there, the robot holds its last target: the same
command again, or no step at all when commands are steps (`ee_delta`).
"""

from typing import ClassVar

import mujoco
import numpy as np

from ..robot.parts import finger_joints, finger_servos
from ..scene_generation.episode_context import EpisodeContext
from ..specs import ACTIONS
from ..task_protocol import TaskProtocol
from .core.perturbation import Perturbation


def holding(last: np.ndarray, space: str) -> np.ndarray:
    """Return the command (N, A) that holds the target of the last one."""
    if space != "ee_delta":
        return last
    stays = np.repeat(
        [spec.name == "grip" for spec in ACTIONS[space]], [spec.size for spec in ACTIONS[space]]
    )
    return last * np.tile(stays, last.shape[1] // len(stays))


class Delay(Perturbation):
    """Every command is executed some control steps late."""

    name = "actuation.delay"
    unit = "control steps"
    levels = (0, 1, 2, 4)

    def reset(self, task: TaskProtocol, draws: np.ndarray) -> None:
        super().reset(task, draws)
        self._waiting: list[np.ndarray] = []

    def perturb_action(self, actions: np.ndarray, space: str, step: int, stay: np.ndarray) -> np.ndarray:
        """Return the command of so many steps ago; the hand stays until there is one."""
        self._waiting.append(actions)
        return self._waiting.pop(0) if len(self._waiting) > self.magnitude else stay


class Jitter(Perturbation):
    """Every command takes its own time, from 0 to some control steps; overtaken ones are dropped."""

    name = "actuation.jitter"
    unit = "control steps at most"
    levels = (0, 1, 2, 4)

    def draw_numbers(self, episode: EpisodeContext) -> np.ndarray:
        """Return how long each command takes, (steps,)."""
        return episode.rng.integers(0, int(self.magnitude) + 1, episode.task.max_episode_steps)

    def reset(self, task: TaskProtocol, draws: np.ndarray) -> None:
        super().reset(task, draws)
        self._sent: list[np.ndarray] = []
        self._newest = np.full(len(draws), -1)

    def perturb_action(self, actions: np.ndarray, space: str, step: int, stay: np.ndarray) -> np.ndarray:
        """Return the newest command that has arrived."""
        # 1. the newest command that has arrived by now, -1 for none
        self._sent.append(actions)
        arrived = np.arange(step + 1) + self.draws[:, : step + 1] <= step
        newest = np.where(arrived.any(1), step - arrived[:, ::-1].argmax(1), -1)
        # 2. one that came before is not executed again: the hand holds its target
        rows = np.arange(len(actions))
        sent = np.stack([stay, *self._sent])[newest + 1, rows]
        executed = np.where((newest > self._newest)[:, None], sent, holding(sent, space))
        self._newest = newest
        return executed


class Dropped(Perturbation):
    """Some commands never arrive."""

    name = "actuation.dropped"
    unit = "share of commands"
    levels = (0.0, 0.1, 0.25, 0.5)

    def draw_numbers(self, episode: EpisodeContext) -> np.ndarray:
        """Return uniform numbers, (steps,)."""
        return episode.rng.random(episode.task.max_episode_steps)

    def perturb_action(self, actions: np.ndarray, space: str, step: int, stay: np.ndarray) -> np.ndarray:
        """Return the command, or hold the last one."""
        last = stay if step == 0 else self._last
        lost = (self.draws[:, step] < self.magnitude)[:, None]
        self._last = np.where(lost, holding(last, space), actions)
        return self._last


class ActionNoise(Perturbation):
    """The commanded position of the hand scatters at every step.

    From 2 mm on, a hand that shakes so never counts as being at rest, whoever commands it.
    """

    name = "actuation.noise"
    unit = "mm"
    levels = (0.0, 0.5, 1.0, 1.5)
    per_metre: ClassVar[dict[str, float]] = {"ee_absolute": 1.0, "ee_delta": 20.0, "joint_absolute": 2.0}
    """Units of each action space in a metre of the hand: steps of 5 cm; radians on an arm of half a metre."""

    def draw_numbers(self, episode: EpisodeContext) -> np.ndarray:
        """Return standard normal numbers, (steps, arms, 7)."""
        return episode.rng.standard_normal((episode.task.max_episode_steps, episode.task.arms, 7))

    def perturb_action(self, actions: np.ndarray, space: str, step: int, stay: np.ndarray) -> np.ndarray:
        """Add them to position, translation or joints."""
        first = ACTIONS[space][0].size
        arms = self.draws.shape[2]
        parts = actions.reshape(len(actions), arms, -1).copy()
        scale = 1e-3 * self.magnitude * self.per_metre[space]
        parts[..., :first] += scale * self.draws[:, step, :, :first]
        return parts.reshape(actions.shape)


class Gain(Perturbation):
    """The servos of the arm are weaker, stiffness and damping alike."""

    name = "actuation.gain"
    unit = "x"
    levels = (1.0, 0.8, 0.6, 0.4)

    def perturb_model(self, model: mujoco.MjModel, episode: EpisodeContext) -> None:
        arm = np.delete(np.arange(model.nu), finger_servos(model))
        model.actuator_gainprm[arm] *= self.magnitude
        model.actuator_biasprm[arm] *= self.magnitude


class GripperSpeed(Perturbation):
    """The fingers move slower."""

    name = "actuation.gripper_speed"
    unit = "x"
    levels = (1.0, 0.5, 0.25, 0.125)

    def perturb_model(self, model: mujoco.MjModel, episode: EpisodeContext) -> None:
        """Raise the damping of the fingers: their largest speed is force over damping."""
        model.dof_damping[model.jnt_dofadr[finger_joints(model)]] /= self.magnitude
