"""The scene of a task as it is measured: with sensors of all contact forces, and arms that can meet.

The physics of a run has neither: sensors cost time in every step, and a robot's shapes touch the scene alone.
"""

import functools

import mujoco
import numpy as np
from mujoco.batch import Batch

from ...envs.robot.arm import Arm
from ...envs.scene import Scene
from ...envs.simulation import Simulation
from ...envs.specs import PREFIXES
from ...tasks import load_task
from ...tasks.core.task import Task

FORCE_SENSOR = "net_contact"
"""Name of an arm's sensor of the net force of all its contacts, behind the arm's prefix."""
_FIRST_SHAPED = "link5"
"""The body below which all shapes of an arm lie."""
_FOREARM = ("link5",)
_HAND = ("right_gripper", "leftfinger", "rightfinger", "finger_joint1_tip", "finger_joint2_tip")
_EVERY_PART = ("link5", "link6", "link7", *_HAND)
_FOREARM_BIT = (1, 2)
"""Contact type of each arm's forearm, which its own hand has as affinity."""
_ARM_BIT = 4
"""Contact type of the first arm, which the second has as affinity."""


@functools.lru_cache(maxsize=64)
def watched(task_id: str) -> Task:
    """Return a task whose scene has the sensors of all contact forces; its physics is the same."""
    kind = type(load_task(task_id))

    def spec(self: Task) -> mujoco.MjSpec:
        found = kind.spec(self)
        for prefix in PREFIXES[: self.arms]:
            force_only = 1 << 1
            net = 3
            found.add_sensor(
                name=prefix + FORCE_SENSOR,
                type=mujoco.mjtSensor.mjSENS_CONTACT,
                objtype=mujoco.mjtObj.mjOBJ_XBODY,
                objname=prefix + _FIRST_SHAPED,
                intprm=[force_only, net, 1],
            )
        return found

    return type(kind.__name__, (kind,), {"spec": spec})()


class ArmContacts:
    """Tells in which of N episodes an arm's hand reaches into its own forearm, or one arm into the other."""

    def __init__(self, arms: int, n: int, threads: int = 1) -> None:
        """Compile a scene of so many arms, whose shapes meet each other and nothing else."""
        model = _arms_alone(arms)
        self._batch = Batch(model, n, threads)
        self._arms = [Arm(model, self._batch, index, np.zeros(3)) for index in range(arms)]
        self._qpos = self._batch.bind("qpos")
        self._ncon = self._batch.bind("ncon")

    def touching(self, simulation: Simulation) -> np.ndarray:
        """Return the rows in which shapes of the arms overlap, (N,) bool."""
        for mine, theirs in zip(self._arms, simulation.arms, strict=True):
            for name in ("joints", "fingers"):
                self._qpos[:, getattr(mine, name)] = simulation.qpos[:, getattr(theirs, name)]
        self._batch.forward(stage=mujoco.mjtStage.mjSTAGE_POS.value)
        return self._ncon.reshape(-1) > 0


@functools.cache
def _arms_alone(arms: int) -> mujoco.MjModel:
    """Return the model of `ArmContacts`; the links of one arm that joints keep apart are not compared."""
    spec = Scene(arms).spec
    for geom in spec.geoms:
        geom.contype = geom.conaffinity = 0
    for index, prefix in enumerate(PREFIXES[:arms]):
        for part in _EVERY_PART:
            for geom in spec.body(prefix + part).geoms:
                geom.contype = _FOREARM_BIT[index] * (part in _FOREARM) + _ARM_BIT * (index == 0)
                geom.conaffinity = _FOREARM_BIT[index] * (part in _HAND) + _ARM_BIT * (index == 1)
    return spec.compile()
