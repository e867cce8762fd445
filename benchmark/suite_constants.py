"""The named numbers in code that decide how the episodes of any task go: a part of every suite's hash."""

from ..envs import scene, simulation, specs
from ..envs.robot import inverse_kinematics, panda
from ..tasks.core import referee
from ..tasks.core import task as task_module
from .rollout import shard

_MODULES = {
    "specs": specs,
    "robot": panda,
    "scene": scene,
    "control": inverse_kinematics,
    "simulation": simulation,
    "task": task_module,
    "referee": referee,
    "shard": shard,
}
"""The modules that have such numbers. The keys are part of a suite's hash and stay when a module moves."""


def constants() -> dict[str, str]:
    """Return the named numbers that decide how the episodes of any task go and that no scene shows."""
    return {
        f"{key}.{name}": repr(value)
        for key, module in _MODULES.items()
        for name, value in vars(module).items()
        if name.isupper()
        and all(type(part) in (int, float) for part in (value if type(value) is tuple else [value]))
    }
