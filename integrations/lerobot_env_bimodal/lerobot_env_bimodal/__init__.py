"""LeRobot's environment type `bimodal`; LeRobot imports this package because of its distribution's name."""

from importlib.util import find_spec

from .batch import LeRobotBatch, make_envs

if find_spec("lerobot"):  # the batch can be used, and is tested, without it
    from . import config as config

__all__ = ["LeRobotBatch", "make_envs"]
