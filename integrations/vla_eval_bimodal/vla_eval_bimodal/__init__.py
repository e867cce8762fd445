"""Bimodal's tasks as a benchmark of vla-eval; its orchestrator makes the class that a YAML file names."""

from typing import Any, ClassVar

import numpy as np
from bimodal.benchmark.suites import SUITES
from bimodal.policies.remote.conventions import hand_state, to_ours, width
from bimodal.tasks import load_task
from bimodal.tasks.core.outcomes import OUTCOMES
from bimodal.tasks.gym.env import TaskEnv
from vla_eval.benchmarks.base import StepBenchmark, StepResult
from vla_eval.render import configure_mujoco_render
from vla_eval.specs import (
    GRIPPER_CLOSE_POS,
    IMAGE_RGB,
    LANGUAGE,
    POSITION_ABSOLUTE,
    POSITION_DELTA,
    ROTATION_AA,
    ROTATION_ROT6D_INTERLEAVED,
    STATE_EEF_POS_QUAT_GRIP,
    DimSpec,
)

ACTIONS = {
    "ee_delta": ("axis_angle", POSITION_DELTA, ROTATION_AA),
    "ee_absolute": ("interleaved", POSITION_ABSOLUTE, ROTATION_ROT6D_INTERLEAVED),
}
"""Action spaces that a server may serve: our name of how it writes rotations, and vla-eval's specs."""


class BimodalBenchmark(StepBenchmark):
    """One episode of a task with one arm at a time: episode `seed` + `episode_idx` of the evaluator."""

    render_backends = frozenset({"gpu", "cpu"})
    configure_render = classmethod(lambda cls, mode: configure_mujoco_render(mode))
    metrics: ClassVar[tuple[str, ...]] = ("success", "averaged", "policy_fault", "clipped")

    def __init__(
        self,
        tasks: str | list[str] = "smoke",
        variant: str = "clean",
        seed: int = 0,
        action_space: str = "ee_delta",
        pictures: bool = True,
        image_size: int = 256,
        send_wrist_image: bool | None = None,
        send_state: bool = True,
        send_video_history: bool = False,
    ) -> None:
        """Take what a YAML file says; the last three are what a server may ask for.

        Args:
            tasks: name of a suite, or ids of tasks.
            variant: shifts the world, e.g. "contact.friction:2".
            seed: of the first episode of every task.
            action_space: `ee_delta` or `ee_absolute`.
            pictures: whether pictures are sent: first the base camera, then the wrist's.
            image_size: width and height of the pictures, 96..480 [pixels].
            send_wrist_image: whether the second picture is sent; None for yes.
            send_state: whether the hand's state is sent.
            send_video_history: nothing of the kind is sent.

        Raises:
            ValueError: the server wants what this set-up does not send.
        """
        super().__init__()
        if action_space not in ACTIONS:
            raise ValueError(f"action_space is {action_space!r}; it can be {' or '.join(ACTIONS)}")
        if send_video_history:
            raise ValueError("the server wants a history of pictures (send_video_history); there is none")
        if send_wrist_image and not pictures:
            raise ValueError("the server wants the wrist's picture (send_wrist_image): set pictures: true")
        names = SUITES[tasks].tasks if isinstance(tasks, str) and tasks in SUITES else tasks
        self.tasks = [load_task(name) for name in ([names] if isinstance(names, str) else names)]
        if two := [task.id for task in self.tasks if task.arms > 1]:
            raise ValueError(f"{', '.join(two)}: two arms, and vla-eval's specs know the actions of one")
        self.variant = variant
        self.seed = seed
        self.action_space = action_space
        self.send_state = send_state
        self._size = image_size
        self._cameras = ("front", "wrist")[: 0 if not pictures else 1 if send_wrist_image is False else 2]
        self._wanted = _Wanted()
        self._env: TaskEnv | None = None

    # ------------------------------------------------------------------------------------ episodes

    def get_tasks(self) -> list[dict[str, Any]]:
        """Return the tasks; results are grouped by `name`."""
        return [
            {"name": f"{task.id}/{self.variant}", "suite": self.variant, "task_id": task.id}
            for task in self.tasks
        ]

    def reset(self, task: dict[str, Any]) -> dict[str, np.ndarray]:
        """Begin episode `episode_idx` of a task."""
        if not self._cameras and (pictures := self._wanted.pictures()):
            raise ValueError(
                f"the server wants pictures ({pictures}) and would see black: set pictures: true"
            )
        if self._env is None or self._env.task.id != task["task_id"]:
            self.cleanup()
            look = {"render_mode": "rgb_array", "width": self._size, "height": self._size}
            options = look if self._cameras else {}
            self._env = TaskEnv(
                task["task_id"], self.action_space, variant=self.variant, clip=True, **options
            )
        return self._env.reset(seed=self.seed + int(task.get("episode_idx", 0)))[0]

    def step(self, action: dict[str, Any]) -> StepResult:
        """Execute an action (7,), or a chunk of them (H, 7); one that is none ends the episode."""
        asked = np.asarray(action.get("actions", action.get("action")), np.float64)
        rotation = ACTIONS[self.action_space][0]
        if asked.ndim not in (1, 2) or asked.shape[-1] != width(self.action_space, rotation):
            asked = np.full(width(self.action_space, rotation), np.nan)
        assert self._env is not None
        for one in to_ours(np.atleast_2d(asked), self.action_space, rotation, "close_positive"):
            observation, reward, terminated, truncated, info = self._env.step(one)
            over = terminated or truncated
            self._recorder.record_step(reward=reward, done=over, success=info["is_success"], action=one)
            if over:
                self._recorder.record_video(self.render())  # the last state is not observed
                break
        return StepResult(observation, reward, over, info)

    def make_obs(self, raw_obs: dict[str, np.ndarray], task: dict[str, Any]) -> dict[str, Any]:
        """Return what a server sees: pictures in the order base, wrist; the state by both of its names."""
        assert self._env is not None
        seen: dict[str, Any] = {"task_description": self._env.task.goal}
        if self._cameras:
            seen["images"] = {camera: self._env.picture(camera) for camera in self._cameras}
            self._recorder.record_video(seen["images"][self._cameras[0]])
        if self.send_state:
            state = hand_state(raw_obs, "eef_pos3_quat4_gripper1")["observation/state"]
            seen |= {"states": state, "state": state}
        return seen

    def get_step_result(self, step_result: StepResult) -> dict[str, Any]:
        """Return every metric, of episodes that the policy broke off, too."""
        info = step_result.info
        outcome = OUTCOMES.get(info.get("label", ""))
        return {
            "success": bool(info.get("is_success")),
            "averaged": outcome is not None and outcome.averaging,
            "policy_fault": outcome is not None and outcome.policy_fault,
            "clipped": int(info.get("clipped", 0)),
            "label": info.get("label", ""),
            "mode": int(info.get("mode", -1)),
        }

    # ------------------------------------------------------------------------------------ what it says

    def get_metadata(self) -> dict[str, Any]:
        """Return how long episodes last; no server may break one off earlier."""
        return {
            "max_steps": max(task.max_episode_steps for task in self.tasks),
            "max_episodes_per_task": 1000,
            "variant": self.variant,
        }

    def get_metric_keys(self) -> dict[str, str]:
        """Return the metrics that are averaged."""
        return dict.fromkeys(self.metrics, "mean")

    def get_action_spec(self) -> dict[str, DimSpec]:
        """Return position, rotation and gripper as they are understood."""
        _, position, rotation = ACTIONS[self.action_space]
        return {"position": position, "rotation": rotation, "gripper": GRIPPER_CLOSE_POS}

    def get_observation_spec(self) -> dict[str, DimSpec]:
        """Return what is sent; vla-eval looks up here what the server says that it wants."""
        sent = dict(zip(("image", "wrist_image"), [IMAGE_RGB] * len(self._cameras), strict=False))
        state = {"state": STATE_EEF_POS_QUAT_GRIP} if self.send_state else {}
        self._wanted = _Wanted(sent | state | {"language": LANGUAGE})
        return self._wanted

    def get_hold_action(self, last_action: dict[str, Any] | None) -> dict[str, Any]:
        """Return what keeps the hand where it is, for real-time runs; only steps can."""
        if self.action_space != "ee_delta":
            return super().get_hold_action(last_action)
        grip = -1.0 if last_action is None else float(np.atleast_2d(last_action["actions"])[-1, -1])
        return {"actions": np.array([0.0] * 6 + [grip])}

    def render(self) -> np.ndarray | None:
        """Return the base camera's picture, (H, W, 3) uint8; None without pictures."""
        return self._env.picture(self._cameras[0]) if self._env and self._cameras else None

    def cleanup(self) -> None:
        """Give the graphics memory back."""
        if self._env is not None:
            self._env.close()
        self._env = None


class _Wanted(dict):
    """What is sent, by name; remembers the names that vla-eval's check of specs asked for."""

    def __init__(self, *sent: dict[str, DimSpec]) -> None:
        super().__init__(*sent)
        self._asked: list[str] = []

    def __contains__(self, name: object) -> bool:
        self._asked.append(str(name))
        return super().__contains__(name)

    def pictures(self) -> str:
        """Return the names that a picture would have and that are not sent."""
        words = ("image", "camera", "view", "wrist", "rgb")
        return ", ".join(name for name in self._asked if any(word in name for word in words))
