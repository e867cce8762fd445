"""A policy that answers from a worker process, for `bimodal serve`; the other end is `serving/pool.py`."""

from base64 import b64decode, b64encode
from collections.abc import Mapping
from inspect import getattr_static
from typing import Any

import numpy as np

from ...envs.errors import BimodalError, WrongUse
from ...envs.images import IMAGES, INSTRUCTION, picture_shape
from ...envs.simulation import Simulation
from ...envs.specs import size
from ...policies import Policy
from ...policies.core.answers import InvalidAnswer, actions_of
from ...policies.core.policy import Episodes
from ...tasks import Task, load_task
from ...tasks.core.episode_step import observe
from ..isolation.box import ReadsSimulator
from ..isolation.source import PolicySource
from ..rollout.policy_runner import fault_text
from ..rollout.shard import check_needs
from ..rollout.timeouts import Deadline, PolicyTimeout

ORDERS = ("offer", "begin", "decide")
"""What may be asked: what it is for a task, to begin episodes, to decide."""


class HostedPolicy:
    """Builds a policy and asks it, a batch of episodes after the other; runs its code."""

    def __init__(self, source: PolicySource, deadline: Deadline, build_s: float) -> None:
        self._source = source
        self._deadline = deadline
        self._build_s = build_s
        self._policy: Policy | None = None

    def answer(self, order: Mapping[str, Any]) -> dict[str, Any]:
        """Follow an order; `refused` or `fault` in the answer says what went wrong."""
        try:
            if "offer" in order:
                return self._offer(load_task(order["offer"]))
            if "begin" in order:
                return self._begin(**order["begin"])
            return self._decide(order["decide"])
        except ReadsSimulator:
            return {"refused": "the policy reads the simulator, which no server has", "code": 2}
        except BimodalError as error:
            return {"refused": str(error), "code": error.exit_code}
        except InvalidAnswer as error:
            return {"fault": f"act returned {error}"}
        except PolicyTimeout:
            return {"fault": f"no decision within {self._deadline.deadline_s:g} s"}
        except BaseException as error:
            return {"fault": fault_text(error)}

    def _offer(self, task: Task) -> dict[str, Any]:
        """Say what the policy is for a task, after one decision on trial."""
        about = self._source.introduce(task, self._deadline.building(self._build_s))
        if about.privileged:
            raise ReadsSimulator
        if about.n_obs_steps > 1:
            raise WrongUse("the policy reads past observations (n_obs_steps), which a server cannot be sent")
        self._build(task)
        simulation = Simulation(task, 1)
        simulation.reset([0])
        black = np.zeros((1, *picture_shape(about.image_size, about.image_frames)), np.uint8)
        state = observe(simulation, 0)
        seen = state | dict.fromkeys(IMAGES, black) | {INSTRUCTION: np.array([task.goal])}
        self._reset([0])
        actions = self._act({name: seen[name] for name in about.observations or state})
        width = size(task.actions(about.action))
        if actions.ndim != 3 or actions.shape[::2] != (1, width) or actions.shape[1] < about.n_action_steps:
            expected = f"(1, >={about.n_action_steps}, {width})"
            raise WrongUse(f"act returned actions of shape {actions.shape}; expected {expected}")
        clip = getattr_static(self._policy, "clip", False) is True
        return {"introduction": about.plain(), "chunk_size": actions.shape[1], "clip": clip}

    def _begin(self, task: str, noise_keys: list[int], fresh: bool) -> dict[str, Any]:
        if fresh or self._policy is None:
            self._build(load_task(task))
        self._reset(noise_keys)
        return {}

    def _decide(self, seen: Mapping[str, Any]) -> dict[str, Any]:
        return {"actions": self._act({name: unpacked(name, rows) for name, rows in seen.items()}).tolist()}

    def _build(self, task: Task) -> None:
        with self._deadline.building(self._build_s).watch():
            self._policy, _ = self._source.build(task)
            check_needs(task, self._policy.needs())

    def _reset(self, noise_keys: list[int]) -> None:
        assert self._policy is not None
        with self._deadline.watch():
            self._policy.reset(Episodes(np.array(noise_keys, np.uint64)))

    def _act(self, observation: dict[str, np.ndarray]) -> np.ndarray:
        assert self._policy is not None
        with self._deadline.watch():
            return actions_of(self._policy.act(observation))


def packed(rows: np.ndarray | list[str]) -> Any:
    """Return a component, pictures or instructions of N episodes as JSON, for the process of a policy."""
    if isinstance(rows, np.ndarray) and rows.dtype == np.uint8:
        return {"shape": rows.shape, "pixels": b64encode(rows.tobytes()).decode()}
    return rows.tolist() if isinstance(rows, np.ndarray) else rows


def unpacked(name: str, said: Any) -> np.ndarray:
    """Return what `packed` made JSON of."""
    if name in IMAGES:
        return np.frombuffer(b64decode(said["pixels"]), np.uint8).reshape(said["shape"]).copy()
    return np.array(said, str if name == INSTRUCTION else float)
